"""Report builds that failed, but not because of IAM. Only with the setting `notify: all_failures`.

The bot takes no action on them, and they count for no storm of IAM failures. A counter of their own bounds the alerts:
if a Git provider is down, every build fails.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_build_failed, compose_builds_failing, compose_builds_reported_again
from medic.evidence import JobRef
from medic.flows.locked_branch import hold_branch
from medic.incidents.model import Incident, IncidentState, JobOrder
from medic.incidents.table import Cap, TransactionParts
from medic.labels import BotLabel, RoleKind
from medic.logscan.model import Ending
from medic.records import replace
from medic.settings import LogLines
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from datetime import datetime

    from medic.events import Scope
    from medic.evidence import App
    from medic.flows.locked_branch import LockedBranch
    from medic.services import Services

_KIND = (RoleKind.NONE, BotLabel.BUILD_FAILED)
_MANY = (RoleKind.NONE, BotLabel.BUILDS_FAILING)
_OVER_KEY = "over"


def report_build_failed(scope: Scope, app: App, job: JobRef, ending: Ending, services: Services) -> None:
    """Open or count up the branch's incident, and send one alert for each job, unless too many builds fail."""
    if services.runtime.settings.log_lines is LogLines.NONE:
        ending = Ending()
    alert_key = f"failed:{job.id}"
    with hold_branch(scope, services) as locked:
        before = locked.record.incident(_KIND)
        if before is not None and before.alert_due == alert_key:
            incident = before  # an interrupted run has counted it
        elif before is not None and before.compared_with(job) is not JobOrder.LATER:
            locked.log(TelemetryEvent.ALREADY_HANDLED, before, job=job.id)
            return
        else:
            counted = replace(_counted(before, scope, app, job, locked.now), reason=" · ".join(ending.errors))
            incident = replace(counted, alert_due=alert_key)
            if services.region.read(scope).muted(scope, locked.now):
                locked.save(counted)
                return
            if not _save_as_due(incident, locked):
                _report_many(scope.whole_region, services)
                locked.save(counted)
                return
        locked.notify(compose_build_failed(scope, incident, ending), incident, alert_key)


def check_builds_failing(incident: Incident, locked: LockedBranch) -> None:
    """Close the region's incident at its deadline, and say that builds are reported one by one again."""
    if incident.kind != _MANY:
        return
    if not incident.state.closed and incident.deadline <= locked.now:
        over = incident.moved(IncidentState.RESOLVED, locked.now, "builds are reported one by one again")
        locked.notify(compose_builds_reported_again(locked.scope, over), over, _OVER_KEY)


def _counted(before: Incident | None, scope: Scope, app: App, job: JobRef, now: datetime) -> Incident:
    if before is None or before.state.closed:
        return Incident.open(scope, _KIND, job, app_name=app.name, now=now)
    return before.repeated(job, now)


def _save_as_due(incident: Incident, locked: LockedBranch) -> bool:
    """Save an incident whose alert is due, unless so many were sent that this one is not. Returns whether it is."""
    scope, limits, now = locked.scope, locked.services.runtime.settings.limits, locked.now
    window = int(now.timestamp()) // (limits.storm_minutes * 60)
    name = f"builds#{scope.account}#{scope.region}#{window}"
    cap = Cap(name, limits.other_failures, now + timedelta(minutes=2 * limits.storm_minutes))
    return locked.lease.save(locked.record.with_incident(incident), TransactionParts((cap,))) is None


def _report_many(region: Scope, services: Services) -> None:
    """Open the region's incident and send its alert, unless it is open."""
    if services.table.read(region).open_incident(_MANY) is not None:
        return
    with hold_branch(region, services) as locked:
        if locked.record.open_incident(_MANY) is not None:
            return
        now, limits = locked.now, services.runtime.settings.limits
        opened = Incident.open(region, _MANY, JobRef("0", now), app_name="", now=now)
        incident = opened.with_deadline(now + timedelta(minutes=limits.storm_minutes), now)
        locked.log(TelemetryEvent.BUILDS_FAILING, incident)
        locked.notify(compose_builds_failing(region, incident, limits), incident, "begins")
