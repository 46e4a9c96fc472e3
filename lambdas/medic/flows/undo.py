"""Undo the changes of an incident, only on request, and report the result."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from medic.actions.outcome import UndoOutcome, UndoResult
from medic.actions.set_role import AppRoleTarget, BranchRoleTarget, RoleRestorer
from medic.alerts.compose import compose_undone
from medic.aws.clients import ActorScope
from medic.aws.errors import RetryableError
from medic.flows.notify import hold_branch, send_alert
from medic.incidents.model import ChangeState, IncidentState
from medic.incidents.table import TransactionParts
from medic.labels import ActionKind
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.actions.set_role import RoleTarget
    from medic.events import Scope
    from medic.incidents.model import Change, Incident, Request
    from medic.incidents.table import LockedBranch
    from medic.services import Services

_GIVE_UP_AFTER = timedelta(hours=1)


class NothingToUndoError(Exception):
    """The incident has no change that could be undone. The message says why."""


def undo(request: Request, services: Services) -> str:
    """Undo what an incident changed.

    Returns:
        The result, in one line.

    Raises:
        NothingToUndoError: there is no such incident, or it changed nothing.
        RetryableError: AWS throttled or could not be reached. The intent is saved, so the watcher continues.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not accept the alert.
        UsedUpError: another invocation has used the request.
    """
    with hold_branch(request.scope, services) as locked:
        incident = _latest_changed(request, locked)
        intended = replace(_with_intent(incident, services), undo_asked_by=request.who)
        locked.save(locked.record.with_incident(intended), TransactionParts(request=request))
        return _restore_roles(intended, locked, services)


def finish_undo(scope: Scope, incident_id: str, services: Services) -> None:
    """Finish an interrupted undo. Changes that are already undone are not sent again.

    Raises:
        RetryableError: AWS throttled or could not be reached; the watcher retries.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not accept the alert.
    """
    with hold_branch(scope, services) as locked:
        incident = next((i for i in locked.record.incidents if i.id == incident_id and i.undoing), None)
        if incident is None:
            return
        try:
            _restore_roles(incident, locked, services)
        except RetryableError as error:
            if services.clock() - incident.updated_at < _GIVE_UP_AFTER:
                raise
            _give_up(incident, error, locked, services)


def _give_up(incident: Incident, error: RetryableError, locked: LockedBranch, services: Services) -> None:
    """Report that the result is unknown: the branch or app can't be read any more, or AWS never answers."""
    now = services.clock()
    outcomes = [
        UndoOutcome(change, UndoResult.REFUSED, f"nothing says what became of it: {error}", now)
        for change in incident.applied
    ]
    _send_undo_alert(incident, outcomes, locked, services)


def _latest_changed(request: Request, locked: LockedBranch) -> Incident:
    wanted = [i for i in locked.record.incidents if not request.incident_id or i.id == request.incident_id]
    changed = [incident for incident in wanted if incident.applied]
    if not changed:
        which = f"incident {request.incident_id[:32]}" if request.incident_id else "this branch"
        raise NothingToUndoError(f"{which} has no change by the bot to undo")
    return max(changed, key=lambda incident: incident.updated_at)


def _with_intent(incident: Incident, services: Services) -> Incident:
    """Mark every applied change. Saved before anything is sent, so that the watcher finishes an interrupted undo."""
    now = services.clock()
    for change in incident.applied:
        incident = incident.with_change(replace(change, undo_intended_at=now), now)
    return incident


def _restore_roles(incident: Incident, locked: LockedBranch, services: Services) -> str:
    with ExitStack() as leases:
        if any(change.kind == ActionKind.REPAIR_SERVICE for change in incident.applied):
            leases.enter_context(services.table.hold(locked.record.scope.whole_app))
        restorer = RoleRestorer(services.clock, services.pause)
        outcomes = [restorer.carry_out(c, _target(c, incident, locked, services)) for c in reversed(incident.applied)]
    _send_undo_alert(incident, outcomes, locked, services)
    return "; ".join(f"{outcome.change.kind} {outcome.result}: {outcome.detail}" for outcome in outcomes)


def _send_undo_alert(incident: Incident, outcomes: list[UndoOutcome], locked: LockedBranch, services: Services) -> None:
    for outcome in outcomes:
        event = TelemetryEvent.UNDONE if outcome.result.done else TelemetryEvent.NOT_UNDONE
        services.telemetry.record(event, incident=incident.id, action=outcome.change.kind, detail=outcome.detail)
    ended = _with_outcomes(incident, outcomes, services)
    alert = compose_undone(locked.record.scope, ended, outcomes)
    send_alert(alert, ended, f"undone:{int(services.clock().timestamp())}", locked, services)


def _with_outcomes(incident: Incident, outcomes: list[UndoOutcome], services: Services) -> Incident:
    """Record the outcomes. A change that could not be undone keeps its state."""
    now = services.clock()
    for outcome in outcomes:
        state = ChangeState.UNDONE if outcome.result.done else outcome.change.state
        note = f"{outcome.result}: {outcome.detail}"
        incident = incident.with_change(replace(outcome.change, state=state, undo_intended_at=None, note=note), now)
    if incident.state.closed or incident.applied:
        return incident
    return incident.moved(IncidentState.NOT_HELPED, now, f"undone, as {incident.undo_asked_by} asked")


def _target(change: Change, incident: Incident, locked: LockedBranch, services: Services) -> RoleTarget:
    scope = locked.record.scope
    if change.kind == ActionKind.ATTACH_COMPUTE:
        actor_scope = ActorScope(incident.id, scope.branch_arn, change.previous_arn or "")
        return BranchRoleTarget(scope, services.amplify, services.actor_for(actor_scope))
    actor_scope = ActorScope(incident.id, scope.branch_arn, change.previous_arn or "", scope.app_arn)
    return AppRoleTarget(scope, services.amplify, services.actor_for(actor_scope))
