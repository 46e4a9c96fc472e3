"""The prefilter: where the catalogue's literals occur in a block of bytes, found in little more than one pass.

Searching a block for every literal in turn costs a pass each. Instead, one `bytes.translate` drops all but a few
letters that are rare in build logs. What is left, the block's sketch, is some fifteen times shorter, and a literal
can only occur in the block where its own kept letters, its trace, occur in the sketch. So a literal costs a search of
the sketch, and the catalogue may grow. A short trace occurs by chance in almost every block: what the sketch lets
through is held against a second, finer one, before the block itself is searched. A sketch may err towards "perhaps",
never towards "no".

A sketch knows no white space: a phrase that a terminal has wrapped, even inside a word, is found like any other.
"""

from __future__ import annotations

import re
import string
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEPT = b"CDEKMPSUbfjkpqvwxyz"
_DROPPED = bytes(range(256)).translate(None, _KEPT + b"\n")
_FINELY_KEPT = string.ascii_letters.encode().translate(None, b"aeimnorst")
"""All letters but the commonest, and but the `m` that ends a colour code in the middle of a wrapped phrase."""
_FINELY_DROPPED = bytes(range(256)).translate(None, _FINELY_KEPT)
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
            self._by_trace.setdefault(_trace(text), []).append(text)

    def look(self, block: bytes) -> tuple[list[int], int]:
        """Gives the offsets at which literals begin, in order, and the number of line feeds in the block."""
        lines = block.translate(None, _DROPPED)
        sketch = lines.translate(None, b"\n")
        perhaps = [literal for trace, literals in self._by_trace.items() if trace in sketch for literal in literals]
        found = {at for literal in _likely(perhaps, block) for at in _places(literal, block)}
        return sorted(found), lines.count(b"\n")


def _likely(perhaps: list[bytes], block: bytes) -> list[bytes]:
    """Those that the finer sketch does not rule out."""
    if not perhaps:
        return perhaps
    fine = block.translate(None, _FINELY_DROPPED)
    return [literal for literal in perhaps if literal.translate(None, _FINELY_DROPPED) in fine]


def _trace(literal: bytes) -> bytes:
    return literal.translate(None, _DROPPED + b"\n")


def _places(literal: bytes, block: bytes) -> Iterator[int]:
    if len(_trace(literal)) >= _TELLING and b" " in literal:
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
