"""Every command as Markdown, from the commands themselves. `python -m medic_cli.reference` prints the page."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import click

from medic_cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Every command and option

For people who look up one option. [cli.md](cli.md) says what the commands are for.

`python -m medic_cli.reference` writes this page from the commands; a test compares the two. Every command also has
`--help`.
"""


def reference() -> str:
    """The whole page: the group's own options, then each command by name."""
    group = click.Context(main, info_name="medic", max_content_width=120)
    names = main.list_commands(group)
    commands = ((name, main.get_command(group, name)) for name in names)
    parts = [_HEAD, *_options(group), *("\n".join(_section(group, name, each)) for name, each in commands if each)]
    return "\n".join(parts).rstrip() + "\n"


def _section(group: click.Context, name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=group)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## medic {name}\n"
    yield f"    medic {name} {usage}\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    yield from _options(context)
    if command.epilog:
        lines = (f"  {line}" if line.startswith("  ") else f"\n{line}\n" for line in _lines(command.epilog))
        yield "\n".join(lines).lstrip() + "\n"


def _options(context: click.Context) -> Iterator[str]:
    options = (each for each in context.command.params if isinstance(each, click.Option))
    records = [record for each in options if (record := each.get_help_record(context))]
    yield "\n".join(f"- `{names}`: {text}" for names, text in records) + "\n"


def _lines(epilog: str) -> list[str]:
    """The lines without click's sign for "keep these line breaks"."""
    return [line for line in epilog.splitlines() if line != "\b"]


if __name__ == "__main__":
    sys.stdout.write(reference())
