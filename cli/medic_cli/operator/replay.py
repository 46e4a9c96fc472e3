"""`medic replay-dlq`: re-send events from the two dead-letter queues, each with its own message format."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from medic.aws.clients import READING
from medic.aws.errors import AwsError, DeniedError, translated
from medic.redaction import redact
from medic_cli.aws import explained
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.operator.output import OperatorOptions, operator_options
from medic_cli.options import change_options, examples
from medic_cli.output import confirmed, print_json, shown, terminal

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from medic_cli.answers import ReplayAnswer
    from medic_cli.operator.bot import BotClient

_MAX_BATCH = 10
"""SQS returns at most this many messages in one call."""
_VISIBILITY_TIMEOUT = 60
"""Seconds for which SQS hides a message that is being replayed from other readers."""


class DeadLetterQueue(StrEnum):
    UNDELIVERED = "undelivered"
    """Events that EventBridge could not deliver, unchanged."""
    FAILED_RUNS = "failed-runs"
    """Lambda's records of runs that failed every time, with the event in `requestPayload`."""

    @property
    def output(self) -> str:
        """The stack output that holds the queue's URL."""
        return {"undelivered": "UndeliveredEventsQueueUrl", "failed-runs": "FailedRunsQueueUrl"}[self]


class UnknownFormatError(ValueError):
    """The message can't be sent to the remediator. The text says why, and repeats nothing of the message."""


@dataclass(frozen=True, slots=True)
class ReplayedMessage:
    """What happened to one message."""

    queue: DeadLetterQueue
    id: str
    what: str
    """A short description of the event."""
    replayed: bool
    why: str = ""
    """Why it was left in the queue."""


def event_in(body: str) -> Mapping[str, object]:
    """The event in a queued message of either format.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html,
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

    Raises:
        UnknownFormatError: the message contains no event.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise UnknownFormatError("it is not JSON") from None
    if not isinstance(event, Mapping):
        raise UnknownFormatError(f"it is {type(event).__name__}, not an object")
    if "requestPayload" in event and "requestContext" in event:
        event = event["requestPayload"]
    if not isinstance(event, Mapping) or not isinstance(event.get("detail-type"), str):
        raise UnknownFormatError("it is neither an event nor Lambda's record of a failed run")
    return event


def describe(event: Mapping[str, object]) -> str:
    """The event's type, app, branch, job, status and time, without secrets and of bounded length."""
    detail = event.get("detail")
    fields = detail if isinstance(detail, Mapping) else {}
    about = [str(fields[key])[:64] for key in ("appId", "branchName", "jobId", "jobStatus") if key in fields]
    when = event.get("time")
    return redact(" ".join([str(event.get("detail-type"))[:64], *about, str(when)[:32] if when else ""]).strip())


