"""Files and standard input, read in pieces."""

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

_CHUNK = 1 << 18


def opened(path: str) -> AbstractContextManager[BinaryIO]:
    """A file to read bytes from; `-` is standard input.

    Raises:
        CouldNotLookError: it can't be opened.
    """
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None


def chunks(stream: BinaryIO, path: str) -> Iterator[bytes]:
    """What is in an open file, piece by piece.

    Raises:
        CouldNotLookError: reading it fails.
    """
    try:
        while chunk := stream.read(_CHUNK):
            yield chunk
    except OSError as error:
        raise _unreadable(path, error) from None


def read_json_file(path: str, most: int) -> object:
    """The JSON document in a file of at most so many bytes.

    Raises:
        CouldNotLookError: it can't be read, is longer, or is no JSON.
    """
    with opened(path) as stream:
        try:
            text = stream.read(most + 1)
        except OSError as error:
            raise _unreadable(path, error) from None
    if len(text) > most:
        raise CouldNotLookError(f"{path} is longer than {most:,} bytes.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CouldNotLookError(f"{path} is not JSON: {error}.") from None


def _unreadable(path: str, error: OSError) -> CouldNotLookError:
    return CouldNotLookError(f"{path} can't be read: {error.strerror}.")
