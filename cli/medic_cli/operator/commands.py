"""`medic approve`: approve what the bot proposed, exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from medic.aws.amplify import AmplifyReader
from medic.aws.clients import Clients
from medic.events import ALL
from medic.evidence import Present
from medic.incidents.model import RequestKind
from medic.redaction import redact
from medic_cli.aws import explained, why
from medic_cli.errors import NotDoneError
from medic_cli.operator.output import (
    HISTORY_SCHEMA,
    Chosen,
    as_json,
    ask,
    line,
    operator_options,
    plan,
    request_options,
)
from medic_cli.options import AppAndBranch, app_argument, branch_argument, examples, length_of_time, since
from medic_cli.output import shown, terminal

if TYPE_CHECKING:
    from medic_cli.operator.bot import BotClient, Found

_FIX_EXAMPLES = examples("medic fix d1a2b3c4d5e6f7 main", "medic fix d1a2b3c4d5e6f7 main --dry-run")


@click.command("fix", epilog=_FIX_EXAMPLES)
@app_argument()
@branch_argument()
@request_options
def fix_command(*, app: str, branch: str, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Have the bot diagnose the branch's latest failure anew, and do what comes out as if you had approved it.

    The branch must still be opted in, and every guardrail is asked.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    chosen = Chosen(**options)
    with explained():
        bot = chosen.bot()
        latest = [line(found) for found in bot.history(app, branch)][-1:] or ["The bot knows no incident here."]
        request = bot.request(RequestKind.FIX, bot.operator.scope(app, branch))
        ask(bot, request, latest, chosen)


_HISTORY_EXAMPLES = examples(
    "medic history",
    "medic history d1a2b3c4d5e6f7 main --since 7d",
    "medic history --json | jq '.incidents[] | select(.changes != [])'",
)


@click.command("history", epilog=_HISTORY_EXAMPLES)
@app_argument(required=False)
@branch_argument(required=False)
@click.option("--since", "earliest", metavar="TIME", callback=since,
              help="Only what happened since then: 7d (ago), or 2026-02-20.")  # fmt: skip
@operator_options
def history_command(*, app: str | None, branch: str | None, earliest: datetime | None, **options: Any) -> None:  # noqa: ANN401
    """List the incidents, the newest last: when, where, what, what changed from what to what, why, and who approved.

    Exits with 0, 2 on wrong usage, 3 if it could not look.
    """
    chosen = Chosen(**options)
    with explained():
        found = [
            each
            for each in chosen.bot().history(app, branch)
            if earliest is None or each.incident.updated_at >= earliest
        ]
    if chosen.as_json:
        click.echo(json.dumps({"schema": HISTORY_SCHEMA, "incidents": [as_json(each) for each in found]}, indent=2))
        return
    console = terminal()
    for each in found:
        console.print(shown(line(each)), soft_wrap=True)
    if not found:
        console.print(shown("The bot remembers no incident here.", "dim"))


_LONGEST_MUTE = timedelta(days=30)
_MUTE_EXAMPLES = examples(
    "medic mute d1a2b3c4d5e6f7 --for 2h",
    "medic mute d1a2b3c4d5e6f7/main --for 1d --yes",
    "medic mute d1a2b3c4d5e6f7/main --off",
)


@click.command("mute", epilog=_MUTE_EXAMPLES)
@click.argument("target", metavar="APP[/BRANCH]")
@click.option("--for", "length", metavar="TIME", callback=length_of_time(_LONGEST_MUTE),
              help="For how long: 30m, 2h, 7d; 30 days at most.")  # fmt: skip
@click.option("--off", is_flag=True, help="Hear of it again.")
@request_options
def mute_command(*, target: str, length: timedelta | None, off: bool, **options: Any) -> None:  # noqa: ANN401
    """Hear nothing of an app, or of one branch, for a while. What can't be told is not done either.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    if (length is None) is not off:
        raise click.UsageError("Give --for TIME, or --off.")
    named = AppAndBranch.parse(target if "/" in target else f"{target}/{ALL}")
    if named is None:
        raise click.BadParameter(f"{target!r} is neither APP nor APP/BRANCH.", param_hint="APP[/BRANCH]")
    chosen = Chosen(**options)
    with explained():
        bot = chosen.bot()
        request = bot.request(RequestKind.MUTE, bot.operator.scope(named.app_id, named.branch))
        if length is not None:
            request = replace(request, until=request.asked_at + length)
        what = f"Until {request.until:%Y-%m-%d %H:%M} UTC." if request.until else "It is heard of again."
        ask(bot, request, [what], chosen)


_UNDO_EXAMPLES = examples(
    "medic undo 3f2a90b1c4d5",
    "medic undo d1a2b3c4d5e6f7 main            # the newest change that stands there",
)


@click.command("undo", epilog=_UNDO_EXAMPLES)
@click.argument("target", nargs=-1, metavar="INCIDENT | APP BRANCH")
@request_options
def undo_command(*, target: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Have the bot put back what stood there before its change, if its change still stands.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    if len(target) not in (1, 2) or (len(target) == 2 and AppAndBranch.parse("/".join(target)) is None):  # noqa: PLR2004
        raise click.UsageError("Give an INCIDENT, or APP and BRANCH.")
    chosen = Chosen(**options)
    with explained():
        bot = chosen.bot()
        found = _changed(bot, target)
        request = bot.request(RequestKind.UNDO, found.scope, found.incident.id)
        ask(bot, request, [line(found)], chosen)


def _changed(bot: BotClient, target: tuple[str, ...]) -> Found:
    """The incident that is named, or the newest of a branch whose change stands."""
    if len(target) == 1:
        return bot.find(target[0])
    applied = [found for found in bot.history(*target) if found.incident.applied]
    if not applied:
        raise NotDoneError("The bot knows of no change of its own that stands on this branch.")
    return max(applied, key=lambda found: found.incident.updated_at)


_APPROVE_EXAMPLES = examples("medic approve 3f2a90b1c4d5", "medic approve 3f2a90b1c4d5 --yes --wait 2m")


@click.command("approve", epilog=_APPROVE_EXAMPLES)
@click.argument("incident")
@request_options
def approve_command(*, incident: str, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Approve an incident's plan as the bot proposed it: shown first, good once, and for no other plan.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    chosen = Chosen(**options)
    with explained():
        bot = chosen.bot()
        found = bot.find(incident)
        if not found.incident.plan_hash or found.incident.state.closed:
            raise NotDoneError(f"Incident {incident} is {found.incident.state}: it has no plan that could be approved.")
        ask(bot, bot.approval(found), (*plan(found.incident), _standing(bot, found)), chosen)


def _standing(bot: BotClient, found: Found) -> str:
    """What the plan would replace, read with the caller's own credentials: operators hold no right on Amplify."""
    scope = found.scope
    match AmplifyReader(Clients(bot.stack.session).amplify).branch(scope.app_id, scope.branch):
        case Present(branch):
            return f"The branch's compute role is {branch.compute_role_arn or 'not set'} now."
        case unknown:
            return redact(f"What stands on the branch now is not known: {why(unknown)}.")
