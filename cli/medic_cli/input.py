"""Reads what a user gives to a command as text: plain or gzip. Refuses what is no text, instead of finding nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from medic.unpack import NotGzipError, unpacked
from medic_cli.errors import CouldNotLookError
from medic_cli.files import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSPECTED = 8192
"""Bytes at the beginning that show what the input is."""
_MOST_CONTROL_CHARACTERS = 0.05
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x08\x1b"))
_ERROR_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<(?P<root>Error|ErrorResponse)\b.{0,400}?<Code>(?P<code>\w{1,60})</Code>"
    rb"(?:\s*<Message>(?P<message>[^<]{0,300}))?|<!doctype html|<html\b)",
    re.IGNORECASE | re.DOTALL,
)


def text_chunks(stream: BinaryIO, path: str) -> Iterator[bytes]:
    """Read a text in chunks, decompressed if it is gzip. The path is for the error message.

    Raises:
        CouldNotLookError: the input is empty, binary, or a web server's error page, or a read failed.
        CutError: gzip data is damaged or breaks off after a part that could be unpacked.
    """
    begun = False
    try:
        for chunk in unpacked(chunks(stream, path)):
            if not begun and chunk.strip():
                _refuse(chunk, path)
                begun = True
            yield chunk
    except NotGzipError as error:
        raise CouldNotLookError(f"{_named(path)} begins like gzip data and is none: {error}.") from None
    if not begun:
        refuse_empty_or_binary(b"", path)


def refuse_empty_or_binary(data: bytes, path: str) -> None:
    """Raise CouldNotLookError if the data is empty or binary."""
    if not data.strip():
        raise CouldNotLookError(f"{_named(path)} is empty: there is nothing to read.")
    head = data[:_INSPECTED]
    control = len(head) - len(head.translate(None, _CONTROL))
    if b"\0" in head or control > len(head) * _MOST_CONTROL_CHARACTERS:
        raise CouldNotLookError(f"{_named(path)} is binary data, not text.")


def _refuse(head: bytes, path: str) -> None:
    refuse_empty_or_binary(head, path)
    page = _ERROR_PAGE.match(head)
    if page is None:
        return
    parts = [part.decode("utf-8", "replace").strip() for part in (page["code"], page["message"]) if part]
    what = f"an error answer ({': '.join(parts)})" if parts else "a web page"
    raise CouldNotLookError(
        f"{_named(path)} is {what}, not a log. The URL of a build log is valid for an hour: download it again."
    )


def _named(path: str) -> str:
    return "Standard input" if path == "-" else path
