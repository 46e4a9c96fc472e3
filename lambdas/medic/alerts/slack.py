"""An alert as Slack blocks, inside Slack's limits for any input.

Everything from outside goes into rich-text elements, which Slack shows letter by letter: nothing in them is parsed, so
no log line can mention a channel, forge a link or break formatting, and what is copied out of them is what was meant.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block

Limits: 50 blocks a message, 150 characters a header (https://docs.slack.dev/reference/block-kit/blocks), 2000 in a
button's value (https://docs.slack.dev/reference/block-kit/block-elements/button-element) and, not documented, about
13,200 characters over all blocks (https://github.com/slackapi/bolt-js/issues/2509).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    DividerBlock,
    HeaderBlock,
    PlainTextObject,
    RichTextBlock,
    RichTextElement,
    RichTextElementParts,
    RichTextListElement,
    RichTextPreformattedElement,
    RichTextSectionElement,
)

from medic.alerts.delivery import DeliveryError
from medic.alerts.model import AlertKind
from medic.alerts.slack_buttons import APPROVE, BUTTONS, DISMISS, button_value
from medic.alerts.wording import STANDINGS
from medic.aws.errors import AwsError, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from slack_sdk.http_retry.handler import RetryHandler
    from slack_sdk.http_retry.response import HttpResponse
    from types_boto3_secretsmanager import SecretsManagerClient

    from medic.alerts.model import Alert, AlertFix, Approval, Link
    from medic.settings import Slack, SlackChannel

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

        client = WebhookClient(self._secret(secret), timeout=_SECONDS, retry_handlers=_retry_handlers())
        try:
            answer = client.send_dict(render_slack(alert, note=note))
            if answer.status_code != _OK and answer.body.strip() in _NOT_THESE_BLOCKS:
                answer = client.send_dict({"text": fallback(alert), "mrkdwn": False})
        except (OSError, ValueError) as error:  # a URL that is none is a ValueError which repeats it
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None
        if answer.status_code != _OK:
            raise DeliveryError(f"Slack answered HTTP {answer.status_code}: {answer.body[:200]}")

    def _to_channel(self, alert: Alert, channel: str, thread: str | None, note: str) -> str:
        message = render_slack(alert, buttons=self.settings.takes_approvals, note=note)
        known_channel, _, timestamp = (thread or "").partition("/")
        where: dict[str, object] = {"channel": channel}
        if timestamp:
            where = {"channel": known_channel, "thread_ts": timestamp, "reply_broadcast": _needs_attention(alert)}
        try:
            return self._post({**where, **message})
        except SlackRejectedError as refusal:
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
        client = WebClient(token, base_url=self.api_url, timeout=_SECONDS, retry_handlers=_retry_handlers())
        try:
            answer = client.api_call("chat.postMessage", json=message)
        except SlackApiError as error:
            raise SlackRejectedError(str(error.response.get("error") or f"HTTP {error.response.status_code}")) from None
        except (OSError, ValueError, SlackClientError) as error:
            raise DeliveryError(f"Slack could not be reached ({type(error).__name__})") from None
        return f"{answer['channel']}/{message.get('thread_ts') or answer['ts']}"

    def _secret(self, secret: str) -> str:
        try:
            with translated("secretsmanager:GetSecretValue"):
                return self.secrets().get_secret_value(SecretId=secret)["SecretString"].strip()
        except AwsError as error:
            raise DeliveryError(f"the secret {secret} for Slack could not be read: {error}") from error


class SlackRejectedError(DeliveryError):
    """Slack understood and said no; `code` is its word for why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"Slack refused the message: {code[:200]}")


def _needs_attention(alert: Alert) -> bool:
    """True for what asks something of somebody: nobody reads on in a thread that they take for finished."""
    return alert.kind in _SHOWN_IN_THE_CHANNEL_TOO


def _retry_handlers() -> list[RetryHandler]:
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


_HEADER = 150
_TEXT = 2500
_VALUE = 200
_ITEMS = 8
_LONGEST_BUTTON_VALUE = 2000
_LONGEST_URL = 2000
"""Only a branch's name of a hundred emoji makes a longer one."""
_ALL_BLOCKS = 12_600
_MOST_BLOCKS = 40
_FALLBACK = 3000
_BOLD = RichTextElementParts.TextStyle(bold=True)
_CUT = "Not all of it fits into one message: the e-mail and medic history have the rest."


