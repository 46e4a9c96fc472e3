"""What could not be handled, handed to the remediator again: kept in two queues, in two shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from medic.aws.errors import AwsError, DeniedError, translated
from medic.aws.sessions import READING
from medic.redaction import redact

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from medic_cli.json_types import JsonObject
    from medic_cli.operator.desk import Desk

_AT_ONCE = 10
"""The most that SQS hands out in one call."""
_OUT_OF_SIGHT = 60
"""Seconds in which a message that is being replayed is handed to nobody else."""


class KeptQueue(StrEnum):
    """The queues that keep what failed."""

    UNDELIVERED = "undelivered"
    """Events that EventBridge could not deliver, as it would have delivered them."""
    FAILED_RUNS = "failed-runs"
    """Lambda's records of runs that failed every time, with the event in `requestPayload`."""

    @property
    def output(self) -> str:
        """The stack's output that names it."""
        return {"undelivered": "UndeliveredEventsQueueUrl", "failed-runs": "FailedRunsQueueUrl"}[self]


class UnknownShapeError(ValueError):
    """The message is none that the remediator could be given; the text says why, and nothing of what it holds."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of one message."""

    queue: KeptQueue
    id: str
    what: str
    """What it is about, in a few words."""
    replayed: bool
    why: str = ""
    """Why it was left where it is."""

    def as_json(self) -> JsonObject:
        """For machines; see docs/schemas/replay-dlq.schema.json."""
        return {
            "queue": self.queue.value,
            "id": self.id,
            "what": self.what,
            "replayed": self.replayed,
            "why": self.why or None,
        }


def message_in(body: str) -> Mapping[str, object]:
    """The message for the remediator in a kept one, of either shape.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html,
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

    Raises:
        UnknownShapeError: there is none in it.
    """
    try:
        kept = json.loads(body)
    except (ValueError, RecursionError):
        raise UnknownShapeError("it is not JSON") from None
    if not isinstance(kept, Mapping):
        raise UnknownShapeError(f"it is {type(kept).__name__}, not an object")
    if "requestPayload" in kept and "requestContext" in kept:
        kept = kept["requestPayload"]
    if not isinstance(kept, Mapping) or not isinstance(kept.get("detail-type"), str):
        raise UnknownShapeError("it is neither an event nor Lambda's record of a failed run")
    return kept


def in_words(message: Mapping[str, object]) -> str:
    """What a message is about."""
    detail = message.get("detail")
    named = detail if isinstance(detail, Mapping) else {}
    about = [str(named[key])[:64] for key in ("appId", "branchName", "jobId", "jobStatus") if key in named]
    when = message.get("time")
    return redact(" ".join([str(message.get("detail-type"))[:64], *about, str(when)[:32] if when else ""]).strip())


@dataclass(frozen=True)
class Replayer:
    """Works through the queues of one stack."""

    desk: Desk

    def waiting(self, queue: KeptQueue) -> int:
        """About how many messages a queue keeps.

        Raises:
            AwsError: the queue could not be asked.
        """
        with translated("sqs:GetQueueAttributes"):
            answer = self._sqs.get_queue_attributes(
                QueueUrl=self._url(queue), AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def replay(self, queue: KeptQueue, most: int, *, dry_run: bool) -> Iterator[Handled]:
        """Hand each message to the remediator, and delete it once Lambda has taken it.

        Args:
            queue: where they are kept.
            most: how many to work on.
            dry_run: look at them only; they stay for whoever comes next.

        Raises:
            DeniedError: a right lacks.
            AwsError: the queue could not be read.
        """
        seen: set[str] = set()
        while len(seen) < most:
            batch = [m for m in self._receive(queue, most - len(seen), dry_run=dry_run) if m["MessageId"] not in seen]
            if not batch:
                return
            seen.update(message["MessageId"] for message in batch)
            yield from (self._handle(queue, message, dry_run=dry_run) for message in batch)

    def _receive(self, queue: KeptQueue, most: int, *, dry_run: bool) -> list[MessageTypeDef]:
        with translated("sqs:ReceiveMessage"):
            answer = self._sqs.receive_message(
                QueueUrl=self._url(queue),
                MaxNumberOfMessages=min(most, _AT_ONCE),
                VisibilityTimeout=0 if dry_run else _OUT_OF_SIGHT,
                WaitTimeSeconds=1,  # asks every server of the queue: a short poll may overlook messages
            )
        return answer.get("Messages", [])

    def _handle(self, queue: KeptQueue, kept: MessageTypeDef, *, dry_run: bool) -> Handled:
        id_ = kept["MessageId"]
        try:
            message = message_in(kept["Body"])
        except UnknownShapeError as unknown:
            return Handled(queue, id_, "unknown", replayed=False, why=str(unknown))
        what = in_words(message)
        if dry_run:
            return Handled(queue, id_, what, replayed=False, why="--dry-run")
        try:
            self.desk.invoke(message)
        except DeniedError:
            raise
        except AwsError as error:
            return Handled(queue, id_, what, replayed=False, why=redact(str(error)))
        with translated("sqs:DeleteMessage"):
            self._sqs.delete_message(QueueUrl=self._url(queue), ReceiptHandle=kept["ReceiptHandle"])
        return Handled(queue, id_, what, replayed=True)

    def _url(self, queue: KeptQueue) -> str:
        return self.desk.stack.output(queue.output)

    @cached_property
    def _sqs(self) -> SQSClient:
        return self.desk.operator.session.client("sqs", config=READING)
