"""A later deployment decides how an open incident ends."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_expired, compose_resolved
from medic.aws.errors import RetryableError, value_if_any
from medic.events import DeploymentEvent, DeploymentStatus, Scope
from medic.evidence import Absent, Branch, Job, JobRef, Partial, Present, Unreadable
from medic.flows.last_success import is_fresh, keep_success
from medic.flows.locked_branch import LockedBranch, hold_branch
from medic.incidents.model import Incident, IncidentState, JobOrder
from medic.labels import BotLabel, RoleKind, Trigger
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.services import Services

UNDIAGNOSED = (RoleKind.NONE, BotLabel.UNDIAGNOSED)
"""The kind of the incident of a failure that could not be diagnosed."""
_DELETED = "the branch was deleted and created again"


def settle(event: DeploymentEvent, services: Services) -> None:
    """A deployment succeeded or was cancelled: close the incidents that this resolves, and keep a success's state.

    Build incidents close on a later job that GetJob confirms as SUCCEED. Runtime incidents never close on a build.
    An event without open incidents that is no fresh success costs one read of the table.
    """
    record = services.table.read(event.scope)
    # An incident is unsettled if a build may close it, or if one of its alerts is not delivered yet.
    unsettled = any(
        (not incident.settled and incident.trigger is Trigger.FAILED) or _waits_for(incident, event.job_id)
        for incident in record.incidents
    )
    fresh = event.status is DeploymentStatus.SUCCEED and is_fresh(event.time, services)
    if not (unsettled or fresh):
        return
    job = _ended_job(event, services)
    if job is None or job.status != event.status:
        services.telemetry.record(TelemetryEvent.JOB_NOT_CONFIRMED, scope=event.scope, job=event.job_id)
        return
    branch = value_if_any(services.amplify.branch(event.scope.app_id, event.scope.branch), "amplify:GetBranch")
    if unsettled:
        _settle_incidents(event, job, branch, services)
    if fresh and branch is not None:
        keep_success(record, branch, job, services)


def _settle_incidents(event: DeploymentEvent, job: Job, branch: Branch | None, services: Services) -> None:
    created_at = branch.created_at if branch is not None else None
    with hold_branch(event.scope, services) as locked:
        end_those_of_a_deleted_branch(created_at, locked)
        for incident in locked.record.incidents:
            if event.status is DeploymentStatus.SUCCEED and _closes(incident, job):
                _resolve(incident, event.job_id, locked)
            elif _waits_for(incident, job.id):
                ended = "was cancelled" if event.status is DeploymentStatus.CANCELLED else "succeeded"
                _end_rebuild(incident, locked, f"job {job.id} {ended}")


def look_for_success(scope: Scope, incident: Incident, services: Services, *, told: bool = False) -> None:
    """Close an incident if a later job succeeded, because its event was lost or handled before the failure's.

    If ListJobs is denied on an incident that was `told` just now, the watcher looks again when the incident is due.
    """
    match services.amplify.jobs(scope.app_id, scope.branch):
        case Unreadable(reason) if told:
            services.telemetry.unread(TelemetryEvent.JOBS_UNREAD, scope.app_id, reason, lasts=True, branch=scope.branch)
            return
        case Unreadable(reason):
            raise RetryableError("amplify:ListJobs", "Unreadable", reason)
        case Absent():
            return
        case Present(jobs) | Partial(jobs):
            pass  # a success that is listed counts, whatever else there is
    for job in jobs:
        later = incident.compared_with(job.ref) is JobOrder.LATER
        if later and job.status == DeploymentStatus.SUCCEED:
            settle(DeploymentEvent(scope, job.id, DeploymentStatus.SUCCEED, incident.opened_at), services)
            return


def end_undiagnosed(job: JobRef, locked: LockedBranch) -> None:
    """End the incident that says that this job could not be diagnosed, because now it was. Its alert is to come."""
    found = locked.record.open_incident(UNDIAGNOSED)
    if found is not None and found.compared_with(job) is JobOrder.SAME:
        ended = found.moved(IncidentState.EXPIRED, locked.now, "its job was diagnosed since")
        locked.log(TelemetryEvent.EXPIRED, ended, state=found.state)
        locked.save(ended)


def end_those_of_a_deleted_branch(created_at: datetime | None, locked: LockedBranch) -> None:
    """End the open incidents of a deleted branch of the same name, with an alert on those that changed a role.

    The branch of now was created at `created_at`; None if that is not known.
    """
    for incident in locked.record.incidents:
        if incident.state.closed or not incident.of_another_branch(created_at):
            continue
        ended = replace(incident.moved(IncidentState.EXPIRED, locked.now, _DELETED), alert_due="")
        locked.log(TelemetryEvent.EXPIRED, ended, state=incident.state)
        if incident.applied or incident.unfinished:
            alert = compose_expired(locked.scope, ended, _DELETED)
            locked.notify(alert, ended, f"deleted:{incident.job_id}")
        else:
            locked.save(ended)


def _ended_job(event: DeploymentEvent, services: Services) -> Job | None:
    """The job; None if there is none. If GetJob lags behind the event, retry."""
    found = value_if_any(services.amplify.job(event.scope.app_id, event.scope.branch, event.job_id), "amplify:GetJob")
    if found is None:
        if is_fresh(event.time, services):
            raise RetryableError("amplify:GetJob", "NotYet", f"it does not show job {event.job_id} yet")
        return None
    if found.job.running:
        raise RetryableError("amplify:GetJob", "NotYet", f"it still says {found.job.status}")
    return found.job


def settle_other_failure(event: DeploymentEvent, job: JobRef, services: Services) -> None:
    """A deployment failed, but not because of IAM: note it, and record the end of a rebuild. No incident closes.

    Only the one that says that this could not be found out ends.
    """
    record = services.table.note_handled(event.scope, job)
    waiting = any(_waits_for(incident, event.job_id) for incident in record.incidents)
    if not (waiting or record.open_incident(UNDIAGNOSED)):
        return
    with hold_branch(event.scope, services) as locked:
        end_undiagnosed(job, locked)
        for incident in locked.record.incidents:
            if _waits_for(incident, event.job_id):
                _end_rebuild(incident, locked, f"job {event.job_id} failed for a reason that is not IAM's")


def _closes(incident: Incident, job: Job) -> bool:
    later = incident.compared_with(job.ref) is JobOrder.LATER
    return later and not incident.state.closed and incident.trigger is Trigger.FAILED


def _waits_for(incident: Incident, job_id: str) -> bool:
    return incident.state is IncidentState.REBUILDING and incident.rebuild_job_id == job_id


def _resolve(incident: Incident, job_id: str, locked: LockedBranch) -> None:
    resolved = incident.moved(IncidentState.RESOLVED, locked.now, f"job {job_id} succeeded")
    locked.log(TelemetryEvent.RESOLVED, incident, job=job_id)
    if incident.alerted_individually or incident.applied:
        locked.notify(compose_resolved(locked.scope, resolved, job_id), resolved, f"resolved:{job_id}")
    else:
        # Nothing was changed, and nobody got an alert about this incident alone, so its end needs no alert either.
        locked.save(resolved)


def _end_rebuild(incident: Incident, locked: LockedBranch, note: str) -> None:
    """This rebuild does not show whether the change helped, so the incident waits for a later job or log line."""
    now = locked.now
    locked.save(incident.record_rebuild_ended(now, note).recheck_when_quiet(now))
