"""How commands write to a terminal.

What comes from AWS, logs or files is shown letter by letter: no escape sequence, no bidirectional mark and no markup in
it means anything to the terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

    from medic.logscan.model import Finding


def agreed(question: str, *, yes: bool) -> bool:
    """True if the change may be made.

    The question goes to standard error, so that an answer in JSON stays clean. Without a terminal nobody can answer:
    that counts as no.
    """
    if yes:
        return True
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo("", err=True)
        return False


def where(finding: Finding) -> str:
    """The lines it stands in, in words."""
    if finding.last_line > finding.first_line:
        return f"lines {finding.first_line}-{finding.last_line}"
    return f"line {finding.first_line}"


JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, JsonValue]

_WIDTH_OF_A_FILE = 200


def terminal() -> Console:
    """Standard output; where it is no terminal, lines are not broken."""
    from rich.console import Console  # noqa: PLC0415 - JSON answers do without it

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, soft_wrap=True, width=_WIDTH_OF_A_FILE)


def shown(text: str, style: str = "") -> Text:
    """A text as it may be shown."""
    from rich.text import Text  # noqa: PLC0415

    return Text(visible(text), style)


def visible(text: str) -> str:
    """The text without control, bidirectional and zero-width characters, which could make it read as something else."""
    return "".join(c if c == "\n" or c.isprintable() else " " if c == "\t" else "" for c in text)


def print_list(console: Console, heading: str, lines: Iterable[str]) -> None:
    """A heading and its lines; nothing if there are none."""
    lines = tuple(lines)
    if lines:
        console.print()
        console.print(shown(heading, "bold"))
        for line in lines:
            console.print(shown(f"  - {line}"))
