"""The `medic snapshot` and `medic compare` commands, read-only."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medic_cli.aws import explained, session
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.files import write_text
from medic_cli.options import AppAndBranch, app_argument, aws_options, branch_argument, examples, json_option
from medic_cli.output import print_json, styled, terminal
from medic_cli.snapshot.compare import compare, value_text
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
    """Show which settings that matter for IAM failures differ between two branches, and why they matter.

    Each side is APP/BRANCH in its current state, or a file from `medic snapshot`. If the file has several branches, add
    #BRANCH.

    Exits with 0 if nothing differs, 1 if something differs, 2 on wrong usage, 3 if a branch or file could not be read.
    """
    readers: list[SnapshotReader] = []

    def reader() -> SnapshotReader:
        """One reader for both sides, created on first use: comparing two files needs no AWS."""
        if not readers:
            readers.append(SnapshotReader(session(profile, region)))
        return readers[0]

    with explained():
        comparison = compare(_state(first, "FIRST", reader), _state(second, "SECOND", reader))
    if as_json:
        print_json(comparison.as_json())
    else:
        _print(comparison)
    sys.exit(SOMETHING_WRONG if comparison.differences else 0)


def _state(text: str, which: str, reader: Callable[[], SnapshotReader]) -> BranchState:
    path, hash_, branch = text.partition("#")
    if Path(path).is_file():
        return state_in(read_snapshot(path), branch if hash_ else None, path)
    named = AppAndBranch.parse(text)
    if named is None:
        raise click.BadParameter(f"{text!r} is neither APP/BRANCH nor an existing file.", param_hint=which)
    return state_in(reader().take(named.app_id, named.branch), named.branch)


def _print(comparison: Comparison) -> None:
    console = terminal()
    console.print(styled(f"first   {comparison.first.name}, {comparison.first.taken_at}"))
    console.print(styled(f"second  {comparison.second.name}, {comparison.second.taken_at}"))
    for difference in comparison.differences:
        _print_one(console, difference, "bold red")
    for difference in comparison.unknown:
        _print_one(console, difference, "bold yellow")
    console.print()
    differences, unknown = len(comparison.differences), len(comparison.unknown)
    summary = f"{differences} of the settings differ" if differences else "Nothing differs"
    not_compared = f", {unknown} could not be compared" if unknown else ""
    same = ", ".join(aspect.title for aspect in comparison.same)
    console.print(styled(f"{summary}{not_compared}; the same: {same}.", "dim"))


def _print_one(console: Console, difference: Difference, style: str) -> None:
    console.print()
    console.print(styled(difference.aspect.title, style), styled(difference.aspect.why_it_matters, "dim"), sep="  ")
    for side, value in (("first", difference.first), ("second", difference.second)):
        head, *more = value_text(value).splitlines()
        console.print(styled(f"  {side:<8}{head}"))
        for line in more:
            console.print(styled(f"          {line}"))


_SNAPSHOT_EXAMPLES = examples(
    "medic snapshot d1a2b3c4d5e6f7 --out before.json",
    "medic snapshot d1a2b3c4d5e6f7 main --out main.json",
    "medic snapshot d1a2b3c4d5e6f7 main --out - | jq .roles",
)


@click.command("snapshot", epilog=_SNAPSHOT_EXAMPLES)
@app_argument()
@branch_argument(required=False)
@click.option("--out", type=click.Path(allow_dash=True, dir_okay=False), metavar="FILE", required=True,
              help="The file to write; - for standard output.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@aws_options
def snapshot_command(  # noqa: PLR0913 - click passes options by name
    *, app: str, branch: str | None, out: str, force: bool, profile: str | None, region: str | None
) -> None:
    """Save the state of an app's branches: roles, trust, policies, repository, build settings.

    Without BRANCH, saves every branch. The file has names of environment variables but no values, no basic-auth
    credentials, and only fingerprints of build specifications and trust policies. `medic compare` reads it.

    Exits with 0 if the file was written, 2 on wrong usage, 3 if AWS or the file could not be accessed.
    """
    if out != "-" and Path(out).exists() and not force:
        raise click.UsageError(f"{out} already exists. Choose another file, or use --force to overwrite it.")
    with explained():
        snapshot = SnapshotReader(session(profile, region)).take(app, branch)
    text = json.dumps(snapshot, indent=2) + "\n"
    if out == "-":
        sys.stdout.write(text)
        return
    write_text(Path(out), text)
    click.echo(f"Wrote {out}.", err=True)
