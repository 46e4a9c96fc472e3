"""An alert as Slack blocks, inside Slack's limits for any input.

Everything from outside goes into rich-text elements, which Slack shows letter by letter: nothing in them is parsed, so
no log line can mention a channel, forge a link or break formatting, and what is copied out of them is what was meant.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block

Limits: 50 blocks a message, 150 characters a header (https://docs.slack.dev/reference/block-kit/blocks) and, not
documented, about 13,200 characters over all blocks (https://github.com/slackapi/bolt-js/issues/2509).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slack_sdk.models.blocks import (
    Block,
    HeaderBlock,
    PlainTextObject,
    RichTextBlock,
    RichTextElement,
    RichTextElementParts,
    RichTextListElement,
    RichTextPreformattedElement,
    RichTextSectionElement,
)

from medic.alerts.model import AlertKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.alerts.model import Alert

_HEADER = 150
_TEXT = 2500
_VALUE = 300
_ALL_BLOCKS = 12_000
_MOST_BLOCKS = 40
_FALLBACK = 3000
_SIGNS = {
    AlertKind.DIAGNOSIS: "🔴",
    AlertKind.APPLIED: "🟡",
    AlertKind.REFUSED: "🔴",
    AlertKind.DEFERRED: "🟡",
    AlertKind.RESOLVED: "🟢",
    AlertKind.NOT_HELPED: "🔴",
    AlertKind.UNDONE: "🟡",
    AlertKind.STORM: "🔴",
    AlertKind.STORM_OVER: "🟡",
}
_BOLD = RichTextElementParts.TextStyle(bold=True)


def render_slack(alert: Alert) -> dict[str, object]:
    """The webhook payload: a plain-text fallback and blocks, nothing unfurled."""
    fallback = _visible("\n".join((alert.title, *alert.summary)))
    return {
        "text": escape(fallback[:_FALLBACK]).strip() or "Amplify Medic",
        "blocks": [block.to_dict() for block in _fitting(_blocks(alert))],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """Text for the fallback, the only place that Slack parses: its three control characters as entities.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _blocks(alert: Alert) -> Iterator[Block]:
    yield HeaderBlock(text=PlainTextObject(text=_clip(_visible(f"{_SIGNS[alert.kind]} {alert.title}"), _HEADER)))
    yield _rich(_section(_text("\n".join(alert.summary))))
    # The incident's id stands early: what does not fit is cut from the end.
    facts = (*((fact.name, fact.value) for fact in alert.facts), ("Incident", alert.incident_id))
    yield _rich(_section(*(part for name, value in facts for part in _fact(name, value))))
    for heading, items in (
        ("What was done", alert.done),
        ("Causes, likeliest first", alert.causes),
        ("Checks", alert.checks),
    ):
        if items:
            yield _rich(_section(_text(heading, bold=True)), _bullets(items))
    if alert.log_lines:
        yield _rich(_section(_text("From the log", bold=True)), _code(alert.log_lines))
    if alert.links:
        links = (
            RichTextElementParts.Link(url=link.url, text=_clip(_visible(link.text), _HEADER) or link.url)
            for link in alert.links
        )
        yield _rich(_section(*(part for link in links for part in (link, _text("   ")))))
    for fix in alert.fixes:
        for snippet in fix.snippets:
            yield _rich(_section(_text(f"{fix.title} ({snippet.dialect})", bold=True)), _code(snippet.text))


def _fact(name: str, value: str) -> tuple[RichTextElement, RichTextElement]:
    return _text(f"{name} ", bold=True), _text(f"{_clip(value, _VALUE)}\n")


def _bullets(items: tuple[str, ...]) -> RichTextListElement:
    return RichTextListElement(style="bullet", elements=[_section(_text(item)) for item in items])


def _rich(*elements: RichTextElement) -> RichTextBlock:
    return RichTextBlock(elements=list(elements))


def _section(*parts: RichTextElement) -> RichTextSectionElement:
    return RichTextSectionElement(elements=list(parts))


def _code(text: str) -> RichTextPreformattedElement:
    return RichTextPreformattedElement(elements=[_text(text)])


def _text(text: str, *, bold: bool = False) -> RichTextElement:
    # Slack refuses an empty text element.
    return RichTextElementParts.Text(text=_clip(_visible(text), _TEXT) or " ", style=_BOLD if bold else None)


def _visible(text: str) -> str:
    """The text without control, bidirectional and zero-width characters, which could make it read as something else."""
    return "".join(c for c in text if c == "\n" or c.isprintable())


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _fitting(blocks: Iterator[Block]) -> Iterator[Block]:
    """As many blocks as Slack takes, counted in characters over all of them."""
    room = _ALL_BLOCKS
    for number, block in enumerate(blocks):
        room -= len(str(block.to_dict()))
        if number and (number >= _MOST_BLOCKS or room < 0):
            return
        yield block
