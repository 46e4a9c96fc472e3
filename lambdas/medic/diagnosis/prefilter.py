"""The prefilter: where the catalogue's literals occur in a block of bytes, found in little more than one pass.

Searching a block for every literal in turn costs a pass each. Instead, one `bytes.translate` drops all but a few
letters that are rare in build logs. What is left, the block's sketch, is some fifteen times shorter, and a literal
can only occur in the block where its own kept letters, its trace, occur in the sketch. So a literal costs a search of
the sketch, and the catalogue may grow. A sketch may err towards "perhaps", never towards "no".

A sketch knows no white space: a phrase that a terminal has wrapped, even inside a word, is found like any other.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEPT = b"CDEKMPSUbfjkpqvwxyz"
_DROPPED = bytes(range(256)).translate(None, _KEPT + b"\n")
_TELLING = 3
"""A trace of so many letters seldom occurs by chance: worth looking for a wrapped phrase."""
_BETWEEN_LETTERS = rb"(?:\s|\x1b\[[\d;]{0,16}m){0,80}"
"""A wrapped line may go on after a line feed, colour codes, and the 33 spaces before Amplify's continuation lines."""

LONGEST_LITERAL = 64
"""Bytes; blocks have to be searched with this much overlap."""


class Prefilter:
    """Finds where any of the literals occurs."""

    __slots__ = ("_by_trace",)

    def __init__(self, literals: Iterable[str]) -> None:
        self._by_trace: dict[bytes, list[bytes]] = {}
        for literal in literals:
            text = literal.encode()
            self._by_trace.setdefault(text.translate(None, _DROPPED + b"\n"), []).append(text)

    def look(self, block: bytes) -> tuple[list[int], int]:
        """Gives the offsets at which literals begin, in order, and the number of line feeds in the block."""
        lines = block.translate(None, _DROPPED)
        sketch = lines.translate(None, b"\n")
        perhaps = [pair for pair in self._by_trace.items() if pair[0] in sketch]
        found = {at for trace, literals in perhaps for literal in literals for at in _places(literal, trace, block)}
        return sorted(found), lines.count(b"\n")


def _places(literal: bytes, trace: bytes, block: bytes) -> Iterator[int]:
    if len(trace) >= _TELLING and b" " in literal:
        yield from (match.start() for match in _wrapped(literal).finditer(block))
        return
    position = block.find(literal)
    while position >= 0:
        yield position
        position = block.find(literal, position + len(literal))


@cache
def _wrapped(literal: bytes) -> re.Pattern[bytes]:
    """The phrase with white space allowed between any two letters; compiled when first needed."""
    return re.compile(_BETWEEN_LETTERS.join(re.escape(letter.encode()) for letter in literal.decode() if letter != " "))
