"""Something on a branch is overdue: finish it, settle it, or let it expire. Whatever got lost ends here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_expired, compose_outcome_unknown
from medic.aws.amplify import RUNNING
from medic.events import DeploymentEvent, DeploymentStatus
from medic.evidence.model import Present
from medic.flows.announce import announce, at_work
from medic.flows.failure import diagnose_failure
from medic.flows.runtime_overdue import look_after_runtime
from medic.flows.settle import settle
from medic.flows.undo import finish_undoing
from medic.incidents.state import State
from medic.plan.decide import Occasion
from medic.telemetry import Fact

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.incident import Incident
    from medic.incidents.table import Held
    from medic.services import Services

_STATUSES = {status.value: status for status in DeploymentStatus}


def look_after(scope: Scope, services: Services) -> None:
    """Take up every overdue incident of a branch, by AWS's state and the table alone.

    Raises:
        RetryableError: AWS throttled or could not be reached; the watcher comes again.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take an alert.
    """
    for incident in services.table.read(scope).overdue(services.clock()):
        _take_up(scope, incident, services)
    _end_what_is_still_overdue(scope, services)


def go_on(scope: Scope, services: Services) -> None:
    """Finish what an earlier run began on a branch and did not finish or tell, due or not.

    Raises:
        RetryableError: AWS throttled or could not be reached.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take an alert.
    """
    incidents = services.table.read(scope).incidents
    for incident in incidents:
        if incident.undoing or incident.unfinished or incident.pending:
            _take_up(scope, incident, services)
    if any(incident.letters for incident in incidents):
        with at_work(scope, services):
            pass  # at work, what a channel lacks is sent first


def _take_up(scope: Scope, incident: Incident, services: Services) -> None:
    if incident.undoing:
        finish_undoing(scope, incident.id, services)
    elif incident.occasion == Occasion.RUNTIME:
        look_after_runtime(scope, incident, services)
    elif incident.pending or incident.state is State.APPLYING:
        _again(scope, incident, services)
    elif incident.state is State.REBUILDING:
        _follow_rebuild(scope, incident, services)


def _again(scope: Scope, incident: Incident, services: Services) -> None:
    """Go through the event again that was not finished, or not told of."""
    _, _, job_id = incident.pending.partition(":")
    diagnose_failure(_event(scope, job_id or incident.job_id, DeploymentStatus.FAILED, incident), services)


def _event(scope: Scope, job_id: str, status: DeploymentStatus, incident: Incident) -> DeploymentEvent:
    """The event that never came, or was not acted on. It is as old as the incident, for the guardrails to judge."""
    return DeploymentEvent(scope, job_id, status, incident.opened_at)


def _follow_rebuild(scope: Scope, incident: Incident, services: Services) -> None:
    """The rebuild's last event was lost: ask GetJob what it would have said."""
    job_id = incident.rebuild_job_id or incident.job_id
    job = services.amplify.job(scope.app_id, scope.branch, job_id)
    if not isinstance(job, Present):
        return
    status = job.value.job.status
    if status in RUNNING:
        with at_work(scope, services) as held:
            held.save(held.record.with_incident(incident.moved(State.REBUILDING, services.clock())))
        return
    event = _event(scope, job_id, _STATUSES[status], incident)
    if event.status is DeploymentStatus.FAILED:
        diagnose_failure(event, services)
    else:
        settle(event, services)


def _end_what_is_still_overdue(scope: Scope, services: Services) -> None:
    """Nothing stays open for ever: what could not be found out by now is said to be unknown."""
    if not services.table.read(scope).overdue(services.clock()):
        return
    with at_work(scope, services) as held:
        for incident in held.record.overdue(services.clock()):
            _end(incident, scope, held, services)


def _end(incident: Incident, scope: Scope, held: Held, services: Services) -> None:
    now = services.clock()
    if incident.state.closed or incident.deadline > now:
        # Its event leads nowhere any more (the app or job is gone), so there is nobody left to tell anything.
        held.save(held.record.with_incident(replace(incident, pending="")))
        return
    if incident.state in (State.APPLYING, State.REBUILDING):
        ended = incident.moved(State.OUTCOME_UNKNOWN, now, "nothing says what became of it")
        services.telemetry.record(Fact.OUTCOME_UNKNOWN, scope=scope, incident=incident.id)
        announce(compose_outcome_unknown(scope, ended), ended, f"unknown:{ended.job_id}", held, services)
        return
    services.telemetry.record(Fact.EXPIRED, scope=scope, incident=incident.id, state=incident.state)
    expired = incident.moved(State.EXPIRED, now, f"expired while {incident.state}")
    if incident.told_by_itself:
        announce(compose_expired(scope, expired), expired, f"expired:{incident.job_id}", held, services)
    else:
        held.save(held.record.with_incident(expired))
