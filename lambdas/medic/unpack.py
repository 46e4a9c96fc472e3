"""Text that comes as chunks of bytes: unpacks gzip, keeps both ends of a long text, and says what was left out."""

from __future__ import annotations

import re
import zlib
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 256 * 1024
"""Bytes unpacked at once, so that a decompression bomb can't fill the memory."""
_INSPECTED = 8192
"""Bytes at the beginning that show what a text is."""
_MOST_CONTROL_CHARACTERS = 0.05
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x08\x1b"))
_ERROR_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<(?P<root>Error|ErrorResponse)\b.{0,400}?<Code>(?P<code>\w{1,60})</Code>"
    rb"(?:\s*<Message>(?P<message>[^<]{0,300}))?|<!doctype html|<html\b)",
    re.IGNORECASE | re.DOTALL,
)


class CutError(Exception):
    """The rest of a text can't be read. The message says why and ends a sentence: lower case, no full stop."""


class Gap(Struct, frozen=True):
    """Stands between two chunks where a part of the text is left out. The next chunk may begin inside a line."""

    size: int
    """Bytes left out."""
    lines: int | None
    """Line feeds left out; None if nobody counted them."""
    why: str
    """The end of a sentence: lower case, no full stop."""


class NotGzipError(Exception):
    """A text begins like gzip data, and nothing could be unpacked. The message says why, as that of CutError."""


class NotTextError(Exception):
    """What should be a text is none. The message says what it is, as that of CutError."""


class WebPageError(NotTextError):
    """It is what a web server answers in place of the text."""


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The text, unpacked if its first two bytes say that it is gzip, of one or several members.

    Raises:
        NotGzipError: it is not gzip, although it begins so.
        CutError: it is damaged or breaks off after a part that could be unpacked.
    """
    raw = iter(chunks)
    begin = next(raw, b"")
    while len(begin) < len(GZIP_MAGIC) and (more := next(raw, b"")):
        begin += more
    whole = chain([begin], raw)
    return _gunzipped(whole) if begin.startswith(GZIP_MAGIC) else whole


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflater, size, a_member_ended = zlib.decompressobj(wbits=31), 0, False  # 31: gzip format
    for chunk in chunks:
        pending = chunk
        while pending:
            if inflater.eof:
                inflater = zlib.decompressobj(wbits=31)
            try:
                text = inflater.decompress(pending, _PIECE)
            except zlib.error as error:
                if a_member_ended:
                    return  # padding after the last member
                if not size:
                    raise NotGzipError(str(error)) from None
                raise CutError(f"the gzip data is damaged after {size:,} bytes of text") from None
            size += len(text)
            a_member_ended = inflater.eof
            pending = inflater.unconsumed_tail or inflater.unused_data
            yield text
    if not a_member_ended:
        raise CutError(f"the gzip data breaks off after {size:,} bytes of text")


def is_binary(data: bytes) -> bool:
    head = data[:_INSPECTED]
    control = len(head) - len(head.translate(None, _CONTROL))
    return b"\0" in head or control > len(head) * _MOST_CONTROL_CHARACTERS


def text_only(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks.

    Raises:
        NotTextError: the first one that is not blank begins like binary data or a web server's error page.
    """
    rest = iter(chunks)
    for chunk in rest:
        if chunk.strip():
            _check_text(chunk)
            yield chunk
            break
        yield chunk
    yield from rest


def _check_text(head: bytes) -> None:
    if is_binary(head):
        raise NotTextError("binary data, not text")
    page = _ERROR_PAGE.match(head)
    if page is not None:
        parts = [part.decode("utf-8", "replace").strip() for part in (page["code"], page["message"]) if part]
        raise WebPageError(
            f"an error answer ({': '.join(parts)}), not the text" if parts else "a web page, not the text"
        )


def head_of(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The first chunks, until they are `size` bytes together."""
    while size > 0 and (chunk := next(chunks, None)) is not None:
        yield chunk
        size -= len(chunk)


def last_of(chunks: Iterable[bytes | Gap], size: int, why: str) -> Iterator[bytes | Gap]:
    """The last chunks, `size` bytes together or a little more, after a Gap that stands for all before them, if any.

    Keeps no more than that in memory. A gap among the chunks becomes part of the one before the last chunks.

    Raises:
        CutError: the text breaks off. Its end is not known then, so chunks are given only if none were left out.
    """
    kept: deque[bytes] = deque()
    kept_size = skipped = 0
    lines: int | None = 0
    try:
        for chunk in chunks:
            if isinstance(chunk, Gap):
                skipped, kept_size, lines = skipped + kept_size + chunk.size, 0, None
                kept.clear()
                continue
            kept.append(chunk)
            kept_size += len(chunk)
            while kept_size - len(kept[0]) >= size:
                gone = kept.popleft()
                kept_size -= len(gone)
                skipped += len(gone)
                lines = None if lines is None else lines + gone.count(b"\n")
    except CutError:
        if not skipped:
            yield from kept
        raise
    if skipped:
        yield Gap(skipped, lines, why)
    yield from kept
