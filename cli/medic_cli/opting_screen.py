"""A change of tags: shown, agreed to, made."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from medic_cli.asking import agreed
from medic_cli.console import print_list, shown, terminal
from medic_cli.failure import SOMETHING_WRONG

if TYPE_CHECKING:
    from medic_cli.opting import BranchTags, TagChange


def carry_out(change: TagChange, tags: BranchTags, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show the change, ask, make it; exits with 1 if the answer is no.

    Raises:
        AwsError: a tag could not be written.
    """
    if not as_json:
        _show(change)
    wanted = not (dry_run or change.empty)
    done = wanted and agreed("Change these tags?", yes=yes)
    if done:
        tags.write(change)
    if as_json:
        click.echo(json.dumps(change.as_json(done=done), indent=2))
    else:
        terminal().print(shown(_became(done=done, dry_run=dry_run, empty=change.empty), "bold"))
    if wanted and not done:
        sys.exit(SOMETHING_WRONG)


def _show(change: TagChange) -> None:
    console = terminal()
    console.print(shown(change.branch_arn, "bold"))
    print_list(console, "Tags", change.lines())
    print_list(console, "Then", change.allows)
    console.print()


def _became(*, done: bool, dry_run: bool, empty: bool) -> str:
    if empty:
        return "The branch stands so already: nothing to do."
    if dry_run:
        return "Nothing was changed: --dry-run."
    return "Done." if done else "Nothing was changed."
