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
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from medic.alerts.delivery import DeliveryError
from medic.alerts.model import Alert, Button, ButtonTarget, NamedText
from medic.alerts.plain_text import brief_lines, brief_links, detail_parts, labelled, title
from medic.alerts.slack_buttons import ACTION_IDS, BUTTONS, LABELS, button_value
from medic.alerts.wording import ALERT_STYLES, shortened
from medic.aws.secrets import BOT_TOKEN, WEBHOOK, SecretError, SecretForm
from medic.records import replace
from medic.text import visible

if TYPE_CHECKING:
    from slack_sdk.http_retry.response import HttpResponse
    from slack_sdk.web import SlackResponse

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
_EDIT_ERRORS = frozenset({"cant_update_message", "edit_window_closed", "message_not_found"})
"""The first message can't be edited any more. The reply is posted all the same."""
_ERROR_CODE = re.compile(r"[a-z_]{1,64}")
"""Anything else is not an answer of Slack, and may repeat the webhook's URL."""
# Limits, in characters unless stated otherwise. Most leave a margin below Slack's own.
_MAX_TEXT = 2500
_MAX_LIST_ITEM = 1000
_MAX_LIST_ITEMS = 8
"""Items in one block."""
_MAX_BUTTON_VALUE = 2000
_MAX_URL = 2000
_MAX_ALL_BLOCKS = 12_600
_MAX_BLOCKS = 40
"""Blocks in one message."""
_MAX_ATTACHMENT = 3500
_MAX_ATTACHMENTS = 6
_CONFIRMED = {Button.APPROVE: "Approve this change?", Button.UNDO: "Undo the bot's change?"}
"""Buttons that ask once more."""
_DETAIL = "The fix, why, and the log"
"""Stands for the detail in notifications."""
_CUT = "Not all of it fits into one message: the e-mail has the rest."


class Thread(Struct, frozen=True):
    """The first message of an incident, which later alerts edit and reply to."""

    channel: str
    """The id that Slack answered. It stays, even if the branch's channel tag changes."""
    timestamp: str
    at: int
    kind: str
    """`Alert.at` and `Alert.kind` of the alert that the message shows."""

    @classmethod
    def parse(cls, text: str | None) -> Thread | None:
        """None if there is no thread, or if it is not of the form of `text`."""
        match (text or "").split("/"):
            case [channel, timestamp, at, kind] if at.isdecimal():
                return cls(channel, timestamp, int(at), kind)
            case _:
                return None

    @property
    def text(self) -> str:
        return f"{self.channel}/{self.timestamp}/{self.at}/{self.kind}"


