"""Reads files and standard input: as text, as one JSON document, or as a batch with JSON on every line.

A text may be plain or gzip, in UTF-8 or UTF-16. What is no text is refused, because nothing would be found in it.
"""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

import click

from medic.unpack import NotGzipError, NotTextError, WebPageError, is_binary, text_only, unpacked
from medic_cli.errors import CouldNotLookError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from medic_cli.answers import LineError
    from medic_cli.output import JsonObject

_CHUNK_BYTES = 1 << 18
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How UTF-16 begins. Windows PowerShell writes it with `>`."""
_MAX_ID = 256
_MAX_ERROR = 500


def opened(path: str) -> AbstractContextManager[BinaryIO]:
    """Open a file for reading bytes; `-` is standard input, which is not closed. Somebody at a terminal is told so.

    Raises:
        CouldNotLookError: the file can't be opened.
    """
    if path == "-":
        if sys.stdin.isatty():
            click.echo(
                "Reading standard input: paste the text, then press Ctrl-D (on Windows, Ctrl-Z and Enter).", err=True
            )
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None


def text_chunks(stream: BinaryIO, path: str) -> Iterator[bytes]:
    """Read a text in chunks of UTF-8, decompressed if it is gzip. The path is for the error message.

    Raises:
        CouldNotLookError: the input is empty, binary, or a web server's error page, or a read failed.
        CutError: gzip data is damaged or breaks off after a part that could be unpacked.
    """
    begun = False
    try:
        for chunk in text_only(_in_utf_8(unpacked(_chunks(stream, path)))):
            begun = begun or bool(chunk.strip())
            yield chunk
    except NotGzipError as error:
        raise CouldNotLookError(f"{_named(path)} begins like gzip data and is none: {error}.") from None
    except WebPageError as error:
        again = "The URL of a build log is valid for an hour: download it again."
        raise CouldNotLookError(f"{_named(path)} is {error}. {again}") from None
    except NotTextError as error:
        raise CouldNotLookError(f"{_named(path)} is {error}.") from None
    if not begun:
        refuse_empty_or_binary(b"", path)


def _in_utf_8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """UTF-16, which its byte order mark tells, as UTF-8. All else stays as it is."""
    decoder: codecs.IncrementalDecoder | None = None
    for number, chunk in enumerate(chunks):
        if number == 0 and chunk.startswith(_UTF_16) and is_binary(chunk):
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
        yield chunk if decoder is None else decoder.decode(chunk).encode()


def refuse_empty_or_binary(data: bytes, path: str) -> None:
    """Raise CouldNotLookError if the data is empty or binary."""
    if not data.strip():
        raise CouldNotLookError(f"{_named(path)} is empty: there is nothing to read.")
    if is_binary(data):
        raise CouldNotLookError(f"{_named(path)} is binary data, not text.")


def _named(path: str) -> str:
    return "Standard input" if path == "-" else path


def _chunks(stream: BinaryIO, path: str) -> Iterator[bytes]:
    """Read an open file in chunks. The path is for the error message.

    Raises:
        CouldNotLookError: a read failed.
    """
    try:
        # read1 gives what has arrived, so that output of a pipe appears as the input comes.
        while chunk := stream.read1(_CHUNK_BYTES):  # type: ignore[attr-defined]
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


def write_text(path: Path, text: str) -> None:
    """Write a report.

    Raises:
        CouldNotLookError: the file can't be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CouldNotLookError(f"{path} can't be written: {error.strerror}.") from None


class LineUnansweredError(ValueError):
    """A line of a batch can't be answered. The message says why; `id` is the case's id, if the line has one."""

    def __init__(self, message: str, id_: str | None = None) -> None:
        super().__init__(message)
        self.id = id_


def answer_batch(
    stream: IO[bytes], max_line: int, answer: Callable[[bytes], JsonObject]
) -> Iterator[JsonObject | LineError]:
    """Answer each line of a batch that is not blank, and never keep more than `max_line` bytes of a line in memory.

    Args:
        stream: the open batch.
        max_line: the longest line to read, in bytes.
        answer: answers a line; raises LineUnansweredError if it can't.
    """
    number = 0
    while line := stream.readline(max_line):
        number += 1
        try:
            if len(line) == max_line and not line.endswith(b"\n"):
                while (rest := stream.readline(max_line)) and not rest.endswith(b"\n"):
                    pass
                raise LineUnansweredError(f"the line is longer than {max_line:,} bytes")  # noqa: TRY301
            if line.strip():
                yield answer(line)
        except LineUnansweredError as error:
            yield {"id": error.id, "line": number, "error": str(error)[:_MAX_ERROR]}


def case_id(case: object) -> str | None:
    """The id of a batch's case, shortened; None if it has none."""
    value = case.get("id") if isinstance(case, Mapping) else None
    return None if value is None else str(value)[:_MAX_ID]


def _unreadable(path: str, error: OSError) -> CouldNotLookError:
    return CouldNotLookError(f"{path} can't be read: {error.strerror}.")
