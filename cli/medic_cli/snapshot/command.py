"""`medic snapshot`: write down how things stand, before anything is changed. Read-only."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medic_cli.aws import explained, session
from medic_cli.errors import SOMETHING_WRONG, CouldNotLookError
from medic_cli.options import AppAndBranch, app_argument, aws_options, branch_argument, examples, json_option
from medic_cli.output import shown, terminal
from medic_cli.snapshot.compare import compare, in_words
from medic_cli.snapshot.snapshot import SnapshotReader, read_snapshot, state_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from medic_cli.snapshot.compare import Comparison, Difference
    from medic_cli.snapshot.snapshot import BranchState

_COMPARE_EXAMPLES = examples(
    "medic compare d1a2b3c4d5e6f7/main d1a2b3c4d5e6f7/staging",
    "medic compare before.json#main d1a2b3c4d5e6f7/main",
    "medic compare before.json after.json --json",
)


@click.command("compare", epilog=_COMPARE_EXAMPLES)
@click.argument("first", metavar="APP/BRANCH|FILE[#BRANCH]")
@click.argument("second", metavar="APP/BRANCH|FILE[#BRANCH]")
@aws_options
@json_option
def compare_command(*, first: str, second: str, profile: str | None, region: str | None, as_json: bool) -> None:
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


def _state(text: str, which: str, reader: Callable[[], SnapshotReader]) -> BranchState:
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
    console.print(shown(difference.aspect.title, style), shown(difference.aspect.why_it_matters, "dim"), sep="  ")
    for name, value in (("first", difference.first), ("second", difference.second)):
        head, *more = in_words(value).splitlines()
        console.print(shown(f"  {name:<8}{head}"))
        for line in more:
            console.print(shown(f"          {line}"))


_SNAPSHOT_EXAMPLES = examples(
    "medic snapshot d1a2b3c4d5e6f7 --out before.json",
    "medic snapshot d1a2b3c4d5e6f7 main --out main.json",
    "medic snapshot d1a2b3c4d5e6f7 main --out - | jq .roles",
)


@click.command("snapshot", epilog=_SNAPSHOT_EXAMPLES)
@app_argument()
@branch_argument(required=False)
@click.option("--out", type=click.Path(allow_dash=True, dir_okay=False), metavar="FILE", required=True,
              help="Where to write it; - writes to standard output.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@aws_options
def snapshot_command(  # noqa: PLR0913 - click passes options by name
    *, app: str, branch: str | None, out: str, force: bool, profile: str | None, region: str | None
) -> None:
    """Write down the state of an app's branches: roles, trust, policies, repository, build settings.

    Without BRANCH, every branch. Holds names of environment variables and never their values, no basic-auth
    credentials, and fingerprints in the place of build specifications and trust policies. `medic compare` reads it.

    Exits with 0 once it is written, 2 on wrong usage, 3 if AWS could not be asked or the file could not be written.
    """
    if out != "-" and Path(out).exists() and not force:
        raise click.UsageError(f"{out} is there already: name another file, or --force to overwrite it.")
    with explained():
        taken = SnapshotReader(session(profile, region), lambda: datetime.now(UTC)).take(app, branch)
    text = json.dumps(taken, indent=2) + "\n"
    if out == "-":
        sys.stdout.write(text)
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CouldNotLookError(f"{out} can't be written: {error.strerror}.") from None
    click.echo(f"Written to {out}.", err=True)
