"""The remediator's queue: what happens to a message once its flow has ended or failed.

A message is kept until the table holds what it told. From then on the table's due times are the only clock, and the
message is deleted. It may come twice, because the table knows what was done.

Nothing is raised for a message. After an error Lambda would poll the queue less often, and the message would wait for
the whole visibility time-out: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from medic import pipeline
from medic.aws.errors import AwsError, AwsRejectedError, RetryableError, translated
from medic.events import (
    Attempt,
    DeploymentEvent,
    DeploymentStatus,
    MalformedEventError,
    RequestKind,
    RequestMessage,
    WakeUp,
    parse_event,
    parse_test_alert,
)
from medic.flows.locked_branch import RecordedError
from medic.flows.requests import give_up
from medic.incidents.model import Request
from medic.incidents.requests import SLACK_MUTE, request_of
from medic.incidents.table import BusyError, LeaseLostError
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from medic.services import Services
    from medic.settings import Runtime

    Draw = Callable[[float, float], float]
    """Returns a random number between two numbers."""

MAX_RECEIVES = 30
"""How often SQS delivers a message before it moves it to the dead-letter queue."""
VISIBILITY_SECONDS = 540
"""How long a message stays hidden after a run that ended without setting a wait, such as a killed one.

Six times the function's time-out, as AWS recommends: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 900.0
_SPREAD = 0.2
"""The share by which waits differ, so that the messages of one outage do not come back all at once."""
_BUSY_WAIT = (5.0, 20.0)
"""The shortest and the longest wait for a lease. Few runs take longer."""
_BUSY_RECEIVES = 10
"""After so many receives, a message that waits for a lease waits like any other."""
_WAKE_UP_VALID_FOR = timedelta(minutes=3)
"""The watcher looks every minute, so there is a newer wake-up by then."""
_CLOCK_SKEW = timedelta(minutes=5)
"""How far the Slack function's clock may be ahead of SQS's."""
_BUSY = (BusyError, LeaseLostError)
_EXPECTED = (RetryableError, *_BUSY)
"""Any other error is a fault of the bot, or a missing permission."""


class SenderError(Exception):
    """The sender of a request is not one that may make it."""


class QueueMessage(Struct, frozen=True):
    """A message as Lambda passes it.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """

    id: str
    receipt: str
    body: str
    sent_at: datetime
    """When it was sent, or moved here from the dead-letter queue."""
    receives: int
    """How often it was received, including now. Only about right, and after a redrive not at all."""
    sender: str
    """`SenderId`, which SQS sets: `<role id>:<session name>` for a role."""

    @classmethod
    def parse(cls, record: Any) -> QueueMessage:  # noqa: ANN401 - JSON
        """Read one record of a batch.

        Raises:
            MalformedEventError: SQS did not send it.
        """
        try:
            attributes = record["attributes"]
            sent_at = datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC)
            receives, sender = int(attributes["ApproximateReceiveCount"]), str(attributes["SenderId"])
            return cls(record["messageId"], record["receiptHandle"], record["body"], sent_at, receives, sender)
        except (LookupError, TypeError, ValueError, OverflowError, OSError) as error:
            raise MalformedEventError(f"the batch holds a record that SQS did not send: {error!r}") from None


def handle(event: Any, services: Services, draw: Draw = random.uniform) -> dict[str, object] | None:  # noqa: ANN401 - JSON
    """Handle one invocation of the remediator.

    Args:
        event: a batch of the queue, or a direct invocation that asks for a test alert.
        services: AWS, the table, channels and telemetry.
        draw: returns a random number between two numbers.

    Returns:
        For a batch, the messages to keep. For a test alert, the result of each channel. None if it was malformed.
    """
    runtime = services.runtime
    try:
        match event:
            case {"Records": [*records]}:
                messages = [QueueMessage.parse(record) for record in records]
                kept = [message.id for message in messages if not _handle(message, services, draw)]
                return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in kept]}
            case _:
                pass
        region = parse_test_alert(event, account=runtime.account, region=runtime.region, partition=runtime.partition)
    except MalformedEventError as error:
        services.telemetry.record(TelemetryEvent.EVENT_MALFORMED, why=error)
        return None
    return pipeline.send_test_alerts(region, services)


def _handle(message: QueueMessage, services: Services, draw: Draw) -> bool:
    """Handle one message. Returns True if it is to be deleted."""
    telemetry, age = services.telemetry, services.clock() - message.sent_at
    try:
        content = _content(message, services.runtime)
    except (MalformedEventError, SenderError) as error:
        malformed = isinstance(error, MalformedEventError)
        event = TelemetryEvent.EVENT_MALFORMED if malformed else TelemetryEvent.REQUEST_UNTRUSTED
        telemetry.record(event, why=error, sender=message.sender)
        return True
    if isinstance(content, WakeUp) and age > _WAKE_UP_VALID_FOR:
        telemetry.record(TelemetryEvent.WAKE_UP_DROPPED, scope=content.scope, why=f"it is {age} old")
        return True
    failure = _run(content, message, services)
    if failure is None or _is_dropped(content, failure, message, services):
        return True
    _set_wait(message, _seconds(message, age, draw, busy=isinstance(_cause(failure), _BUSY)), services)
    telemetry.retried(age, scope=content.scope, why=failure, message_id=message.id, receives=message.receives)
    return False


