"""The remediator's queue: what happens to a message once its flow has ended or failed.

A message is kept until the table holds what it told. From then on the table's due times are the only clock, and the
message is deleted. It may come twice, because the table knows what was done.

Nothing is raised for a message. After an error Lambda would poll the queue less often, and the message would wait for
the whole visibility time-out: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from medic import pipeline
from medic.aws.errors import AwsError, RetryableError, translated
from medic.events import (
    DeploymentEvent,
    DeploymentStatus,
    MalformedEventError,
    RuntimeWakeUp,
    WakeUp,
    parse_event,
    parse_test_alert,
)
from medic.flows.locked_branch import RecordedError, UndeliveredError
from medic.incidents.table import BusyError, LeaseLostError
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from medic.events import Event
    from medic.services import Services

    Draw = Callable[[float, float], float]
    """Returns a random number between two numbers."""

_FIRST_WAIT, _LONGEST_WAIT = 15.0, 900.0
_SPREAD = 0.2
"""The share by which waits differ, so that the messages of one outage do not come back all at once."""
_BUSY_WAIT = (5.0, 20.0)
"""The shortest and the longest wait for a lease. Few runs take longer."""
_BUSY_RECEIVES = 10
"""After so many receives, a message that waits for a lease waits like any other."""
_WAKE_UP_VALID_FOR = timedelta(minutes=3)
"""The watcher looks every minute, so there is a newer wake-up by then."""
_BUSY = (BusyError, LeaseLostError)
_EXPECTED = (RetryableError, UndeliveredError, *_BUSY)
"""Any other error is a fault of the bot, or a missing permission."""


@dataclass(frozen=True, slots=True)
class QueueMessage:
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
        region = parse_test_alert(event, account=runtime.account, region=runtime.region, partition=runtime.partition)
    except MalformedEventError as error:
        services.telemetry.record(TelemetryEvent.EVENT_MALFORMED, why=error)
        return None
    return pipeline.send_test_alerts(region, services)


def _handle(message: QueueMessage, services: Services, draw: Draw) -> bool:
    """Handle one message. Returns True if it is to be deleted."""
    telemetry, age = services.telemetry, services.clock() - message.sent_at
    try:
        trigger = _parsed(message.body, services)
    except MalformedEventError as error:
        telemetry.record(TelemetryEvent.EVENT_MALFORMED, why=error)
        return True
    is_wake_up = isinstance(trigger, WakeUp | RuntimeWakeUp)
    if is_wake_up and age > _WAKE_UP_VALID_FOR:
        telemetry.record(TelemetryEvent.WAKE_UP_DROPPED, scope=trigger.scope, why=f"it is {age} old")
        return True
    failure = _run(trigger, services)
    if failure is None:
        return True
    about = {"scope": trigger.scope, "why": failure, "message_id": message.id}
    cause = failure.__cause__ if isinstance(failure, RecordedError) else failure
    if not isinstance(cause, _EXPECTED):
        telemetry.fault(failure, **about)
    if is_wake_up:
        telemetry.record(TelemetryEvent.WAKE_UP_DROPPED, **about)
        return True
    if _is_recorded(trigger, failure):
        telemetry.record(TelemetryEvent.LEFT_TO_WATCHER, **about)
        return True
    _wait(message, _seconds(message, age, draw, busy=isinstance(cause, _BUSY)), services)
    telemetry.retried(age, **about, receives=message.receives)
    return False


def _parsed(body: str, services: Services) -> Event:
    runtime = services.runtime
    try:
        event = json.loads(body)
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedEventError(f"the message is not JSON: {error}") from None
    return parse_event(event, account=runtime.account, region=runtime.region, partition=runtime.partition)


def _run(trigger: Event, services: Services) -> Exception | None:
    """Run the flow of a message. Returns the exception that ended it."""
    try:
        pipeline.run(trigger, services)
    except Exception as error:  # noqa: BLE001 - the caller logs it, and SQS delivers the message again
        return error
    return None


def _is_recorded(trigger: Event, failure: Exception) -> bool:
    """True if the table holds what the message told, so that the watcher's wake-ups lead to what is left.

    A failed job is recorded as soon as its incident is. That a job succeeded or was cancelled is recorded only once
    every incident that waits for it has changed.
    """
    failed = isinstance(trigger, DeploymentEvent) and trigger.status is DeploymentStatus.FAILED
    return isinstance(failure, UndeliveredError) or (failed and isinstance(failure, RecordedError))


def _seconds(message: QueueMessage, age: timedelta, draw: Draw, *, busy: bool) -> int:
    """How long the message waits.

    Half the age and 15 s more make the nth wait 15 s * 1.5^n. The age is used because a redrive may keep the count.
    """
    if busy and message.receives <= _BUSY_RECEIVES:
        return round(draw(*_BUSY_WAIT))
    wait = min(_FIRST_WAIT + max(age.total_seconds(), 0) / 2, _LONGEST_WAIT)
    return round(wait * draw(1 - _SPREAD, 1 + _SPREAD))


def _wait(message: QueueMessage, seconds: int, services: Services) -> None:
    """Let the queue deliver the message again after some seconds. If that fails, it does after its time-out."""
    queue_url, sqs = services.runtime.queue_url, services.clients.sqs
    try:
        with translated("sqs:ChangeMessageVisibility"):
            sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds)
    except AwsError as error:
        services.telemetry.record(TelemetryEvent.WAIT_NOT_SET, message_id=message.id, why=error)
