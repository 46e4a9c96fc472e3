"""Posting to Slack with the official SDK: an incoming webhook, or a bot that writes to a channel and keeps threads.

The SDK is imported where it is used: most invocations send nothing, and it is the slowest import of the bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medic.alerts.delivery import DeliveryError
from medic.alerts.model import AlertKind
from medic.aws.errors import AwsError, translated

if TYPE_CHECKING:
    from slack_sdk.http_retry.handler import RetryHandler
    from slack_sdk.http_retry.response import HttpResponse
    from types_boto3_secretsmanager import SecretsManagerClient

    from medic.alerts.model import Alert
    from medic.slack_settings import Slack, SlackChannel

_OK = 200
_SECONDS = 5
"""To connect, and to answer."""
_LONGEST_WAIT = 10
"""Seconds that are waited out when Slack asks for patience; for more, the alert is owed and sent later."""
_NOT_THESE_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"})
_NO_SUCH_THREAD = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message", "channel_not_found"})
_SHOWN_IN_THE_CHANNEL_TOO = frozenset(
    {AlertKind.PROPOSED, AlertKind.NOT_HELPED, AlertKind.OUTCOME_UNKNOWN, AlertKind.REFUSED}
)


@dataclass(frozen=True)
class SlackPost:
    """Slack: the default place and every named one, a receipt for all of them together."""

    secrets: Callable[[], SecretsManagerClient]
    settings: Slack
    api_url: str = "https://slack.com/api/"
    name: str = "slack"

    @property
    def routes(self) -> tuple[str | None, ...]:
        """The default place and the named ones."""
        return (None, *self.settings.channels)

    def send(self, alert: Alert, thread: str | None) -> str | None:
        """Post the alert where its channel's name says, or in the thread of the incident's first one."""
        place, note = self._place(alert.channel)
        if place.webhook_secret is not None:
            self._to_webhook(alert, place.webhook_secret, note)
            return None
        return self._to_channel(alert, place.channel or "", thread, note)

    def _place(self, name: str | None) -> tuple[SlackChannel, str]:
        """Where to post, and what has to be said about that."""
        default = self.settings.default
        if name is not None and name in self.settings.channels:
            return self.settings.channels[name], ""
        if default is None:
            raise DeliveryError("the settings name no default place for Slack: set slack.webhook_secret or channel")
        if name is None:
            return default, ""
        return default, f"This is here because the settings know no channel “{name[:64]}” (tag amplify-medic:channel)."

    def _to_webhook(self, alert: Alert, secret: str, note: str) -> None:
        from slack_sdk.webhook import WebhookClient  # noqa: PLC0415

        from medic.alerts.slack import fallback, render_slack  # noqa: PLC0415

        client = WebhookClient(self._secret(secret), timeout=_SECONDS, retry_handlers=_patience())
        try:
            answer = client.send_dict(render_slack(alert, note=note))
            if answer.status_code != _OK and answer.body.strip() in _NOT_THESE_BLOCKS:
                answer = client.send_dict({"text": fallback(alert), "mrkdwn": False})
        except (OSError, ValueError) as error:  # a URL that is none is a ValueError which repeats it
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None
        if answer.status_code != _OK:
            raise DeliveryError(f"Slack answered HTTP {answer.status_code}: {answer.body[:200]}")

    def _to_channel(self, alert: Alert, channel: str, thread: str | None, note: str) -> str:
        from medic.alerts.slack import fallback, render_slack  # noqa: PLC0415

        message = render_slack(alert, buttons=self.settings.takes_approvals, note=note)
        known_channel, _, timestamp = (thread or "").partition("/")
        where: dict[str, object] = {"channel": channel}
        if timestamp:
            where = {"channel": known_channel, "thread_ts": timestamp, "reply_broadcast": _calls_for_eyes(alert)}
        try:
            return self._post({**where, **message})
        except RefusedError as refusal:
            if refusal.code in _NOT_THESE_BLOCKS:
                return self._post({**where, "text": fallback(alert), "mrkdwn": False})
            if timestamp and refusal.code in _NO_SUCH_THREAD:
                # Somebody deleted the first alert: better a second one than none.
                return self._post({"channel": channel, **message})
            raise

    def _post(self, message: dict[str, object]) -> str:
        """Post with the bot's token; returns the thread that answers go into."""
        from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415
        from slack_sdk.web import WebClient  # noqa: PLC0415

        token = self._secret(self.settings.bot_token_secret or "")
        client = WebClient(token, base_url=self.api_url, timeout=_SECONDS, retry_handlers=_patience())
        try:
            answer = client.api_call("chat.postMessage", json=message)
        except SlackApiError as error:
            raise RefusedError(str(error.response.get("error") or f"HTTP {error.response.status_code}")) from None
        except (OSError, ValueError, SlackClientError) as error:
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None
        return f"{answer['channel']}/{message.get('thread_ts') or answer['ts']}"

    def _secret(self, secret: str) -> str:
        try:
            with translated("secretsmanager:GetSecretValue"):
                return self.secrets().get_secret_value(SecretId=secret)["SecretString"].strip()
        except AwsError as error:
            raise DeliveryError(f"the secret {secret} for Slack could not be read: {error}") from error


class RefusedError(DeliveryError):
    """Slack understood and said no; `code` is its word for why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"Slack refused the message: {code[:200]}")


def _calls_for_eyes(alert: Alert) -> bool:
    """True for what asks something of somebody: nobody reads on in a thread that they take for finished."""
    return alert.kind in _SHOWN_IN_THE_CHANNEL_TOO


def _patience() -> list[RetryHandler]:
    """What is tried once more at once: a lost connection, a server's fault, and a short wait that Slack asks for."""
    from slack_sdk.http_retry.builtin_handlers import (  # noqa: PLC0415
        ConnectionErrorRetryHandler,
        RateLimitErrorRetryHandler,
        ServerErrorRetryHandler,
    )

    class ShortWaits(RateLimitErrorRetryHandler):
        """The SDK waits however long Slack says; the function has 90 seconds for everything."""

        def _can_retry(self, *, response: HttpResponse | None = None, **others: Any) -> bool:  # noqa: ANN401 - the SDK's
            if not super()._can_retry(response=response, **others) or response is None:
                return False
            asked = next((values for name, values in response.headers.items() if name.lower() == "retry-after"), ["1"])
            return asked[0].isdigit() and int(asked[0]) <= _LONGEST_WAIT

    return [ConnectionErrorRetryHandler(), ServerErrorRetryHandler(), ShortWaits()]
