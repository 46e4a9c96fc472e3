"""`medic redact`: copy a text to standard output without secrets. Makes no AWS calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from medic.redaction import redact_stream
from medic.unpack import CutError
from medic_cli.errors import CouldNotLookError
from medic_cli.files import opened, text_chunks
from medic_cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_LINE = 1 << 20
"""Bytes. A longer line is redacted in pieces, so that memory stays bounded."""

_EXAMPLES = examples(
    "medic redact build.log > shareable.log",
    "pbpaste | medic redact",
)


@click.command("redact", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(allow_dash=True), default="-")
def command(file: str) -> None:
    """Remove secrets from a text, line by line, and write it to standard output.

    FILE is plain text or gzip; - reads standard input. An access key, token, signed URL or password becomes
    [redacted: what it was].

    Exits with 0, or with 3 if the input can't be read, is empty, binary or an error page, or breaks off.
    """
    out = sys.stdout.buffer
    try:
        with opened(file) as stream:
            for text in redact_stream(_blocks(text_chunks(stream, file))):
                # `surrogateescape` here and in `_blocks` lets bytes that are not UTF-8 pass unchanged.
                out.write(text.encode("utf-8", "surrogateescape"))
                out.flush()
    except CutError as error:
        raise CouldNotLookError(f"Only a part was redacted: {error}.") from None


def _blocks(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines, as many as have arrived, so that a pipe does not wait."""
    rest = b""
    for arrived in chunks:
        end = arrived.rfind(b"\n") + 1
        if end or len(rest) + len(arrived) > _MAX_LINE:
            end = end or len(arrived)
            yield (rest + arrived[:end]).decode("utf-8", "surrogateescape")
            rest = arrived[end:]
        else:
            rest += arrived
    if rest:
        yield rest.decode("utf-8", "surrogateescape")
