"""Only a fresh, signed click by a listed person on this stack's own button becomes a request, once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics
from hypothesis import given
from hypothesis import strategies as st

from medic.alerts.model import Button
from medic.alerts.slack_buttons import ACTION_IDS, ButtonError, button_value, read_button_value
from medic.aws.errors import RetryableError
from medic.events import RequestKind, RequestMessage, request_message
from medic.gateways import Gateways
from medic.incidents.model import approval_id
from medic.records import replace
from medic.settings import Runtime, Settings, Slack, SlackChannel
from medic.slack_actions.approve import SlackApprovalHandler
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
    from collections.abc import Mapping

    from medic.alerts.model import ButtonTarget


@dataclass
class HandlerHarness:
    """Runs the handler with fakes and records what it does."""

    sent: list[Mapping[str, object]] = field(default_factory=list)
    answers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    secrets_read: int = 0
    queue_throttles: bool = False
    unreachable: bool = False

    def handle(self, event: object) -> tuple[int, str]:
        handler = self.handler()
        answer = handler.handle(event)
        handler.telemetry.flush()
        return int(str(answer["statusCode"])), json.loads(str(answer["body"]))["answer"]

    def handler(self) -> SlackApprovalHandler:
        slack = Slack(
            default=SlackChannel(channel="C0123456789"),
            bot_token_secret="bot",
            signing_secret="signing",
            app_id=APP,
            approvers=(f"{TEAM}/{USER}",),
        )
        return SlackApprovalHandler(
            runtime=Runtime(
                Settings(slack=slack),
                "111122223333",
                "eu-central-1",
                "aws",
                "incidents",
                queue_url="queue",
            ),
            gateways=self._gateways(),
            telemetry=Telemetry(Logger(service="test"), Metrics(namespace="test", service="test")),
            answer=self._answer,
        )

    def _gateways(self) -> Gateways:
        session: Any = SimpleNamespace(client=lambda _, **__: SimpleNamespace(get_secret_value=self._secret))
        gateways = Gateways(session, lambda: NOW)
        vars(gateways).update(send=self._send)
        return gateways

    def _secret(self, **asked: str) -> dict[str, str]:
        assert asked == {"SecretId": "signing"}
        self.secrets_read += 1
        return {"SecretString": SIGNING_SECRET}

    def _send(self, queue_url: str, message: Mapping[str, object]) -> None:
        assert queue_url == "queue"
        if self.queue_throttles:
            raise RetryableError("sqs:SendMessage", "RequestThrottled", "Rate exceeded")
        self.sent.append(message)

    def _answer(self, url: str, message: dict[str, Any]) -> None:
        if self.unreachable:
            raise TimeoutError("timed out")
        self.answers.append((url, message))


@pytest.fixture
def harness() -> HandlerHarness:
    return HandlerHarness()


def click(**changes: Any) -> dict[str, Any]:
    return request(body(payload(**changes)))


def elsewhere(**changes: str) -> ButtonTarget:
    return replace(APPROVAL, scope=replace(APPROVAL.scope, **changes))


def click_with_value(value: str, **changes: Any) -> dict[str, Any]:
    return click(actions=[{**payload()["actions"][0], "value": value, **changes}])


@pytest.mark.parametrize("encoded", [True, False])
def test_a_click_of_an_approver_becomes_one_message(harness: HandlerHarness, encoded: bool) -> None:  # noqa: FBT001
    assert harness.handle(request(encoded=encoded)) == (200, "taken")
    approved = APPROVAL.incident_id, APPROVAL.plan_hash
    id_, who = approval_id(*approved), f"{TEAM}/{USER}"
    asked = RequestMessage(APPROVAL.scope, RequestKind.APPROVE, id_, *approved, slack_user=who)
    assert harness.sent == [request_message(asked)]


def test_the_message_then_shows_who_approved_instead_of_the_buttons(harness: HandlerHarness) -> None:
    harness.handle(request())
    ((url, message),) = harness.answers
    assert url == ANSWER_TO
    assert message["replace_original"] is True
    before, line, after = message["blocks"]
    assert (before, after) == (BLOCKS[0], BLOCKS[2])
    assert {"type": "user", "user_id": USER} in line["elements"][0]["elements"]
    assert message["text"].startswith(f"✅ Approved by <@{USER}>")


def test_a_dismissal_removes_the_buttons_and_submits_no_request(harness: HandlerHarness) -> None:
    assert harness.handle(click_with_value(button_value(APPROVAL), action_id=ACTION_IDS[Button.DISMISS])) == (
        200,
        "taken",
    )
    assert harness.sent == []
    ((_, message),) = harness.answers
    assert APPROVAL.command in message["text"]


def test_a_click_on_undo_asks_for_the_undo_of_the_incident(harness: HandlerHarness) -> None:
    value = button_value(replace(APPROVAL, plan_hash="", expires_at=0))
    event = click_with_value(value, action_id=ACTION_IDS[Button.UNDO])
    assert harness.handle(event) == (200, "taken")
    (sent,) = harness.sent
    asked: Any = sent["detail"]
    assert (asked["kind"], asked["incidentId"], asked["who"]) == ("undo", APPROVAL.incident_id, f"{TEAM}/{USER}")
    harness.handle(event)
    assert harness.sent[1] == sent, "a repeated message of Slack is the same request"
    assert "Undo asked for by" in harness.answers[0][1]["text"]


def test_a_click_on_mute_asks_for_two_hours(harness: HandlerHarness) -> None:
    value = button_value(replace(APPROVAL, plan_hash="", expires_at=0))
    assert harness.handle(click_with_value(value, action_id=ACTION_IDS[Button.MUTE])) == (200, "taken")
    asked: Any = harness.sent[0]["detail"]
    assert (asked["kind"], asked["until"]) == ("mute", "2026-11-22T14:00:00+00:00")
    assert "until 22 November 2026 14:00 UTC" in harness.answers[0][1]["text"]


@pytest.mark.parametrize("button", [Button.APPROVE, Button.DISMISS])
def test_nothing_is_approved_without_a_plan(harness: HandlerHarness, button: Button) -> None:
    value = button_value(replace(APPROVAL, plan_hash=""))
    assert harness.handle(click_with_value(value, action_id=ACTION_IDS[button])) == (400, "malformed")
    assert harness.sent == []


def test_a_lost_answer_loses_no_approval(harness: HandlerHarness) -> None:
    harness.unreachable = True
    assert harness.handle(request()) == (200, "taken")
    assert len(harness.sent) == 1


def test_slack_shows_that_a_click_failed_that_the_queue_did_not_accept(harness: HandlerHarness) -> None:
    harness.queue_throttles = True
    with pytest.raises(RetryableError):
        harness.handle(request())
    assert harness.answers == []


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
    "another's button": (click_with_value("x", action_id="other"), 400, "malformed"),
    "a value of no form": (click_with_value("approve everything"), 400, "malformed"),
    "another app": (click(api_app_id="A9999999999"), 403, "other_app"),
    "somebody else": (click(user={"id": "U9999999999", "team_id": TEAM}), 403, "not_listed"),
    "the same user id of another team": (click(user={"id": USER, "team_id": "T9999999999"}), 403, "not_listed"),
    "another account": (click_with_value(button_value(elsewhere(account="999988887777"))), 403, "elsewhere"),
    "another region": (click_with_value(button_value(elsewhere(region="us-east-1"))), 403, "elsewhere"),
    "expired": (click_with_value(button_value(replace(APPROVAL, expires_at=int(NOW.timestamp())))), 410, "expired"),
}


@pytest.mark.parametrize(("event", "status", "rule"), REFUSED.values(), ids=REFUSED)
def test_any_other_request_is_refused_with_a_status_and_a_log_line(
    harness: HandlerHarness,
    caplog: pytest.LogCaptureFixture,
    event: Any,
    status: int,
    rule: str,
) -> None:
    assert harness.handle(event) == (status, rule)
    assert harness.sent == []
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["rule"]) == ("ApprovalRefused", rule)


def test_a_refused_person_sees_the_reason_and_nobody_else_does(harness: HandlerHarness) -> None:
    harness.handle(click(user={"id": "U9999999999", "team_id": TEAM}))
    ((_, message),) = harness.answers
    assert message["response_type"] == "ephemeral"
    assert message["replace_original"] is False
    assert "U9999999999 is not among the approvers" in message["text"]


def test_the_secret_is_not_kept_so_a_replaced_one_counts_at_once(harness: HandlerHarness) -> None:
    handler = harness.handler()
    for _ in range(2):
        handler.handle(click())
    assert harness.secrets_read == 2


def test_the_secret_is_read_only_for_requests_that_could_come_from_slack(harness: HandlerHarness) -> None:
    harness.handle(request(headers={}))
    harness.handle(long_ago())
    assert harness.secrets_read == 0


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
def test_responses_are_sent_only_to_slack_hosts(harness: HandlerHarness, url: object) -> None:
    assert harness.handle(click(response_url=url)) == (200, "taken")
    assert harness.answers == []


# --- the button's value


@given(st.text(min_size=1, max_size=255), st.integers(0, 2**40))
def test_a_value_is_read_back_as_it_was_written(branch: str, expires_at: int) -> None:
    approval = replace(elsewhere(branch=branch), expires_at=expires_at)
    assert read_button_value(button_value(approval)) == approval


@given(
    st.text(max_size=300) | st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9)).map(json.dumps)
)
def test_no_other_text_is_a_value(text: str) -> None:
    with pytest.raises(ButtonError):
        read_button_value(text)


@pytest.mark.parametrize(
    "change", [{"v": 3}, {"until": True}, {"until": "9"}, {"incident": "0A"}, {"branch": ""}, {"app": "x"}, {"more": 1}]
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
        assert read_click(body(payload(**changes))).target == APPROVAL
    except ClickError as refusal:
        assert refusal.status == 400  # noqa: PT017 - either is right
