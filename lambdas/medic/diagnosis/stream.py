"""A log's bytes in blocks whose bounds depend on the bytes alone, never on how they arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = 256 * 1024
CONTEXT = 16 * 1024
"""Bytes known before and after each block, so that an entry on a boundary is read whole."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a log with what stands around it."""

    before: bytes
    body: bytes
    after: bytes
    offset: int
    """How far into the log the body begins, in bytes."""

    def seam(self, reach: int) -> bytes:
        """The bytes around the end of the body, `reach` on either side."""
        return self.body[-reach:] + self.after[:reach]

    def whole(self) -> bytes:
        """The body with its context."""
        return self.before + self.body + self.after


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Cuts a stream into blocks of a fixed size, the last one shorter; an empty stream gives none."""
    before, body, offset = b"", None, 0
    for following in _fixed_size(chunks):
        if body is not None:
            yield Block(before, body, following[:CONTEXT], offset)
            before, offset = body[-CONTEXT:], offset + len(body)
        body = following
    if body is not None:
        yield Block(before, body, b"", offset)


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
