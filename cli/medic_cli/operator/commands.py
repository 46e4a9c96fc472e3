"""`medic fix`, `approve`, `undo` and `mute`, which send the bot a request; `medic history` and `show`."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from medic.events import ALL, RequestKind
from medic.evidence import Present
from medic.gateways import Gateways
from medic.incidents.region import MAX_MUTE
from medic.records import replace
from medic.redaction import redact
from medic.text import visible
from medic_cli import completion
from medic_cli.aws import explained, why
from medic_cli.errors import COULD_NOT_LOOK, NotDoneError
from medic_cli.operator.output import (
    OperatorOptions,
    aligned_lines,
    incident_json,
    incident_line,
    incident_lines,
    operator_options,
    plan_lines,
    request_options,
    send_request,
)
from medic_cli.options import AppAndBranch, app_argument, branch_argument, duration, examples, since
from medic_cli.output import print_cut, print_json, print_list, styled, terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medic_cli.answers import HistoryAnswer, ShowAnswer
    from medic_cli.operator.bot import BotClient, ScopedIncident


def _incidents(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the ids of the deployed bot's incidents, the newest first, with branch, failure and state."""

    def find() -> Iterable[CompletionItem]:
        given = context.params
        bot = OperatorOptions(given["stack"], given.get("profile"), given.get("region"), as_json=False).bot()
        for found in reversed(tuple(bot.history(None, None))):
            incident = found.incident
            if incident.id.startswith(incomplete):
                place = f"{incident.app_name or found.scope.app_id}/{found.scope.branch}"
                label = f"{place} {incident.label} {incident.state}"
                yield CompletionItem(incident.id, help=completion.one_line(label))

    return completion.within_time(find)


_FIX_EXAMPLES = examples("medic fix d1a2b3c4d5e6f7 main", "medic fix d1a2b3c4d5e6f7 main --dry-run")


