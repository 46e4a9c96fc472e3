"""Settling: a later deployment says how an open incident ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.compose import compose_resolved
from medic.events import DeploymentStatus
from medic.evidence import Present
from medic.flows.failure_model import recheck_after_quiet_period
from medic.flows.notify import announce, hold_branch
from medic.incidents.model import IncidentState, JobOrder
from medic.labels import Trigger
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import DeploymentEvent
    from medic.evidence import Job
    from medic.incidents.model import Incident
    from medic.incidents.table import LockedBranch
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
    incidents = services.table.read(event.scope).incidents
    if not any(_build_incident(incident) or _waits_for(incident, event.job_id) for incident in incidents):
        return
    job = _confirmed(event, services)
    if job is None:
        services.telemetry.record(TelemetryEvent.JOB_NOT_CONFIRMED, scope=event.scope, job=event.job_id)
        return
    with hold_branch(event.scope, services) as held:
        for incident in held.record.incidents:
            if event.status is DeploymentStatus.SUCCEED and _closes(incident, job):
                _resolve(incident, event, held, services)
            elif _waits_for(incident, job.id):
                ended = "was cancelled" if event.status is DeploymentStatus.CANCELLED else "succeeded"
                _rebuild_ended_otherwise(incident, held, services, f"job {job.id} {ended}")


def settle_other_failure(event: DeploymentEvent, services: Services) -> None:
    """A deployment failed for a reason that is not IAM's: a recorded rebuild is over, and no incident closes."""
    if not any(_waits_for(incident, event.job_id) for incident in services.table.read(event.scope).incidents):
        return
    with hold_branch(event.scope, services) as held:
        for incident in held.record.incidents:
            if _waits_for(incident, event.job_id):
                note = f"job {event.job_id} failed for a reason that is not IAM's"
                _rebuild_ended_otherwise(incident, held, services, note)


def _build_incident(incident: Incident) -> bool:
    """True if a build may still say something about it, or somebody has yet to hear of its recovery."""
    return not incident.settled and incident.trigger == Trigger.FAILED


def _confirmed(event: DeploymentEvent, services: Services) -> Job | None:
    """The job, if AWS itself says that it ended as the event says."""
    job = services.amplify.job(event.scope.app_id, event.scope.branch, event.job_id)
    return job.value.job if isinstance(job, Present) and job.value.job.status == event.status else None


def _closes(incident: Incident, job: Job) -> bool:
    later = incident.compared_with(job) is JobOrder.LATER
    return later and not incident.state.closed and incident.trigger == Trigger.FAILED


def _waits_for(incident: Incident, job_id: str) -> bool:
    return incident.state is IncidentState.REBUILDING and incident.rebuild_job_id == job_id


def _resolve(incident: Incident, event: DeploymentEvent, held: LockedBranch, services: Services) -> None:
    resolved = incident.moved(IncidentState.RESOLVED, services.clock(), f"job {event.job_id} succeeded")
    services.telemetry.record(TelemetryEvent.RESOLVED, scope=event.scope, job=event.job_id, incident=incident.id)
    if not (incident.alerted_individually or incident.applied):
        # Nothing was done, and nobody heard of it, or only that it was one of many: there is nothing to answer.
        held.save(held.record.with_incident(resolved))
        return
    alert = compose_resolved(event.scope, resolved, event.job_id)
    announce(alert, resolved, f"resolved:{event.job_id}", held, services)


def _rebuild_ended_otherwise(incident: Incident, held: LockedBranch, services: Services, note: str) -> None:
    """The rebuild says nothing about the failure: what was applied still waits for a job, or a log, that does."""
    now = services.clock()
    held.save(held.record.with_incident(recheck_after_quiet_period(incident.rebuilt(now, note), now)))
