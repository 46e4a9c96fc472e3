"""Handle overdue incidents: finish what was interrupted, check what can be settled, and expire the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_expired, compose_no_traffic, compose_outcome_unknown, compose_quiet
from medic.events import ALL, DeploymentEvent, DeploymentStatus
from medic.evidence import RUNNING, Present, TimeSpan
from medic.flows.failure import diagnose_failure
from medic.flows.locked_branch import hold_branch
from medic.flows.respond import respond
from medic.flows.runtime import SsrApp, failure_since, read_ssr_app, respond_again
from medic.flows.settle import settle
from medic.flows.undo import finish_undo
from medic.incidents.model import DEADLINES, QUIET_PERIOD, IncidentState
from medic.labels import Trigger
from medic.logscan.runtime import branch_of
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.flows.locked_branch import LockedBranch
    from medic.incidents.model import Incident
    from medic.services import Services

_QUIET_MINUTES = int(QUIET_PERIOD.total_seconds() // 60)
_NO_TRAFFIC = "quiet without traffic"


def handle_overdue(scope: Scope, services: Services) -> None:
    """Handle every overdue incident of a branch, using only AWS's state and the table.

    Raises:
        RetryableError: AWS throttled or could not be reached; the watcher retries.
        BusyError: another invocation works on this branch.
    """
    for incident in services.table.read(scope).overdue(services.clock()):
        _continue(scope, incident, services)
    if services.table.read(scope).overdue(services.clock()):
        # Close what nothing else has finished, so that no incident stays open for ever.
        with hold_branch(scope, services) as locked:
            for incident in locked.record.overdue(locked.now):
                _close(incident, locked)


def finish_interrupted(scope: Scope, services: Services) -> None:
    """Finish what an earlier run began on a branch, before it is due.

    Raises:
        RetryableError: AWS throttled or could not be reached.
        BusyError: another invocation works on this branch.
    """
    incidents = services.table.read(scope).incidents
    for incident in incidents:
        if incident.in_progress:
            _continue(scope, incident, services)
    if any(incident.undelivered for incident in incidents):
        with hold_branch(scope, services):
            pass  # hold_branch itself retries undelivered alerts


def _continue(scope: Scope, incident: Incident, services: Services) -> None:
    interrupted = incident.alert_due or incident.state is IncidentState.APPLYING
    if incident.undoing:
        finish_undo(scope, incident.id, services)
    elif incident.trigger is Trigger.RUNTIME and interrupted:
        respond_again(scope, incident, services)
    elif interrupted:
        # Handle the failed deployment again, because the change or its alert was not finished.
        job_id = incident.alert_due.partition(":")[2] or incident.job_id
        diagnose_failure(_event(scope, job_id, DeploymentStatus.FAILED, incident), services)
    elif incident.state is IncidentState.REBUILDING:
        _follow_rebuild(scope, incident, services)
    elif incident.trigger is Trigger.RUNTIME:
        _check_quiet(scope, incident, services)


def _event(scope: Scope, job_id: str, status: DeploymentStatus, incident: Incident) -> DeploymentEvent:
    """An event in place of a lost one. It is as old as the incident, so that a guardrail can refuse stale events."""
    return DeploymentEvent(scope, job_id, status, incident.opened_at)


def _follow_rebuild(scope: Scope, incident: Incident, services: Services) -> None:
    """The rebuild's last event was lost: read the job's status and handle it like that event."""
    job_id = incident.rebuild_job_id or incident.job_id
    job = services.amplify.job(scope.app_id, scope.branch, job_id)
    if not isinstance(job, Present):
        return
    now, status = services.clock(), job.value.job.status
    if status not in RUNNING and incident.trigger is Trigger.FAILED:
        event = _event(scope, job_id, DeploymentStatus(status), incident)
        if event.status is DeploymentStatus.FAILED:
            diagnose_failure(event, services)
        else:
            settle(event, services)
        return
    with hold_branch(scope, services) as locked:
        # The incident as it is now: `hold_branch` may have delivered its alerts.
        current = next(each for each in locked.record.incidents if each.id == incident.id)
        if current.state is not IncidentState.REBUILDING:
            return
        if status in RUNNING:
            followed = current.moved(IncidentState.REBUILDING, now)
        else:
            followed = current.record_rebuild_ended(now, f"job {job_id} ended: {status}").recheck_when_quiet(now)
        locked.save(followed)


def _check_quiet(scope: Scope, incident: Incident, services: Services) -> None:
    """Resolve the incident after a quiet period with traffic. Otherwise check again later, until it expires."""
    ssr = read_ssr_app(scope.whole_app, services)
    since = services.clock() - QUIET_PERIOD
    failure = failure_since(scope, ssr, incident, since, services) if ssr is not None else None
    had_traffic = ssr is not None and failure is None and _had_traffic(scope, ssr, services)
    with hold_branch(scope, services) as locked:
        if failure is not None:
            # No wake-up came for this line: the watcher was down, or its message was lost.
            respond(failure, locked)
        for overdue in locked.record.overdue(services.clock()):
            if overdue.id == incident.id and had_traffic:
                resolved = overdue.moved(IncidentState.RESOLVED, locked.now, "no such line came for an hour of traffic")
                locked.log(TelemetryEvent.RESOLVED, resolved)
                if resolved.alerted_individually:
                    locked.notify(compose_quiet(scope, resolved, _QUIET_MINUTES), resolved, f"quiet:{overdue.count}")
                else:
                    locked.save(resolved)
            elif overdue.id == incident.id:
                _wait_longer(overdue, locked, silent=failure is None)


def _had_traffic(scope: Scope, ssr: SsrApp, services: Services) -> bool:
    """True if anything was logged in the quiet period by this branch, or by a branch that can't be identified."""
    now = services.clock()
    lines = services.runtime_logs().lines(scope.app_id, TimeSpan(now - QUIET_PERIOD, now), "", max_pages=1)
    if not isinstance(lines, Present):
        return False
    writers = (branch_of(line, scope.app_id, ssr.branches) for line in lines.value)
    return any(writer is None or scope.branch in {ALL, writer.name} for writer in writers)


