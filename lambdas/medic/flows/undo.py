"""Undoing, on demand alone: what the bot set is taken back, and whoever asked is told how that went."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from medic.actions.set_role import AppRoleTarget, BranchRoleTarget, RoleRestorer, Undone, UndoResult
from medic.alerts.compose import compose_undone
from medic.aws.clients import ActorScope
from medic.aws.errors import RetryableError
from medic.flows.notify import announce, hold_branch
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


_TRIED_FOR = timedelta(hours=1)


class NothingToUndoError(Exception):
    """There is no change of this incident that could be taken back; the message says why."""


def undo(request: Request, services: Services) -> str:
    """Take back what an incident changed.

    Returns:
        What became of it, in one line.

    Raises:
        NothingToUndoError: the incident is not there, or changed nothing.
        RetryableError: AWS throttled or could not be reached; the intent stands in the table.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take the alert.
        UsedUpError: the request was used by another invocation.
    """
    with hold_branch(request.scope, services) as held:
        incident = _changed(request, held)
        intended = replace(_marked(incident, services), undo_asked_by=request.who)
        held.save(held.record.with_incident(intended), TransactionParts(request=request))
        return _take_back(intended, held, services)


def finish_undoing(scope: Scope, incident_id: str, services: Services) -> None:
    """Finish an undoing that broke off: it was asked for, and only does what is not done yet.

    Raises:
        RetryableError: AWS throttled or could not be reached; the watcher comes again.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take the alert.
    """
    with hold_branch(scope, services) as held:
        incident = next((i for i in held.record.incidents if i.id == incident_id and i.undoing), None)
        if incident is None:
            return
        try:
            _take_back(incident, held, services)
        except RetryableError as error:
            if services.clock() - incident.updated_at < _TRIED_FOR:
                raise
            _give_up(incident, error, held, services)


def _give_up(incident: Incident, error: RetryableError, held: LockedBranch, services: Services) -> None:
    """Neither the branch nor its app can be read any more, or AWS never answers: say so, and stop."""
    now = services.clock()
    undone = [
        Undone(change, UndoResult.REFUSED, f"nothing says what became of it: {error}", now)
        for change in incident.applied
    ]
    _tell(incident, undone, held, services)


def _changed(request: Request, held: LockedBranch) -> Incident:
    wanted = [i for i in held.record.incidents if not request.incident_id or i.id == request.incident_id]
    changed = [incident for incident in wanted if incident.applied]
    if not changed:
        which = f"incident {request.incident_id[:32]}" if request.incident_id else "this branch"
        raise NothingToUndoError(f"{which} has no change of the bot's that stands")
    return max(changed, key=lambda incident: incident.updated_at)


def _marked(incident: Incident, services: Services) -> Incident:
    """The intent, before anything is sent; due soon, so that the watcher finishes what breaks off."""
    now = services.clock()
    for change in incident.applied:
        incident = incident.with_change(replace(change, undo_intended_at=now), now)
    return incident


def _take_back(incident: Incident, held: LockedBranch, services: Services) -> str:
    with ExitStack() as leases:
        if any(change.kind == ActionKind.REPAIR_SERVICE for change in incident.applied):
            leases.enter_context(services.table.hold(held.record.scope.whole_app))
        restorer = RoleRestorer(services.clock, services.pause)
        undone = [restorer.carry_out(c, _target(c, incident, held, services)) for c in reversed(incident.applied)]
    _tell(incident, undone, held, services)
    return "; ".join(f"{each.change.kind} {each.result}: {each.detail}" for each in undone)


def _tell(incident: Incident, undone: list[Undone], held: LockedBranch, services: Services) -> None:
    for each in undone:
        event = TelemetryEvent.UNDONE if each.result.done else TelemetryEvent.NOT_UNDONE
        services.telemetry.record(event, incident=incident.id, action=each.change.kind, detail=each.detail)
    ended = _recorded(incident, undone, services)
    alert = compose_undone(held.record.scope, ended, undone)
    announce(alert, ended, f"undone:{int(services.clock().timestamp())}", held, services)


def _recorded(incident: Incident, undone: list[Undone], services: Services) -> Incident:
    """What was taken back is over; what could not be stays as it was."""
    now = services.clock()
    for each in undone:
        state = ChangeState.UNDONE if each.result.done else each.change.state
        change = replace(each.change, state=state, undo_intended_at=None, note=f"{each.result}: {each.detail}")
        incident = incident.with_change(change, now)
    if incident.state.closed or incident.applied:
        return incident
    return incident.moved(IncidentState.NOT_HELPED, now, f"undone, as {incident.undo_asked_by} asked")


def _target(change: Change, incident: Incident, held: LockedBranch, services: Services) -> RoleTarget:
    scope = held.record.scope
    if change.kind == ActionKind.ATTACH_COMPUTE:
        actor_scope = ActorScope(incident.id, scope.branch_arn, change.previous_arn or "")
        return BranchRoleTarget(scope, services.amplify, services.actor_for(actor_scope))
    actor_scope = ActorScope(incident.id, scope.branch_arn, change.previous_arn or "", scope.app_arn)
    return AppRoleTarget(scope, services.amplify, services.actor_for(actor_scope))
