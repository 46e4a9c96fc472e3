"""Posts alerts to Slack, by webhook or bot token, and renders them as blocks within Slack's limits.

All text from outside goes into rich-text elements. Slack shows these literally and parses nothing in them, so no log
line can mention a channel, forge a link or break the formatting, and copied text is exact.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block

Limits: 50 blocks a message, 150 characters a header (https://docs.slack.dev/reference/block-kit/blocks), 2000 in a
button's value (https://docs.slack.dev/reference/block-kit/block-elements/button-element) and, not documented, about
13,200 characters over all blocks (https://github.com/slackapi/bolt-js/issues/2509).
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medic.alerts.delivery import DeliveryError
from medic.alerts.model import AlertKind
from medic.alerts.slack_buttons import APPROVE, BUTTONS, DISMISS, button_value
from medic.alerts.wording import title_with_emoji
from medic.aws.secrets import BOT_TOKEN, WEBHOOK, SecretError, SecretForm, read_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slack_sdk.http_retry.response import HttpResponse
    from types_boto3_secretsmanager import SecretsManagerClient

    from medic.alerts.model import Alert, AlertFix, Approval
    from medic.codec import Json
    from medic.settings import Slack, SlackChannel

_OK = 200
_TIMEOUT_SECONDS = 5
"""For the connection, and for the answer."""
_MAX_RETRY_AFTER_SECONDS = 10
"""The longest wait that Slack may ask for. If it asks for more, the alert is stored and retried later."""
_BLOCK_ERRORS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"})
_THREAD_ERRORS = frozenset(
    {
        "cannot_reply_to_message",
        "channel_not_found",
        "is_archived",
        "message_not_found",
        "not_in_channel",
        "thread_not_found",
    }
)
"""The thread, or its whole channel, is gone."""
_ERROR_CODE = re.compile(r"[a-z_]{1,64}")
"""Anything else is not an answer of Slack, and may repeat the webhook's URL."""
_BROADCAST_KINDS = frozenset({AlertKind.PROPOSED, AlertKind.NOT_HELPED, AlertKind.OUTCOME_UNKNOWN, AlertKind.REFUSED})
"""Kinds that ask somebody to act. Their replies also show in the channel, because nobody rereads a finished thread."""

# Limits, in characters unless stated otherwise. Most leave a margin below Slack's own.
_MAX_HEADER = 150
_MAX_TEXT = 2500
_MAX_VALUE = 200
_MAX_LIST_ITEMS = 8
"""Items in one block."""
_MAX_BUTTON_VALUE = 2000
_MAX_URL = 2000
_MAX_ALL_BLOCKS = 12_600
_MAX_BLOCKS = 40
"""Blocks in one message."""
_MAX_FALLBACK = 3000
_CUT = "Not all of it fits into one message: the e-mail and medic history have the rest."


@dataclass(frozen=True)
class SlackPost:
    """Slack with its default and its named channels. An alert goes to one of them, and they share one receipt."""

    secrets: Callable[[], SecretsManagerClient]
    settings: Slack
    api_url: str = "https://slack.com/api/"
    name: str = "slack"

    @property
    def routes(self) -> tuple[str | None, ...]:
        """The default channel, then the names of the others."""
        return (None, *self.settings.channels)

    def send(self, alert: Alert, thread: str | None) -> str | None:
        """Post the alert to its channel, or into the thread of the incident. A webhook has no threads."""
        target, note = self._target(alert.channel)
        if target.webhook_secret is not None:
            self._to_webhook(alert, target.webhook_secret, note)
            return None
        return self._to_channel(alert, target.channel or "", thread, note)

    def _target(self, name: str | None) -> tuple[SlackChannel, str]:
        """Where to post, and a note for the message if the named channel is unknown."""
        default = self.settings.default
        if name is not None and name in self.settings.channels:
            return self.settings.channels[name], ""
        if default is None:
            raise DeliveryError("the settings have no default Slack channel: set slack.webhook_secret or slack.channel")
        if name is None:
            return default, ""
        return default, f"This is here because the settings know no channel “{name[:64]}” (tag amplify-medic:channel)."

    def _to_webhook(self, alert: Alert, secret: str, note: str) -> None:
        from slack_sdk.webhook import WebhookClient  # noqa: PLC0415

        client = WebhookClient(self._secret(secret, WEBHOOK), **_client_options())
        try:
            answer = client.send_dict(render_slack(alert, note=note))
            if answer.status_code != _OK and answer.body.strip() in _BLOCK_ERRORS:
                answer = client.send_dict({"text": fallback(alert), "mrkdwn": False})
        except (OSError, ValueError) as error:
            # "from None": the ValueError for an invalid URL repeats the URL, which is a secret.
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None
        if (answer.status_code, answer.body.strip()) != (_OK, "ok"):
            raise SlackRejectedError(answer.status_code, answer.body)

    def _to_channel(self, alert: Alert, channel: str, thread: str | None, note: str) -> str:
        message = render_slack(alert, buttons=self.settings.takes_approvals, note=note)
        known_channel, _, timestamp = (thread or "").partition("/")
        target: Json = {"channel": channel}
        if timestamp:
            # The thread stays in its channel, even if the branch's channel tag has changed since.
            broadcast = alert.kind in _BROADCAST_KINDS
            target = {"channel": known_channel, "thread_ts": timestamp, "reply_broadcast": broadcast}
        try:
            return self._post({**target, **message})
        except SlackRejectedError as refusal:
            if refusal.code in _BLOCK_ERRORS:
                return self._post({**target, "text": fallback(alert), "mrkdwn": False})
            if timestamp and refusal.code in _THREAD_ERRORS:
                # Somebody deleted the first alert, so start a new thread.
                return self._post({"channel": channel, **message})
            raise

    def _post(self, message: Json) -> str:
        """Post with the bot token. Returns the thread for replies, as `channel/timestamp`."""
        from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415
        from slack_sdk.web import WebClient  # noqa: PLC0415

        token = self._secret(self.settings.bot_token_secret or "", BOT_TOKEN)
        client = WebClient(token, base_url=self.api_url, **_client_options())
        try:
            answer = client.api_call("chat.postMessage", json=message)
        except SlackApiError as error:
            raise SlackRejectedError(error.response.status_code, error.response.get("error")) from None
        except (OSError, ValueError, SlackClientError) as error:
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None
        posted_in, timestamp = answer.get("channel"), message.get("thread_ts") or answer.get("ts")
        if not (isinstance(posted_in, str) and isinstance(timestamp, str)):
            raise DeliveryError("Slack's answer does not name the message that it posted")
        return f"{posted_in}/{timestamp}"

    def _secret(self, name: str, form: SecretForm) -> str:
        try:
            return read_secret(self.secrets(), name, form)
        except SecretError as error:
            raise DeliveryError(str(error)) from error