def _wait_longer(incident: Incident, locked: LockedBranch, *, silent: bool) -> None:
    now = locked.now
    if now - incident.opened_at >= DEADLINES[incident.state]:
        return  # it stays overdue, so `handle_overdue` lets it expire
    waiting = incident.recheck_when_quiet(now)
    if silent and incident.applied and incident.note != _NO_TRAFFIC:
        noted = replace(waiting, note=_NO_TRAFFIC)
        locked.notify(compose_no_traffic(locked.scope, noted), noted, f"no-traffic:{incident.count}")
    else:
        locked.save(waiting)


def _close(incident: Incident, locked: LockedBranch) -> None:
    now, scope = locked.now, locked.scope
    if incident.state.closed or incident.deadline > now:
        # Only its alert was due, and it can't be composed any more, because the app or job is gone.
        locked.save(replace(incident, alert_due=""))
        return
    if incident.state in (IncidentState.APPLYING, IncidentState.REBUILDING):
        ended = incident.moved(IncidentState.OUTCOME_UNKNOWN, now, "nothing says what became of it")
        locked.log(TelemetryEvent.OUTCOME_UNKNOWN, incident)
        locked.notify(compose_outcome_unknown(scope, ended), ended, f"unknown:{ended.job_id}")
        return
    expired = incident.moved(IncidentState.EXPIRED, now, f"expired while {incident.state}")
    locked.log(TelemetryEvent.EXPIRED, incident, state=incident.state)
    if incident.alerted_individually:
        locked.notify(compose_expired(scope, expired), expired, f"expired:{incident.job_id}")
    else:
        locked.save(expired)
