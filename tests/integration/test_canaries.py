"""Secret values, planted in everything the bot reads and searched for in everything it writes."""

from __future__ import annotations

import json
import re
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from medic.aws.errors import RetryableError
from medic.redaction import engine
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.redaction.spans import Span
    from tests.integration.conftest import World

_REDACTOR = engine._Redactor
IN_THE_APP = {
    "AWS-like key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY0",
    "plain value": "canary-plain-value-41",
    "on the branch": "canary-branch-value-42",
    "basicAuthCredentials": "Y2FuYXJ5OnBhc3N3b3JkLTQz",
    "buildSpec": "canary-build-spec-44",
}
IN_THE_LOG = {
    "access key id": "AKIACANARYCANARYCAN7",
    "secret access key": "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",
    "session token": "IQoJb3JpZ2luX2VjEcanary" + "Qz8r" * 12,
    "bearer token": "canary.q7Zk2Vx9Lm4Tn8WcBearer",
    "database password": "canaryDb9Pass",
    "provider token": "ghp_" + "caNary7x" * 5,
    "unknown issuer's": "nobody_" + "q7Zk2Vx9Lm4Tn8WcCanary3Yr6Us1Po5Jd0H",
    "presigned query": "canary0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
}
LOG_URL = ("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token")
EVERYTHING = (*IN_THE_APP.values(), *IN_THE_LOG.values(), *LOG_URL)
LINES = [
    "INFO Executing as {access key id} {secret access key}",
    "INFO AWS_SESSION_TOKEN={session token}",
    "INFO curl -H 'Authorization: Bearer {bearer token}' https://api.example.com",
    "ERROR 🛑 The security token included in the request is expired",
    "ERROR password={database password} postgres://app:{database password}@db.example.com/app",
    "ERROR using {provider token} then {unknown issuer's} as {access key id}",
    "ERROR GET https://b.s3.amazonaws.com/k?X-Amz-Signature={presigned query}",
]


def planted() -> list[str]:
    """Log lines that contain the canaries."""
    lines = []
    for line in LINES:
        text = line
        for name, canary in IN_THE_LOG.items():
            text = text.replace(f"{{{name}}}", canary)
        lines.append(text)
    return lines


def make_app(world: World) -> str:
    app = world.make_app(
        tags={"amplify-medic:auto-fix": "fix"},
        environmentVariables={"IAM_SECRET_ACCESS_KEY": IN_THE_APP["AWS-like key"], "THEME": IN_THE_APP["plain value"]},
        basicAuthCredentials=IN_THE_APP["basicAuthCredentials"],
        enableBasicAuth=True,
        buildSpec=f"version: 1 # {IN_THE_APP['buildSpec']}",
    )
    world.client("amplify").update_branch(
        appId=app, branchName="main", environmentVariables={"TOKEN": IN_THE_APP["on the branch"]}
    )
    return app


