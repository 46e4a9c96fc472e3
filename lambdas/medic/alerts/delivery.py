"""Sending alerts: every channel on its own, what was delivered recorded, what failed raised for another try."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from medic.alerts.text import render_text, subject
from medic.aws.errors import AwsError, translated

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient

    from medic.alerts.model import Alert
    from medic.settings import Slack


class DeliveryError(Exception):
    """A channel did not take an alert; the message says which and why, never the webhook's URL."""


class Channel(Protocol):
    """Something that takes alerts."""

    @property
    def name(self) -> str:
        """The channel's name in receipts and logs."""
        ...

    def send(self, alert: Alert) -> None:
        """Deliver the alert.

        Raises:
            DeliveryError: the channel did not take it.
        """
        ...


@dataclass(frozen=True)
class SnsTopic:
    """The stack's alert topic: e-mail, queues, anything that subscribes."""

    client: Callable[[], SNSClient]
    topic_arn: str
    name: str = "sns"

    def send(self, alert: Alert) -> None:
        """Publish the alert as text, with its kind and incident as message attributes to filter on."""
        try:
            with translated("sns:Publish"):
                self.client().publish(
                    TopicArn=self.topic_arn,
                    Subject=subject(alert),
                    Message=render_text(alert),
                    MessageAttributes={
                        "kind": {"DataType": "String", "StringValue": alert.kind},
                        "incident": {"DataType": "String", "StringValue": alert.incident_id},
                    },
                )
        except AwsError as error:
            raise DeliveryError(f"SNS did not take the alert: {error}") from error


@dataclass(frozen=True)
class SlackWebhook:
    """A Slack incoming webhook whose URL is a secret."""

    secrets: Callable[[], SecretsManagerClient]
    settings: Slack
    name: str = "slack"

    def send(self, alert: Alert) -> None:
        """Post the alert to its named channel, or the default one."""
        # Imported here: most invocations send nothing, and the SDK is the slowest import of the bundle.
        from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler  # noqa: PLC0415
        from slack_sdk.webhook import WebhookClient  # noqa: PLC0415

        from medic.alerts.slack import render_slack  # noqa: PLC0415

        client = WebhookClient(self._url(alert.channel), timeout=5)
        client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
        try:
            answer = client.send_dict(render_slack(alert))
        except OSError as error:
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None
        if answer.status_code != 200:  # noqa: PLR2004 - HTTP OK
            raise DeliveryError(f"Slack answered HTTP {answer.status_code}: {answer.body[:200]}")

    def _url(self, channel: str | None) -> str:
        secret = self.settings.channels.get(channel or "", self.settings.webhook_secret)
        if secret is None:
            raise DeliveryError("no Slack webhook is set for this channel, and there is no default one")
        try:
            with translated("secretsmanager:GetSecretValue"):
                return self.secrets().get_secret_value(SecretId=secret)["SecretString"].strip()
        except AwsError as error:
            raise DeliveryError(f"the Slack webhook's secret could not be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one alert on every channel."""

    receipts: tuple[str, ...]
    failures: tuple[str, ...]
    lacking: tuple[str, ...]
    """The names of the channels that did not take it."""


def deliver(alert: Alert, channels: Collection[Channel], already: Collection[str], occasion: str) -> Delivery:
    """Send an alert on every channel that has not had it yet; one channel failing never stops another.

    Args:
        alert: what to send.
        channels: where to.
        already: receipts of earlier tries.
        occasion: what tells this alert from others of the same incident: `report:7`, `resolved:8`.
    """
    receipts, failures, lacking = [], [], []
    for channel in channels:
        receipt = f"{occasion}/{channel.name}"
        if receipt in already:
            continue
        try:
            channel.send(alert)
        except DeliveryError as error:
            failures.append(f"{channel.name}: {error}")
            lacking.append(channel.name)
        else:
            receipts.append(receipt)
    return Delivery(tuple(receipts), tuple(failures), tuple(lacking))
