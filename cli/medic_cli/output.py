"""How commands write to a terminal.

Text from AWS, logs and files passes through `visible` first. No escape sequence, bidirectional mark or markup in it has
an effect on the terminal.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import click

from medic.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

    from medic.logscan.model import Finding

JsonObject: TypeAlias = Mapping[str, object]

_FILE_WIDTH = 200
"""Columns, where standard output is not a terminal."""


def print_json(answer: JsonObject) -> None:
    """Print a command's answer for `--json`."""
    click.echo(json.dumps(answer, indent=2))


def replace_unknown_characters() -> None:
    """Let a code page without a sign such as ✗, as on Windows, print `?` instead of raising UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def terminal() -> Console:
    """Standard output. Lines are not wrapped if it is not a terminal."""
    from rich.console import Console  # noqa: PLC0415 - JSON answers do without it

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, soft_wrap=True, width=_FILE_WIDTH)


def styled(text: str, style: str = "") -> Text:
    """The text for `Console.print`: visible characters only, and no markup is interpreted."""
    from rich.text import Text  # noqa: PLC0415

    return Text(visible(text), style)


def print_list(console: Console, heading: str, lines: Iterable[str]) -> None:
    """Print a heading and a bulleted list, or nothing if there are no lines."""
    lines = tuple(lines)
    if lines:
        console.print()
        console.print(styled(heading, "bold"))
        for line in lines:
            # The terminal itself wraps an address, and still knows it for one.
            console.print(styled(f"  - {line}"), soft_wrap="://" in line)


def print_cut(console: Console, line: str) -> None:
    """Print a line, which a terminal cuts at its width. A pipe gets all of it."""
    if console.is_terminal:
        console.print(styled(line), no_wrap=True, overflow="ellipsis")
    else:
        console.print(styled(line), soft_wrap=True)


def line_range(finding: Finding) -> str:
    """The lines of a finding: "line 7" or "lines 7-9"."""
    if finding.last_line > finding.first_line:
        return f"lines {finding.first_line}-{finding.last_line}"
    return f"line {finding.first_line}"


def confirmed(question: str, *, yes: bool) -> bool:
    """True if the user agrees, or gave `--yes`.

    The question goes to standard error so that JSON on standard output stays clean. No answer (standard input is at its
    end) counts as no.
    """
    if yes:
        return True
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo("", err=True)
        return False
