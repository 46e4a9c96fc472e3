"""`medic opt-in`: tag a branch, and say what that allows."""

from __future__ import annotations

import click

from medic.plan.model import RebuildWish
from medic.plan.optin import AUTO_FIX, CHANNEL, COMPUTE_ROLE, REBUILD
from medic.settings import Mode
from medic_cli.aws_session import explained, session
from medic_cli.opting import MODES, BranchTags, opt_in
from medic_cli.opting_screen import carry_out
from medic_cli.options import app_argument, aws_options, branch_argument, change_options, examples, json_option

_EXAMPLES = examples(
    "medic opt-in d1a2b3c4d5e6f7 main --dry-run",
    "medic opt-in d1a2b3c4d5e6f7 main --mode ask --channel frontend",
    "medic opt-in d1a2b3c4d5e6f7 main --compute-role web-compute --rebuild no --yes",
)


@click.command("opt-in", epilog=_EXAMPLES)
@app_argument()
@branch_argument()
@click.option("--mode", type=click.Choice(MODES), default=Mode.FIX.value, show_default=True,
              help="How far the bot may go on this branch.")  # fmt: skip
@click.option("--compute-role", metavar="NAME|ARN", help="Which of the roles paired with the app it may set.")
@click.option("--rebuild", type=click.Choice([wish.value for wish in RebuildWish]),
              help="Whether it may retry the failed job.")  # fmt: skip
@click.option("--channel", metavar="NAME", help="The Slack channel, of those in the settings, that hears of it.")
@change_options
@aws_options
@json_option
def command(  # noqa: PLR0913 - one a tag
    *,
    app: str,
    branch: str,
    mode: str,
    compute_role: str | None,
    rebuild: str | None,
    channel: str | None,
    dry_run: bool,
    yes: bool,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Tag a branch with your own credentials, and say exactly what that allows.

    Tags opt in; they never grant: which roles the bot may set stands in the deployed stack's settings.

    Exits with 0 once the branch is tagged, 1 if you say no, 2 on wrong usage, 3 if AWS could not be asked.
    """
    with explained():
        tags = BranchTags(session(profile, region))
        wanted = {AUTO_FIX: mode, COMPUTE_ROLE: compute_role, REBUILD: rebuild, CHANNEL: channel}
        carry_out(opt_in(tags.read(app, branch), wanted), tags, dry_run=dry_run, yes=yes, as_json=as_json)
