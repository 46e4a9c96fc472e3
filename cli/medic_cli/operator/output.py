"""What the commands that ask the bot have in common: their options, and asking from the question to the answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from medic.alerts.wording import ACTIONS
from medic.labels import ActionKind, Trigger
from medic.redaction import redact
from medic_cli.aws import DeployedStack, session, stack_option
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.operator.bot import BotClient, become_operator, exit_code_of
from medic_cli.options import aws_options, change_options, json_option, length_of_time
from medic_cli.output import agreed, print_list, shown, terminal

if TYPE_CHECKING:
    from medic.incidents.model import Change, Incident, Request
    from medic_cli.operator.bot import Found, RequestAnswer
    from medic_cli.output import JsonObject

HISTORY_SCHEMA = 1
_NO_JOB = "0"
"""The id that stands in the place of a job's where none showed an incident."""
_WORDS = {"attach_compute": "compute role", "repair_service": "service role"}


def line(found: Found) -> str:
    """One incident in one line: when, where, what, its state, what changed, why, on which evidence, who approved."""
    scope, incident = found.scope, found.incident
    parts = [
        f"{incident.opened_at:%Y-%m-%d %H:%M}",
        incident.id,
        f"{incident.app_name or scope.app_id}/{scope.branch}",
        incident.label,
        f"{incident.state}{f' ×{incident.count}' if incident.count > 1 else ''}",
        "; ".join(map(_changed, incident.changes)) or "nothing changed",
        incident.reason or "cause not recorded",
        evidence(incident),
        *whose(incident),
    ]
    return redact("  ".join(" ".join(part.split()) for part in parts))


def plan(incident: Incident) -> Iterator[str]:
    """What an approval of the incident's plan would do."""
    yield f"Incident {incident.id}: {incident.label}, {incident.state}, {evidence(incident)}."
    if incident.reason:
        yield redact(f"Why: {incident.reason}.")
    for action in filter(None, incident.last_alerted_plan.split("; ")):
        yield redact(f"Plan: {_planned(action)}.")
    yield "Every guardrail is asked again before anything is changed."


def evidence(incident: Incident) -> str:
    """What showed it."""
    if incident.trigger == Trigger.RUNTIME:
        return "seen in the SSR log"
    return "no job showed it" if incident.job_id == _NO_JOB else f"seen in job {incident.job_id}"


def whose(incident: Incident) -> Iterator[str]:
    """Who had a hand in it."""
    if incident.approved_by:
        yield f"approved by {incident.approved_by}"
    elif incident.applied:
        yield f"allowed by the branch's tag ({incident.mode})"
    if incident.undo_asked_by:
        yield f"undoing asked for by {incident.undo_asked_by}"


def as_json(found: Found) -> JsonObject:
    """One incident of docs/schemas/history.schema.json."""
    scope, incident = found.scope, found.incident
    return {
        "id": incident.id,
        "account": scope.account,
        "region": scope.region,
        "app": scope.app_id,
        "app_name": redact(incident.app_name),
        "branch": scope.branch,
        "label": incident.label,
        "role": incident.role_kind.value,
        "state": incident.state.value,
        "trigger": incident.trigger,
        "job": incident.job_id,
        "count": incident.count,
        "opened_at": _time(incident.opened_at),
        "updated_at": _time(incident.updated_at),
        "reason": redact(incident.reason),
        "plan": redact(incident.last_alerted_plan),
        "changes": [_change(change) for change in incident.changes],
        "rebuild_job": incident.rebuild_job_id,
        "approved_by": incident.approved_by or None,
        "undo_asked_by": incident.undo_asked_by or None,
        "note": redact(incident.note),
    }


def _planned(action: str) -> str:
    """An action of `Plan.gist`: its kind, its role, how far it goes, and why."""
    kind, role, _, reason = (*action.split(" ", 3), "", "", "")[:4]
    if kind not in list(ActionKind):
        return action
    return f"{ACTIONS[ActionKind(kind)]} to {role} ({reason})"