class Trace:
    """Everything the bot writes."""

    def __init__(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        self.world, self.caplog = world, caplog
        self.events: list[Any] = []
        self.tracebacks: list[str] = []
        self.session = boto3.Session(region_name=REGION)
        self.session.events.register("provide-client-params.events.PutEvents", self._put)

    def _put(self, params: Any, **_: Any) -> None:
        self.events.append(params)

    def deliver(self, event: dict[str, Any]) -> None:
        try:
            self.world.deliver(event, self.world.services(session=self.session))
        except RetryableError as error:
            self.tracebacks.append("".join(traceback.format_exception(error)))

    def everything(self) -> dict[str, str]:
        posts = [post.body for post in (*self.world.slack.posts, *self.world.slack.refused)]
        return {
            "Slack": json.dumps(posts, ensure_ascii=False),
            "e-mail": json.dumps(self.world.emails(), ensure_ascii=False),
            "event bus": json.dumps(self.events, ensure_ascii=False),
            "table": json.dumps(self.world.client("dynamodb").scan(TableName="incidents")["Items"], ensure_ascii=False),
            "log": "\n".join(json.dumps(vars(record), default=str) for record in self.caplog.records),
            "tracebacks": "\n".join(self.tracebacks),
        }


@pytest.fixture
def trace(world: World, caplog: pytest.LogCaptureFixture) -> Trace:
    caplog.set_level("INFO")
    return Trace(world, caplog)


def assert_no_canary(trace: Trace, *places: str) -> None:
    """The bot wrote to each of these places, and no place contains a canary."""
    left = trace.everything()
    assert [place for place in places if len(left[place]) < 100] == []
    found = [(place, canary) for place, text in left.items() for canary in EVERYTHING if canary in text]
    assert found == []


def test_fixing_a_failure_leaks_no_secret(world: World, trace: Trace) -> None:
    app = make_app(world)
    world.amplify.control.set_connection(app, "lost")
    trace.deliver(world.build(app))
    assert world.compute_role(app) == world.default_role_arn
    assert_no_canary(trace, "Slack", "e-mail", "event bus", "table", "log")


def test_the_alert_about_a_log_full_of_secrets_contains_none(world: World, trace: Trace) -> None:
    app = make_app(world)
    trace.deliver(world.build(app, outcome="lines", lines=planted()))
    assert "The security token included in the request is expired" in world.alerts()[0]
    assert_no_canary(trace, "Slack", "e-mail", "event bus", "table", "log")


def test_an_undelivered_alert_contains_no_secret(world: World, trace: Trace) -> None:
    app = make_app(world)
    world.slack.fail(times=4)
    trace.deliver(world.build(app, outcome="lines", lines=planted()))
    assert_no_canary(trace, "Slack", "e-mail", "table", "log")


@pytest.mark.parametrize("operation", ["GetJob", "GetApp", "GetBranch"])
def test_an_aws_error_is_raised_without_a_secret(world: World, trace: Trace, operation: str) -> None:
    app = make_app(world)
    event = world.build(app, outcome="lines", lines=planted())
    world.amplify.control.fail_call(operation, "server_error")
    world.amplify.control.fail_call(operation, "server_error", nth=2)
    world.amplify.control.fail_call(operation, "server_error", nth=3)
    trace.deliver(event)
    assert_no_canary(trace, "tracebacks")


@pytest.mark.parametrize("redacts", [True, False])
def test_email_addresses_are_redacted_only_if_the_setting_says_so(world: World, trace: Trace, redacts: bool) -> None:  # noqa: FBT001
    world.settings["redact_emails"] = redacts
    app = make_app(world)
    lines = ["ERROR 🛑 The security token included in the request is expired, ask ada@example.com"]
    trace.deliver(world.build(app, outcome="lines", lines=lines))
    left = trace.everything()
    assert [place for place in ("Slack", "e-mail", "event bus") if ("ada@example.com" in left[place]) is redacts] == []


@pytest.mark.parametrize("log_lines", ["redacted", "none"])
def test_no_log_line_leaves_if_the_setting_says_so(world: World, trace: Trace, log_lines: str) -> None:
    world.settings["log_lines"] = log_lines
    lines = [
        "ERROR ours before",
        "ERROR 🛑 The security token included in the request is expired, says our own line",
        "ERROR ours after",
    ]
    trace.deliver(world.build(make_app(world), outcome="lines", lines=lines))
    left = trace.everything()
    places = ("Slack", "e-mail", "event bus")
    assert [place for place in places if ("says our own line" in left[place]) is (log_lines == "none")] == []
    assert (
        log_lines == "redacted" or [place for place in left if re.search("ours before|ours after", left[place])] == []
    )


# --- each text is redacted once


class MarkingRedactor:
    """Instead of removing secrets, it marks each text that it was given, and counts the texts."""

    seen: Counter[str]

    def __init__(self, *, emails: bool) -> None:
        self.real = _REDACTOR(emails=emails)

    def text(self, text: str) -> str:
        self.seen[text] += 1
        return f"⟦{text}⟧"

    def spans(self, line: str) -> list[Span]:
        return self.real.spans(line)


@pytest.fixture
def redacted_texts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Every text that was redacted, with how often."""
    monkeypatch.setattr(MarkingRedactor, "seen", Counter(), raising=False)
    monkeypatch.setattr(engine, "_Redactor", MarkingRedactor)
    return MarkingRedactor.seen


def leaves(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from (leaf for item in value.values() for leaf in leaves(item))
        case list():
            yield from (leaf for item in value for leaf in leaves(item))


@pytest.mark.parametrize("emails", [True, False], ids=["with e-mail addresses", "without"])
@pytest.mark.parametrize("mode", ["report", "ask", "fix"])
def test_each_text_of_a_failure_is_redacted_once_before_it_leaves(
    world: World, trace: Trace, redacted_texts: Counter[str], mode: str, *, emails: bool
) -> None:
    world.settings["redact_emails"] = emails
    app = world.make_app(name="Canary Shop", tags={"amplify-medic:auto-fix": mode})
    world.amplify.control.set_connection(app, "lost")
    event = world.build(app)
    trace.deliver(event)
    assert [text for text, count in redacted_texts.items() if count > 1] == []
    assert [text for text in redacted_texts if "⟦" in text] == []
    sentences = [text for text in redacted_texts if len(text) > 20]
    left = {**trace.everything(), "event bus": json.dumps(details(trace), ensure_ascii=False)}
    for place in ("Slack", "e-mail", "event bus"):
        assert "⟦" in left[place]
        # A text that was cut ends without its mark.
        unmarked = re.sub(r"⟦[^⟦⟧]*(⟧|…)", "", left[place])
        assert [text for text in (*sentences, "Canary Shop", "⟦", "⟧") if text in unmarked] == [], place
    texts = (leaf for detail in details(trace) for leaf in leaves({**detail, "kind": None}))
    assert [text for text in texts if not re.fullmatch(r"⟦[^⟦⟧]*⟧", text)] == []


def details(trace: Trace) -> list[dict[str, Any]]:
    return [json.loads(entry["Detail"]) for params in trace.events for entry in params["Entries"]]