def render_slack(alert: Alert, *, buttons: bool = False, note: str = "") -> dict[str, object]:
    """The message: a plain-text fallback and blocks, nothing unfurled.

    Args:
        alert: what to say.
        buttons: True if a click on Approve would reach us; the command line is printed otherwise.
        note: a sentence of the channel's own, such as why the alert is here and not elsewhere.
    """
    return {
        "text": fallback(alert),
        "blocks": [block.to_dict() for block in _fitting(_blocks(alert, note, buttons=buttons))],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def fallback(alert: Alert) -> str:
    """The short part as text, for notifications and screen readers; what Slack shows where it does not take blocks."""
    approve = (f"Approve with: {alert.approval.command}",) if alert.approval else ()
    lines = (f"{STANDINGS[alert.kind].sign} {alert.title}", *alert.summary, *approve, f"Incident {alert.incident_id}")
    return escape(_clip(visible("\n".join(lines)), _FALLBACK)).strip()


def escape(text: str) -> str:
    """Text for the fallback, the only place that Slack parses: its three control characters as entities.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def visible(text: str) -> str:
    """The text without control, bidirectional and zero-width characters, which could make it read as something else."""
    return "".join(c for c in text if c == "\n" or c.isprintable())


def _blocks(alert: Alert, note: str, *, buttons: bool) -> Iterator[Block]:
    yield HeaderBlock(text=PlainTextObject(text=_clip(visible(f"{STANDINGS[alert.kind].sign} {alert.title}"), _HEADER)))
    yield _rich(_section(_text("\n".join(filter(None, (*alert.summary, note))))))
    if alert.effect:
        yield _rich(_section(_text("What to expect: ", bold=True), _text(alert.effect)))
    if alert.approval is not None:
        yield from _approval(alert.approval, buttons=buttons)
    # The incident's id stands early: what does not fit is cut from the end.
    facts = (*((fact.name, fact.value) for fact in alert.facts), ("Incident", alert.incident_id))
    yield _rich(_section(*(part for name, value in facts for part in _fact(name, value))))
    if any(len(link.url) <= _LONGEST_URL for link in alert.links):
        yield _links(alert.links)
    yield from _detail(alert)


def _detail(alert: Alert) -> Iterator[Block]:
    """What one reads at a desk."""
    lists = [
        *((section.heading, section.items) for section in alert.sections),
        ("What the bot did", alert.done),
        ("Causes, likeliest first", alert.causes),
        ("Checks", alert.checks),
    ]
    if any(items for _, items in lists) or alert.log_lines:
        yield DividerBlock()
    for heading, items in lists:
        yield from _list(heading, items)
    if alert.log_lines:
        yield _rich(_section(_text("From the log", bold=True)), _code(alert.log_lines))
    if alert.rules:
        yield _rich(_section(_text("Guardrails\n", bold=True), _text("\n".join(alert.rules))))
    for fix in alert.fixes:
        yield from _fix(fix)


def _approval(approval: Approval, *, buttons: bool) -> Iterator[Block]:
    value = button_value(approval)
    if not buttons or len(value) > _LONGEST_BUTTON_VALUE:
        yield _rich(_section(_text("To approve:", bold=True)), _code(approval.command))
        return
    confirm = ConfirmObject(
        title=PlainTextObject(text="Approve this change?"),
        text=PlainTextObject(text="Every guardrail is asked again before anything is changed."),
        confirm=PlainTextObject(text="Approve"),
        deny=PlainTextObject(text="Not yet"),
    )
    yield ActionsBlock(
        block_id=BUTTONS,
        elements=[
            ButtonElement(text="Approve", action_id=APPROVE, value=value, style="primary", confirm=confirm),
            ButtonElement(text="Dismiss", action_id=DISMISS, value=value),
        ],
    )


def _links(links: Iterable[Link]) -> Block:
    short = (link for link in links if len(link.url) <= _LONGEST_URL)
    parts = (RichTextElementParts.Link(url=link.url, text=_label(link.text) or link.url) for link in short)
    return _rich(_section(*(part for link in parts for part in (link, _text("   ")))))


def _fix(fix: AlertFix) -> Iterator[Block]:
    heading = _text(f"Fix: {fix.title}", bold=True)
    page = (_text("   "), RichTextElementParts.Link(url=fix.url, text="Open in the console")) if fix.url else ()
    yield _rich(_section(heading, *page))
    for snippet in fix.snippets:
        yield _rich(_section(_text(snippet.dialect, bold=True)), _code(snippet.text))


def _list(heading: str, items: tuple[str, ...]) -> Iterator[Block]:
    """A list in blocks of a few items each, so that a long one is cut in the middle and not left out."""
    for first in range(0, len(items), _ITEMS):
        bullets = [_section(_text(item)) for item in items[first : first + _ITEMS]]
        above = () if first else (_section(_text(heading, bold=True)),)
        yield _rich(*above, RichTextListElement(style="bullet", elements=bullets))


def _fact(name: str, value: str) -> tuple[RichTextElement, RichTextElement]:
    return _text(f"{name}  ", bold=True), _text(f"{_clip(value, _VALUE)}\n")


def _rich(*elements: RichTextElement) -> RichTextBlock:
    return RichTextBlock(elements=list(elements))


def _section(*parts: RichTextElement) -> RichTextSectionElement:
    return RichTextSectionElement(elements=list(parts))


def _code(text: str) -> RichTextPreformattedElement:
    return RichTextPreformattedElement(elements=[_text(text)])


def _text(text: str, *, bold: bool = False) -> RichTextElement:
    # Slack refuses an empty text element.
    return RichTextElementParts.Text(text=_clip(visible(text), _TEXT) or " ", style=_BOLD if bold else None)


def _label(text: str) -> str:
    return _clip(visible(text), _HEADER)


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _fitting(blocks: Iterator[Block]) -> Iterator[Block]:
    """What Slack takes, counted over all blocks; one that is too long is left out, and that is said."""
    last = _rich(_section(_text(_CUT)))
    room, places, cut = _ALL_BLOCKS - _size(last), _MOST_BLOCKS, False
    for block in blocks:
        if places and _size(block) <= room:
            room, places = room - _size(block), places - 1
            yield block
        else:
            cut = True
    if cut:
        yield last


def _size(block: Block) -> int:
    return len(json.dumps(block.to_dict(), ensure_ascii=False, separators=(",", ":")))
