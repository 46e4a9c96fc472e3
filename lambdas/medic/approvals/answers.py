"""What the message in Slack becomes once somebody has clicked, and what only the one who clicked is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slack_sdk.models.blocks import RichTextBlock, RichTextElementParts, RichTextSectionElement

from medic.alerts.buttons import BUTTONS
from medic.alerts.slack import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from medic.approvals.click import Click

Message = dict[str, object]


def approved(click: Click, now: datetime) -> Message:
    """The message without its buttons, saying who approved and what happens now."""
    return _in_place_of_the_buttons(
        click, "✅ Approved by ", f" on {_at(now)}. Every guardrail is asked again before anything is changed."
    )


def dismissed(click: Click, now: datetime) -> Message:
    """The message without its buttons, saying who dismissed it and how to approve all the same."""
    rest = f" on {_at(now)}. Nothing was changed. To approve all the same: {click.approval.command}"
    return _in_place_of_the_buttons(click, "🚫 Dismissed by ", rest)


def told(why: str) -> Message:
    """A line that only the one who clicked sees; the message stays as it is."""
    return {"response_type": "ephemeral", "replace_original": False, "text": escape(f"Not approved: {why}.")}


def _in_place_of_the_buttons(click: Click, before: str, after: str) -> Message:
    parts = (
        RichTextElementParts.Text(text=before),
        RichTextElementParts.User(user_id=click.user),
        RichTextElementParts.Text(text=after),
    )
    line = RichTextBlock(elements=[RichTextSectionElement(elements=list(parts))]).to_dict()
    return {
        "replace_original": True,
        "text": escape(f"{before}<@{click.user}>{after}").replace(f"&lt;@{click.user}&gt;", f"<@{click.user}>"),
        "blocks": _replaced(click.blocks, line),
    }


def _replaced(blocks: Sequence[Mapping[str, object]], line: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The blocks with the line where the buttons were; a message that came without blocks becomes the line alone."""
    replaced = [line if block.get("block_id") == BUTTONS else block for block in blocks]
    return replaced if line in replaced else [line]


def _at(now: datetime) -> str:
    return f"{now:%d %B %Y %H:%M} UTC"
