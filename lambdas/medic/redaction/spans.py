"""Spans of secrets in a line, the placeholders that replace them, and a cache of compiled patterns."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANCHORS = "$<%jkvbpfucso"
"""For `any_of`: few and rare characters, of which each of its literals has one; chosen by a greedy search."""
MASK = "█"
"""Replaces each character of a placeholder while detectors run. It is neither a space nor a word character."""

_PLACEHOLDER_START = "[redacted: "
_PLACEHOLDER = r"\[redacted: [A-Za-z0-9][A-Za-z0-9. -]{1,30}\]"


class Span(NamedTuple):
    """The secret of this kind from `start` up to, but not including, `end` of a line."""

    start: int
    end: int
    kind: str


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled at first use. Most logs need few of the patterns, and a cold start needs none."""
    return re.compile(pattern)


def any_of(*several: Mapping[str, str], anchors: str = "") -> str:
    """A pattern for any of the literals, each followed by its own pattern; the longest first.

    Grouped by their first and second characters, so that `re` compares few alternatives at each position of a text.

    Args:
        several: literals, and the pattern that must follow each. One may be in several mappings.
        anchors: characters that are rare in logs. The pattern then finds a literal from the first of these that it
            contains. So it tells whether a literal occurs, but not where it begins.
    """
    groups: dict[str, dict[str, list[str]]] = {}
    for literal, after in sorted({pair for literals in several for pair in literals.items()}, reverse=True):
        at = next((literal.index(each) for each in anchors if each in literal[:-1]), 0)
        before = f"(?<={re.escape(literal)})" if at else ""
        group = groups.setdefault(re.escape(literal[at]), {})
        group.setdefault(re.escape(literal[at + 1]), []).append(re.escape(literal[at + 2 :]) + before + after)
    patterns = []
    for first, group in groups.items():
        seconds = [f"{second}(?:{'|'.join(rests)})" for second, rests in group.items()]
        patterns.append(f"{first}(?:{'|'.join(seconds)})")
    return "|".join(patterns)


def masked(line: str) -> str:
    """The line with earlier placeholders masked, so that no detector finds secrets in them; its length is unchanged."""
    if _PLACEHOLDER_START not in line:
        return line
    return compiled(_PLACEHOLDER).sub(lambda match: MASK * len(match[0]), line)


def replace_spans(line: str, spans: Iterable[Span]) -> str:
    """The line with each span replaced by its placeholder, such as `[redacted: token]`.

    Overlapping spans become one. It has the kind of the span that comes first in `spans`.
    """
    merged: list[tuple[int, Span]] = []
    for rank, span in sorted(enumerate(spans), key=lambda ranked: (ranked[1].start, -ranked[1].end, ranked[0])):
        if merged and span.start < merged[-1][1].end:
            last_rank, last = merged[-1]
            kind = last.kind if last_rank < rank else span.kind
            merged[-1] = (min(last_rank, rank), Span(last.start, max(last.end, span.end), kind))
        else:
            merged.append((rank, span))
    kept: list[str] = []
    position = 0
    for _, span in merged:
        kept += line[position : span.start], f"{_PLACEHOLDER_START}{span.kind}]"
        position = span.end
    kept.append(line[position:])
    return "".join(kept)