@dataclass(frozen=True)
class Replayer:
    """Re-sends the messages of one stack's queues."""

    bot: BotClient

    def waiting(self, queue: DeadLetterQueue) -> int:
        """The approximate number of messages in a queue.

        Raises:
            AwsError: the queue could not be read.
        """
        with translated("sqs:GetQueueAttributes"):
            answer = self._sqs.get_queue_attributes(
                QueueUrl=self._url(queue), AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def replay(self, queue: DeadLetterQueue, most: int, *, dry_run: bool) -> Iterator[ReplayedMessage]:
        """Send each message to the remediator, and delete it once Lambda has accepted it.

        Args:
            queue: the queue.
            most: how many messages to read at most.
            dry_run: only read the messages; they stay visible to other readers.

        Raises:
            DeniedError: a permission is missing.
            AwsError: the queue could not be read.
        """
        seen: set[str] = set()
        while len(seen) < most:
            # With `dry_run` messages stay visible and are received again. A batch of known messages ends the loop.
            batch = [m for m in self._receive(queue, most - len(seen), dry_run=dry_run) if m["MessageId"] not in seen]
            if not batch:
                return
            seen.update(message["MessageId"] for message in batch)
            yield from (self._replay_one(queue, message, dry_run=dry_run) for message in batch)

    def _receive(self, queue: DeadLetterQueue, most: int, *, dry_run: bool) -> list[MessageTypeDef]:
        with translated("sqs:ReceiveMessage"):
            answer = self._sqs.receive_message(
                QueueUrl=self._url(queue),
                MaxNumberOfMessages=min(most, _MAX_BATCH),
                VisibilityTimeout=0 if dry_run else _VISIBILITY_TIMEOUT,
                WaitTimeSeconds=1,  # long polling asks every server of the queue; a short poll may miss messages
            )
        return answer.get("Messages", [])

    def _replay_one(self, queue: DeadLetterQueue, message: MessageTypeDef, *, dry_run: bool) -> ReplayedMessage:
        id_ = message["MessageId"]
        try:
            event = event_in(message["Body"])
        except UnknownFormatError as error:
            return ReplayedMessage(queue, id_, "unknown", replayed=False, why=str(error))
        what = describe(event)
        if dry_run:
            return ReplayedMessage(queue, id_, what, replayed=False, why="--dry-run")
        try:
            self.bot.invoke(event)
        except DeniedError:
            raise  # it would fail for every message
        except AwsError as error:
            return ReplayedMessage(queue, id_, what, replayed=False, why=redact(str(error)))
        with translated("sqs:DeleteMessage"):
            self._sqs.delete_message(QueueUrl=self._url(queue), ReceiptHandle=message["ReceiptHandle"])
        return ReplayedMessage(queue, id_, what, replayed=True)

    def _url(self, queue: DeadLetterQueue) -> str:
        return self.bot.stack.output(queue.output)

    @cached_property
    def _sqs(self) -> SQSClient:
        return self.bot.gateways.session.client("sqs", config=READING)


_EXAMPLES = examples(
    "medic replay-dlq --dry-run",
    "medic replay-dlq --queue failed-runs --max 10",
    "medic replay-dlq --yes --json",
)


@click.command("replay-dlq", epilog=_EXAMPLES)
@click.option("--queue", type=click.Choice([queue.value for queue in DeadLetterQueue]), help="Only this queue.")
@click.option("--max", "most", type=click.IntRange(1, 10_000), default=100, show_default=True,
              help="How many messages of each queue to replay at most.")  # fmt: skip
@change_options
@operator_options
def command(*, queue: str | None, most: int, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Re-send failed events to the remediator. Events that were already handled are skipped.

    A message is deleted once Lambda has accepted it. A message in an unknown format stays in the queue and is listed.

    Exits with 0 if no message was left, 1 if one was left or you say no, 2 on wrong usage, 3 if it could not look.
    """
    chosen = OperatorOptions(**options)
    queues = [DeadLetterQueue(queue)] if queue else list(DeadLetterQueue)
    with explained():
        replayer = Replayer(chosen.bot())
        waiting = {each: replayer.waiting(each) for each in queues}
        counts = ", ".join(f"{number} in {each}" for each, number in waiting.items())
        wanted = chosen.dry_run or not any(waiting.values()) or confirmed(f"Replay {counts}?", yes=chosen.yes)
        messages = [m for each in queues for m in replayer.replay(each, most, dry_run=chosen.dry_run)] if wanted else []
    if chosen.as_json:
        answer: ReplayAnswer = {
            "schema": 1,
            "waiting": {each.value: number for each, number in waiting.items()},
            "messages": [
                {"queue": m.queue.value, "id": m.id, "what": m.what, "replayed": m.replayed, "why": m.why or None}
                for m in messages
            ],
        }
        print_json(answer)
    else:
        _print(messages, counts)
    left = [each for each in messages if not each.replayed]
    sys.exit(SOMETHING_WRONG if not wanted or (left and not chosen.dry_run) else 0)


def _print(messages: list[ReplayedMessage], counts: str) -> None:
    console = terminal()
    console.print(shown(f"Waiting: {counts}.", "dim"))
    for each in messages:
        sign, style = ("✓ replayed", "green") if each.replayed else ("– left", "yellow")
        console.print(shown(f"{sign}  {each.queue} {each.id}  {each.what}  {each.why}".rstrip(), style))