@click.command("fix", epilog=_FIX_EXAMPLES)
@app_argument()
@branch_argument()
@request_options
def fix_command(*, app: str, branch: str, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Have the bot re-diagnose the branch's latest failure and apply the fix, as approved by you.

    The branch must still be opted in, and every guardrail is evaluated.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    chosen = OperatorOptions(**options)
    with explained():
        bot = chosen.bot()
        latest = [incident_line(found) for found in bot.history(app, branch)][-1:]
        request = bot.request(RequestKind.FIX, bot.scope(app, branch))
        send_request(bot, request, latest or ["The bot has no incident on this branch."], chosen)


_APPROVE_EXAMPLES = examples("medic approve 3f2a90b1c4d5", "medic approve 3f2a90b1c4d5 --yes --wait 2m")


@click.command("approve", epilog=_APPROVE_EXAMPLES)
@click.argument("incident", shell_complete=_incidents)
@request_options
def approve_command(*, incident: str, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Approve an incident's plan exactly as the bot proposed it.

    The plan is shown first. The approval is valid once, and for this plan only.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    chosen = OperatorOptions(**options)
    with explained():
        bot = chosen.bot()
        found = bot.find(incident)
        if not found.incident.plan_hash or found.incident.state.closed:
            raise NotDoneError(f"Incident {incident} is {found.incident.state}: it has no plan to approve.")
        details = (*plan_lines(found), _current_role(bot, found))
        send_request(bot, bot.approval(found), details, chosen)


def _current_role(bot: BotClient, found: ScopedIncident) -> str:
    """The role that the plan would replace. The operator role may not read Amplify; the caller's credentials may."""
    scope = found.scope
    match Gateways(bot.stack.session).amplify.branch(scope.app_id, scope.branch):
        case Present(branch):
            return f"The branch's compute role is {branch.compute_role_arn or 'not set'} now."
        case unknown:
            return redact(f"The branch's current compute role is unknown: {why(unknown)}.")


_UNDO_EXAMPLES = examples(
    "medic undo 3f2a90b1c4d5",
    "Undo the bot's newest change on a branch:",
    "medic undo d1a2b3c4d5e6f7 main",
)


@click.command("undo", epilog=_UNDO_EXAMPLES)
@click.argument("target", nargs=-1, metavar="INCIDENT | APP BRANCH", shell_complete=_incidents)
@request_options
def undo_command(*, target: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Have the bot restore the role from before its change, if nobody has changed the role since.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    if len(target) not in (1, 2) or (len(target) == 2 and AppAndBranch.parse("/".join(target)) is None):  # noqa: PLR2004
        raise click.UsageError("Give an INCIDENT, or APP and BRANCH.")
    chosen = OperatorOptions(**options)
    with explained():
        bot = chosen.bot()
        found = _changed_incident(bot, target)
        request = bot.request(RequestKind.UNDO, found.scope, found.incident.id)
        send_request(bot, request, [incident_line(found)], chosen)


def _changed_incident(bot: BotClient, target: tuple[str, ...]) -> ScopedIncident:
    """The incident that the user named, or the branch's newest one with a change that is still applied."""
    if len(target) == 1:
        return bot.find(target[0])
    applied = [found for found in bot.history(*target) if found.incident.applied]
    if not applied:
        raise NotDoneError("No bot change to undo on this branch.")
    return max(applied, key=lambda found: found.incident.updated_at)


_MUTE_EXAMPLES = examples(
    "medic mute d1a2b3c4d5e6f7 --for 2h",
    "medic mute d1a2b3c4d5e6f7/main --for 1d --yes",
    "medic mute d1a2b3c4d5e6f7/main --off",
)


@click.command("mute", epilog=_MUTE_EXAMPLES)
@click.argument("target", metavar="APP[/BRANCH]", shell_complete=completion.apps)
@click.option("--for", "length", metavar="TIME", callback=duration(MAX_MUTE),
              help="How long: 30m, 2h, 7d; 30 days at most.")  # fmt: skip
@click.option("--off", is_flag=True, help="End the mute.")
@request_options
def mute_command(*, target: str, length: timedelta | None, off: bool, **options: Any) -> None:  # noqa: ANN401
    """Mute alerts for an app or branch. While muted, the bot makes no changes there.

    Exits with 0 if it was done, 1 if it was refused, 2 on wrong usage, 3 if there was no answer.
    """
    if (length is None) is not off:
        raise click.UsageError("Give --for TIME, or --off.")
    parsed = AppAndBranch.parse(target if "/" in target else f"{target}/{ALL}")
    if parsed is None:
        raise click.BadParameter(f"{target!r} is neither APP nor APP/BRANCH.", param_hint="APP[/BRANCH]")
    chosen = OperatorOptions(**options)
    with explained():
        bot = chosen.bot()
        request = bot.request(RequestKind.MUTE, bot.scope(parsed.app_id, parsed.branch))
        if length is not None:
            request = replace(request, until=bot.gateways.clock() + length)
        end = f"Until {request.until:%Y-%m-%d %H:%M} UTC." if request.until else "End the mute now."
        send_request(bot, request, [end], chosen)


_HISTORY_EXAMPLES = examples(
    "medic history",
    "medic history d1a2b3c4d5e6f7 main --since 7d",
    "medic history --json | jq '.incidents[] | select(.changes != [])'",
)


@click.command("history", epilog=_HISTORY_EXAMPLES)
@app_argument(required=False)
@branch_argument(required=False)
@click.option("--since", "earliest", metavar="TIME", callback=since,
              help="Only incidents that changed since then: 7d (ago), or 2026-02-20.")  # fmt: skip
@operator_options
def history_command(*, app: str | None, branch: str | None, earliest: datetime | None, **options: Any) -> None:  # noqa: ANN401
    """List incidents, the newest last: when, where, which failure, what changed, why, and who approved.

    A narrow terminal cuts the lines. `medic show INCIDENT` shows all of one.

    Exits with 0, 2 on wrong usage, 3 if it could not look, or not at everything.
    """
    chosen = OperatorOptions(**options)
    with explained():
        bot = chosen.bot()
        found = [each for each in bot.history(app, branch) if earliest is None or each.incident.updated_at >= earliest]
    if chosen.as_json:
        answer: HistoryAnswer = {
            "schema": 1,
            "incidents": [incident_json(each) for each in found],
            "unreadable": sorted(bot.unreadable),
        }
        print_json(answer)
    else:
        console = terminal()
        for line in aligned_lines(found):
            print_cut(console, line)
        if not found:
            console.print(styled("No incidents found.", "dim"))
    if bot.unreadable:
        for key in sorted(bot.unreadable):
            click.echo(visible(f"Could not read the item {key}, or a part of it. A newer medic may."), err=True)
        sys.exit(COULD_NOT_LOOK)


_SHOW_EXAMPLES = examples("medic show 3f2a90b1c4d5", "medic show 3f2a90b1c4d5 --json | jq .incident.changes")


@click.command("show", epilog=_SHOW_EXAMPLES)
@click.argument("incident", shell_complete=_incidents)
@operator_options
def show_command(*, incident: str, **options: Any) -> None:  # noqa: ANN401 - click passes options by name
    """Show one incident: what failed and why, what is planned, what was changed, and who asked for it.

    Exits with 0, 2 on wrong usage, 3 if there is no such incident or it could not look.
    """
    chosen = OperatorOptions(**options)
    with explained():
        found = chosen.bot().find(incident)
    if chosen.as_json:
        answer: ShowAnswer = {"schema": 1, "incident": incident_json(found)}
        print_json(answer)
    else:
        print_list(terminal(), f"Incident {incident}", incident_lines(found))
