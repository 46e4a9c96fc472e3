"""Receives the notifications of a topic through its own queue."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class QueueInbox:
    """The messages of a queue. Each is returned once."""

    sqs: SQSClient
    queue_url: str

    @classmethod
    def create(cls, sqs: SQSClient, name: str) -> Self:
        return cls(sqs, sqs.create_queue(QueueName=name)["QueueUrl"])

    @property
    def queue_arn(self) -> str:
        """The ARN of the queue, for the target of a rule or a destination."""
        asked = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])
        return asked["Attributes"]["QueueArn"]

    def take(self) -> list[Any]:
        """Receive and delete the messages that are in the queue now, parsed as JSON."""
        taken = []
        received = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        for message in received:
            taken.append(json.loads(message["Body"]))
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def wait_for(self, wanted: Callable[[Any], bool], seconds: float = 30.0) -> Any:
        """Wait for the first message that is wanted, and drop the messages before it.

        Raises:
            TimeoutError: No such message came in time.
        """
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            for message in self.take():
                if wanted(message):
                    return message
            time.sleep(0.05)
        msg = f"No such message in {self.queue_url} within {seconds} s"
        raise TimeoutError(msg)


@dataclass(frozen=True, slots=True)
class SnsInbox:
    """The notifications of a topic."""

    inbox: QueueInbox

    @classmethod
    def subscribe(cls, sns: SNSClient, sqs: SQSClient, topic_arn: str, name: str = "sns-inbox") -> Self:
        """Subscribe a new queue to the topic."""
        inbox = QueueInbox.create(sqs, name)
        queue = inbox.queue_arn
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=inbox.queue_url, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue)
        return cls(inbox)

    def take(self) -> list[Mapping[str, Any]]:
        """The notifications that are there now, with members such as `Subject`, `Message` and `MessageAttributes`."""
        return self.inbox.take()
