"""Cuts a log into blocks, and finds at C speed where in a block one of many literals occurs."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = 256 * 1024
CONTEXT = 16 * 1024
"""Bytes kept before and after each block, so that an entry on a boundary is read whole."""
LONGEST_LITERAL = 64
"""Bytes. Blocks must be searched with this much overlap."""


def blocks(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Cuts a stream into blocks of `BLOCK` bytes, the last one shorter, each with the bytes before and after it.

    An empty stream gives none.
    """
    before, body = b"", None
    for following in _fixed_size(chunks):
        if body is not None:
            yield before, body, following[:CONTEXT]
            before = body[-CONTEXT:]
        body = following
    if body is not None:
        yield before, body, b""


def _fixed_size(chunks: Iterable[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []
    missing = BLOCK
    for chunk in chunks:
        begin = 0
        while len(chunk) - begin >= missing:
            parts.append(chunk[begin : begin + missing])
            yield b"".join(parts)
            begin += missing
            parts, missing = [], BLOCK
        if begin < len(chunk):
            parts.append(chunk[begin:])
            missing -= len(chunk) - begin
    if parts:
        yield b"".join(parts)


_RARE = b"!#*,:ACDEKLMPRSUVfgiklnoqrvwxyz"
"""Characters that tell the literals from the rest of a build log: chosen by a search for the least work on such logs.
Left out are digits, `;`, `[` and `m`, because colour codes inside a wrapped phrase consist of them."""
_RARER = b"!#*,ACDEKLMPRSUVfgikoqvwxyz"
_RAREST = b"!#*ACDEKLMPRSUVqyz"
_ALL = bytes(range(256))
_NOT_RARE, _NOT_RARER, _NOT_RAREST = (_ALL.translate(None, letters) for letters in (_RARE, _RARER, _RAREST))
_NEITHER_RARE_NOR_LINE_FEED = _NOT_RARE.translate(None, b"\n")
_BETWEEN = b" \t\n\r\f\v\x1b[;m0123456789"
"""All characters that may stand between two letters of a wrapped phrase."""
_BETWEEN_LETTERS = rb"(?:(?=[\s\x1b])(?:\s|\x1b\[[\d;]{0,16}m){0,80}|)"
"""A wrapped line may go on after a line feed, colour codes, and the 33 spaces before Amplify's continuation lines.
The assertion saves time between two letters that stand together, as nearly all do."""


class Prefilter:
    """Finds where any of the literals occurs in a block.

    Deletes every common character from the block, in C (`bytes.translate`), and searches the short rest for what
    remains of the literals. It searches the block itself only for the few literals whose rare letters occur there.
    """

    __slots__ = ("_literals",)

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals: dict[bytes, dict[bytes, dict[bytes, list[bytes]]]] = {}
        """The literals by their rarest letters, then by their rarer, then by their rare letters."""
        for literal in map(str.encode, literals):
            rarest, rarer, rare = (literal.translate(None, rest) for rest in (_NOT_RAREST, _NOT_RARER, _NOT_RARE))
            self._literals.setdefault(rarest, {}).setdefault(rarer, {}).setdefault(rare, []).append(literal)

    def look(self, block: bytes) -> tuple[dict[int, bytes], int]:
        """Gives the literals by the offsets at which they begin, in order, and the number of line feeds."""
        rare_lines = block.translate(None, _NEITHER_RARE_NOR_LINE_FEED)
        rare_text = rare_lines.translate(None, b"\n")
        rarer_text = rare_text.translate(None, _NOT_RARER)
        rarest_text = rarer_text.translate(None, _NOT_RAREST)
        may_occur = (
            literal
            for rarest_letters, by_rarer in self._literals.items()
            if rarest_letters in rarest_text
            for rarer_letters, by_rare in by_rarer.items()
            if rarer_letters in rarer_text
            for rare_letters, literals in by_rare.items()
            if rare_letters in rare_text
            for literal in literals
        )
        found: dict[int, bytes] = {}
        unwrapped = b""
        for literal in may_occur:
            if b" " in literal:  # a quick test, because the search for a wrapped phrase is slow
                unwrapped = unwrapped or block.translate(None, _BETWEEN)
                if literal.translate(None, _BETWEEN) not in unwrapped:
                    continue
            found |= dict.fromkeys(_offsets_of(literal, block), literal)
        return {offset: found[offset] for offset in sorted(found)}, len(rare_lines) - len(rare_text)


def _offsets_of(literal: bytes, block: bytes) -> list[int]:
    begin = 0 if b" " in literal else block.find(literal)  # quicker than `re` where a literal does not occur
    return [match.start() for match in _wrapped(literal).finditer(block, begin)] if begin >= 0 else []


@cache
def _wrapped(literal: bytes) -> re.Pattern[bytes]:
    """A word as it is; a phrase with white space allowed between any two letters. Compiled when first needed.

    The phrase itself comes first, with and without its spaces, because that is quicker to compare.
    """
    if b" " not in literal:
        return re.compile(re.escape(literal))
    letters = [re.escape(letter.encode()) for letter in literal.decode() if letter != " "]
    begins = letters[0] + rb"(?=[\s\x1b%b])" % letters[1]
    wrapped = begins + _BETWEEN_LETTERS + _BETWEEN_LETTERS.join(letters[1:])
    return re.compile(b"|".join((re.escape(literal), b"".join(letters), wrapped)))
