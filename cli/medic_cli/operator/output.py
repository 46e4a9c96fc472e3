"""What the operator's commands share: their options, sending a request after a confirmation, and incidents as text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from medic.alerts.wording import ACTIONS, ROLE_OF_ACTION, capitalized
from medic.labels import Trigger
from medic.redaction import redact
from medic_cli.aws import DeployedStack, session, stack_option
from medic_cli.errors import SOMETHING_WRONG
from medic_cli.operator.bot import RequestAnswer, connect_to_bot
from medic_cli.options import aws_options, change_options, duration, json_option
from medic_cli.output import confirmed, print_json, print_list, styled, terminal

if TYPE_CHECKING:
    from medic.events import RequestMessage
    from medic.incidents.model import Change, Incident
    from medic.plan.model import Action
    from medic_cli.answers import HistoryIncidentJson, PlannedActionJson, RequestAnswerJson, RoleChangeJson
    from medic_cli.operator.bot import BotClient, ScopedIncident

F = TypeVar("F", bound=Callable[..., object])

_MAX_WAIT = timedelta(minutes=15)


def operator_options(command: F) -> F:
    """`--stack`, `--profile`, `--region`, `--json`."""
    return stack_option(aws_options(json_option(command)))


def request_options(command: F) -> F:
    """The operator options, with `--dry-run`, `--yes` and `--wait`."""
    command = click.option(
        "--wait",
        metavar="TIME",
        default="60s",
        show_default=True,
        callback=duration(_MAX_WAIT),
        help="How long to wait for the bot's answer.",
    )(operator_options(command))
    return change_options(command)


@dataclass(frozen=True, slots=True)
class OperatorOptions:
    """The values of `operator_options` and `request_options`."""

    stack: str
    profile: str | None
    region: str | None
    as_json: bool
    dry_run: bool = False
    yes: bool = False
    wait: timedelta = timedelta()

    def bot(self) -> BotClient:
        """A client of the deployed bot, under the stack's operator role.

        Raises:
            CouldNotLookError: there is no such stack, no credentials, or no permission to assume its operator role.
        """
        aws = session(self.profile, self.region)
        stack = DeployedStack(aws, self.stack)
        return connect_to_bot(aws, stack)


def send_request(bot: BotClient, request: RequestMessage, details: Iterable[str], options: OperatorOptions) -> NoReturn:
    """Show a request, ask for confirmation, send it, and print the bot's answer.

    Exits with 0 if it was done, 1 if it was refused or not confirmed, 3 if no answer came in time.

    Raises:
        AwsError: the request could not be sent.
    """
    if not options.as_json:
        print_list(terminal(), f"{request.kind} {request.scope}", (*details, f"Requested by {bot.who}."))
        terminal().print()
    unsent = RequestAnswer(bot.who, None, sent=False)
    if options.dry_run:
        _print_answer(request, unsent, "Dry run: no request sent.", options)
        sys.exit(0)
    if not confirmed("Send this request to the bot?", yes=options.yes):
        _print_answer(request, unsent, "No request sent.", options)
        sys.exit(SOMETHING_WRONG)
    answer = bot.send(request, options.wait)
    _print_answer(request, answer, answer.text or _NO_ANSWER_YET, options)
    sys.exit(answer.exit_code)


_NO_ANSWER_YET = "The bot has not answered yet. It goes on without this command; `medic history` shows the result."


def _print_answer(request: RequestMessage, answer: RequestAnswer, text: str, options: OperatorOptions) -> None:
    if options.as_json:
        print_json(_request_json(request, answer))
    else:
        terminal().print(styled(text, "bold red" if answer.refused else "bold"))


def _request_json(request: RequestMessage, answer: RequestAnswer) -> RequestAnswerJson:
    scope = request.scope
    return {
        "schema": 1,
        "kind": request.kind.value,
        "account": scope.account,
        "region": scope.region,
        "app": scope.app_id,
        "branch": scope.branch,
        "incident": request.incident_id or None,
        "until": _iso(request.until) if request.until else None,
        "who": answer.who,
        "request": request.id if answer.sent else None,
        "answer": answer.text,
        "refused": answer.refused,
    }


_ALIGNED = 6
"""Columns of `medic history` that are padded: those up to the state."""
_NO_JOB = "0"
"""The job id of an incident that no job showed."""


def incident_line(found: ScopedIncident) -> str:
    """One incident in one line: when, where, what, its state, what changed, why, where it was seen, who approved."""
    return "  ".join(_incident_columns(found))


def aligned_lines(found: Sequence[ScopedIncident]) -> Iterator[str]:
    """One line an incident. Its first columns are aligned."""
    rows = [_incident_columns(each) for each in found]
    widths = [max(map(len, column)) for column in zip(*(row[:_ALIGNED] for row in rows), strict=True)]
    for row in rows:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=False))
        yield "  ".join((*padded, *row[_ALIGNED:]))


def _incident_columns(found: ScopedIncident) -> list[str]:
    scope, incident = found.scope, found.incident
    parts = [
        f"{incident.opened_at:%Y-%m-%d %H:%M}",
        incident.id,
        f"{incident.app_name}/{scope.branch}" if incident.app_name else scope.branch,
        scope.app_id,
        incident.label,
        f"{incident.state}{f' ×{incident.count}' if incident.count > 1 else ''}",
        "; ".join(map(_change_text, incident.changes)) or "nothing changed",
        incident.reason or "cause not recorded",
        _seen_in(incident),
        *_authorized_by(incident),
    ]
    return [redact(" ".join(part.split())) for part in parts]


def incident_lines(found: ScopedIncident) -> Iterator[str]:
    """Everything about one incident, one fact a line."""
    scope, incident = found.scope, found.incident
    yield redact(f"{incident.app_name or scope.app_id} / {scope.branch}, app {scope.app_id}, in {scope.region}.")
    yield f"Opened {_iso(incident.opened_at)}, last changed {_iso(incident.updated_at)}. Occurrences: {incident.count}."
    yield from _what_failed(incident)
    for change in incident.changes:
        yield redact(f"Change: {_change_text(change)}. {change.note}".strip())
    for text in _authorized_by(incident):
        yield redact(f"{capitalized(text)}.")
    if incident.note:
        yield redact(f"Note: {incident.note}.")


def plan_lines(found: ScopedIncident) -> Iterator[str]:
    """What an approval of the incident's plan would do."""
    scope, incident = found.scope, found.incident
    yield redact(f"Incident {incident.id}: {incident.app_name or scope.app_id} / {scope.branch}, app {scope.app_id}.")
    yield from _what_failed(incident)
    yield "Every guardrail is evaluated again before anything is changed."


