"""Opting a branch in or out: which tags change, and what that allows. Tags opt in; they never grant."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from medic.aws.amplify import AmplifyReader
from medic.aws.clients import Clients
from medic.aws.errors import translated
from medic.plan.decide import SSR
from medic.plan.model import RebuildTag
from medic.plan.optin import AUTO_FIX, CHANNEL, COMPUTE_ROLE, IGNORE, REBUILD, SERVICE_ROLE
from medic.settings import Mode
from medic_cli.aws import explained, region_of, required, session
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.options import app_argument, aws_options, branch_argument, change_options, examples, json_option
from medic_cli.output import agreed, print_list, shown, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from boto3.session import Session

    from medic.evidence import App, Branch
    from medic_cli.output import JsonObject

MODES = (Mode.FIX.value, Mode.ASK.value, Mode.REPORT.value, IGNORE)
SCHEMA = 1
_OPTED = (AUTO_FIX, COMPUTE_ROLE, REBUILD)
"""What opting out removes; the channel stays: it says where alerts go, and allows nothing."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A branch as it stands, with its app."""

    app: App
    branch: Branch

    @property
    def tags(self) -> Mapping[str, str]:
        """The branch's tags."""
        return self.branch.tags


@dataclass(frozen=True, slots=True)
class TagChange:
    """Which tags are set and removed, and what the branch allows afterwards."""

    branch_arn: str
    sets: Mapping[str, str]
    removes: tuple[str, ...]
    before: Mapping[str, str]
    allows: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """True if the branch stands so already."""
        return not (self.sets or self.removes)

    def lines(self) -> Iterator[str]:
        """Each tag that changes: from what to what."""
        for key, value in self.sets.items():
            yield f"{key}: {self.before.get(key, 'none')} → {value}"
        for key in self.removes:
            yield f"{key}: {self.before[key]} → none"

    def as_json(self, *, done: bool) -> JsonObject:
        """For machines; see docs/schemas/opt.schema.json."""
        return {
            "schema": SCHEMA,
            "branch_arn": self.branch_arn,
            "sets": dict(self.sets),
            "removes": list(self.removes),
            "before": {key: value for key, value in self.before.items() if key.startswith("amplify-medic:")},
            "allows": list(self.allows),
            "done": done,
        }


class BranchTags:
    """Reads and writes a branch's tags with the user's own credentials."""

    def __init__(self, session: Session) -> None:
        self._client = Clients(session).amplify
        self._region = region_of(session)

    def read(self, app_id: str, branch: str) -> Tagged:
        """The branch and its app.

        Raises:
            CouldNotLookError: one of them is not there, or may not be read.
            AwsError: a call failed in another way.
        """
        amplify = AmplifyReader(self._client)
        return Tagged(
            required(amplify.app(app_id), self._region), required(amplify.branch(app_id, branch), self._region)
        )

    def write(self, change: TagChange) -> None:
        """TagResource and UntagResource, each only where there is something to do.

        Raises:
            AwsError: a call failed; the tags set before it stay.
        """
        if change.sets:
            with translated("amplify:TagResource"):
                self._client.tag_resource(resourceArn=change.branch_arn, tags=dict(change.sets))
        if change.removes:
            with translated("amplify:UntagResource"):
                self._client.untag_resource(resourceArn=change.branch_arn, tagKeys=list(change.removes))


def opt_in(seen: Tagged, wanted: Mapping[str, str | None]) -> TagChange:
    """The change that opts a branch in.

    Args:
        seen: the branch as it stands.
        wanted: the tags to set; None leaves one as it is.
    """
    sets = {key: value for key, value in wanted.items() if value is not None and seen.tags.get(key) != value}
    after = {**seen.tags, **sets}
    return TagChange(seen.branch.arn, sets, (), seen.tags, tuple(_allows(seen, after)))


def opt_out(seen: Tagged) -> TagChange:
    """The change that opts a branch out."""
    removes = tuple(key for key in _OPTED if key in seen.tags)
    allows = ["The bot reports failures of this branch and changes nothing on it."]
    if CHANNEL in seen.tags:
        allows.append(
            f"Alerts still go to the channel {seen.tags[CHANNEL]}: the tag {CHANNEL} allows nothing and stays."
        )
    if seen.branch.compute_role_arn:
        allows.append(f"The branch keeps the compute role it has: {seen.branch.compute_role_arn}")
    return TagChange(seen.branch.arn, {}, removes, seen.tags, tuple(allows))


