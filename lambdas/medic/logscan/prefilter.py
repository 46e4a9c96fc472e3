"""Cuts a log into blocks, and finds at C speed where in a block one of many literals occurs."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

BLOCK = 64 * 1024
"""Bytes. In a short block, few literals seem to occur by chance."""
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


_LETTERS = b"!()*,:ACDERSUcefghiklrsuwy"
"""Characters that tell the literals from the rest of a build log: chosen by a search for the least work on such logs.
Left out are digits, `;`, `[` and `m`, because colour codes inside a wrapped phrase consist of them."""
_ANCHORS = b"*!DSUC,ERAywhf()kgl"
"""Of these letters, some that are rare in such logs, the rarest first. Nearly every literal has one."""
_NO_LETTERS = bytes(range(256)).translate(None, _LETTERS)
_NEITHER_LETTERS_NOR_LINE_FEEDS = _NO_LETTERS.replace(b"\n", b"")
_BETWEEN = b" \t\n\r\f\v\x1b[;m0123456789"
"""All characters that may stand between two letters of a wrapped phrase."""
_BETWEEN_LETTERS = rb"(?:(?=[\s\x1b])(?:\s|\x1b\[[\d;]{0,16}m){0,80}|)"
"""A wrapped line may go on after a line feed, colour codes, and the 33 spaces before Amplify's continuation lines.
The assertion saves time between two letters that stand together, as nearly all do."""


class Prefilter:
    """Finds where any of the literals occurs in a block.

    Deletes all but some letters from the block, in C (`bytes.translate`), and searches the rest for what remains of the
    literals. It searches the block itself only for the few literals whose letters occur there.
    """

    __slots__ = ("_literals", "_pattern")

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals: dict[bytes, dict[bytes, list[bytes]]] = {}
        """The literals by their anchor and the letter after it, if they have any, then by all their letters."""
        for literal in map(str.encode, literals):
            letters = literal.translate(None, _NO_LETTERS)
            anchor = next((at for at in map(letters[:-1].find, _ANCHORS) if at >= 0), len(letters))
            key = letters[anchor : anchor + 2]
            self._literals.setdefault(key, {}).setdefault(letters, []).append(literal)
        self._pattern = _at_anchors(self._literals)

    def look(self, block: bytes) -> tuple[dict[int, bytes], int]:
        """Gives the literals by the offsets at which they begin, in order, and the number of line feeds."""
        lines = block.translate(None, _NEITHER_LETTERS_NOR_LINE_FEEDS)
        text = lines.replace(b"\n", b"")
        anchors = {text[match.start() : match.start() + 2] for match in self._pattern.finditer(text)}
        may_occur = (
            literal
            for key in {b"", *anchors}
            for letters, literals in self._literals.get(key, {}).items()
            if letters in text
            for literal in literals
        )
        found: dict[int, bytes] = {}
        unwrapped = b""
        for literal in may_occur:
            offsets = {*_offsets_of(literal, block)}
            if b" " in literal:
                offsets.update(_offsets_of(literal.replace(b" ", b""), block))
                unwrapped = unwrapped or block.translate(None, _BETWEEN)
                if unwrapped.count(literal.translate(None, _BETWEEN)) > len(offsets):  # the search with `re` is slow
                    offsets = {match.start() for match in _wrapped(literal).finditer(block)}
            found |= dict.fromkeys(offsets, literal)
        return {offset: found[offset] for offset in sorted(found)}, len(lines) - len(text)


def _at_anchors(literals: Mapping[bytes, Iterable[bytes]]) -> re.Pattern[bytes]:
    """Finds each anchor around which the letters of a literal stand.

    Matches the anchor only, so that no literal hides another that overlaps it.

    Args:
        literals: the letters of the literals, by their anchor and the letter after it, if they have any.
    """
    by_anchor: dict[bytes, list[bytes]] = {}
    for key, several in literals.items():
        if key:
            rests = (re.escape(each[each.index(key) + 2 :]) + b"(?<=%b)" % re.escape(each) for each in several)
            by_anchor.setdefault(key[:1], []).append(re.escape(key[1:]) + b"(?:%b)" % b"|".join(rests))
    followed = (re.escape(anchor) + b"(?=%b)" % b"|".join(rests) for anchor, rests in by_anchor.items())
    return re.compile(b"|".join(followed) or b"(?!)")


def _offsets_of(word: bytes, block: bytes) -> Iterator[int]:
    offset = block.find(word)
    while offset >= 0:
        yield offset
        offset = block.find(word, offset + len(word))


@cache
def _wrapped(literal: bytes) -> re.Pattern[bytes]:
    """A phrase with white space allowed between any two letters. Compiled when first needed.

    The phrase itself comes first, with and without its spaces, because that is quicker to compare.
    """
    letters = [re.escape(letter.encode()) for letter in literal.decode() if letter != " "]
    begins = letters[0] + rb"(?=[\s\x1b%b])" % letters[1]
    wrapped = begins + _BETWEEN_LETTERS + _BETWEEN_LETTERS.join(letters[1:])
    return re.compile(b"|".join((re.escape(literal), b"".join(letters), wrapped)))