def _what_failed(incident: Incident) -> Iterator[str]:
    yield f"{incident.label}, {incident.state}, {_seen_in(incident)}."
    if incident.reason:
        yield redact(f"Why: {incident.reason}.")
    for action in incident.last_alerted_plan:
        role = f" from {action.previous_arn or 'none'} to {action.role_arn}" if action.role_arn else ""
        yield redact(f"Plan: {ACTIONS[action.kind]}{role} ({action.explanation}).")


def incident_json(found: ScopedIncident) -> HistoryIncidentJson:
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
        "trigger": incident.trigger.value,
        "job": incident.job_id,
        "count": incident.count,
        "opened_at": _iso(incident.opened_at),
        "updated_at": _iso(incident.updated_at),
        "reason": redact(incident.reason),
        "plan": [_action_json(action) for action in incident.last_alerted_plan],
        "changes": [_change_json(change) for change in incident.changes],
        "rebuild_job": incident.rebuild_job_id,
        "approved_by": incident.approved_by or None,
        "undo_asked_by": incident.undo_asked_by or None,
        "note": redact(incident.note),
    }


def _seen_in(incident: Incident) -> str:
    if incident.trigger is Trigger.RUNTIME:
        return "seen in the SSR log"
    return "seen in no job" if incident.job_id == _NO_JOB else f"seen in job {incident.job_id}"


def _authorized_by(incident: Incident) -> Iterator[str]:
    if incident.approved_by:
        yield f"approved by {incident.approved_by}"
    elif incident.applied:
        yield f"allowed by the branch's tag ({incident.mode})"
    if incident.undo_asked_by:
        yield f"undo requested by {incident.undo_asked_by}"


def _action_json(action: Action) -> PlannedActionJson:
    return {
        "kind": action.kind.value,
        "disposition": action.disposition.value,
        "target": action.target,
        "role": action.role_arn,
        "previous": action.previous_arn,
        "rule": action.rule or None,
        "reason": redact(action.reason),
    }


def _change_text(change: Change) -> str:
    return f"{ROLE_OF_ACTION[change.kind]} {change.previous_arn or 'none'} → {change.role_arn} ({change.state})"


def _change_json(change: Change) -> RoleChangeJson:
    return {
        "kind": change.kind.value,
        "target": change.target,
        "from": change.previous_arn,
        "to": change.role_arn,
        "state": change.state.value,
        "intended_at": _iso(change.intended_at),
        "applied_at": _iso(change.applied_at) if change.applied_at else None,
        "note": redact(change.note),
    }


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
