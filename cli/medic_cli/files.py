"""Reads files and standard input in chunks, and small JSON files."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from medic_cli.errors import CouldNotLookError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_CHUNK_BYTES = 1 << 18


def opened(path: str) -> AbstractContextManager[BinaryIO]:
    """Open a file for reading bytes; `-` is standard input, which is not closed.

    Raises:
        CouldNotLookError: the file can't be opened.
    """
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None


def chunks(stream: BinaryIO, path: str) -> Iterator[bytes]:
    """Read an open file in chunks. The path is for the error message.

    Raises:
        CouldNotLookError: a read failed.
    """
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
    except OSError as error:
        raise _unreadable(path, error) from None


def read_json_file(path: str, max_bytes: int) -> object:
    """Parse a JSON file.

    Raises:
        CouldNotLookError: the file can't be read, is longer than `max_bytes`, or is not JSON.
    """
    with opened(path) as stream:
        try:
            text = stream.read(max_bytes + 1)
        except OSError as error:
            raise _unreadable(path, error) from None
    if len(text) > max_bytes:
        raise CouldNotLookError(f"{path} is longer than {max_bytes:,} bytes.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CouldNotLookError(f"{path} is not JSON: {error}.") from None


def _unreadable(path: str, error: OSError) -> CouldNotLookError:
    return CouldNotLookError(f"{path} can't be read: {error.strerror}.")
