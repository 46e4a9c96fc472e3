"""Unpacks text that comes as chunks of bytes, plain or gzip, and says where it breaks off."""

from __future__ import annotations

import zlib
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 256 * 1024
"""Bytes unpacked at once, so that a decompression bomb can't fill the memory."""


class CutError(Exception):
    """The rest of a text can't be read. The message says why and ends a sentence: lower case, no full stop."""


class NotGzipError(Exception):
    """A text begins like gzip data, and nothing could be unpacked. The message says why, as that of CutError."""


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The text, unpacked if its first two bytes say that it is gzip, of one or several members.

    Raises:
        NotGzipError: it is not gzip, although it begins so.
        CutError: it is damaged or breaks off after a part that could be unpacked.
    """
    raw = iter(chunks)
    begin = next(raw, b"")
    while len(begin) < len(_GZIP_MAGIC) and (more := next(raw, b"")):
        begin += more
    whole = chain([begin], raw)
    return _gunzipped(whole) if begin.startswith(_GZIP_MAGIC) else whole


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
