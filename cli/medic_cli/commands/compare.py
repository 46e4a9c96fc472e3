"""`medic compare`: what differs between a branch that works and one that does not. Read-only."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medic_cli.aws_session import explained, session
from medic_cli.console import shown, terminal
from medic_cli.failure import SOMETHING_WRONG
from medic_cli.options import AppAndBranch, aws_options, examples, json_option
from medic_cli.snapshot.comparison import compare, in_words
from medic_cli.snapshot.reading import SnapshotReader
from medic_cli.snapshot.state import read_snapshot, state_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from medic_cli.snapshot.comparison import Comparison, Difference
    from medic_cli.snapshot.state import State

_EXAMPLES = examples(
    "medic compare d1a2b3c4d5e6f7/main d1a2b3c4d5e6f7/staging",
    "medic compare before.json#main d1a2b3c4d5e6f7/main",
    "medic compare before.json after.json --json",
)


@click.command("compare", epilog=_EXAMPLES)
@click.argument("first", metavar="APP/BRANCH|FILE[#BRANCH]")
@click.argument("second", metavar="APP/BRANCH|FILE[#BRANCH]")
@aws_options
@json_option
def command(*, first: str, second: str, profile: str | None, region: str | None, as_json: bool) -> None:
    """Show what differs between two branches in all that matters to IAM failures, and why it matters.

    Each is APP/BRANCH as it stands now, or a file that `medic snapshot` wrote; #BRANCH names one of several in it.

    Exits with 0 if nothing differs, 1 if something does, 2 on wrong usage, 3 if one of them could not be read.
    """
    readers: list[SnapshotReader] = []

    def reader() -> SnapshotReader:
        """Made when the first branch is to be read from AWS: two files need none."""
        if not readers:
            readers.append(SnapshotReader(session(profile, region), lambda: datetime.now(UTC)))
        return readers[0]

    with explained():
        found = compare(_state(first, "FIRST", reader), _state(second, "SECOND", reader))
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        _print(found)
    sys.exit(SOMETHING_WRONG if found.differences else 0)


def _state(text: str, which: str, reader: Callable[[], SnapshotReader]) -> State:
    path, hash_, branch = text.partition("#")
    if Path(path).is_file():
        return state_in(read_snapshot(path), branch if hash_ else None, path)
    named = AppAndBranch.parse(text)
    if named is None:
        raise click.BadParameter(f"{text!r} is neither APP/BRANCH nor a file that is there.", param_hint=which)
    return state_in(reader().take(named.app_id, named.branch), named.branch)


def _print(found: Comparison) -> None:
    console = terminal()
    console.print(shown(f"first   {found.first.name}, {found.first.taken_at}"))
    console.print(shown(f"second  {found.second.name}, {found.second.taken_at}"))
    for difference in found.differences:
        _print_one(console, difference, "bold red")
    for difference in found.unknown:
        _print_one(console, difference, "bold yellow")
    console.print()
    summary = f"{len(found.differences)} of the properties differ" if found.differences else "Nothing differs"
    unknown = f", {len(found.unknown)} could not be compared" if found.unknown else ""
    console.print(shown(f"{summary}{unknown}; the same: {', '.join(aspect.title for aspect in found.same)}.", "dim"))


def _print_one(console: Console, difference: Difference, style: str) -> None:
    console.print()
    console.print(shown(difference.aspect.title, style), shown(difference.aspect.matters, "dim"), sep="  ")
    for name, value in (("first", difference.first), ("second", difference.second)):
        head, *more = in_words(value).splitlines()
        console.print(shown(f"  {name:<8}{head}"))
        for line in more:
            console.print(shown(f"          {line}"))