class SlackRejectedError(DeliveryError):
    """Slack rejected the message. `code` is Slack's error code, or empty if something else answered."""

    def __init__(self, status: int, answer: object) -> None:
        text = str(answer).strip()
        self.code = text if _ERROR_CODE.fullmatch(text) else ""
        super().__init__(f"Slack rejected the message: HTTP {status}, {self.code or 'without an error code of Slack'}")


def _client_options() -> dict[str, Any]:
    """Retry once after a lost connection, a server error, or a short wait that Slack asks for. Log nothing.

    The SDK would log the text of every exception, which may repeat the webhook's URL.
    """
    from slack_sdk.http_retry.builtin_handlers import (  # noqa: PLC0415
        ConnectionErrorRetryHandler,
        RateLimitErrorRetryHandler,
        ServerErrorRetryHandler,
    )

    class ShortWaits(RateLimitErrorRetryHandler):
        """Refuses long waits: the SDK waits as long as Slack says, but the function has 90 seconds for everything."""

        def _can_retry(self, *, response: HttpResponse | None = None, **others: Any) -> bool:  # noqa: ANN401 - the SDK's
            if not super()._can_retry(response=response, **others) or response is None:
                return False
            wait = next((values for name, values in response.headers.items() if name.lower() == "retry-after"), ["1"])
            return wait[0].isdigit() and int(wait[0]) <= _MAX_RETRY_AFTER_SECONDS

    return {
        "timeout": _TIMEOUT_SECONDS,
        "retry_handlers": [ConnectionErrorRetryHandler(), ServerErrorRetryHandler(), ShortWaits()],
        "logger": logging.Logger("slack_sdk", logging.CRITICAL + 1),  # noqa: LOG001 - getLogger's would be global
    }


