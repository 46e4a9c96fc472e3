"""The stack's alert topic: e-mail, queues, Amazon Q Developer in chat applications, anything that subscribes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

from medic.alerts.amazon_q import envelope
from medic.alerts.delivery import DeliveryError
from medic.alerts.text import bounded, render_text, subject
from medic.aws.errors import AwsError, translated

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from medic.alerts.model import Alert


_MOST_BYTES_OF_TEXT = 60_000
"""As JSON, a byte of a character outside ASCII takes up to three, and SNS takes 256 KiB altogether."""


class _Message(TypedDict):
    Message: str
    MessageStructure: NotRequired[str]


@dataclass(frozen=True)
class SnsTopic:
    """The topic. With `amazon_q`, e-mail gets the text and every other protocol the envelope that Amazon Q asks for."""

    client: Callable[[], SNSClient]
    topic_arn: str
    amazon_q: bool = False
    name: str = "sns"
    routes: tuple[str | None, ...] = (None,)

    def send(self, alert: Alert, thread: str | None) -> str | None:  # noqa: ARG002 - e-mail has no threads
        """Publish the alert, with its kind and incident as message attributes to filter on."""
        try:
            with translated("sns:Publish"):
                self.client().publish(
                    TopicArn=self.topic_arn,
                    Subject=subject(alert),
                    MessageAttributes={
                        "kind": {"DataType": "String", "StringValue": alert.kind},
                        "incident": {"DataType": "String", "StringValue": alert.incident_id},
                    },
                    **self._message(alert),
                )
        except AwsError as error:
            raise DeliveryError(f"SNS did not take the alert: {error}") from error
        return None

    def _message(self, alert: Alert) -> _Message:
        if not self.amazon_q:
            return {"Message": render_text(alert)}
        # https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
        text = bounded(render_text(alert), _MOST_BYTES_OF_TEXT)
        return {"Message": json.dumps({"default": envelope(alert), "email": text}), "MessageStructure": "json"}
