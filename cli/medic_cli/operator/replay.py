"""What could not be handled, handed to the remediator again: kept in two queues, in two shapes."""

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
from medic_cli.operator.output import Chosen, operator_options
from medic_cli.options import change_options, examples
from medic_cli.output import agreed, shown, terminal

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from medic_cli.operator.bot import BotClient
    from medic_cli.output import JsonObject

_AT_ONCE = 10
"""The most that SQS hands out in one call."""
_OUT_OF_SIGHT = 60
"""Seconds in which a message that is being replayed is handed to nobody else."""


class DeadLetterQueue(StrEnum):
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

    queue: DeadLetterQueue
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

    bot: BotClient

    def waiting(self, queue: DeadLetterQueue) -> int:
        """About how many messages a queue keeps.

        Raises:
            AwsError: the queue could not be asked.
        """
        with translated("sqs:GetQueueAttributes"):
            answer = self._sqs.get_queue_attributes(
                QueueUrl=self._url(queue), AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def replay(self, queue: DeadLetterQueue, most: int, *, dry_run: bool) -> Iterator[Handled]:
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

    def _receive(self, queue: DeadLetterQueue, most: int, *, dry_run: bool) -> list[MessageTypeDef]:
        with translated("sqs:ReceiveMessage"):
            answer = self._sqs.receive_message(
                QueueUrl=self._url(queue),
                MaxNumberOfMessages=min(most, _AT_ONCE),
                VisibilityTimeout=0 if dry_run else _OUT_OF_SIGHT,
                WaitTimeSeconds=1,  # asks every server of the queue: a short poll may overlook messages
            )
        return answer.get("Messages", [])

    def _handle(self, queue: DeadLetterQueue, kept: MessageTypeDef, *, dry_run: bool) -> Handled:
        id_ = kept["MessageId"]
        try:
            message = message_in(kept["Body"])
        except UnknownShapeError as unknown:
            return Handled(queue, id_, "unknown", replayed=False, why=str(unknown))
        what = in_words(message)
        if dry_run:
            return Handled(queue, id_, what, replayed=False, why="--dry-run")
        try:
            self.bot.invoke(message)
        except DeniedError:
            raise
        except AwsError as error:
            return Handled(queue, id_, what, replayed=False, why=redact(str(error)))
        with translated("sqs:DeleteMessage"):
            self._sqs.delete_message(QueueUrl=self._url(queue), ReceiptHandle=kept["ReceiptHandle"])
        return Handled(queue, id_, what, replayed=True)

    def _url(self, queue: DeadLetterQueue) -> str:
        return self.bot.stack.output(queue.output)

    @cached_property
    def _sqs(self) -> SQSClient:
        return self.bot.operator.session.client("sqs", config=READING)


SCHEMA = 1
_EXAMPLES = examples(
    "medic replay-dlq --dry-run",
    "medic replay-dlq --queue failed-runs --max 10",
    "medic replay-dlq --yes --json",
)


@click.command("replay-dlq", epilog=_EXAMPLES)
@click.option("--queue", type=click.Choice([queue.value for queue in DeadLetterQueue]), help="Only this queue.")
@click.option("--max", "most", type=click.IntRange(1, 10_000), default=100, show_default=True,
              help="The most messages of a queue to replay.")  # fmt: skip
@change_options
@operator_options
def command(*, queue: str | None, most: int, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Hand the remediator again what it never received, or failed on; what was handled already is known and done once.

    A message is deleted once Lambda has taken it. One of an unknown shape is left and named.

    Exits with 0 if nothing had to be left, 1 if something was or you say no, 2 on wrong usage, 3 if it could not look.
    """
    chosen = Chosen(**options)
    queues = [DeadLetterQueue(queue)] if queue else list(DeadLetterQueue)
    with explained():
        replayer = Replayer(chosen.bot())
        waiting = {each: replayer.waiting(each) for each in queues}
        said = ", ".join(f"{number} in {each}" for each, number in waiting.items())
        wanted = chosen.dry_run or not any(waiting.values()) or agreed(f"Replay {said}?", yes=chosen.yes)
        handled = [h for each in queues for h in replayer.replay(each, most, dry_run=chosen.dry_run)] if wanted else []
    if chosen.as_json:
        waited = {each.value: number for each, number in waiting.items()}
        answer = {"schema": SCHEMA, "waiting": waited, "messages": [each.as_json() for each in handled]}
        click.echo(json.dumps(answer, indent=2))
    else:
        _print(handled, said)
    left = [each for each in handled if not each.replayed]
    sys.exit(SOMETHING_WRONG if not wanted or (left and not chosen.dry_run) else 0)


def _print(handled: list[Handled], waiting: str) -> None:
    console = terminal()
    console.print(shown(f"Waiting: {waiting}.", "dim"))
    for each in handled:
        sign, style = ("✓ replayed", "green") if each.replayed else ("– left", "yellow")
        console.print(shown(f"{sign}  {each.queue} {each.id}  {each.what}  {each.why}".rstrip(), style))
