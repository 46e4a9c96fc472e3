"""Undo the changes of an incident, only on request, and report the result."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from medic.actions.outcome import UndoOutcome, UndoResult
from medic.actions.set_role import role_state
from medic.alerts.compose import compose_undone
from medic.alerts.fixes import command_to_set
from medic.aws.errors import RetryableError
from medic.evidence import Absent, Unreadable
from medic.flows.apply import role_target
from medic.flows.locked_branch import LockedBranch, hold_branch
from medic.flows.recorded import failure_of
from medic.incidents.model import Answer, Change, ChangeState, Incident, IncidentState, Request
from medic.incidents.requests import RequestRefusedError
from medic.incidents.table import TransactionParts
from medic.labels import ActionKind
from medic.plan.failure import ConfirmedFailure
from medic.plan.guardrails import UNDO_GUARDRAILS, Question, first_refusal
from medic.plan.optin import PairedRoles, RoleChoice
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.record import BranchRecord
    from medic.services import Services

_GIVE_UP_AFTER = timedelta(hours=1)
_MAX_DETAIL = 150
"""Characters of a reason in an answer, so that the command after it is never cut."""


def undo(request: Request, services: Services) -> Answer:
    """Undo what an incident changed. If AWS can't be reached, the intent is saved, and the watcher continues.

    Raises:
        RequestRefusedError: there is no such incident, or it changed nothing.
    """
    with hold_branch(request.scope, services) as locked:
        wanted = [i for i in locked.record.incidents if not request.incident_id or i.id == request.incident_id]
        changed = [incident for incident in wanted if incident.applied]
        if not changed:
            which = f"incident {request.incident_id[:32]}" if request.incident_id else "this branch"
            raise RequestRefusedError(f"{which} has {_not_undoable(wanted)}")
        incident = max(changed, key=lambda each: each.updated_at)
        now = locked.now
        # Every change is marked before anything is sent, so that the watcher finishes an interrupted undo.
        for change in incident.applied:
            incident = incident.with_change(replace(change, undo_intended_at=now), now)
        intended = replace(incident, undo_asked_by=request.who)
        locked.save(intended, TransactionParts(request=request))
        outcomes = _restore_roles(intended, locked)
        return Answer("; ".join(map(_said, outcomes)))


def _not_undoable(incidents: list[Incident]) -> str:
    """What these incidents have in place of a change that was made."""
    begun = (c for incident in incidents for c in incident.changes if c.state is ChangeState.INTENDED)
    change = next(begun, None)
    if change is None:
        return "no change by the bot to undo"
    command = command_to_set(change.kind, change.target, change.previous_arn)
    return f"a change whose result is not known. If its role is set now, this undoes it: {command}"


def finish_undo(scope: Scope, incident_id: str, services: Services) -> None:
    """Finish an interrupted undo. Changes that are already undone are not sent again."""
    with hold_branch(scope, services) as locked:
        incident = next((i for i in locked.record.incidents if i.id == incident_id and i.undoing), None)
        if incident is None:
            return
        try:
            _restore_roles(incident, locked)
        except RetryableError as error:
            if locked.now - incident.updated_at < _GIVE_UP_AFTER:
                raise
            # The branch or app can't be read any more, or AWS never answers: report that the result is unknown.
            detail = f"nothing says what became of it: {error}"
            _record_and_notify(
                incident, [UndoOutcome(change, UndoResult.REFUSED, detail) for change in incident.applied], locked
            )


def _restore_roles(incident: Incident, locked: LockedBranch) -> list[UndoOutcome]:
    app: BranchRecord | None = None
    with ExitStack() as leases:
        if any(change.kind is ActionKind.REPAIR_SERVICE for change in incident.applied):
            app = leases.enter_context(locked.services.table.hold(locked.scope.whole_app)).record
        outcomes = [_restore_role(change, incident, locked, app) for change in reversed(incident.applied)]
    _record_and_notify(incident, outcomes, locked)
    return outcomes


def _restore_role(change: Change, incident: Incident, locked: LockedBranch, app: BranchRecord | None) -> UndoOutcome:
    since = _set_since(change, incident, locked, app)
    obstacle = (UndoResult.REFUSED, since) if since else _obstacle(change, incident, locked)
    if obstacle is not None:
        return UndoOutcome(change, *obstacle)
    target, writer = role_target(change.kind, incident, change.previous_arn, locked, approved=True)
    return writer.undo(change, target)


def _set_since(change: Change, incident: Incident, locked: LockedBranch, app: BranchRecord | None) -> str | None:
    """What set, or may have set, such a role after this undo began, or None. An interrupted undo leaves that role."""
    began = change.undo_intended_at or locked.now
    others = [(other.id, other.change(change.kind)) for other in locked.record.incidents if other.id != incident.id]
    later = [(id_, each) for id_, each in others if each is not None and each.intended_at > began]
    for id_, each in later:
        if each.state is ChangeState.APPLIED:
            return f"incident {id_} has set a role since the undo began"
        if each.state is ChangeState.INTENDED:
            return f"incident {id_} may have set a role since the undo began: its result is not known yet"
    # The app's cool-down begins when any branch is about to set its service role, whatever comes of it.
    last = max((each.intended_at for _, each in later), default=began)
    cool_down = timedelta(minutes=locked.services.runtime.settings.limits.cool_down_minutes)
    if app and app.cooling_until and change.kind is ActionKind.REPAIR_SERVICE and app.cooling_until > last + cool_down:
        return "another branch may have set the app's service role since the undo began: a change of it was begun"
    return None


def _obstacle(change: Change, incident: Incident, locked: LockedBranch) -> tuple[UndoResult, str] | None:
    """Why the previous role may not be set again, or None. A role that the bot did not set is left to the writer."""
    services, scope, attach = locked.services, locked.scope, change.kind is ActionKind.ATTACH_COMPUTE
    runtime, previous = services.runtime, change.previous_arn
    choice = RoleChoice(None, "there was no role before")
    if previous is not None:
        paired = PairedRoles(runtime.settings, runtime.default_role_arn, scope.app_id, scope.branch)
        choice = paired.choose_previous(change.kind, previous)
    failure = failure_of(incident, scope, services, **{"compute" if attach else "service": choice})
    # A deleted branch has no role any more. Its app still has one.
    gone = UndoResult.GONE if attach else UndoResult.REFUSED
    match failure:
        case Absent(reason):
            return gone, reason
        case Unreadable(reason):
            return UndoResult.REFUSED, reason
        case ConfirmedFailure():
            pass
    if incident.of_another_branch(failure.branch.created_at):
        return gone, "the branch was deleted and created again since"
    if role_state(failure.branch if attach else failure.app).role_arn != change.role_arn:
        return None
    if runtime.actor_role_arn is None:
        return UndoResult.REFUSED, "the stack's mode is report, so the bot may write nothing"
    question = Question(
        failure=failure,
        settings=runtime.settings,
        asked_at=locked.now,
        jobs=partial(locked.jobs, failure.job),
        policies=services.iam.policies,
        approved=True,
        change=change.kind,
    )
    refusal = None if previous is None else first_refusal(UNDO_GUARDRAILS, question)
    return None if refusal is None else (UndoResult.REFUSED, f"{refusal.rule}: {refusal.detail}")


def _said(outcome: UndoOutcome) -> str:
    """An outcome in one line, with the command that a person can run if the bot could not do it."""
    change = outcome.change
    if not outcome.result.left_to_do:
        return f"{change.kind} {outcome.result}: {outcome.detail}"
    command = command_to_set(change.kind, change.target, change.previous_arn)
    return f"{change.kind} {outcome.result}: {outcome.detail[:_MAX_DETAIL]}. To do it yourself: {command}"


def _record_and_notify(incident: Incident, outcomes: list[UndoOutcome], locked: LockedBranch) -> None:
    """Record the outcomes and send the alert. A change that could not be undone keeps its state."""
    now = locked.now
    ended = incident
    for outcome in outcomes:
        event = TelemetryEvent.UNDONE if outcome.result.done else TelemetryEvent.NOT_UNDONE
        locked.services.telemetry.record(event, incident=incident.id, action=outcome.change.kind, detail=outcome.detail)
        state = ChangeState.UNDONE if outcome.result.done else outcome.change.state
        note = f"{outcome.result}: {outcome.detail}"
        ended = ended.with_change(replace(outcome.change, state=state, undo_intended_at=None, note=note), now)
    if not (ended.state.closed or ended.applied):
        ended = ended.moved(IncidentState.NOT_HELPED, now, f"undone, as {ended.undo_asked_by} asked")
    locked.notify(compose_undone(locked.scope, ended, outcomes), ended, f"undone:{int(now.timestamp())}", release=True)