class SlackPost(Struct, frozen=True):
    """Slack with its default and its named channels. An alert goes to one of them, and they share one receipt."""

    read_secret: Callable[[str, SecretForm], str]
    settings: Slack
    api_url: str = "https://slack.com/api/"
    name: str = "slack"

    @property
    def routes(self) -> tuple[str | None, ...]:
        """The default channel, then the names of the others."""
        return (None, *self.settings.channels)

    def send(self, alert: Alert, thread: str | None) -> str | None:
        """Post the alert to its channel, or bring the incident's message there up to date. A webhook has no threads."""
        target, note = self._target(alert.channel)
        if target.webhook_secret is not None:
            self._to_webhook(alert, target.webhook_secret, note)
            return None
        return self._to_channel(alert, target.channel or "", Thread.parse(thread), note).text

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
            answer = client.send_dict(render_for_webhook(alert, note))
            if answer.status_code != _OK and answer.body.strip() in _BLOCK_ERRORS:
                answer = client.send_dict({"text": fallback(alert, note), "mrkdwn": False})
        except (OSError, ValueError) as error:
            # "from None": the ValueError for an invalid URL repeats the URL, which is a secret.
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None
        if (answer.status_code, answer.body.strip()) != (_OK, "ok"):
            raise SlackRejectedError(answer.status_code, answer.body)

    def _to_channel(self, alert: Alert, channel: str, thread: Thread | None, note: str) -> Thread:
        """Post the incident's first message, or edit it and reply with the news. Then reply with the detail.

        A thread that is gone is replaced by a new message. What a failed attempt has posted is not posted again.
        """
        shown = thread is not None and (thread.at, thread.kind) == (alert.at, alert.kind)
        if thread is None or (thread.at <= alert.at and not shown):
            try:
                thread = self._post_brief(alert, channel, thread, note)
            except SlackRejectedError as refusal:
                if thread is None or refusal.code not in _THREAD_ERRORS:
                    raise
                thread = self._post_brief(alert, channel, None, note)
        elif thread.at > alert.at:
            # An alert that failed before is late: the first message shows a newer state, and keeps it.
            self._reply(thread, render_brief(alert, note=note))
        if alert.has_detail:
            try:
                self._reply(thread, render_detail(alert))
            except DeliveryError as error:
                error.thread = thread.text
                raise
        return thread

    def _post_brief(self, alert: Alert, channel: str, thread: Thread | None, note: str) -> Thread:
        """Show the brief in the incident's first message, and if that exists already, also as a reply.

        Only one of them has buttons, so that an edit can take them away.
        """
        message = render_brief(alert, buttons=self.settings.takes_approvals, note=note)
        if thread is None:
            answer = self._call("chat.postMessage", {"channel": channel, **message})
            posted_in, timestamp = answer.get("channel"), answer.get("ts")
            if not (isinstance(posted_in, str) and isinstance(timestamp, str)):
                raise DeliveryError("Slack's answer does not name the message that it posted")
            return Thread(posted_in, timestamp, alert.at, alert.kind)
        try:
            # An empty list of attachments removes those of before.
            place = {"channel": thread.channel, "ts": thread.timestamp, "attachments": []}
            self._call("chat.update", {**place, **message})
            message = render_brief(alert, note=note)
        except SlackRejectedError as refusal:
            if refusal.code not in _EDIT_ERRORS:
                raise
        self._reply(thread, message, shown_in_channel=ALERT_STYLES[alert.kind].calls)
        return replace(thread, at=alert.at, kind=alert.kind)

    def _reply(self, thread: Thread, message: Json, *, shown_in_channel: bool = False) -> None:
        place = {"channel": thread.channel, "thread_ts": thread.timestamp, "reply_broadcast": shown_in_channel}
        self._call("chat.postMessage", {**place, **message})

    def _call(self, method: str, message: Json) -> SlackResponse:
        """Call the Web API with the bot token. If Slack rejects the blocks, send the text alone."""
        try:
            return self._call_once(method, message)
        except SlackRejectedError as refusal:
            if refusal.code not in _BLOCK_ERRORS:
                raise
            return self._call_once(method, {**message, "blocks": [], "mrkdwn": False})

    def _call_once(self, method: str, message: Json) -> SlackResponse:
        from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415
        from slack_sdk.web import WebClient  # noqa: PLC0415

        token = self._secret(self.settings.bot_token_secret or "", BOT_TOKEN)
        try:
            return WebClient(token, base_url=self.api_url, **_client_options()).api_call(method, json=message)
        except SlackApiError as error:
            raise SlackRejectedError(error.response.status_code, error.response.get("error")) from None
        except (OSError, ValueError, SlackClientError) as error:
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None

    def _secret(self, name: str, form: SecretForm) -> str:
        try:
            return self.read_secret(name, form)
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


def render_brief(alert: Alert, *, buttons: bool = False, note: str = "") -> Json:
    """The message with the brief: blocks, a plain-text fallback, and no link previews.

    If no click on a button reaches the bot, the message shows the `medic approve` command.
    """
    actions = _actions(alert) if buttons else None
    lines = brief_lines(alert, approve_by_command=actions is None, note=note)
    parts = [part for line in lines for part in _line(line)]
    # Only a branch name of about a hundred emoji makes a URL too long.
    links = [_link(url, name) for name, url in brief_links(alert) if len(url) <= _MAX_URL]
    parts += [part for link in links for part in (link, text_element("   "))]
    blocks: list[Json] = [{"type": "header", "text": _plain(title(alert))}, rich_text(*parts)]
    return _message(fallback(alert, note), [*blocks, actions] if actions is not None else blocks)


def render_detail(alert: Alert) -> Json:
    return _message(_DETAIL, list(_fitting(_detail_blocks(alert))))


def render_for_webhook(alert: Alert, note: str = "") -> Json:
    """The brief, and each part of the detail as an attachment. Slack folds an attachment's text, but not its blocks."""
    message = render_brief(alert, note=note)
    parts = [visible("\n".join(part)) for part in detail_parts(alert)]
    if parts:
        texts = [_escaped_within(part, _MAX_ATTACHMENT) for part in parts[:_MAX_ATTACHMENTS]]
        if len(parts) > _MAX_ATTACHMENTS or any(len(part) > _MAX_ATTACHMENT for part in parts):
            texts.append(_CUT)
        # Without mrkdwn, Slack shows the text as it is, so that copied commands are exact.
        message["attachments"] = [{"text": text, "fallback": _DETAIL, "mrkdwn_in": []} for text in texts]
    return message


