"""`medic redact`: copy standard input to standard output without secrets. Makes no AWS calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from medic.redaction import redact_stream
from medic_cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_MAX_LINE = 1 << 20
"""Bytes. A longer line is redacted in pieces, so that memory stays bounded."""

_EXAMPLES = examples(
    "medic redact < build.log > shareable.log",
    "pbpaste | medic redact",
)


@click.command("redact", epilog=_EXAMPLES)
def command() -> None:
    """Remove secrets from a text: standard input to standard output, line by line.

    An access key, token, signed URL or password becomes [redacted: what it was]. Exits with 0.
    """
    out = sys.stdout.buffer
    for line in redact_stream(_lines(sys.stdin.buffer)):
        # `surrogateescape` here and in `_lines` lets bytes that are not UTF-8 pass unchanged.
        out.write(line.encode("utf-8", "surrogateescape"))
        out.flush()


def _lines(stream: BinaryIO) -> Iterator[str]:
    while line := stream.readline(_MAX_LINE):
        yield line.decode("utf-8", "surrogateescape")