def render_slack(alert: Alert, *, buttons: bool = False, note: str = "") -> Json:
    """The Slack message: blocks, a plain-text fallback, and no link previews.

    Args:
        alert: the alert to render.
        buttons: True if a click on Approve reaches the bot. Otherwise the message shows the `medic approve` command.
        note: an extra sentence, such as why the alert is in this channel.
    """
    return {
        "text": fallback(alert),
        "blocks": list(_fitting(_blocks(alert, note, buttons=buttons))),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def fallback(alert: Alert) -> str:
    """The short part as text, for notifications, screen readers, and when Slack rejects the blocks."""
    approve = (f"Approve with: {alert.approval.command}",) if alert.approval else ()
    lines = (title_with_emoji(alert), *alert.summary, *approve, f"Incident {alert.incident_id}")
    return escape(_shown("\n".join(lines), _MAX_FALLBACK)).strip()


def escape(text: str) -> str:
    """Escape Slack's three control characters. Slack parses only plain `text` fields, such as the fallback.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _blocks(alert: Alert, note: str, *, buttons: bool) -> Iterator[Json]:
    """The short part, then the long one: lists, log lines, guardrails and fixes."""
    yield {"type": "header", "text": _plain(_shown(title_with_emoji(alert), _MAX_HEADER))}
    yield rich_text(text_element("\n".join(filter(None, (*alert.summary, note)))))
    if alert.effect:
        yield rich_text(text_element("What to expect: ", bold=True), text_element(alert.effect))
    if alert.approval is not None:
        yield _approval(alert.approval, buttons=buttons)
    # The incident id comes early, because blocks that do not fit are cut from the end.
    facts = (*((fact.name, fact.text) for fact in alert.facts), ("Incident", alert.incident_id))
    yield rich_text(*(part for name, value in facts for part in _fact(name, value)))
    # Only a branch name of about a hundred emoji makes a URL too long.
    links = [_link(link.text, link.name) for link in alert.links if len(link.text) <= _MAX_URL]
    if links:
        yield rich_text(*(part for link in links for part in (link, text_element("   "))))
    if alert.log_lines or any(section.items for section in alert.sections):
        yield {"type": "divider"}
    for section in alert.sections:
        yield from _list(section.heading, section.items)
    if alert.log_lines:
        yield _code("From the log", alert.log_lines)
    if alert.rules:
        yield rich_text(text_element("Guardrails\n", bold=True), text_element("\n".join(alert.rules)))
    for fix in alert.fixes:
        yield from _fix(fix)


def _approval(approval: Approval, *, buttons: bool) -> Json:
    value = button_value(approval)
    if not buttons or len(value) > _MAX_BUTTON_VALUE:
        return _code("To approve:", approval.command)
    confirm = {
        "title": _plain("Approve this change?"),
        "text": _plain("Every guardrail is asked again before anything is changed."),
        "confirm": _plain("Approve"),
        "deny": _plain("Not yet"),
    }
    approve = _button("Approve", APPROVE, value) | {"style": "primary", "confirm": confirm}
    return {"type": "actions", "block_id": BUTTONS, "elements": [approve, _button("Dismiss", DISMISS, value)]}


def _button(text: str, action_id: str, value: str) -> Json:
    return {"type": "button", "text": {**_plain(text), "emoji": True}, "action_id": action_id, "value": value}


def _fix(fix: AlertFix) -> Iterator[Json]:
    page = (text_element("   "), _link(fix.url, "Open in the console")) if fix.url else ()
    yield rich_text(text_element(f"Fix: {fix.title}", bold=True), *page)
    for snippet in fix.snippets:
        yield _code(snippet.name, snippet.text)


def _list(heading: str, items: tuple[str, ...]) -> Iterator[Json]:
    """A list in several blocks, so that a list that is too long loses only its last items."""
    for first in range(0, len(items), _MAX_LIST_ITEMS):
        bullets = [_section(text_element(item)) for item in items[first : first + _MAX_LIST_ITEMS]]
        above = [] if first else [_section(text_element(heading, bold=True))]
        bulleted = {"type": "rich_text_list", "style": "bullet", "elements": bullets}
        yield {"type": "rich_text", "elements": [*above, bulleted]}


def _code(heading: str, text: str) -> Json:
    code = {"type": "rich_text_preformatted", "elements": [text_element(text)]}
    return {"type": "rich_text", "elements": [_section(text_element(heading, bold=True)), code]}


def rich_text(*parts: Json) -> Json:
    """A block of one paragraph."""
    return {"type": "rich_text", "elements": [_section(*parts)]}


def text_element(text: str, *, bold: bool = False) -> Json:
    # Slack rejects an empty text element.
    element = {"type": "text", "text": _shown(text, _MAX_TEXT) or " "}
    return {**element, "style": {"bold": True}} if bold else element


def _fact(name: str, value: str) -> tuple[Json, Json]:
    return text_element(f"{name}  ", bold=True), text_element(f"{_shown(value, _MAX_VALUE)}\n")


def _link(url: str, text: str) -> Json:
    return {"type": "link", "url": url, "text": _shown(text, _MAX_HEADER) or url}


def _section(*parts: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(parts)}


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _shown(text: str, limit: int) -> str:
    """The text without control, bidirectional and zero-width characters, which could disguise it, and cut."""
    visible = "".join(c for c in text if c == "\n" or c.isprintable())
    return visible if len(visible) <= limit else f"{visible[: limit - 1]}…"


def _fitting(blocks: Iterator[Json]) -> Iterator[Json]:
    """The blocks that Slack accepts together. A block that does not fit is left out, and a last block says so."""
    cut_note = rich_text(text_element(_CUT))
    characters_left, blocks_left, cut = _MAX_ALL_BLOCKS - _size(cut_note), _MAX_BLOCKS, False
    for block in blocks:
        if blocks_left and _size(block) <= characters_left:
            characters_left, blocks_left = characters_left - _size(block), blocks_left - 1
            yield block
        else:
            cut = True
    if cut:
        yield cut_note


def _size(block: Json) -> int:
    return len(json.dumps(block, ensure_ascii=False, separators=(",", ":")))
