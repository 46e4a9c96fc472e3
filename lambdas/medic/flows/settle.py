"""Settling: a later deployment says how an open incident ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.compose import compose_resolved
from medic.diagnosis.model import Label
from medic.events import DeploymentStatus
from medic.evidence.model import Present
from medic.flows.announce import announce
from medic.incidents.model import Incident, State
from medic.telemetry import Fact

if TYPE_CHECKING:
    from medic.events import DeploymentEvent
    from medic.incidents.table import Held
    from medic.services import Services


def settle(event: DeploymentEvent, services: Services) -> None:
    """A deployment succeeded or was cancelled: close what it closes.

    Build incidents close on a later job that GetJob confirms as SUCCEED. Runtime incidents never close on a build.
    Branches without open incidents cost one read.

    Raises:
        RetryableError: AWS throttled or could not be reached.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take the alert.
    """
    if not _of_interest(services.table.read(event.scope).incidents, event):
        return
    if event.status is DeploymentStatus.SUCCEED and not _confirmed_success(event, services):
        services.telemetry.record(Fact.JOB_NOT_CONFIRMED, scope=event.scope, job=event.job_id)
        return
    with services.table.hold(event.scope) as held:
        for incident in _of_interest(held.record.incidents, event):
            if event.status is DeploymentStatus.SUCCEED:
                _resolve(incident, event, held, services)
            else:
                _rebuild_ended_otherwise(incident, held, services, f"job {event.job_id} was cancelled")


def settle_other_failure(event: DeploymentEvent, services: Services) -> None:
    """A deployment failed for a reason that is not IAM's: a recorded rebuild is over, and no incident closes."""
    if not _waiting_for(services.table.read(event.scope).incidents, event.job_id):
        return
    with services.table.hold(event.scope) as held:
        for incident in _waiting_for(held.record.incidents, event.job_id):
            note = f"job {event.job_id} failed for a reason that is not IAM's"
            _rebuild_ended_otherwise(incident, held, services, note)


def _of_interest(incidents: tuple[Incident, ...], event: DeploymentEvent) -> list[Incident]:
    """The incidents that this deployment may close, or whose recovery some channel has not heard of."""
    if event.status is not DeploymentStatus.SUCCEED:
        return _waiting_for(incidents, event.job_id)
    return [incident for incident in incidents if _closes(incident, event)]


def _closes(incident: Incident, event: DeploymentEvent) -> bool:
    if incident.label == Label.CREDENTIALS_MISSING_RUNTIME:
        return False
    if incident.state is State.RESOLVED:
        return incident.pending == _occasion(event.job_id)
    later = int(event.job_id) > int(incident.job_id) or event.job_id == incident.rebuild_job_id
    return not incident.state.closed and later


def _waiting_for(incidents: tuple[Incident, ...], job_id: str) -> list[Incident]:
    return [i for i in incidents if i.state is State.REBUILDING and i.rebuild_job_id == job_id]


def _confirmed_success(event: DeploymentEvent, services: Services) -> bool:
    job = services.amplify.job(event.scope.app_id, event.scope.branch, event.job_id)
    return isinstance(job, Present) and job.value.job.status == "SUCCEED"


def _resolve(incident: Incident, event: DeploymentEvent, held: Held, services: Services) -> None:
    now = services.clock()
    resolved = (
        incident if incident.state.closed else incident.moved(State.RESOLVED, now, f"job {event.job_id} succeeded")
    )
    services.telemetry.record(Fact.RESOLVED, scope=event.scope, job=event.job_id, incident=incident.id)
    announce(compose_resolved(event.scope, resolved, event.job_id), resolved, _occasion(event.job_id), held, services)


def _rebuild_ended_otherwise(incident: Incident, held: Held, services: Services, note: str) -> None:
    """The rebuild says nothing about the failure: what was applied still waits for a job that does."""
    held.save(held.record.with_incident(incident.moved(State.APPLIED, services.clock(), note)))


def _occasion(job_id: str) -> str:
    return f"resolved:{job_id}"
