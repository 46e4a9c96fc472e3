"""Slack, SNS and the event bus: what arrives there, in which thread, and what happens if sending fails."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from moto import mock_aws

from medic.alerts.compose import compose_test
from medic.alerts.delivery import DeliveryError, deliver, send_test_alert
from medic.alerts.event_bus import EventBus, detail_of, detail_types_of
from medic.alerts.model import Alert, AlertKind
from medic.alerts.slack import SlackPost
from medic.alerts.sns import SnsTopic
from medic.aws.secrets import SecretForm, read_secret
from medic.records import replace
from medic.settings import Settings
from tests.fakes.slack import FakeSlack
from tests.fakes.sns_inbox import SnsInbox
from tests.gallery.samples import SCOPE, every_kind, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REGION = "eu-central-1"
SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas" / "events"
APPROVALS = {"signing_secret": "signing", "app_id": "A0123456789", "approvers": ["T0123456789/U0123456789"]}
BOT = {"bot_token_secret": "bot", "channel": "C0DEFAULT"}


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    monkeypatch.setattr("slack_sdk.http_retry.builtin_handlers.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr("slack_sdk.http_retry.handler.time", SimpleNamespace(sleep=lambda _: None))
    with FakeSlack() as endpoint:
        yield endpoint


@dataclass
class Secrets:
    """A fake of Secrets Manager with the one call that senders make."""

    values: dict[str, str]
    read: list[str] = field(default_factory=list)

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        self.read.append(SecretId)
        return {"SecretString": f"{self.values[SecretId]}\n"}


def reading(values: dict[str, str]) -> Callable[[str, SecretForm], str]:
    clients: Any = SimpleNamespace(secrets=Secrets(values))
    return partial(read_secret, clients)


def post(slack: FakeSlack, settings: dict[str, Any]) -> SlackPost:
    secrets = {"hook": slack.webhook_url, "other": f"{slack.webhook_url}-other", "bot": "xoxb-invented"}
    return SlackPost(reading(secrets), Settings.parse({"slack": settings}).slack, api_url=f"{slack.url}/api/")


# --- Slack, by webhook


def test_a_webhook_gets_the_message_and_has_no_threads(slack: FakeSlack) -> None:
    assert post(slack, {"webhook_secret": "hook"}).send(sample(AlertKind.OPEN), None) is None
    (message,) = slack.posts
    assert "shop / main" in message.body["text"]
    assert message.body["unfurl_links"] is False


def test_a_webhook_message_shows_the_command_instead_of_buttons(slack: FakeSlack) -> None:
    post(slack, {"webhook_secret": "hook"}).send(sample(AlertKind.AWAITING_APPROVAL), None)
    shown = json.dumps(slack.posts[0].body)
    assert '"actions"' not in shown
    assert "medic approve" in shown


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_retried_once(slack: FakeSlack, status: int) -> None:
    channel = post(slack, {"webhook_secret": "hook"})
    slack.fail(status)
    channel.send(sample(AlertKind.OPEN), None)
    assert len(slack.posts) == 1
    slack.fail(status, times=2)
    with pytest.raises(DeliveryError, match=str(status)):
        channel.send(sample(AlertKind.OPEN), None)


def test_a_short_rate_limit_is_waited_out_and_a_long_one_is_left_to_the_next_run(slack: FakeSlack) -> None:
    channel = post(slack, {"webhook_secret": "hook"})
    slack.fail(429, retry_after=1)
    channel.send(sample(AlertKind.OPEN), None)
    slack.fail(429, retry_after=60)
    with pytest.raises(DeliveryError, match="429"):
        channel.send(sample(AlertKind.OPEN), None)
    assert len(slack.posts) == 1


def test_blocks_that_slack_rejects_are_left_out(slack: FakeSlack) -> None:
    slack.refuse("invalid_blocks")
    post(slack, {"webhook_secret": "hook"}).send(sample(AlertKind.OPEN), None)
    (message,) = slack.posts
    assert message.body.keys() == {"text", "mrkdwn"}


def test_a_webhook_gets_the_detail_as_text_that_slack_folds(slack: FakeSlack) -> None:
    post(slack, {"webhook_secret": "hook"}).send(sample(AlertKind.OPEN), None)
    attachments = slack.posts[0].body["attachments"]
    assert [each["text"].partition(" --")[0][:7] for each in attachments] == ["-- Fix:", "-- Why", "-- Log", "-- Refe"]
    assert all(each.keys() == {"text", "fallback", "mrkdwn_in"} for each in attachments)


def test_a_page_that_repeats_the_url_is_not_quoted(slack: FakeSlack) -> None:
    for status, page in ((404, "The requested URL /services/secret-path was not found."), (200, "<html>Log in</html>")):
        slack.answer(status, page)
        with pytest.raises(DeliveryError, match=rf"HTTP {status}, without an error code of Slack$"):
            post(slack, {"webhook_secret": "hook"}).send(sample(AlertKind.OPEN), None)


@pytest.mark.parametrize("url", ["not a url", "http://127.0.0.1:1/services/secret-path"])
def test_an_error_never_repeats_the_webhooks_url(slack: FakeSlack, url: str) -> None:
    channel = post(slack, {"webhook_secret": "hook"})
    with pytest.raises(DeliveryError) as error:
        replace(channel, read_secret=reading({"hook": url})).send(sample(AlertKind.OPEN), None)
    assert "secret-path" not in str(error.value)
    assert url not in str(error.value)


# --- Slack, by bot

FIRST, LATER = replace(sample(AlertKind.OPEN), at=1), replace(sample(AlertKind.RESOLVED), at=2)
THREAD = "C0DEFAULT/1.2/1/open"
"""Of an alert like `FIRST`."""


def methods(slack: FakeSlack) -> list[tuple[str, bool]]:
    """Each accepted call: its method, and whether it was a reply."""
    return [(post.path.removeprefix("/api/"), "thread_ts" in post.body) for post in slack.posts]


POSTED, REPLIED, EDITED = ("chat.postMessage", False), ("chat.postMessage", True), ("chat.update", False)


def test_the_first_alert_is_brief_and_its_detail_is_in_the_thread(slack: FakeSlack) -> None:
    thread = post(slack, BOT).send(FIRST, None)
    root, detail = slack.posts
    assert methods(slack) == [POSTED, REPLIED]
    assert root.headers["authorization"] == "Bearer xoxb-invented"
    assert root.body["channel"] == "C0DEFAULT"
    assert (detail.body["thread_ts"], detail.body["reply_broadcast"]) == ("1700000000.000001", False)
    assert thread == "C0DEFAULT/1700000000.000001/1/open"
    assert "Fix: " in json.dumps(detail.body)
    assert "Fix: " not in json.dumps(root.body)


def test_a_later_alert_edits_the_first_message_and_replies_once(slack: FakeSlack) -> None:
    channel = post(slack, {**BOT, **APPROVALS})
    thread = channel.send(replace(sample(AlertKind.AWAITING_APPROVAL), at=1), None)
    assert '"actions"' in json.dumps(slack.shown())
    slack.posts.clear()
    assert channel.send(LATER, thread) == "C0DEFAULT/1700000000.000001/2/resolved"
    edit, reply = slack.posts
    assert methods(slack) == [EDITED, REPLIED]
    assert (edit.body["ts"], edit.body["attachments"]) == ("1700000000.000001", [])
    assert edit.body["blocks"][0]["text"]["text"].startswith("🟢 Recovered · shop / main")
    assert '"actions"' not in json.dumps(slack.shown()), "a button that no longer applies is gone"
    assert reply.body["blocks"] == edit.body["blocks"]


@pytest.mark.parametrize("code", ["edit_window_closed", "message_not_found", "cant_update_message"])
def test_a_message_that_cannot_be_edited_gets_the_reply_all_the_same(slack: FakeSlack, code: str) -> None:
    slack.refuse(code)
    assert post(slack, BOT).send(LATER, THREAD) == "C0DEFAULT/1.2/2/resolved"
    assert methods(slack) == [REPLIED]


@pytest.mark.parametrize(("code", "place"), [("", EDITED), ("edit_window_closed", REPLIED)])
def test_buttons_are_in_one_message_only(slack: FakeSlack, code: str, place: tuple[str, bool]) -> None:
    if code:
        slack.refuse(code)
    post(slack, {**BOT, **APPROVALS}).send(replace(sample(AlertKind.AWAITING_APPROVAL), at=2), THREAD)
    calls = zip(methods(slack), slack.posts, strict=True)
    assert [call for call, sent in calls if '"actions"' in json.dumps(sent.body)] == [place]


@pytest.mark.parametrize("stored", ["", "C0DEFAULT/1.2", "C0DEFAULT/1.2/x/open", "a/b/c/d/e"])
def test_a_thread_of_another_form_is_replaced_by_a_new_message(slack: FakeSlack, stored: str) -> None:
    assert post(slack, BOT).send(LATER, stored) == "C0DEFAULT/1700000000.000001/2/resolved"


def test_an_alert_that_needs_action_is_also_shown_in_the_channel(slack: FakeSlack) -> None:
    post(slack, BOT).send(replace(sample(AlertKind.NOT_HELPED), at=2), THREAD)
    assert slack.posts[1].body["reply_broadcast"] is True


def test_a_late_alert_does_not_put_the_first_message_back(slack: FakeSlack) -> None:
    assert post(slack, BOT).send(FIRST, "C0DEFAULT/1.2/5/resolved") == "C0DEFAULT/1.2/5/resolved"
    assert methods(slack) == [REPLIED, REPLIED]


def test_a_retry_posts_only_what_the_failed_attempt_did_not(slack: FakeSlack) -> None:
    channel = post(slack, BOT)
    slack.accept()
    slack.refuse("internal_error")
    failed = deliver(FIRST, [channel], (), "report:7")
    assert failed.lacking == ("slack",)
    assert methods(slack) == [POSTED]
    retried = deliver(FIRST, [channel], (), "report:7", failed.threads)
    assert retried.lacking == ()
    assert methods(slack) == [POSTED, REPLIED]


def test_a_thread_stays_in_its_channel_after_the_tag_changed(slack: FakeSlack) -> None:
    channel = post(slack, {**BOT, "channels": {"web": {"channel": "C0WEB"}}})
    channel.send(replace(LATER, channel="web"), THREAD)
    assert {message.body["channel"] for message in slack.posts} == {"C0DEFAULT"}


@pytest.mark.parametrize("code", ["thread_not_found", "channel_not_found", "is_archived"])
def test_a_deleted_thread_is_replaced_by_a_new_message(slack: FakeSlack, code: str) -> None:
    slack.refuse("message_not_found")
    slack.refuse(code)
    thread = post(slack, BOT).send(LATER, "C0OLD/1.2/1/open")
    assert methods(slack) == [POSTED]
    assert slack.posts[0].body["channel"] == "C0DEFAULT"
    assert thread == "C0DEFAULT/1700000000.000001/2/resolved"


def test_the_error_names_slacks_error_code(slack: FakeSlack) -> None:
    slack.refuse("not_in_channel")
    with pytest.raises(DeliveryError, match="not_in_channel"):
        post(slack, BOT).send(FIRST, None)


@pytest.mark.parametrize("answer", ["<html>", "[]", '{"ok": true}', '{"ok": true, "channel": null, "ts": 1}'])
def test_an_answer_that_is_not_slacks_is_a_delivery_error(slack: FakeSlack, answer: str) -> None:
    slack.answer(200, answer)
    delivery = deliver(FIRST, [post(slack, BOT)], (), "report:7")
    assert (delivery.lacking, delivery.threads) == (("slack",), {})


def test_the_bot_falls_back_to_text_inside_the_thread(slack: FakeSlack) -> None:
    slack.accept()
    slack.refuse("msg_blocks_too_long")
    post(slack, BOT).send(LATER, THREAD)
    reply = slack.posts[-1].body
    assert (reply["blocks"], reply["thread_ts"]) == ([], "1.2")
    assert "Recovered" in reply["text"]


def test_buttons_are_shown_only_if_approvals_are_configured(slack: FakeSlack) -> None:
    post(slack, BOT).send(sample(AlertKind.AWAITING_APPROVAL), None)
    without = json.dumps(slack.posts[0].body)
    slack.posts.clear()
    post(slack, {**BOT, **APPROVALS}).send(sample(AlertKind.AWAITING_APPROVAL), None)
    assert '"type": "actions"' not in without
    assert "medic approve" in without
    assert '"type": "actions"' in json.dumps(slack.posts[0].body)


# --- routing


def test_a_named_channel_is_used_and_an_unknown_name_is_reported_in_the_default_one(slack: FakeSlack) -> None:
    channel = post(slack, {"webhook_secret": "hook", "channels": {"web": "other"}})
    channel.send(replace(sample(AlertKind.OPEN), channel="web"), None)
    channel.send(replace(sample(AlertKind.OPEN), channel="<!channel>"), None)
    named, default = slack.posts
    assert named.path.endswith("-other")
    assert "amplify-medic:channel" not in json.dumps(named.body)
    assert not default.path.endswith("-other")
    assert "no channel “<!channel>”" in json.dumps(default.body, ensure_ascii=False)


def test_a_test_alert_tries_every_channel_and_reports_each_result(slack: FakeSlack) -> None:
    channel = post(slack, {**BOT, "channels": {"web": {"channel": "C0WEB"}, "ops": "other"}})
    slack.refuse("channel_not_found")
    results = list(send_test_alert(compose_test(SCOPE), [channel]))
    assert [(result["name"], result["ok"]) for result in results] == [
        ("slack", False),
        ("slack/web", True),
        ("slack/ops", True),
    ]
    assert "channel_not_found" in results[0]["detail"]
    assert all("🔔 Test · " in message.body["blocks"][0]["text"]["text"] for message in slack.posts)


# --- delivery


@dataclass
class Recorder:
    """A channel that records the thread of each alert, or fails."""

    name: str
    fails: bool = False
    got: list[str | None] = field(default_factory=list)
    routes: tuple[str | None, ...] = (None,)

    def send(self, _alert: Alert, thread: str | None) -> str | None:
        if self.fails:
            raise DeliveryError("out of order")
        self.got.append(thread)
        return f"{self.name}-thread"


def test_a_failing_channel_stops_no_other_and_only_it_lacks_the_alert() -> None:
    one, broken, other = Recorder("one"), Recorder("broken", fails=True), Recorder("other")
    delivery = deliver(sample(AlertKind.OPEN), [one, broken, other], ("report:7/one",), "report:7")
    assert (one.got, other.got) == ([], [None])
    assert delivery.receipts == ("report:7/other",)
    assert delivery.lacking == ("broken",)
    assert delivery.failures == ("broken: out of order",)


def test_later_alerts_use_the_thread_of_the_first() -> None:
    channel = Recorder("one")
    first = deliver(sample(AlertKind.OPEN), [channel], (), "report:7")
    deliver(sample(AlertKind.RESOLVED), [channel], first.receipts, "resolved:8", first.threads)
    assert first.threads == {"one": "one-thread"}
    assert channel.got == [None, "one-thread"]


def test_a_deleted_thread_is_replaced_once_and_later_alerts_use_the_new_one(slack: FakeSlack) -> None:
    channels, threads = [post(slack, BOT)], {"slack": THREAD}
    slack.refuse("message_not_found")
    slack.refuse("thread_not_found")
    for at, alert_key in ((2, "still:8"), (3, "resolved:9")):
        threads = dict(deliver(replace(LATER, at=at), channels, (), alert_key, threads).threads)
    assert methods(slack) == [POSTED, EDITED, REPLIED]
    assert threads["slack"] == "C0DEFAULT/1700000000.000001/3/resolved"


def test_an_unexpected_error_stops_no_other_channel_and_its_text_is_left_out() -> None:
    class Faulty(Recorder):
        def send(self, _alert: Alert, _thread: str | None) -> str | None:
            raise KeyError("https://hooks.slack.com/services/secret-path")

    other = Recorder("other")
    delivery = deliver(sample(AlertKind.OPEN), [Faulty("faulty"), other], (), "report:7")
    assert other.got == [None]
    (failure,) = delivery.failures
    assert re.fullmatch(r"faulty: unexpected KeyError at test_senders\.py:\d+", failure)
    (test,) = send_test_alert(compose_test(SCOPE), [Faulty("faulty")])
    assert test["ok"] is False


# --- SNS and the event bus


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield


@pytest.mark.usefixtures("aws")
def test_an_email_is_text_and_amazon_q_gets_its_envelope() -> None:
    sns, sqs = boto3.client("sns", region_name=REGION), boto3.client("sqs", region_name=REGION)
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    inbox = SnsInbox.subscribe(sns, sqs, topic)
    alert = sample(AlertKind.AWAITING_APPROVAL)
    SnsTopic(lambda: sns, topic).send(alert, None)
    SnsTopic(lambda: sns, topic, amazon_q=True).send(alert, None)
    text, other = (str(notification["Message"]) for notification in inbox.take())
    assert "To approve: medic approve" in text
    by_protocol = json.loads(other)
    envelope = json.loads(by_protocol["default"]) if "default" in by_protocol else by_protocol
    assert (envelope["version"], envelope["source"]) == ("1.0", "custom")
    assert envelope["metadata"]["threadId"] == alert.incident_id


@dataclass
class Bus:
    """A fake of EventBridge with the one call that the event bus makes."""

    received: list[Any] = field(default_factory=list)
    throttles: bool = False

    def put_events(self, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.received += Entries
        refused = [{"ErrorCode": "ThrottlingException"}] if self.throttles else []
        return {"FailedEntryCount": len(refused), "Entries": [{"EventId": "1"}, *refused]}


def test_the_event_bus_receives_only_diagnoses_actions_and_resolutions() -> None:
    client: Any = Bus()
    for alert in every_kind():
        EventBus(lambda: client).send(alert, None)
    assert {entry["Source"] for entry in client.received} == {"amplify-medic"}
    received = [(entry["DetailType"], json.loads(entry["Detail"])["kind"]) for entry in client.received]
    assert sorted(received) == [
        ("Diagnosis Ready", "applied"),
        ("Diagnosis Ready", "applying"),
        ("Diagnosis Ready", "awaiting_approval"),
        ("Diagnosis Ready", "open"),
        ("Diagnosis Ready", "rebuilding"),
        ("Diagnosis Ready", "refused"),
        ("Failure Undiagnosed", "undiagnosed"),
        ("Incident Resolved", "resolved"),
        ("Remediation Applied", "applied"),
        ("Remediation Applied", "rebuilding"),
        ("Remediation Refused", "refused"),
    ]


def test_an_entry_that_the_event_bus_rejects_is_a_delivery_error() -> None:
    client: Any = Bus(throttles=True)
    with pytest.raises(DeliveryError, match="ThrottlingException"):
        EventBus(lambda: client).send(sample(AlertKind.APPLIED), None)


def test_an_event_that_the_event_bus_accepted_is_not_put_again() -> None:
    client: Any = Bus(throttles=True)
    bus, changed = EventBus(lambda: client), sample(AlertKind.APPLIED)
    with pytest.raises(DeliveryError) as failed:
        bus.send(changed, None)
    client.throttles = False
    bus.send(changed, failed.value.thread)
    bus.send(replace(changed, at=changed.at + 1), failed.value.thread)
    put = [entry["DetailType"] for entry in client.received]
    both = ["Diagnosis Ready", "Remediation Applied"]
    assert put == [*both, "Remediation Applied", *both], "another alert of the incident is put whole"


@pytest.mark.parametrize("kind", [alert.kind for alert in every_kind() if detail_types_of(alert)])
def test_each_detail_fits_the_schema_of_its_type(kind: AlertKind) -> None:
    alert = sample(kind)
    for name in detail_types_of(alert):
        schema = json.loads((SCHEMAS / f"{name.lower().replace(' ', '-')}.schema.json").read_text())
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(json.loads(detail_of(alert)))


def test_a_detail_too_long_for_the_bus_still_names_the_incident() -> None:
    alert = sample(AlertKind.APPLIED)
    long = replace(alert, event={**alert.event, "causes": alert.event["causes"] * 2000})
    detail = json.loads(detail_of(long))
    assert (detail["truncated"], detail["incident"]["id"], detail["branch"]["name"]) == (
        True,
        alert.incident_id,
        "main",
    )
    schema = json.loads((SCHEMAS / "diagnosis-ready.schema.json").read_text())
    Draft202012Validator(schema).validate(detail)


def test_a_diagnosis_has_the_same_form_on_the_bus_and_at_the_terminal() -> None:
    terminal = json.loads((SCHEMAS.parent / "diagnose.schema.json").read_text())
    event = json.loads((SCHEMAS / "diagnosis-ready.schema.json").read_text())["$defs"]
    shared = ("app", "phase", "findings", "roles", "checks", "causes")
    assert {name: event["diagnosis_event"]["properties"][name] for name in shared} == {
        name: terminal["properties"][name] for name in shared
    }
    for name in ("app", "finding", "roles", "verdict", "compute_verdict", "check", "cause", "bot", "action", "rebuild"):
        assert event[name] == terminal["$defs"][name]
