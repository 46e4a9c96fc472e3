"""Handle overdue incidents: finish what was interrupted, check what can be settled, and expire the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_expired, compose_no_traffic, compose_outcome_unknown, compose_quiet
from medic.events import ALL, DeploymentEvent, DeploymentStatus
from medic.evidence import RUNNING, Present, TimeSpan
from medic.flows.failure import diagnose_failure
from medic.flows.failure_model import QUIET_PERIOD, recheck_after_quiet_period
from medic.flows.notify import hold_branch, send_alert
from medic.flows.respond import Responder
from medic.flows.runtime import SsrApp, failure_since, read_ssr_app, respond_again
from medic.flows.settle import settle
from medic.flows.undo import finish_undo
from medic.incidents.model import DEADLINES, IncidentState
from medic.labels import Trigger
from medic.logscan.runtime import branch_of
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.incidents.table import LockedBranch
    from medic.services import Services

_STATUSES = {status.value: status for status in DeploymentStatus}
_QUIET_MINUTES = int(QUIET_PERIOD.total_seconds() // 60)
_NO_TRAFFIC = "quiet without traffic"


def handle_overdue(scope: Scope, services: Services) -> None:
    """Handle every overdue incident of a branch, using only AWS's state and the table.

    Raises:
        RetryableError: AWS throttled or could not be reached; the watcher retries.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not accept an alert.
    """
    for incident in services.table.read(scope).overdue(services.clock()):
        _continue(scope, incident, services)
    _close_still_overdue(scope, services)


def finish_interrupted(scope: Scope, services: Services) -> None:
    """Finish what an earlier run began on a branch, before it is due.

    Raises:
        RetryableError: AWS throttled or could not be reached.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not accept an alert.
    """
    incidents = services.table.read(scope).incidents
    for incident in incidents:
        if incident.undoing or incident.unfinished or incident.alert_due:
            _continue(scope, incident, services)
    if any(incident.undelivered for incident in incidents):
        with hold_branch(scope, services):
            pass  # hold_branch itself retries undelivered alerts


def _continue(scope: Scope, incident: Incident, services: Services) -> None:
    if incident.undoing:
        finish_undo(scope, incident.id, services)
    elif incident.trigger == Trigger.RUNTIME:
        _continue_runtime(scope, incident, services)
    elif incident.alert_due or incident.state is IncidentState.APPLYING:
        _repeat_event(scope, incident, services)
    elif incident.state is IncidentState.REBUILDING:
        _follow_rebuild(scope, incident, services)


def _repeat_event(scope: Scope, incident: Incident, services: Services) -> None:
    """Handle the failed deployment again, because the change or its alert was not finished."""
    _, _, job_id = incident.alert_due.partition(":")
    diagnose_failure(_event(scope, job_id or incident.job_id, DeploymentStatus.FAILED, incident), services)


def _event(scope: Scope, job_id: str, status: DeploymentStatus, incident: Incident) -> DeploymentEvent:
    """An event in place of a lost one. It is as old as the incident, so that a guardrail can refuse stale events."""
    return DeploymentEvent(scope, job_id, status, incident.opened_at)


def _follow_rebuild(scope: Scope, incident: Incident, services: Services) -> None:
    """The rebuild's last event was lost: read the job's status and handle it like that event."""
    job_id = incident.rebuild_job_id or incident.job_id
    job = services.amplify.job(scope.app_id, scope.branch, job_id)
    if not isinstance(job, Present):
        return
    status = job.value.job.status
    if status in RUNNING:
        with hold_branch(scope, services) as locked:
            locked.save(locked.record.with_incident(incident.moved(IncidentState.REBUILDING, services.clock())))
        return
    event = _event(scope, job_id, _STATUSES[status], incident)
    if event.status is DeploymentStatus.FAILED:
        diagnose_failure(event, services)
    else:
        settle(event, services)


def _continue_runtime(scope: Scope, incident: Incident, services: Services) -> None:
    if incident.alert_due or incident.state is IncidentState.APPLYING:
        respond_again(scope, incident, services)
    elif incident.state is IncidentState.REBUILDING:
        _follow_runtime_rebuild(scope, incident, services)
    else:
        _check_quiet(scope, incident, services)


def _follow_runtime_rebuild(scope: Scope, incident: Incident, services: Services) -> None:
    job_id = incident.rebuild_job_id or incident.job_id
    job = services.amplify.job(scope.app_id, scope.branch, job_id)
    if not isinstance(job, Present):
        return
    now, status = services.clock(), job.value.job.status
    ended = recheck_after_quiet_period(incident.record_rebuild_ended(now, f"job {job_id} ended: {status}"), now)
    followed = incident.moved(IncidentState.REBUILDING, now) if status in RUNNING else ended
    with hold_branch(scope, services) as locked:
        locked.save(locked.record.with_incident(followed))


def _check_quiet(scope: Scope, incident: Incident, services: Services) -> None:
    """Resolve the incident after a quiet period with traffic. Otherwise check again later, until it expires."""
    ssr = read_ssr_app(scope.whole_app, services)
    since = services.clock() - QUIET_PERIOD
    failure = failure_since(scope, ssr, incident, since, services) if ssr is not None else None
    had_traffic = ssr is not None and failure is None and _had_traffic(scope, ssr, services)
    with hold_branch(scope, services) as locked:
        if failure is not None:
            # No wake-up came for this line: the watcher was down, or its message was lost.
            Responder(failure, locked, services).respond()
        for overdue in locked.record.overdue(services.clock()):
            if overdue.id == incident.id and had_traffic:
                _resolve_quiet(scope, overdue, locked, services)
            elif overdue.id == incident.id:
                _wait_longer(scope, overdue, locked, services, silent=failure is None)


def _had_traffic(scope: Scope, ssr: SsrApp, services: Services) -> bool:
    """True if anything was logged in the quiet period by this branch, or by a branch that can't be identified."""
    now = services.clock()
    lines = services.runtime_logs().lines(scope.app_id, TimeSpan(now - QUIET_PERIOD, now), "", max_pages=1)
    if not isinstance(lines, Present):
        return False
    writers = (branch_of(line, scope.app_id, ssr.branches) for line in lines.value)
    return any(writer is None or scope.branch in {ALL, writer.name} for writer in writers)


