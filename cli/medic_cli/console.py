"""How commands write to a terminal.

What comes from AWS, logs or files is shown letter by letter: no escape sequence, no bidirectional mark and no markup in
it means anything to the terminal.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

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
