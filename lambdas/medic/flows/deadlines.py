"""Something on a branch is overdue: finish it, settle it, or let it expire. Whatever got lost ends here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_expired, compose_no_traffic, compose_outcome_unknown, compose_quiet
from medic.aws.amplify import RUNNING
from medic.events import ALL, DeploymentEvent, DeploymentStatus
from medic.evidence import Present, TimeSpan
from medic.flows.failure import diagnose_failure
from medic.flows.failure_model import QUIET, recheck_after_quiet_period
from medic.flows.notify import announce, hold_branch
from medic.flows.respond import Responder
from medic.flows.runtime import SsrApp, failure_since, read_ssr_app, respond_again
from medic.flows.settle import settle
from medic.flows.undo import finish_undoing
from medic.incidents.model import DEADLINES, IncidentState
from medic.labels import Trigger
from medic.logscan.runtime import branch_of
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.incidents.table import LockedBranch
    from medic.services import Services

_MINUTES = int(QUIET.total_seconds() // 60)
_NO_TRAFFIC = "quiet without traffic"


def look_after_runtime(scope: Scope, incident: Incident, services: Services) -> None:
    """Take up one overdue incident that the SSR log showed.

    Raises:
        RetryableError: AWS throttled or could not be reached; the watcher comes again.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take an alert.
    """
    if incident.alert_due or incident.state is IncidentState.APPLYING:
        respond_again(scope, incident, services)
    elif incident.state is IncidentState.REBUILDING:
        _follow_runtime_rebuild(scope, incident, services)
    else:
        _see_whether_it_is_quiet(scope, incident, services)


def _follow_runtime_rebuild(scope: Scope, incident: Incident, services: Services) -> None:
    job_id = incident.rebuild_job_id or incident.job_id
    job = services.amplify.job(scope.app_id, scope.branch, job_id)
    if not isinstance(job, Present):
        return
    now, status = services.clock(), job.value.job.status
    with hold_branch(scope, services) as held:
        over = recheck_after_quiet_period(incident.rebuilt(now, f"job {job_id} ended: {status}"), now)
        held.save(
            held.record.with_incident(incident.moved(IncidentState.REBUILDING, now) if status in RUNNING else over)
        )


def _see_whether_it_is_quiet(scope: Scope, incident: Incident, services: Services) -> None:
    """Over, if an hour of traffic showed no such line; else looked at again in an hour, until it expires."""
    ssr = read_ssr_app(scope.whole_app, services)
    failure = failure_since(scope, ssr, incident, services.clock() - QUIET, services) if ssr is not None else None
    served = ssr is not None and failure is None and _served(scope, ssr, services)
    with hold_branch(scope, services) as held:
        if failure is not None:
            # A line that nobody was woken for: the watcher was down, or its nudge got lost.
            Responder(failure, held, services).respond()
        for overdue in held.record.overdue(services.clock()):
            if overdue.id == incident.id and served:
                _resolve(scope, overdue, held, services)
            elif overdue.id == incident.id:
                _wait_longer(scope, overdue, held, services, silent=failure is None)


def _served(scope: Scope, ssr: SsrApp, services: Services) -> bool:
    """Whether anything was logged in the last hour, by this branch as far as that can be told."""
    now = services.clock()
    lines = services.runtime_logs().lines(scope.app_id, TimeSpan(now - QUIET, now), "", most_pages=1)
    if not isinstance(lines, Present):
        return False
    writers = (branch_of(line, scope.app_id, ssr.branches) for line in lines.value)
    return any(writer is None or scope.branch in {ALL, writer.name} for writer in writers)


def _resolve(scope: Scope, incident: Incident, held: LockedBranch, services: Services) -> None:
    resolved = incident.moved(IncidentState.RESOLVED, services.clock(), "no such line came for an hour of traffic")
    services.telemetry.record(TelemetryEvent.RESOLVED, scope=scope, incident=incident.id)
    if incident.alerted_individually:
        announce(compose_quiet(scope, resolved, _MINUTES), resolved, f"quiet:{incident.count}", held, services)
    else:
        held.save(held.record.with_incident(resolved))


def _wait_longer(scope: Scope, incident: Incident, held: LockedBranch, services: Services, *, silent: bool) -> None:
    now = services.clock()
    if now - incident.opened_at >= DEADLINES[incident.state]:
        return  # it is still overdue, and so it ends as every incident does
    waiting = recheck_after_quiet_period(incident, now)
    if silent and incident.applied and incident.note != _NO_TRAFFIC:
        noted = replace(waiting, note=_NO_TRAFFIC)
        announce(compose_no_traffic(scope, noted), noted, f"no-traffic:{incident.count}", held, services)
    else:
        held.save(held.record.with_incident(waiting))


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
        if incident.undoing or incident.unfinished or incident.alert_due:
            _take_up(scope, incident, services)
    if any(incident.undelivered for incident in incidents):
        with hold_branch(scope, services):
            pass  # at work, what a channel lacks is sent first


def _take_up(scope: Scope, incident: Incident, services: Services) -> None:
    if incident.undoing:
        finish_undoing(scope, incident.id, services)
    elif incident.trigger == Trigger.RUNTIME:
        look_after_runtime(scope, incident, services)
    elif incident.alert_due or incident.state is IncidentState.APPLYING:
        _again(scope, incident, services)
    elif incident.state is IncidentState.REBUILDING:
        _follow_rebuild(scope, incident, services)


def _again(scope: Scope, incident: Incident, services: Services) -> None:
    """Go through the event again that was not finished, or not told of."""
    _, _, job_id = incident.alert_due.partition(":")
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
        with hold_branch(scope, services) as held:
            held.save(held.record.with_incident(incident.moved(IncidentState.REBUILDING, services.clock())))
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
    with hold_branch(scope, services) as held:
        for incident in held.record.overdue(services.clock()):
            _end(incident, scope, held, services)


def _end(incident: Incident, scope: Scope, held: LockedBranch, services: Services) -> None:
    now = services.clock()
    if incident.state.closed or incident.deadline > now:
        # Its event leads nowhere any more (the app or job is gone), so there is nobody left to tell anything.
        held.save(held.record.with_incident(replace(incident, alert_due="")))
        return
    if incident.state in (IncidentState.APPLYING, IncidentState.REBUILDING):
        ended = incident.moved(IncidentState.OUTCOME_UNKNOWN, now, "nothing says what became of it")
        services.telemetry.record(TelemetryEvent.OUTCOME_UNKNOWN, scope=scope, incident=incident.id)
        announce(compose_outcome_unknown(scope, ended), ended, f"unknown:{ended.job_id}", held, services)
        return
    services.telemetry.record(TelemetryEvent.EXPIRED, scope=scope, incident=incident.id, state=incident.state)
    expired = incident.moved(IncidentState.EXPIRED, now, f"expired while {incident.state}")
    if incident.alerted_individually:
        announce(compose_expired(scope, expired), expired, f"expired:{incident.job_id}", held, services)
    else:
        held.save(held.record.with_incident(expired))
