"""`medic opt-in` and `medic opt-out`: change a branch's tags, and show what they allow.

A tag opts in and never grants: the deployed stack's settings decide which roles the bot may set.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from medic.aws.errors import translated
from medic.gateways import Gateways
from medic.plan.model import SSR, RebuildTag
from medic.plan.optin import AUTO_FIX, CHANNEL, COMPUTE_ROLE, IGNORE, REBUILD, SERVICE_ROLE
from medic.settings import Mode
from medic_cli.aws import explained, region_of, required, session
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.options import app_argument, aws_options, branch_argument, change_options, examples, json_option
from medic_cli.output import confirmed, print_json, print_list, styled, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medic.evidence import App, Branch
    from medic_cli.answers import OptAnswer

_MODES = (Mode.FIX.value, Mode.ASK.value, Mode.REPORT.value, IGNORE)
_OPT_IN_TAGS = (AUTO_FIX, COMPUTE_ROLE, REBUILD)
"""The tags that opting out removes. CHANNEL stays: it only says where alerts go."""
_REPORTS_ONLY = "The bot reports failures of this branch and changes nothing on it."


@dataclass(frozen=True, slots=True)
class TagChange:
    """The tags to set and to remove, and what the branch allows afterwards."""

    branch_arn: str
    sets: Mapping[str, str]
    removes: tuple[str, ...]
    before: Mapping[str, str]
    allows: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """True if no tag would change."""
        return not (self.sets or self.removes)

    def lines(self) -> Iterator[str]:
        """Each tag that changes, as "key: before → after"."""
        for key, value in self.sets.items():
            yield f"{key}: {self.before.get(key, 'none')} → {value}"
        for key in self.removes:
            yield f"{key}: {self.before[key]} → none"

    def as_json(self, *, done: bool) -> OptAnswer:
        return {
            "schema": 1,
            "branch_arn": self.branch_arn,
            "sets": dict(self.sets),
            "removes": list(self.removes),
            "before": {key: value for key, value in self.before.items() if key.startswith("amplify-medic:")},
            "allows": list(self.allows),
            "done": done,
        }


def _read(gateways: Gateways, app_id: str, branch: str) -> tuple[App, Branch]:
    """The app and its branch, as AWS describes them now.

    Raises:
        CouldNotLookError: the app or branch does not exist, or may not be read.
        AwsError: a call failed in another way.
    """
    region = region_of(gateways.session)
    return required(gateways.amplify.app(app_id), region), required(gateways.amplify.branch(app_id, branch), region)


def opt_in(app: App, branch: Branch, wanted: Mapping[str, str | None]) -> TagChange:
    """The change that opts a branch in.

    Args:
        app: the app as it is now.
        branch: the branch as it is now.
        wanted: the tags to set; None leaves a tag as it is.
    """
    sets = {key: value for key, value in wanted.items() if value is not None and branch.tags.get(key) != value}
    return TagChange(branch.arn, sets, (), branch.tags, tuple(_allows(app, branch, {**branch.tags, **sets})))


def opt_out(branch: Branch) -> TagChange:
    """The change that opts a branch out."""
    removes = tuple(key for key in _OPT_IN_TAGS if key in branch.tags)
    allows = [_REPORTS_ONLY]
    if CHANNEL in branch.tags:
        allows.append(
            f"Alerts still go to the channel {branch.tags[CHANNEL]}. The tag {CHANNEL} stays because it allows no "
            "change."
        )
    if branch.compute_role_arn:
        allows.append(f"The branch keeps its compute role: {branch.compute_role_arn}")
    return TagChange(branch.arn, {}, removes, branch.tags, tuple(allows))


def _allows(app: App, branch: Branch, tags: Mapping[str, str]) -> Iterator[str]:
    """What the bot may do on a branch with these tags, as far as that is known without the stack's settings."""
    match tags.get(AUTO_FIX):
        case Mode.FIX.value:
            yield (
                "The bot may set the compute role of this branch without asking, if a failure calls for it, every "
                "guardrail allows it, and the deployed stack's mode is fix."
            )
        case Mode.ASK.value:
            yield "The bot may propose a compute role for this branch. It sets the role only after an approval."
        case value if value == IGNORE:
            yield "The bot ignores this branch: it sends no alerts and changes nothing."
            return
        case _:
            yield _REPORTS_ONLY
            return
    yield _which_role(tags)
    yield (
        "SSR code of this branch can read that role's credentials, so everyone who can push to the branch can do what "
        "the role permits."
    )
    yield _rebuilds(tags)
    yield from _limits(app, branch)


def _which_role(tags: Mapping[str, str]) -> str:
    if COMPUTE_ROLE in tags:
        return (
            f"The only role it may set is {tags[COMPUTE_ROLE]}, and only if the deployed stack pairs that role with "
            "this app. A tag chooses a role; it never grants one."
        )
    return (
        "Which role: the one that the deployed stack pairs with this app, else the stack's default role. "
        "`medic diagnose APP BRANCH --stack NAME` shows it."
    )


def _rebuilds(tags: Mapping[str, str]) -> str:
    match tags.get(REBUILD, RebuildTag.AUTO.value):
        case RebuildTag.AUTO.value:
            when = "if that can help"
        case RebuildTag.YES.value:
            when = "after every change"
        case _:
            return "It rebuilds nothing."
    return f"It may retry the failed job {when}, as long as that job is the newest. It never builds a new commit."


