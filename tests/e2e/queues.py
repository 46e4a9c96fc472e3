"""The remediator's queue of a deployed stack, and its dead-letter queue."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from demo.stage import Stage

_COUNTS = tuple(f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed"))


@dataclass(frozen=True, slots=True)
class Queues:
    stage: Stage

    def send(self, message: object, credentials: Mapping[str, str] | None = None) -> None:
        """Put a message into the queue, as the account's root or with these credentials."""
        sqs = self.stage.cloud.client("sqs", credentials)
        sqs.send_message(QueueUrl=self.stage.outputs["QueueUrl"], MessageBody=json.dumps(message))

    def count(self, output: str = "QueueUrl") -> int:
        """The messages of a queue, also those that are hidden at the moment. `output` holds the queue's URL."""
        asked = self._sqs.get_queue_attributes(QueueUrl=self.stage.outputs[output], AttributeNames=["All"])
        return sum(int(asked["Attributes"][name]) for name in _COUNTS)

    def wait_until_empty(self) -> None:
        self.stage.wait_for("the end of the last message", lambda: self.count() == 0 or None)

    def dead_letters(self) -> list[Any]:
        """The messages of the dead-letter queue, parsed. They stay there."""
        received = self._sqs.receive_message(
            QueueUrl=self.stage.outputs["DeadLettersUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [json.loads(message["Body"]) for message in received.get("Messages", [])]

    @contextmanager
    def changed(self, *, visibility: int | None = None, receives: int | None = None) -> Iterator[None]:
        """Meanwhile, hide a message for fewer seconds after a lost run, or move it after fewer receives."""
        url = self.stage.outputs["QueueUrl"]
        before = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        redrive = json.loads(before["RedrivePolicy"])
        self._sqs.set_queue_attributes(
            QueueUrl=url,
            Attributes={
                "VisibilityTimeout": str(visibility or before["VisibilityTimeout"]),
                "RedrivePolicy": json.dumps({**redrive, "maxReceiveCount": receives or redrive["maxReceiveCount"]}),
            },
        )
        try:
            yield
        finally:
            kept = {name: before[name] for name in ("VisibilityTimeout", "RedrivePolicy")}
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes=kept)

    @property
    def _sqs(self) -> Any:
        return self.stage.cloud.client("sqs")
