"""Only a fresh, signed click of a listed person on this stack's own button becomes a request, once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics
from hypothesis import given
from hypothesis import strategies as st

from medic.alerts.slack_buttons import DISMISS, ButtonError, button_value, read_button_value
from medic.aws.errors import RetryableError
from medic.incidents.model import Request, RequestKind, approval_id
from medic.incidents.requests import AlreadyAskedError
from medic.settings import Slack, SlackChannel, SlackRuntime
from medic.slack_actions.approve import SlackApprovalHandler, handle
from medic.slack_actions.click import ClickError, read_click
from medic.telemetry import Telemetry
from tests.unit.slack_actions.clicks import (
    ANSWER_TO,
    APP,
    APPROVAL,
    BLOCKS,
    NOW,
    SIGNING_SECRET,
    TEAM,
    USER,
    body,
    payload,
    request,
    signed,
)

if TYPE_CHECKING:
    from medic.events import Scope


@dataclass
class Office:
    """A desk whose every side can be looked at."""

    requests: dict[str, Request] = field(default_factory=dict)
    woken: list[tuple[Scope, str]] = field(default_factory=list)
    answers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    secrets_read: int = 0
    asleep: bool = False
    unreachable: bool = False

    def submit(self, asked: Request) -> None:
        if asked.id in self.requests:
            raise AlreadyAskedError(self.requests[asked.id])
        self.requests[asked.id] = asked

    def handle(self, event: object) -> tuple[int, str]:
        approval_handler = self._handler()
        answer = handle(event, approval_handler)
        approval_handler.telemetry.flush()
        return int(str(answer["statusCode"])), json.loads(str(answer["body"]))["answer"]

    def _handler(self) -> SlackApprovalHandler:
        slack = Slack(
            default=SlackChannel(channel="C0123456789"),
            bot_token_secret="bot",
            signing_secret="signing",
            app_id=APP,
            approvers=(f"{TEAM}/{USER}",),
        )
        return SlackApprovalHandler(
            runtime=SlackRuntime(slack, "111122223333", "eu-central-1", "aws", "incidents", "remediator"),
            signing_secret=self._secret,
            requests=self,
            wake=self._wake,
            answer=self._answer,
            telemetry=Telemetry(Logger(service="test"), Metrics(namespace="test", service="test")),
            clock=lambda: NOW,
        )

    def _secret(self) -> str:
        self.secrets_read += 1
        return SIGNING_SECRET

    def _wake(self, scope: Scope, request_id: str) -> None:
        if self.asleep:
            raise RetryableError("lambda:InvokeFunction", "TooManyRequestsException", "Rate exceeded")
        self.woken.append((scope, request_id))

    def _answer(self, url: str, message: dict[str, Any]) -> None:
        if self.unreachable:
            raise TimeoutError("timed out")
        self.answers.append((url, message))


@pytest.fixture
def office() -> Office:
    return Office()


def click(**changes: Any) -> dict[str, Any]:
    return request(body(payload(**changes)))


def valued(value: str, **changes: Any) -> dict[str, Any]:
    return click(actions=[{**payload()["actions"][0], "value": value, **changes}])


@pytest.mark.parametrize("encoded", [True, False])
def test_a_click_of_an_approver_becomes_one_request_and_a_nudge(office: Office, encoded: bool) -> None:  # noqa: FBT001
    assert office.handle(request(encoded=encoded)) == (200, "taken")
    (asked,) = office.requests.values()
    assert asked.kind is RequestKind.APPROVE
    assert asked.id == approval_id(APPROVAL.incident_id, APPROVAL.plan_hash)
    assert (asked.incident_id, asked.plan_hash) == (APPROVAL.incident_id, APPROVAL.plan_hash)
    assert asked.who == f"slack:{TEAM}/{USER}"
    assert asked.scope.branch == APPROVAL.branch
    assert asked.expires_at - asked.asked_at == timedelta(hours=24)
    assert office.woken == [(asked.scope, asked.id)]


def test_the_message_then_shows_who_approved_in_the_place_of_the_buttons(office: Office) -> None:
    office.handle(request())
    ((url, message),) = office.answers
    assert url == ANSWER_TO
    assert message["replace_original"] is True
    before, line, after = message["blocks"]
    assert (before, after) == (BLOCKS[0], BLOCKS[2])
    assert {"type": "user", "user_id": USER} in line["elements"][0]["elements"]
    assert message["text"].startswith(f"✅ Approved by <@{USER}>")


def test_a_dismissal_takes_the_buttons_away_and_asks_for_nothing(office: Office) -> None:
    assert office.handle(valued(button_value(APPROVAL), action_id=DISMISS)) == (200, "taken")
    assert office.requests == {}
    assert office.woken == []
    ((_, message),) = office.answers
    assert APPROVAL.command in message["text"]


def test_a_lost_nudge_or_answer_loses_no_approval(office: Office) -> None:
    office.asleep = office.unreachable = True
    assert office.handle(request()) == (200, "taken")
    assert len(office.requests) == 1


# --- what is refused


def forged() -> dict[str, Any]:
    raw = body()
    return request(raw, signed(raw, secret="another secret"))


def tampered() -> dict[str, Any]:
    return request(body(payload(user={"id": USER, "team_id": TEAM, "x": 1})), signed(body()))


def long_ago() -> dict[str, Any]:
    return request(headers=signed(body(), at=NOW.timestamp() - 301))


def ahead_of_time() -> dict[str, Any]:
    return request(headers=signed(body(), at=NOW.timestamp() + 301))


REFUSED: dict[str, tuple[Any, int, str]] = {
    "forged": (forged(), 401, "forged"),
    "tampered with": (tampered(), 401, "forged"),
    "signed long ago": (long_ago(), 401, "stale"),
    "signed ahead of time": (ahead_of_time(), 401, "stale"),
    "unsigned": (request(headers={}), 401, "unsigned"),
    "a signature of no form": (request(headers={**signed(body()), "x-slack-signature": "v0=é"}), 401, "unsigned"),
    "a time of no form": (request(headers={**signed(body()), "x-slack-request-timestamp": "now"}), 401, "unsigned"),
    "too large": (request(b"payload=" + b"x" * 300_000), 413, "too_large"),
    "no bytes of text": (request(b"\xff\xfe"), 401, "forged"),
    "no payload": (request(b"hello=world"), 400, "malformed"),
    "two payloads": (request(body() + b"&" + body()), 400, "malformed"),
    "not JSON": (request(b"payload=%7B"), 400, "malformed"),
    "nested too deeply": (request(b"payload=" + b"%5B" * 50_000), 400, "malformed"),
    "no body": ({"headers": {}}, 400, "malformed"),
    "no request": ("hello", 400, "malformed"),
    "no base64": ({**request(), "body": "???"}, 400, "malformed"),
    "another interaction": (click(type="view_submission"), 400, "malformed"),
    "two actions": (click(actions=payload()["actions"] * 2), 400, "malformed"),
    "another's button": (valued("x", action_id="other"), 400, "malformed"),
    "a value of no form": (valued("approve everything"), 400, "malformed"),
    "another app": (click(api_app_id="A9999999999"), 403, "other_app"),
    "somebody else": (click(user={"id": "U9999999999", "team_id": TEAM}), 403, "not_listed"),
    "the same user id of another team": (click(user={"id": USER, "team_id": "T9999999999"}), 403, "not_listed"),
    "another account": (valued(button_value(replace(APPROVAL, account="999988887777"))), 403, "elsewhere"),
    "another region": (valued(button_value(replace(APPROVAL, region="us-east-1"))), 403, "elsewhere"),
    "expired": (valued(button_value(replace(APPROVAL, expires_at=int(NOW.timestamp())))), 410, "expired"),
}


@pytest.mark.parametrize(("event", "status", "rule"), REFUSED.values(), ids=REFUSED)
def test_everything_else_is_refused_with_a_status_a_log_line_and_a_metric(
    office: Office,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    event: Any,
    status: int,
    rule: str,
) -> None:
    assert office.handle(event) == (status, rule)
    assert office.requests == {}
    assert office.woken == []
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["rule"]) == ("ApprovalRefused", rule)
    metrics = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [(each["ApprovalRefused"], each.get("rule")) for each in metrics] == [([1.0], rule), ([1.0], None)]


def test_an_approval_is_used_once_whoever_clicks_again(office: Office) -> None:
    office.handle(request())
    assert office.handle(request()) == (409, "used")
    assert len(office.requests) == len(office.woken) == 1
    assert "has approved exactly this already" in office.answers[-1][1]["text"]


def test_a_refused_person_is_told_why_and_nobody_else_sees_it(office: Office) -> None:
    office.handle(click(user={"id": "U9999999999", "team_id": TEAM}))
    ((_, message),) = office.answers
    assert message["response_type"] == "ephemeral"
    assert message["replace_original"] is False
    assert "U9999999999 is not among the approvers" in message["text"]


def test_the_secret_is_read_only_for_what_could_be_slacks(office: Office) -> None:
    office.handle(request(headers={}))
    office.handle(long_ago())
    assert office.secrets_read == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/actions/1",
        "http://hooks.slack.com/actions/1",
        "https://hooks.slack.com.evil.example/1",
        "https://hooks.slack.com:8443/1",
        "https://user@hooks.slack.com/1",
        "https://hooks.slack.com@evil.example/1",
        "https://[::1/1",
        7,
        None,
    ],
)
def test_nothing_is_answered_to_any_other_host_than_slacks(office: Office, url: object) -> None:
    assert office.handle(click(response_url=url)) == (200, "taken")
    assert office.answers == []


# --- the button's value


@given(st.text(min_size=1, max_size=255), st.integers(0, 2**40))
def test_a_value_is_read_back_as_it_was_written(branch: str, expires_at: int) -> None:
    approval = replace(APPROVAL, branch=branch, expires_at=expires_at)
    assert read_button_value(button_value(approval)) == approval


@given(
    st.text(max_size=300) | st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9)).map(json.dumps)
)
def test_no_other_text_is_a_value(text: str) -> None:
    with pytest.raises(ButtonError):
        read_button_value(text)


@pytest.mark.parametrize(
    "change", [{"v": 2}, {"until": True}, {"until": "9"}, {"incident": "0A"}, {"branch": ""}, {"app": "x"}, {"more": 1}]
)
def test_a_value_is_read_strictly(change: dict[str, object]) -> None:
    with pytest.raises(ButtonError):
        read_button_value(json.dumps(json.loads(button_value(APPROVAL)) | change))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(payload())), json_values))
def test_a_payload_of_any_shape_is_a_click_or_refused(changes: dict[str, Any]) -> None:
    try:
        assert read_click(body(payload(**changes))).approval == APPROVAL
    except ClickError as refusal:
        assert refusal.status == 400  # noqa: PT017 - either is right