def _content(message: QueueMessage, runtime: Runtime) -> pipeline.Message:
    """Parse the body. Who made a request comes from `SenderId`, and from the body only for Slack's verified user.

    Raises:
        MalformedEventError: the body is not one of the queue's messages.
        SenderError: its sender may not make this request.
    """
    try:
        event = json.loads(message.body)
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedEventError(f"the message is not JSON: {error}") from None
    content = parse_event(event, account=runtime.account, region=runtime.region, partition=runtime.partition)
    if not isinstance(content, RequestMessage):
        return content
    role_id, _, session = message.sender.partition(":")
    if role_id and session and role_id == runtime.operator_role_id:
        return request_of(content, f"session:{session}", message.sent_at)
    if role_id != runtime.slack_role_id:
        raise SenderError("neither an operator nor the Slack function sent this request")
    if not _has_button(content, message.sent_at) or content.slack_user not in runtime.settings.slack.approvers:
        raise SenderError(f"Slack may only pass on clicks of approvers, not {content.kind} of {content.slack_user}")
    return request_of(content, f"slack:{content.slack_user}", message.sent_at)


def _has_button(asked: RequestMessage, sent_at: datetime) -> bool:
    """True if an alert in Slack has a button for it. A stolen signing secret can ask for nothing else."""
    if asked.kind is RequestKind.MUTE:
        return asked.until is not None and asked.until <= sent_at + SLACK_MUTE + _CLOCK_SKEW
    return asked.kind in (RequestKind.APPROVE, RequestKind.UNDO)


def _run(content: pipeline.Message, message: QueueMessage, services: Services) -> Exception | None:
    """Run the flow of a message. Returns the exception that ended it."""
    try:
        if isinstance(content, Request):
            _check_receipt(message, services)
        attempt = Attempt(services.clock() - message.sent_at, last=message.receives >= MAX_RECEIVES)
        pipeline.run(content, services, attempt)
    except Exception as error:  # noqa: BLE001 - the caller logs it, and SQS delivers the message again
        return error
    return None


def _check_receipt(message: QueueMessage, services: Services) -> None:
    """Check that SQS knows the message. Who may invoke the function could pass it a batch that names any sender.

    Raises:
        SenderError: the message is not in the queue.
        AwsError: SQS could not be asked.
    """
    try:
        _hide(message, VISIBILITY_SECONDS, services)
    except AwsRejectedError as error:
        raise SenderError(f"the request does not come from the queue: {error}") from error


def _is_dropped(content: pipeline.Message, failure: Exception, message: QueueMessage, services: Services) -> bool:
    """Record a failure. Returns True if the message is not retried.

    The watcher sends a new wake-up as long as its record is due, but it names the lines of an SSR log only once. A
    failed job is recorded as soon as its incident is. That a job succeeded or was cancelled is recorded only once every
    incident that waits for it has changed, so its message is retried all the same.
    """
    telemetry, about = services.telemetry, {"scope": content.scope, "why": failure, "message_id": message.id}
    if isinstance(failure, SenderError):
        telemetry.record(TelemetryEvent.REQUEST_UNTRUSTED, **about, sender=message.sender)
        return True
    if not isinstance(_cause(failure), _EXPECTED):
        telemetry.fault(failure, **about)
    match content:
        case WakeUp():
            telemetry.record(TelemetryEvent.WAKE_UP_DROPPED, **about)
            return True
        case DeploymentEvent(status=DeploymentStatus.FAILED) if isinstance(failure, RecordedError):
            telemetry.record(TelemetryEvent.LEFT_TO_WATCHER, **about)
            return True
        case Request() if message.receives >= MAX_RECEIVES:
            _give_up(content, failure, services)
            return True
    return False


def _cause(failure: Exception) -> Exception:
    return failure.cause if isinstance(failure, RecordedError) else failure


def _give_up(request: Request, failure: Exception, services: Services) -> None:
    """Answer a request on its last receive, so that it never becomes a dead letter."""
    try:
        give_up(request, failure, services)
    except AwsError as error:
        services.telemetry.fault(error, scope=request.scope, request=request.id)


def _seconds(message: QueueMessage, age: timedelta, draw: Draw, *, busy: bool) -> int:
    """How long the message waits.

    Half the age and 15 s more make the nth wait 15 s * 1.5^n. The age is used because a redrive may keep the count.
    """
    if busy and message.receives <= _BUSY_RECEIVES:
        return round(draw(*_BUSY_WAIT))
    wait = min(_FIRST_WAIT + max(age.total_seconds(), 0) / 2, _LONGEST_WAIT)
    return round(wait * draw(1 - _SPREAD, 1 + _SPREAD))


def _set_wait(message: QueueMessage, seconds: int, services: Services) -> None:
    """Have SQS deliver the message again after some seconds. If that fails, SQS does so after the time-out."""
    try:
        _hide(message, seconds, services)
    except AwsError as error:
        services.telemetry.record(TelemetryEvent.WAIT_NOT_SET, message_id=message.id, why=error)


def _hide(message: QueueMessage, seconds: int, services: Services) -> None:
    with translated("sqs:ChangeMessageVisibility"):
        services.clients.sqs.change_message_visibility(
            QueueUrl=services.runtime.queue_url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds
        )
