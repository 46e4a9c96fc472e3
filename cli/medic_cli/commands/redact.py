"""`medic redact`: standard input to standard output, without secrets. Offline."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from medic.redaction import redact_stream
from medic_cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_LONGEST_LINE = 1 << 20
"""Bytes; a longer line is redacted in pieces, so that memory stays bounded."""


_EXAMPLES = examples(
    "medic redact < build.log > shareable.log",
    "pbpaste | medic redact",
)


@click.command("redact", epilog=_EXAMPLES)
def command() -> None:
    """Take secrets out of a text: standard input to standard output, line by line.

    Access keys, tokens, signed URLs, passwords and the like become [redacted: what it was]. Exits with 0.
    """
    stream = sys.stdin.buffer
    out = sys.stdout.buffer
    for line in redact_stream(_lines(stream)):
        out.write(line.encode("utf-8", "surrogateescape"))
        out.flush()


def _lines(stream: BinaryIO) -> Iterator[str]:
    while line := stream.readline(_LONGEST_LINE):
        yield line.decode("utf-8", "surrogateescape")
