"""The prefilter: where the catalogue's literals occur in a block of bytes, found in little more than one pass.

Searching a block for every literal in turn costs a pass each. Instead, one `bytes.translate` drops all letters but
those that are seldom in build logs, and a second one, of what is left, all but the rarest: two sketches of the block,
a fifth and a twentieth of its length, or less. A literal can only occur in the block where its own kept letters, its
trace, occur in the sketch. So a literal costs a search of the short sketch, now and then one of the longer, and next
to never one of the block itself: the catalogue may grow. A sketch may err towards "perhaps", never towards "no".

A sketch knows no white space: a phrase that a terminal has wrapped, even inside a word, is found like any other.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RARE = b"ACDEHKMPRSUVWbcdfgklpqvwxyz"
"""Letters that tell the catalogue's words from a build log's. Without `m`, which ends a colour code in the middle of a
wrapped phrase; without the capitals of time stamps and levels, which begin every line."""
_RAREST = b"ACDHKMPRSUVqz"
_ALL = bytes(range(256))
_NOT_RARE = _ALL.translate(None, _RARE)
_NEITHER_RARE_NOR_LINE_FEED = _NOT_RARE.translate(None, b"\n")
_NOT_RAREST = _ALL.translate(None, _RAREST)
_BETWEEN_LETTERS = rb"(?:\s|\x1b\[[\d;]{0,16}m){0,80}"
"""A wrapped line may go on after a line feed, colour codes, and the 33 spaces before Amplify's continuation lines."""

LONGEST_LITERAL = 64
"""Bytes; blocks have to be searched with this much overlap."""


class Prefilter:
    """Finds where any of the literals occurs."""

    __slots__ = ("_literals",)

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals: dict[bytes, dict[bytes, list[bytes]]] = {}
        """By their trace in the short sketch, then by their trace in the longer one."""
        for literal in map(str.encode, literals):
            trace = literal.translate(None, _NOT_RARE)
            alike = self._literals.setdefault(trace.translate(None, _NOT_RAREST), {})
            alike.setdefault(trace, []).append(literal)

    def look(self, block: bytes) -> tuple[list[int], int]:
        """Gives the offsets at which literals begin, in order, and the number of line feeds in the block."""
        lines = block.translate(None, _NEITHER_RARE_NOR_LINE_FEED)
        sketch = lines.translate(None, b"\n")
        likely = [literal for literals in self._traced(sketch) for literal in literals]
        places = {at for literal in likely for at in _places(literal, block)}
        return sorted(places), len(lines) - len(sketch)

    def _traced(self, sketch: bytes) -> Iterator[list[bytes]]:
        """Those whose traces occur."""
        short = sketch.translate(None, _NOT_RAREST)
        for shorter, by_trace in self._literals.items():
            if shorter in short:
                yield from (literals for trace, literals in by_trace.items() if trace in sketch)


def _places(literal: bytes, block: bytes) -> Iterator[int]:
    if b" " in literal:
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
