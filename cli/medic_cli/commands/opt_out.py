"""`medic opt-out`: remove the tags that let the bot change a branch."""

from __future__ import annotations

import click

from medic_cli.aws_session import explained, session
from medic_cli.opting import BranchTags, opt_out
from medic_cli.opting_screen import carry_out
from medic_cli.options import app_argument, aws_options, branch_argument, change_options, examples, json_option

_EXAMPLES = examples("medic opt-out d1a2b3c4d5e6f7 main", "medic opt-out d1a2b3c4d5e6f7 main --yes --json")


@click.command("opt-out", epilog=_EXAMPLES)
@app_argument()
@branch_argument()
@change_options
@aws_options
@json_option
def command(  # noqa: PLR0913 - the options that all changing commands share
    *,
    app: str,
    branch: str,
    dry_run: bool,
    yes: bool,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Remove the tags that opt a branch in: the bot reports, and changes nothing there any more.

    What it has set stays set; `medic undo` takes that back.

    Exits with 0 once the tags are gone, 1 if you say no, 2 on wrong usage, 3 if AWS could not be asked.
    """
    with explained():
        tags = BranchTags(session(profile, region))
        carry_out(opt_out(tags.read(app, branch)), tags, dry_run=dry_run, yes=yes, as_json=as_json)
