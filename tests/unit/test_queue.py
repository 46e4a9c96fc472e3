"""What happens to a message: it is deleted, or it waits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aws_lambda_powertools import Logger, Metrics
from botocore.exceptions import ClientError

from medic import events, pipeline, queue
from medic.aws.errors import AmbiguousError, DeniedError, RetryableError, ThrottledError
from medic.events import (
    DETAIL_TYPE,
    SOURCE,
    RequestKind,
    RequestMessage,
    Scope,
    request_message,
    runtime_wake_up,
    wake_up,
)
from medic.flows.locked_branch import RecordedError
from medic.incidents.table import BusyError, LeaseLostError
from medic.settings import Runtime, Settings
from medic.telemetry import Telemetry
from tests.fakes.sqs_batch import OPERATOR_ROLE_ID, sqs_batch, sqs_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.services import Services

NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)
SCOPE = Scope("aws", "111122223333", "eu-central-1", "d1a2b3c4d5e6f7", "main")
WAKE_UP = wake_up(SCOPE)
RUNTIME_WAKE_UP = runtime_wake_up(SCOPE, NOW, NOW)
THROTTLED = ThrottledError("amplify:GetJob", "TooManyRequestsException", "Rate exceeded")


def deployment(status: str = "FAILED") -> dict[str, Any]:
    return {
        "source": SOURCE,
        "detail-type": DETAIL_TYPE,
        "account": SCOPE.account,
        "region": SCOPE.region,
        "time": NOW.isoformat(),
        "detail": {"appId": SCOPE.app_id, "branchName": SCOPE.branch, "jobId": "7", "jobStatus": status},
    }


@dataclass
class Remediator:
    """The handler with a flow that ends as a test wants, and SQS."""

    error: Exception | None = None
    sqs_error: str = ""
    ran: list[pipeline.Message] = field(default_factory=list)
    waits: dict[str, int] = field(default_factory=dict)

    def handle(self, event: object, *, draw: float = 1.0) -> Any:
        """Handle an invocation. `draw` is where between its bounds every random number lies, from 0 to 1."""
        return queue.handle(event, self.services(), lambda low, high: low + (high - low) * draw)

    def run(self, message: pipeline.Message, _services: object, _attempt: object) -> None:
        self.ran.append(message)
        if self.error is not None:
            raise self.error

    def services(self) -> Services:
        names = (SCOPE.account, SCOPE.region, "aws", "incidents")
        runtime = Runtime(Settings(), *names, queue_url="queue", operator_role_id=OPERATOR_ROLE_ID)
        sqs = SimpleNamespace(change_message_visibility=self._wait)
        telemetry = Telemetry(Logger(service="test"), Metrics(namespace="test", service="test"))
        clients = SimpleNamespace(sqs=sqs)
        services = SimpleNamespace(runtime=runtime, telemetry=telemetry, clock=lambda: NOW, clients=clients)
        services.channels, services.alias_of = (), lambda _account: ""
        return cast("Services", services)

    def _wait(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803 - boto3's names
        assert QueueUrl == "queue"
        if self.sqs_error:
            raise ClientError({"Error": {"Code": self.sqs_error}}, "ChangeMessageVisibility")
        self.waits[ReceiptHandle] = VisibilityTimeout


@pytest.fixture
def remediator(monkeypatch: pytest.MonkeyPatch) -> Remediator:
    made = Remediator()
    monkeypatch.setattr(pipeline, "run", made.run)
    return made


def batch(message: Mapping[str, Any] | str, *, age: float = 0, receives: int = 1) -> dict[str, Any]:
    return sqs_batch(message, NOW - timedelta(seconds=age), receives=receives)


DELETED: Any = {"batchItemFailures": []}
KEPT: Any = {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


@pytest.mark.parametrize("message", [deployment(), deployment("SUCCEED"), WAKE_UP, RUNTIME_WAKE_UP])
def test_a_handled_message_is_deleted(remediator: Remediator, message: dict[str, Any]) -> None:
    assert remediator.handle(batch(message)) == DELETED
    assert len(remediator.ran) == 1
    assert remediator.waits == {}


@pytest.mark.parametrize(
    ("error", "status", "answer"),
    [
        (THROTTLED, "FAILED", KEPT),
        (AmbiguousError("dynamodb:UpdateItem", "InternalServerError", ""), "FAILED", KEPT),
        (BusyError(), "FAILED", KEPT),
        (LeaseLostError(), "FAILED", KEPT),
        (RecordedError(THROTTLED), "FAILED", DELETED),
        (RecordedError(BusyError()), "FAILED", DELETED),
        (RecordedError(THROTTLED), "SUCCEED", KEPT),
        (RecordedError(THROTTLED), "CANCELLED", KEPT),
        (DeniedError("dynamodb:UpdateItem", "AccessDeniedException", ""), "FAILED", KEPT),
        (ZeroDivisionError(), "FAILED", KEPT),
        (RecordedError(ZeroDivisionError()), "FAILED", DELETED),
    ],
    ids=repr,
)
def test_a_deployment_is_kept_until_the_table_holds_it(
    remediator: Remediator, error: Exception, status: str, answer: object
) -> None:
    remediator.error = error
    assert remediator.handle(batch(deployment(status))) == answer
    assert len(remediator.waits) == (answer is KEPT)


@pytest.mark.parametrize("error", [THROTTLED, BusyError(), RecordedError(THROTTLED), ZeroDivisionError()], ids=repr)
def test_a_wake_up_is_never_retried(remediator: Remediator, error: Exception) -> None:
    remediator.error = error
    assert remediator.handle(batch(WAKE_UP)) == DELETED
    assert remediator.waits == {}


@pytest.mark.parametrize(("age", "runs"), [(179, 1), (181, 0)])
def test_an_old_wake_up_is_deleted_unread(
    remediator: Remediator, age: float, runs: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert remediator.handle(batch(WAKE_UP, age=age)) == DELETED
    assert len(remediator.ran) == runs
    assert ("WakeUpDropped" in caplog.messages) is (runs == 0)


def test_lines_of_an_ssr_log_are_read_however_late(remediator: Remediator) -> None:
    """The watcher has moved on by then, so no other message names these lines."""
    remediator.error = THROTTLED
    assert remediator.handle(batch(RUNTIME_WAKE_UP, age=3600)) == KEPT


def test_an_old_deployment_is_handled(remediator: Remediator) -> None:
    remediator.handle(batch(deployment(), age=13 * 86400))
    assert len(remediator.ran) == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("nonsense", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "list"),
        (json.dumps({**deployment(), "account": "999999999999"}), "account"),
        (json.dumps(events.test_alert_request(SCOPE.account, SCOPE.region)), "detail-type"),
    ],
)
def test_a_malformed_message_is_one_log_line_and_deleted(
    remediator: Remediator, body: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert remediator.handle(batch(body, receives=3)) == DELETED
    (line,) = caplog.records
    assert line.getMessage() == "EventMalformed"
    assert why in vars(line)["why"]
    assert remediator.ran == []


@pytest.mark.parametrize("broken", ["attributes", "body", "messageId"])
def test_a_record_that_sqs_did_not_send_is_malformed(remediator: Remediator, broken: str) -> None:
    record = sqs_record(deployment(), NOW)
    del record[broken]
    assert remediator.handle({"Records": [record]}) is None


@pytest.mark.parametrize(("code", "answer"), [("", DELETED), ("ReceiptHandleIsInvalid", DELETED), ("Throttling", KEPT)])
def test_a_request_runs_only_if_sqs_knows_its_message(remediator: Remediator, code: str, answer: object) -> None:
    remediator.sqs_error = code
    asked = request_message(RequestMessage(SCOPE, RequestKind.FIX, "0" * 32))
    assert remediator.handle(sqs_batch(asked, NOW, sender=f"{OPERATOR_ROLE_ID}:medic-ada")) == answer
    assert len(remediator.ran) == (code == "")


def test_each_message_of_a_batch_is_handled_alone(remediator: Remediator) -> None:
    remediator.error = THROTTLED
    records = [sqs_record(message, NOW, number=n) for n, message in enumerate([deployment(), WAKE_UP, deployment()])]
    answer = remediator.handle({"Records": records})
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["message-0", "message-2"]


def test_only_a_test_alert_is_taken_directly(remediator: Remediator) -> None:
    for event in (deployment(), WAKE_UP, {}, None, {"Records": "none"}):
        assert remediator.handle(event) is None
    assert remediator.ran == []
    assert remediator.handle(events.test_alert_request(SCOPE.account, SCOPE.region)) == {"channels": []}


@pytest.mark.parametrize(("nth", "wait"), [(0, 15), (1, 22.5), (2, 33.75), (5, 113.9), (10, 865), (11, 900), (29, 900)])
def test_the_nth_wait_is_15_seconds_times_1_5_to_the_nth_and_at_most_15_minutes(
    remediator: Remediator, nth: int, wait: float
) -> None:
    age = sum(min(15 * 1.5**earlier, 900) for earlier in range(nth))
    remediator.error = THROTTLED
    for draw, share in ((0, 0.8), (0.5, 1), (1, 1.2)):
        remediator.handle(batch(deployment(), age=age, receives=999), draw=draw)
        assert remediator.waits["receipt-1-999"] == pytest.approx(wait * share, abs=0.5)


def test_thirty_receives_take_five_hours_and_a_half() -> None:
    age = 0.0
    for _ in range(29):
        age += min(15 + age / 2, 900)
    assert timedelta(hours=5) < timedelta(seconds=age) < timedelta(hours=5.5)


@pytest.mark.parametrize(("receives", "waits"), [(1, (5, 20)), (10, (5, 20)), (11, (240, 360))])
def test_a_busy_message_waits_for_seconds_and_after_ten_receives_like_any_other(
    remediator: Remediator, receives: int, waits: tuple[int, int]
) -> None:
    remediator.error = BusyError()
    drawn = []
    for draw in (0, 1):
        remediator.handle(batch(deployment(), age=570, receives=receives), draw=draw)
        drawn.append(remediator.waits[f"receipt-1-{receives}"])
    assert tuple(drawn) == waits


def test_a_message_whose_wait_can_not_be_set_is_kept(remediator: Remediator, caplog: pytest.LogCaptureFixture) -> None:
    remediator.error, remediator.sqs_error = THROTTLED, "ReceiptHandleIsInvalid"
    assert remediator.handle(batch(deployment())) == KEPT
    assert "WaitNotSet" in caplog.messages


def test_an_unexpected_error_is_logged_with_its_traceback(
    remediator: Remediator, caplog: pytest.LogCaptureFixture
) -> None:
    remediator.error = ZeroDivisionError("a fault of the bot")
    remediator.handle(batch(deployment()))
    assert caplog.messages == ["MessageFault", "MessageRetried"]
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].exc_info[1] is remediator.error


def test_an_expected_error_is_no_fault(remediator: Remediator, caplog: pytest.LogCaptureFixture) -> None:
    remediator.error = RetryableError("amplify:GetJob", "EndpointConnectionError", "")
    remediator.handle(batch(deployment()))
    assert caplog.messages == ["MessageRetried"]
