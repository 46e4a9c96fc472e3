"""Incidents of the whole region: a storm, and other failed builds that are too many to report one by one.

In a storm, IAM failures open in many apps at once. The bot then makes no changes, and one alert reports all, until it
is over. Its list, an item of its own, names whom it affects. Such incidents have a lease, a deadline and alert retries
like any other.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from medic.alerts.compose import (
    Affected,
    Extent,
    compose_builds_failing,
    compose_builds_reported_again,
    compose_storm,
    compose_storm_over,
)
from medic.evidence import JobRef
from medic.flows.locked_branch import LockedBranch, hold_branch
from medic.incidents.model import Incident, IncidentKind, IncidentState
from medic.incidents.store import NewerSchemaError
from medic.incidents.table import BusyError
from medic.labels import BotLabel, RoleKind
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.region import RegionState
    from medic.services import Services

_STORM = (RoleKind.NONE, BotLabel.STORM)
_BEGIN_KEY = "begins"
_OVER_KEY = "over"


def is_storm(region: RegionState, services: Services) -> bool:
    """True while incidents open in more apps than the limits allow."""
    limits = services.runtime.settings.limits
    return region.apps_within(limits.storm_minutes, services.clock()) > limits.storm_apps


def join_storm(incident: Incident, locked: LockedBranch) -> None:
    """Put an incident on the storm's list, and save it without an alert of its own.

    The storm's first alert goes out at once. Later ones report who joined since, at most one each `storm_minutes`.

    Raises:
        BusyError: another invocation is opening the storm, or has just closed it.
    """
    services, region = locked.services, locked.scope.whole_region
    # The alert stays due until the storm's alert was sent, so that an interrupted run is repeated.
    locked.save(replace(incident, alert_due=_BEGIN_KEY))
    storm = services.table.read(region).open_incident(_STORM) or _begin(incident, locked)
    if storm is not None:
        services.region.join_storm(locked.scope, storm.id, incident.id)
        # A storm is closed before its list is read for the last alert. So whoever joins an open storm is reported.
        storm = services.table.read(region).open_incident(_STORM)
        if storm is None:
            raise BusyError("the storm is over; retry without it")
        if storm.alert_due:
            with suppress(BusyError):  # the other invocation, or the watcher, sends the alert
                check_storm(region, services)
    locked.save(incident.record_storm_alert(locked.now))


def check_storm(scope: Scope, services: Services) -> None:
    """Send the region's alerts that are due: who joined a storm since the last one, or that it is over."""
    with hold_branch(scope, services) as locked:
        for storm in locked.record.incidents:
            if storm.kind == _STORM:
                _check(storm, locked)
            elif not storm.state.closed and storm.deadline <= locked.now:
                _report_builds_again(storm, locked)
        if locked.record.wrongly_listed(locked.now):
            locked.lease.save(locked.record)


def _begin(incident: Incident, locked: LockedBranch) -> Incident | None:
    """Open a storm with this incident, and send its first alert.

    If another invocation opened a storm first, return that one, which the incident has not joined.
    """
    services, scope = locked.services, locked.scope.whole_region
    with hold_branch(scope, services) as locked_region:
        if storm := locked_region.record.open_incident(_STORM):
            return storm
        storm = replace(_opened(_STORM, locked_region), alert_due=_BEGIN_KEY)
        services.region.join_storm(locked.scope, storm.id, incident.id)
        # Saved before its alert: then no one else opens the storm, and the watcher retries the alert.
        locked_region.save(storm)
        locked_region.log(TelemetryEvent.STORM, storm)
        _report(storm, locked_region, _BEGIN_KEY)
        return None


def report_flood(label: BotLabel, region: Scope, services: Services) -> None:
    """Report once that more builds fail, not because of IAM or undiagnosed, than are reported one by one."""
    kind = (RoleKind.NONE, label)
    if services.table.read(region).open_incident(kind) is not None:
        return
    with hold_branch(region, services) as locked:
        if locked.record.open_incident(kind) is None:
            incident = _opened(kind, locked)
            locked.log(TelemetryEvent.BUILDS_FAILING, incident)
            alert = compose_builds_failing(region, incident, services.runtime.settings.limits)
            locked.notify(alert, incident, _BEGIN_KEY)


def _report_builds_again(incident: Incident, locked: LockedBranch) -> None:
    over = incident.moved(IncidentState.RESOLVED, locked.now, "builds are reported one by one again")
    locked.notify(compose_builds_reported_again(locked.scope, over), over, _OVER_KEY)


def _opened(kind: IncidentKind, locked: LockedBranch) -> Incident:
    """A new incident of the region. It is looked at again after the time in which a storm's failures count."""
    now = locked.now
    opened = Incident.open(locked.scope, kind, JobRef("0", now), app_name="", now=now)
    return opened.with_deadline(now + _window(locked.services), now)


def _check(storm: Incident, locked: LockedBranch) -> None:
    services, now = locked.services, locked.now
    if storm.alert_due == _BEGIN_KEY:
        _report(storm, locked, _BEGIN_KEY)
    elif storm.alert_due:
        _report_over(storm, locked)
    elif storm.state.closed or now < storm.deadline:
        return
    elif is_storm(services.region.read(locked.scope), services):
        longer = storm.with_deadline(now + _window(services), now)
        total = services.region.storm_list(locked.scope, storm.id).total
        if total > storm.count:
            _report(longer, locked, f"grew:{total}")
        else:
            locked.save(longer)
    else:
        resolved = storm.moved(IncidentState.RESOLVED, now, "no more failures than usual")
        over = replace(resolved, alert_due=_OVER_KEY)
        locked.save(over)
        _report_over(over, locked)


def _report(storm: Incident, locked: LockedBranch, alert_key: str) -> None:
    """Report whom the storm affects so far. Its count is how many the last alert reported."""
    services, limits = locked.services, locked.services.runtime.settings.limits
    apps = services.region.read(locked.scope).apps_within(limits.storm_minutes, locked.now)
    extent = _extent(storm, locked)
    alert = compose_storm(locked.scope, storm, extent, apps, limits)
    locked.notify(alert, replace(storm, count=extent.total), alert_key)


def _report_over(storm: Incident, locked: LockedBranch) -> None:
    extent = _extent(storm, locked)
    locked.log(TelemetryEvent.STORM_OVER, storm, affected=extent.total)
    locked.notify(compose_storm_over(locked.scope, storm, extent), storm, _OVER_KEY)


def _extent(storm: Incident, locked: LockedBranch) -> Extent:
    """The incidents on the storm's list as they are now."""
    services, found = locked.services, []
    listed = services.region.storm_list(locked.scope, storm.id)
    for scope, incident_id in listed.members:
        try:
            incident = services.table.read(scope).find(incident_id)
        except NewerSchemaError as error:
            services.on_unreadable(str(scope), str(error))
            continue
        if incident is not None:
            found.append(Affected(scope, incident))
    return Extent(tuple(sorted(found, key=lambda affected: affected.incident.opened_at)), listed.total)


def _window(services: Services) -> timedelta:
    return timedelta(minutes=services.runtime.settings.limits.storm_minutes)
