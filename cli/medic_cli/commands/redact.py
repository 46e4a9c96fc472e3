"""`medic redact`: copy standard input to standard output without secrets. Makes no AWS calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from medic.redaction import redact_stream
from medic.unpack import CutError
from medic_cli.errors import CouldNotLookError
from medic_cli.input import lines_of, text_chunks
from medic_cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_LINE = 1 << 20
"""Bytes. A longer line is redacted in pieces, so that memory stays bounded."""

_EXAMPLES = examples(
    "medic redact < build.log > shareable.log",
    "pbpaste | medic redact",
)


@click.command("redact", epilog=_EXAMPLES)
def command() -> None:
    """Remove secrets from a text: standard input to standard output, line by line.

    An access key, token, signed URL or password becomes [redacted: what it was]. Gzip is unpacked. Exits with 0, or
    with 3 if the input is empty, binary or an error page, or breaks off.
    """
    out = sys.stdout.buffer
    try:
        for line in redact_stream(_lines()):
            # `surrogateescape` here and in `_lines` lets bytes that are not UTF-8 pass unchanged.
            out.write(line.encode("utf-8", "surrogateescape"))
            out.flush()
    except CutError as error:
        raise CouldNotLookError(f"Only a part was redacted: {error}.") from None


def _lines() -> Iterator[str]:
    for line in lines_of(text_chunks(sys.stdin.buffer, "-"), _MAX_LINE):
        yield line.decode("utf-8", "surrogateescape")