def _resolve_quiet(scope: Scope, incident: Incident, locked: LockedBranch, services: Services) -> None:
    resolved = incident.moved(IncidentState.RESOLVED, services.clock(), "no such line came for an hour of traffic")
    services.telemetry.record(TelemetryEvent.RESOLVED, scope=scope, incident=incident.id)
    if incident.alerted_individually:
        alert = compose_quiet(scope, resolved, _QUIET_MINUTES)
        send_alert(alert, resolved, f"quiet:{incident.count}", locked, services)
    else:
        locked.save(locked.record.with_incident(resolved))


def _wait_longer(scope: Scope, incident: Incident, locked: LockedBranch, services: Services, *, silent: bool) -> None:
    now = services.clock()
    if now - incident.opened_at >= DEADLINES[incident.state]:
        return  # it stays overdue, so `_close_still_overdue` lets it expire
    waiting = recheck_after_quiet_period(incident, now)
    if silent and incident.applied and incident.note != _NO_TRAFFIC:
        noted = replace(waiting, note=_NO_TRAFFIC)
        send_alert(compose_no_traffic(scope, noted), noted, f"no-traffic:{incident.count}", locked, services)
    else:
        locked.save(locked.record.with_incident(waiting))


def _close_still_overdue(scope: Scope, services: Services) -> None:
    """Close what nothing else has finished, so that no incident stays open for ever."""
    if not services.table.read(scope).overdue(services.clock()):
        return
    with hold_branch(scope, services) as locked:
        for incident in locked.record.overdue(services.clock()):
            _close(incident, scope, locked, services)


def _close(incident: Incident, scope: Scope, locked: LockedBranch, services: Services) -> None:
    now = services.clock()
    if incident.state.closed or incident.deadline > now:
        # Only its alert was due, and it can't be composed any more, because the app or job is gone.
        locked.save(locked.record.with_incident(replace(incident, alert_due="")))
        return
    if incident.state in (IncidentState.APPLYING, IncidentState.REBUILDING):
        ended = incident.moved(IncidentState.OUTCOME_UNKNOWN, now, "nothing says what became of it")
        services.telemetry.record(TelemetryEvent.OUTCOME_UNKNOWN, scope=scope, incident=incident.id)
        send_alert(compose_outcome_unknown(scope, ended), ended, f"unknown:{ended.job_id}", locked, services)
        return
    services.telemetry.record(TelemetryEvent.EXPIRED, scope=scope, incident=incident.id, state=incident.state)
    expired = incident.moved(IncidentState.EXPIRED, now, f"expired while {incident.state}")
    if incident.alerted_individually:
        send_alert(compose_expired(scope, expired), expired, f"expired:{incident.job_id}", locked, services)
    else:
        locked.save(locked.record.with_incident(expired))