def _message(text: str, blocks: list[Json]) -> Json:
    return {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def fallback(alert: Alert, note: str = "") -> str:
    """The brief as text, for notifications, screen readers, and when Slack rejects the blocks."""
    return escape("\n".join((title(alert), *map(labelled, brief_lines(alert, note=note)))))


def escape(text: str) -> str:
    """Escape Slack's three control characters. Slack parses only plain `text` fields, such as the fallback.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped_within(text: str, limit: int) -> str:
    """The escaped text, or its start and a "…" if it is longer than the limit."""
    kept = text
    while len(escape(kept)) > limit:
        kept = kept[: len(kept) * (limit - 1) // len(escape(kept))]
    return escape(kept) if kept == text else f"{escape(kept)}…"


def _detail_blocks(alert: Alert) -> Iterator[Json]:
    for section in alert.sections:
        page = (text_element("   "), _link(section.url, "Open in the console")) if section.url else ()
        yield from _with_lists(_section(text_element(section.heading, bold=True), *page), section.items)
        for snippet in section.snippets:
            yield _code(snippet.name, snippet.text)
    if alert.log_lines:
        yield _code("Log", alert.log_lines)
    if alert.reference:
        yield rich_text(*(part for fact in alert.reference for part in _line(fact)))


def _line(line: NamedText) -> Iterator[Json]:
    if line.name:
        yield text_element(f"{line.name}: ", bold=True)
    yield text_element(f"{line.text}\n")


def _actions(alert: Alert) -> Json | None:
    """The block with the buttons; None if there are none, or if the branch's name is too long for a button."""
    ask = alert.approval
    if ask is None and alert.scope is not None:
        ask = ButtonTarget(alert.incident_id, "", alert.scope, 0)
    if ask is None or len(button_value(ask)) > _MAX_BUTTON_VALUE:
        return None
    buttons = [_button(each, button_value(ask)) for each in ALERT_STYLES[alert.kind].buttons]
    return {"type": "actions", "block_id": BUTTONS, "elements": buttons} if buttons else None


def _button(button: Button, value: str) -> Json:
    label = {**_plain(LABELS[button]), "emoji": True}
    element = {"type": "button", "text": label, "action_id": ACTION_IDS[button], "value": value}
    if button is Button.APPROVE:
        element["style"] = "primary"
    if button in _CONFIRMED:
        element["confirm"] = {
            "title": _plain(_CONFIRMED[button]),
            "text": _plain("Every guardrail is checked again before anything is changed."),
            "confirm": _plain(LABELS[button]),
            "deny": _plain("Not yet"),
        }
    return element


def _with_lists(heading: Json, items: tuple[str, ...]) -> Iterator[Json]:
    """A heading and its list, in several blocks, so that a list that is too long loses only its last items."""
    bullets = [_section(text_element(shortened(item, _MAX_LIST_ITEM))) for item in items]
    parts = [bullets[first : first + _MAX_LIST_ITEMS] for first in range(0, len(bullets), _MAX_LIST_ITEMS)]
    lists = [{"type": "rich_text_list", "style": "bullet", "elements": part} for part in parts]
    yield {"type": "rich_text", "elements": [heading, *lists[:1]]}
    yield from ({"type": "rich_text", "elements": [each]} for each in lists[1:])


def _code(heading: str, text: str) -> Json:
    code = {"type": "rich_text_preformatted", "elements": [text_element(text)]}
    return {"type": "rich_text", "elements": [_section(text_element(heading, bold=True)), code]}


def rich_text(*parts: Json) -> Json:
    return {"type": "rich_text", "elements": [_section(*parts)]}


def text_element(text: str, *, bold: bool = False) -> Json:
    # Slack rejects an empty text element.
    element = {"type": "text", "text": shortened(visible(text), _MAX_TEXT) or " "}
    return {**element, "style": {"bold": True}} if bold else element


def _link(url: str, text: str) -> Json:
    return {"type": "link", "url": url, "text": text}


def _section(*parts: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(parts)}


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


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
