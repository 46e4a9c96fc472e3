"""Handle overdue incidents: finish what was interrupted, check what can be settled, and expire the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.alerts.compose import (
    compose_expired,
    compose_no_traffic,
    compose_outcome_unknown,
    compose_quiet,
    compose_unreported,
)
from medic.aws.errors import RetryableError, value_if_any
from medic.events import ALL, DeploymentEvent, DeploymentStatus, Scope
from medic.evidence import TimeSpan
from medic.flows.failure import diagnose_failure
from medic.flows.locked_branch import LockedBranch, RecordedError, hold_branch
from medic.flows.rebuild import continue_rebuild
from medic.flows.respond import respond
from medic.flows.runtime import SsrApp, failure_since, lines_if_any, read_ssr_app, respond_again
from medic.flows.settle import look_for_success, settle
from medic.flows.undo import finish_undo
from medic.incidents.model import DEADLINES, QUIET_PERIOD, Incident, IncidentState
from medic.incidents.table import BusyError
from medic.labels import BotLabel, Trigger
from medic.logscan.runtime import branch_of
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.services import Services

_QUIET_MINUTES = int(QUIET_PERIOD.total_seconds() // 60)
_MAX_TRAFFIC_PAGES = 10
"""A page may be empty although later ones are not."""
_NO_TRAFFIC = "quiet without traffic"
_EXPIRES_SILENTLY = frozenset({BotLabel.UNDIAGNOSED, BotLabel.BUILD_FAILED})
"""Their alerts say nothing that could expire."""
_GIVE_UP_AFTER = timedelta(hours=24)
"""How long an incident that fails each time is tried again."""


def handle_overdue(scope: Scope, services: Services) -> None:
    """Handle every overdue incident of a branch, using only AWS's state and the table.

    An incident that fails stops no other one. It is tried again after a growing wait. In the end it is closed with an
    alert.

    Raises:
        RecordedError: an incident failed, and is postponed.
    """
    failures: list[Exception] = []
    watched = services.runtime.settings.watches(scope.app_id)
    for incident in services.table.read(scope).overdue(services.clock()):
        if not (watched or incident.undoing):
            continue  # the settings no longer name the app
        try:
            _continue(scope, incident, services)
        except BusyError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails must not be tried again each minute
            failures.append(error)
            _postpone(scope, incident, error, services)
    record, now = services.table.read(scope), services.clock()
    if record.overdue(now) or record.wrongly_listed(now):
        # Close what nothing else has finished, so that no incident stays open for ever.
        with hold_branch(scope, services) as locked:
            for incident in locked.record.overdue(locked.now):
                _close(incident, locked, "" if watched else "the setting `apps` does not name its app any more")
            if locked.record.wrongly_listed(locked.now):
                locked.lease.save(locked.record)
    if failures:
        raise RecordedError(failures[0]) from failures[0]


def _postpone(scope: Scope, incident: Incident, error: Exception, services: Services) -> None:
    """Try an incident that is still overdue again later, or close it if it has failed for too long."""
    with services.table.hold(scope) as lease:
        locked = LockedBranch(lease, services)
        current, now = locked.record.find(incident.id), locked.now
        if current is None or current.settled or current.due_at > now:
            return
        if now - current.due_since < _GIVE_UP_AFTER:
            locked.save(current.postponed(now))
        else:
            _close(current, locked, str(error))


def finish_interrupted(scope: Scope, services: Services) -> None:
    """Finish what an earlier run began on a branch, before it is due."""
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
        event = _event(scope, job_id, DeploymentStatus.FAILED, incident)
        diagnose_failure(replace(event, missed=incident.missed), services)
    elif incident.rebuild_at is not None and incident.rebuild_at <= services.clock():
        continue_rebuild(scope, incident, services)
    elif incident.state is IncidentState.REBUILDING:
        _follow_rebuild(scope, incident, services)
    elif incident.trigger is Trigger.RUNTIME and incident.label == BotLabel.UNDIAGNOSED:
        return  # nobody knows what would be quiet, so it expires
    elif incident.trigger is Trigger.RUNTIME:
        _check_quiet(scope, incident, services)
    else:
        look_for_success(scope, incident, services)


def _event(scope: Scope, job_id: str, status: DeploymentStatus, incident: Incident) -> DeploymentEvent:
    """An event in place of a lost one. It is as old as the incident, so that a guardrail can refuse stale events."""
    return DeploymentEvent(scope, job_id, status, incident.opened_at)


def _follow_rebuild(scope: Scope, incident: Incident, services: Services) -> None:
    """The rebuild's last event was lost: read the job's status and handle it like that event."""
    job_id = incident.rebuild_job_id or incident.job_id
    found = value_if_any(services.amplify.job(scope.app_id, scope.branch, job_id), "amplify:GetJob")
    if found is None:
        if incident.trigger is Trigger.FAILED:
            look_for_success(scope, incident, services)
        return
    now, job = services.clock(), found.job
    if not job.running and incident.trigger is Trigger.FAILED:
        event = _event(scope, job_id, DeploymentStatus(job.status), incident)
        if event.status is DeploymentStatus.FAILED:
            diagnose_failure(event, services)
        else:
            settle(event, services)
        return
    with hold_branch(scope, services) as locked:
        # The incident as it is now: `hold_branch` may have delivered its alerts.
        current = locked.record.find(incident.id)
        if current is None or current.state is not IncidentState.REBUILDING:
            return
        if job.running:
            followed = current.moved(IncidentState.REBUILDING, now)
        else:
            followed = current.record_rebuild_ended(now, f"job {job_id} ended: {job.status}").recheck_when_quiet(now)
        locked.save(followed)


def _check_quiet(scope: Scope, incident: Incident, services: Services) -> None:
    """Resolve the incident after a quiet period with traffic. Otherwise check again later, until it expires."""
    ssr = read_ssr_app(scope.whole_app, services)
    since = services.clock() - QUIET_PERIOD
    failure = failure_since(scope, ssr, incident, since, services) if ssr is not None else None
    had_traffic = ssr is not None and failure is None and _had_traffic(scope, ssr, incident, services)
    with hold_branch(scope, services) as locked:
        if failure is not None:
            # No wake-up came for this line: the watcher was down, or its message was lost.
            respond(failure, locked)
        overdue = next((each for each in locked.record.overdue(locked.now) if each.id == incident.id), None)
        if overdue is None:
            return
        if had_traffic:
            resolved = overdue.moved(IncidentState.RESOLVED, locked.now, "no such line came for an hour of traffic")
            locked.log(TelemetryEvent.RESOLVED, resolved)
            if resolved.alerted_individually:
                locked.notify(compose_quiet(scope, resolved, _QUIET_MINUTES), resolved, f"quiet:{overdue.count}")
            else:
                locked.save(resolved)
        else:
            _wait_longer(overdue, locked, silent=failure is None)


def _had_traffic(scope: Scope, ssr: SsrApp, incident: Incident, services: Services) -> bool:
    """True if anything was logged in the quiet period by this branch, or by a branch that can't be identified.

    A branch that was deleted since is not quiet, even if one of its name was created again.

    Raises:
        RetryableError: what could be read of the log does not show it.
    """
    same = (each.name == scope.branch and not incident.of_another_branch(each.created_at) for each in ssr.branches)
    if scope.branch != ALL and not any(same):
        return False
    now = services.clock()
    span = TimeSpan(now - QUIET_PERIOD, now)
    read = lines_if_any(services.runtime_logs().lines(scope.app_id, span, "", _MAX_TRAFFIC_PAGES))
    if read is None:
        return False
    found, unread = read
    writers = (branch_of(line, ssr.branches) for line in found)
    seen = any(writer is None or scope.branch in {ALL, writer.name} for writer in writers)
    if not seen and unread is not None:
        raise RetryableError("logs:FilterLogEvents", "Partial", unread)
    return seen


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


def _close(incident: Incident, locked: LockedBranch, why: str) -> None:
    """End an incident that nothing else could continue, or send its alert without the details.

    `why` says what failed each time. Empty if nothing did.
    """
    now, scope = locked.now, locked.scope
    past_deadline = incident.deadline <= now and not incident.state.closed
    if incident.unfinished or (past_deadline and incident.state is IncidentState.REBUILDING):
        ended = incident.moved(IncidentState.OUTCOME_UNKNOWN, now, why or "nothing says what became of it")
        locked.log(TelemetryEvent.OUTCOME_UNKNOWN, incident)
        locked.notify(compose_outcome_unknown(scope, ended), ended, f"unknown:{ended.job_id}")
    elif past_deadline:
        expired = incident.moved(IncidentState.EXPIRED, now, why or f"expired while {incident.state}")
        locked.log(TelemetryEvent.EXPIRED, incident, state=incident.state)
        alerted = incident.alerted_individually or incident.alert_due
        if alerted and incident.label not in _EXPIRES_SILENTLY:
            locked.notify(compose_expired(scope, expired), expired, f"expired:{incident.job_id}")
        else:
            locked.save(expired)
    else:
        # The failure can't be read again: the app or job is gone, a call is denied, or the settings changed.
        alert_key = incident.alert_due or f"unreported:{incident.job_id}"
        incident = replace(incident, rebuild_at=None)
        locked.notify(compose_unreported(scope, incident, why), incident, alert_key)
