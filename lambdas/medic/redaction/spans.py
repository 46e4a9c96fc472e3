"""Where a secret stands in a line, and the one place that cuts it out."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "█"
"""Stands for every character of a placeholder while a line is looked at: neither space nor word, never a secret."""

_PLACEHOLDER_START = "[redacted: "
_PLACEHOLDER = r"\[redacted: [A-Za-z][A-Za-z0-9. -]{1,30}\]"


class Span(NamedTuple):
    """The half-open range `start` to `end` of a line is a secret of this kind."""

    start: int
    end: int
    kind: str


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled when it is first needed: most logs never need most of them, and a cold start none."""
    return re.compile(pattern)


def placeholder(kind: str) -> str:
    """What stands where the secret stood."""
    return f"{_PLACEHOLDER_START}{kind}]"


def masked(line: str) -> str:
    """Return the line, as long as before, with the words of earlier placeholders hidden from the detectors."""
    if _PLACEHOLDER_START not in line:
        return line
    return compiled(_PLACEHOLDER).sub(lambda match: MASK * len(match[0]), line)


def without(line: str, spans: Iterable[Span]) -> str:
    """Return the line with each span replaced by its placeholder.

    Spans that overlap become one; it bears the kind of whichever came first in `spans`.
    """
    kept: list[str] = []
    position = 0
    for span in _merged(spans):
        kept += line[position : span.start], placeholder(span.kind)
        position = span.end
    kept.append(line[position:])
    return "".join(kept)


def _merged(spans: Iterable[Span]) -> list[Span]:
    ranked = sorted((span.start, -span.end, rank, span) for rank, span in enumerate(spans))
    merged: list[tuple[int, Span]] = []
    for _, _, rank, span in ranked:
        if merged and span.start < merged[-1][1].end:
            first, before = merged[-1]
            kind = before.kind if first < rank else span.kind
            merged[-1] = (min(first, rank), Span(before.start, max(before.end, span.end), kind))
        else:
            merged.append((rank, span))
    return [span for _, span in merged]