def _limits(app: App, branch: Branch) -> Iterator[str]:
    """Facts about the app and branch that limit what the bot does, whatever the tags say."""
    if branch.is_preview:
        yield "This is a pull-request preview: the bot never changes it, whatever its tags say."
    elif app.auto_branch_creation:
        yield (
            "The app creates branches automatically. Unless the stack pairs exactly this branch, the bot refuses to "
            "change it if it may have been created automatically."
        )
    if app.platform != SSR:
        yield f"The app's platform is {app.platform}. It has no SSR runtime, so the bot sets no compute role."
    compute_role = branch.compute_role_arn or app.compute_role_arn
    if compute_role:
        yield f"It already has a compute role, {compute_role}. The bot never replaces a usable role."
    if SERVICE_ROLE in app.tags:
        yield (
            f"The app's tag {SERVICE_ROLE} names {app.tags[SERVICE_ROLE]}. After a failure of this branch, the bot may "
            "also set that service role on the app, if the stack pairs them."
        )


def apply_change(change: TagChange, gateways: Gateways, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show the change, ask for confirmation, and write the tags. Exits with 1 if the answer is no.

    Raises:
        AwsError: a tag could not be written; tags that were already set stay set.
    """
    if not as_json:
        _print_change(change)
    wanted = not (dry_run or change.empty)
    done = wanted and confirmed("Change these tags?", yes=yes)
    if done:
        _write(change, gateways)
    if as_json:
        print_json(change.as_json(done=done))
    else:
        terminal().print(styled(_outcome(done=done, dry_run=dry_run, empty=change.empty), "bold"))
    if wanted and not done:
        sys.exit(SOMETHING_WRONG)


def _write(change: TagChange, gateways: Gateways) -> None:
    client = gateways.clients.amplify
    if change.sets:
        with translated("amplify:TagResource"):
            client.tag_resource(resourceArn=change.branch_arn, tags=dict(change.sets))
    if change.removes:
        with translated("amplify:UntagResource"):
            client.untag_resource(resourceArn=change.branch_arn, tagKeys=list(change.removes))


def _print_change(change: TagChange) -> None:
    console = terminal()
    console.print(styled(change.branch_arn, "bold"))
    print_list(console, "Tags", change.lines())
    print_list(console, "Then", change.allows)
    console.print()


def _outcome(*, done: bool, dry_run: bool, empty: bool) -> str:
    if empty:
        return "No tag needs to change. Nothing to do."
    if dry_run:
        return "Dry run: nothing was changed."
    return "Done." if done else "Nothing was changed."


_OPT_IN_EXAMPLES = examples(
    "medic opt-in d1a2b3c4d5e6f7 main --dry-run",
    "medic opt-in d1a2b3c4d5e6f7 main --mode ask --channel frontend",
    "medic opt-in d1a2b3c4d5e6f7 main --compute-role web-compute --rebuild no --yes",
)


@click.command("opt-in", epilog=_OPT_IN_EXAMPLES)
@app_argument()
@branch_argument()
@click.option("--mode", type=click.Choice(_MODES), default=Mode.FIX.value, show_default=True,
              help="What the bot may do on this branch.")  # fmt: skip
@click.option("--compute-role", metavar="NAME|ARN", help="The role it may set, one of those paired with the app.")
@click.option("--rebuild", type=click.Choice([tag.value for tag in RebuildTag]),
              help="Whether it may retry the failed job.")  # fmt: skip
@click.option("--channel", metavar="NAME", help="Slack channel for this branch's alerts, one of those in the settings.")
@change_options
@aws_options
@json_option
def opt_in_command(  # noqa: PLR0913 - one a tag
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
    """Tag a branch with your own credentials, and show exactly what that allows.

    A tag opts in; it grants nothing. The deployed stack's settings decide which roles the bot may set.

    Exits with 0 if the branch is tagged, 1 if you say no, 2 on wrong usage, 3 if a call to AWS failed.
    """
    with explained():
        gateways = Gateways(session(profile, region))
        wanted = {AUTO_FIX: mode, COMPUTE_ROLE: compute_role, REBUILD: rebuild, CHANNEL: channel}
        change = opt_in(*_read(gateways, app, branch), wanted)
        apply_change(change, gateways, dry_run=dry_run, yes=yes, as_json=as_json)


_OPT_OUT_EXAMPLES = examples("medic opt-out d1a2b3c4d5e6f7 main", "medic opt-out d1a2b3c4d5e6f7 main --yes --json")


@click.command("opt-out", epilog=_OPT_OUT_EXAMPLES)
@app_argument()
@branch_argument()
@change_options
@aws_options
@json_option
def opt_out_command(  # noqa: PLR0913 - the options that all changing commands share
    *,
    app: str,
    branch: str,
    dry_run: bool,
    yes: bool,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Remove the tags that opt a branch in. The bot then reports failures and changes nothing on the branch.

    A role that the bot has set stays set; `medic undo` restores the previous role.

    Exits with 0 if the tags are removed, 1 if you say no, 2 on wrong usage, 3 if a call to AWS failed.
    """
    with explained():
        gateways = Gateways(session(profile, region))
        _, current = _read(gateways, app, branch)
        apply_change(opt_out(current), gateways, dry_run=dry_run, yes=yes, as_json=as_json)
