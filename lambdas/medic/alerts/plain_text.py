"""An alert as plain text: the brief within its limits, and the detail. Every channel shows these, or parts of them."""

from __future__ import annotations

from collections.abc import Iterator

from medic.alerts.model import Alert, NamedText
from medic.alerts.wording import cut_in_the_middle, headline, identity_line, shortened
from medic.records import replace
from medic.text import visible

MAX_HEADLINE = 150
"""Characters. Slack's limit of a header: https://docs.slack.dev/reference/block-kit/blocks/header-block"""
MAX_BRIEF = 900
"""Characters of headline and lines together, so that a phone shows them on one screen."""
_MAX_LINK = 40
"""Characters of a link's name, which is part of the brief."""


def title(alert: Alert) -> str:
    return _one_line(headline(alert, MAX_HEADLINE))


def brief_lines(alert: Alert, *, approve_by_command: bool = True, note: str = "") -> tuple[NamedText, ...]:
    """The lines below the headline, cut so that the whole brief fits its limit. A note says why it is in this channel.

    `approve_by_command`: the reader has no button to approve with.
    """
    lines = list(alert.brief)
    if approve_by_command and alert.approval is not None:
        lines.append(NamedText("To approve", alert.approval.command))
    if note:
        lines.append(NamedText("Note", note))
    lines.append(NamedText("", identity_line(alert)))
    shown = [replace(line, text=_one_line(line.text)) for line in lines]
    links = sum(len(name) + 3 for name, _ in brief_links(alert))
    return tuple(_fitted(shown, MAX_BRIEF - links - len(title(alert))))


def brief_links(alert: Alert) -> tuple[tuple[str, str], ...]:
    return tuple(
        (shortened(_one_line(link.name), _MAX_LINK) or link.text[:_MAX_LINK], link.text) for link in alert.links
    )


def _fitted(lines: list[NamedText], limit: int) -> Iterator[NamedText]:
    """The lines, each cut to the largest number of characters with which all fit together.

    The last one, which has no name, keeps its end: the incident.
    """
    most = limit - sum(len(line.name) + 3 for line in lines)
    cap = next(cap for cap in range(most, 0, -1) if sum(min(len(line.text), cap) for line in lines) <= most)
    for line in lines:
        yield replace(line, text=(shortened if line.name else cut_in_the_middle)(line.text, cap))


def labelled(line: NamedText) -> str:
    return f"{line.name}: {line.text}" if line.name else line.text


def detail_parts(alert: Alert) -> Iterator[list[str]]:
    """The lines of each part of the detail: what to do first, then why, the log, and the full names."""
    for section in alert.sections:
        lines = [f"-- {section.heading} --", *(f"- {item}" for item in section.items)]
        if section.url:
            lines.append(section.url)
        for snippet in section.snippets:
            lines += [f"{snippet.name}:", *(f"    {line}" for line in snippet.text.splitlines())]
        yield lines
    if alert.log_lines:
        yield ["-- Log --", *(f"    {line}" for line in alert.log_lines.splitlines())]
    if alert.reference:
        yield ["-- Reference --", *map(labelled, alert.reference)]


def _one_line(text: str) -> str:
    return " ".join(visible(text).split())
