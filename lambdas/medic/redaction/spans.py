"""Spans of secrets in a line, the placeholders that replace them, and a cache of compiled patterns."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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


def any_of(literals: Mapping[str, str]) -> str:
    """A pattern for any of the literals, each followed by its own pattern; the longest first.

    Grouped by their first and second characters, so that `re` compares few alternatives at each position of a text.
    """
    groups: dict[str, dict[str, list[str]]] = {}
    for literal, after in sorted(literals.items(), reverse=True):
        group = groups.setdefault(re.escape(literal[0]), {})
        group.setdefault(re.escape(literal[1]), []).append(re.escape(literal[2:]) + after)
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
