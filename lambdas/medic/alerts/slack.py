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
from typing import TYPE_CHECKING

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

from medic.alerts.buttons import APPROVE, BUTTONS, DISMISS, button_value
from medic.alerts.words import STANDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from medic.alerts.model import Alert, Approval, Fix, Link

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


def _fix(fix: Fix) -> Iterator[Block]:
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