def _allows(seen: Tagged, tags: Mapping[str, str]) -> Iterator[str]:
    """What the bot may do on a branch with these tags: all that can be known without the stack's settings."""
    match tags.get(AUTO_FIX):
        case Mode.FIX.value:
            yield (
                "The bot may set the compute role of this branch by itself, when a failure calls for one, every "
                "guardrail agrees, and the deployed stack's mode is fix."
            )
        case Mode.ASK.value:
            yield "The bot may propose a compute role for this branch; it sets one only after somebody approved."
        case value if value == IGNORE:
            yield "The bot says and does nothing about this branch."
            return
        case _:
            yield "The bot reports failures of this branch and changes nothing on it."
            return
    yield from _which_role(tags)
    yield (
        "SSR code of this branch can read that role's credentials: whoever may push to it can do what the role permits."
    )
    yield _rebuilds(tags)
    yield from _reservations(seen)


def _which_role(tags: Mapping[str, str]) -> Iterator[str]:
    if COMPUTE_ROLE in tags:
        yield (
            f"The only role it may set is {tags[COMPUTE_ROLE]}, and only if the deployed stack pairs that role with "
            "this app: a tag chooses, it never grants."
        )
    else:
        yield (
            "Which role: the one that the deployed stack pairs with this app, else the stack's default role; its "
            "settings say (medic diagnose APP BRANCH --stack NAME shows it)."
        )


def _rebuilds(tags: Mapping[str, str]) -> str:
    match tags.get(REBUILD, RebuildTag.AUTO.value):
        case RebuildTag.AUTO.value:
            return "It may retry the failed job where that can help, if it is still the newest. Never a new commit."
        case RebuildTag.YES.value:
            return "It may retry the failed job after every change, if it is still the newest. Never a new commit."
        case _:
            return "It rebuilds nothing."


def _reservations(seen: Tagged) -> Iterator[str]:
    app, branch = seen.app, seen.branch
    if branch.stage == "PULL_REQUEST" or branch.source_branch or branch.destination_branch:
        yield "This is a pull-request preview: the bot never changes it, whatever its tags say."
    elif app.auto_branch_creation:
        yield (
            "The app creates branches automatically: unless the stack pairs exactly this branch, the bot refuses to "
            "change one that may have been created so."
        )
    if app.platform != SSR:
        yield f"The app's platform is {app.platform}: without an SSR runtime, no compute role is set."
    held = branch.compute_role_arn or app.compute_role_arn
    if held:
        yield f"It has a compute role already, {held}: one that is usable is never replaced."
    if SERVICE_ROLE in app.tags:
        yield (
            f"The app's tag {SERVICE_ROLE} names {app.tags[SERVICE_ROLE]}: a failure of this branch may also lead to "
            "that service role being set on the app, if the stack pairs them."
        )


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


_OPT_IN_EXAMPLES = examples(
    "medic opt-in d1a2b3c4d5e6f7 main --dry-run",
    "medic opt-in d1a2b3c4d5e6f7 main --mode ask --channel frontend",
    "medic opt-in d1a2b3c4d5e6f7 main --compute-role web-compute --rebuild no --yes",
)


@click.command("opt-in", epilog=_OPT_IN_EXAMPLES)
@app_argument()
@branch_argument()
@click.option("--mode", type=click.Choice(MODES), default=Mode.FIX.value, show_default=True,
              help="How far the bot may go on this branch.")  # fmt: skip
@click.option("--compute-role", metavar="NAME|ARN", help="Which of the roles paired with the app it may set.")
@click.option("--rebuild", type=click.Choice([wish.value for wish in RebuildTag]),
              help="Whether it may retry the failed job.")  # fmt: skip
@click.option("--channel", metavar="NAME", help="The Slack channel, of those in the settings, that hears of it.")
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
    """Tag a branch with your own credentials, and say exactly what that allows.

    Tags opt in; they never grant: which roles the bot may set stands in the deployed stack's settings.

    Exits with 0 once the branch is tagged, 1 if you say no, 2 on wrong usage, 3 if AWS could not be asked.
    """
    with explained():
        tags = BranchTags(session(profile, region))
        wanted = {AUTO_FIX: mode, COMPUTE_ROLE: compute_role, REBUILD: rebuild, CHANNEL: channel}
        carry_out(opt_in(tags.read(app, branch), wanted), tags, dry_run=dry_run, yes=yes, as_json=as_json)


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
    """Remove the tags that opt a branch in: the bot reports, and changes nothing there any more.

    What it has set stays set; `medic undo` takes that back.

    Exits with 0 once the tags are gone, 1 if you say no, 2 on wrong usage, 3 if AWS could not be asked.
    """
    with explained():
        tags = BranchTags(session(profile, region))
        carry_out(opt_out(tags.read(app, branch)), tags, dry_run=dry_run, yes=yes, as_json=as_json)
