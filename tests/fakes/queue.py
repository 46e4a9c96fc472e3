"""An SQS standard queue with a dead-letter queue, on a test's clock.

It offers the operations of boto3's client that the bot calls, and `poll`, which does what a Lambda event source
mapping with one message a batch does.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.fakes.sqs_batch import OPERATOR_ROLE_ID, SLACK_ROLE_ID, sqs_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/medic"
OPERATOR = f"{OPERATOR_ROLE_ID}:medic-ada"
SLACK = f"{SLACK_ROLE_ID}:medic-slack"
AWS = "AIDAEVENTBRIDGE"
"""The sender of events, and of everything whose sender does not matter."""
_VISIBILITY = timedelta(seconds=540)
_MAX_RECEIVES = 30


@dataclass
class Waiting:
    """A message in the queue."""

    number: int
    body: str
    sender: str
    sent_at: datetime
    visible_at: datetime
    receives: int = 0

    @property
    def event(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def receipt(self) -> str:
        return f"receipt-{self.number}-{self.receives}"


@dataclass
class FakeQueue:
    """The queue.

    Attributes:
        now: the clock.
        waiting: the messages that are not deleted, in the order in which they were sent.
        dead_letters: the bodies of the messages that were received too often.
        waits: message number → the waits that were set, in seconds.
    """

    now: Callable[[], datetime]
    waiting: list[Waiting] = field(default_factory=list)
    dead_letters: list[Any] = field(default_factory=list)
    waits: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _sent: int = 0

    def send(self, event: Mapping[str, Any] | str, sender: str = AWS, *, after: float = 0.0) -> Waiting:
        """Send a message. It becomes visible after some seconds."""
        self._sent += 1
        body = event if isinstance(event, str) else json.dumps(event)
        now = self.now()
        message = Waiting(self._sent, body, sender, now, now + timedelta(seconds=after))
        self.waiting.append(message)
        return message

    @property
    def next_at(self) -> datetime | None:
        """When the next message becomes visible."""
        return min((message.visible_at for message in self.waiting), default=None)

    def visible(self) -> Waiting | None:
        """The message that is visible for longest."""
        ready = [message for message in self.waiting if message.visible_at <= self.now()]
        return min(ready, key=lambda message: (message.visible_at, message.number), default=None)

    def poll(self, handler: Callable[[Any], Any], message: Waiting | None = None) -> bool:
        """Receive a message, have it handled, and delete it unless the handler reports a failure.

        Without a choice, it is the one that is visible for longest. If the handler raises, the message stays hidden
        until the visibility time-out.

        Returns:
            True if a message was handled.
        """
        message = message or self.visible()
        if message is None:
            return False
        if message.receives == _MAX_RECEIVES:
            self.waiting.remove(message)
            self.dead_letters.append(message.event)
            return True
        message.receives += 1
        message.visible_at = self.now() + _VISIBILITY
        record = sqs_record(
            message.body, message.sent_at, sender=message.sender, receives=message.receives, number=message.number
        )
        answer = handler({"Records": [record]})
        kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        if record["messageId"] not in kept and message in self.waiting:
            self.waiting.remove(message)
        return True

    def redrive(self) -> None:
        """Send every dead letter again, as StartMessageMoveTask does."""
        while self.dead_letters:
            self.send(self.dead_letters.pop(0))

    # The operations of boto3's client.

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:  # noqa: N803
        self._check(QueueUrl)
        return {"MessageId": f"message-{self.send(MessageBody).number}"}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self._check(QueueUrl)
        for entry in Entries:
            self.send(entry["MessageBody"])
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        ReceiptHandle: str,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
    ) -> dict[str, Any]:
        self._check(QueueUrl)
        message = next((each for each in self.waiting if each.receipt == ReceiptHandle), None)
        if message is None:
            raise ClientError(
                {"Error": {"Code": "ReceiptHandleIsInvalid", "Message": "The receipt handle is not valid."}},
                "ChangeMessageVisibility",
            )
        message.visible_at = self.now() + timedelta(seconds=VisibilityTimeout)
        self.waits[message.number].append(VisibilityTimeout)
        return {}

    def _check(self, queue_url: str) -> None:
        if queue_url != URL:
            raise AssertionError(f"{queue_url} is not the remediator's queue")