def _changed(change: Change) -> str:
    what = _WORDS.get(change.kind, change.kind)
    return f"{what} {change.previous_arn or 'none'} → {change.role_arn} ({change.state})"


def _change(change: Change) -> JsonObject:
    return {
        "kind": change.kind,
        "target": change.target,
        "from": change.previous_arn,
        "to": change.role_arn,
        "state": change.state.value,
        "intended_at": _time(change.intended_at),
        "applied_at": _time(change.applied_at),
        "note": redact(change.note),
    }


def _time(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None


F = TypeVar("F", bound=Callable[..., object])

REQUEST_SCHEMA = 1
_LONGEST_WAIT = timedelta(minutes=15)


def operator_options(command: F) -> F:
    """`--stack`, `--profile`, `--region`, `--json`."""
    return stack_option(aws_options(json_option(command)))


def request_options(command: F) -> F:
    """The same, with `--dry-run`, `--yes` and `--wait`."""
    command = click.option(
        "--wait",
        metavar="TIME",
        default="60s",
        show_default=True,
        callback=length_of_time(_LONGEST_WAIT),
        help="How long to wait for the bot's answer.",
    )(operator_options(command))
    return change_options(command)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The options of a command that asks the bot, as click hands them over."""

    stack: str
    profile: str | None
    region: str | None
    as_json: bool
    dry_run: bool = False
    yes: bool = False
    wait: timedelta = timedelta()

    def bot(self) -> BotClient:
        """The bot's desk, under the stack's operator role.

        Raises:
            CouldNotLookError: no stack, no credentials, or no right to become its operator.
        """
        aws = session(self.profile, self.region)
        stack = DeployedStack(aws, self.stack)
        return BotClient(become_operator(aws, stack), stack, lambda: datetime.now(UTC))


def ask(bot: BotClient, request: Request, about: Iterable[str], chosen: Chosen) -> NoReturn:
    """Show what would be asked for, ask for it if somebody agrees, and tell the answer.

    Exits with 0 if it was done, 1 if it was refused or nobody agreed, 3 if no answer came in time.

    Raises:
        AwsError: the bot could not be asked.
    """
    if not chosen.as_json:
        print_list(terminal(), f"{request.kind} {request.scope}", (*about, f"Asked for by {request.who}."))
        terminal().print()
    if chosen.dry_run:
        _tell(request, None, chosen, "Nothing was asked for: --dry-run.")
        sys.exit(0)
    if not agreed("Ask the bot for this?", yes=chosen.yes):
        _tell(request, None, chosen, "Nothing was asked for.")
        sys.exit(SOMETHING_WRONG)
    answer = bot.ask(request, chosen.wait)
    _tell(request, answer, chosen, answer.text or _NOT_YET)
    sys.exit(exit_code_of(answer))


_NOT_YET = "The bot has not answered yet; it will, also without you: medic history shows what became of it."


def _tell(request: Request, answer: RequestAnswer | None, chosen: Chosen, said: str) -> None:
    if chosen.as_json:
        click.echo(json.dumps(_as_json(request, answer), indent=2))
    else:
        style = "bold red" if answer is not None and answer.refused else "bold"
        terminal().print(shown(said, style))


def _as_json(request: Request, answer: RequestAnswer | None) -> JsonObject:
    scope = request.scope
    return {
        "schema": REQUEST_SCHEMA,
        "kind": request.kind.value,
        "account": scope.account,
        "region": scope.region,
        "app": scope.app_id,
        "branch": scope.branch,
        "incident": request.incident_id or None,
        "until": request.until.isoformat(timespec="seconds") if request.until else None,
        "who": request.who,
        "request": request.id if answer else None,
        "answer": answer.text if answer else None,
        "refused": answer.refused if answer else False,
    }
