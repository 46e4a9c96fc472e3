"""A storm is many incidents at once. The bot then makes no changes, sends one alert for all, and another at the end.

A storm is an incident of the region, so it has a lease, a deadline and alert retries like any other.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.alerts.compose import Affected, compose_storm, compose_storm_over
from medic.evidence import JobRef
from medic.flows.locked_branch import hold_branch
from medic.incidents.model import Incident, IncidentState
from medic.incidents.table import BusyError
from medic.labels import RoleKind
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from datetime import datetime

    from medic.events import Scope
    from medic.flows.locked_branch import LockedBranch
    from medic.incidents.region import RegionState
    from medic.services import Services

_STORM = (RoleKind.NONE, "storm")
"""The kind of a storm's incident."""
_BEGIN_KEY = "begins"
_OVER_KEY = "over"


def is_storm(region: RegionState, services: Services) -> bool:
    """True while more incidents open than the limits allow."""
    limits = services.runtime.settings.limits
    return region.opened_within(limits.storm_minutes, services.clock()) > limits.storm_incidents


def join_storm(incident: Incident, locked: LockedBranch) -> None:
    """Save an incident without an alert of its own, and make sure that the storm's alert is sent.

    Raises:
        BusyError: another invocation is opening the storm.
    """
    # The alert stays due until the storm's alert is sent, so that an interrupted run is repeated.
    locked.save(incident.mark_alert_due(_BEGIN_KEY))
    _ensure_storm_alert(locked.scope.whole_region, locked.services)
    locked.save(incident.record_storm_alert(locked.now))


def check_storm(scope: Scope, services: Services) -> None:
    """End a storm whose deadline has passed, or extend it if it goes on.

    Raises:
        BusyError: another invocation does the same.
    """
    with hold_branch(scope, services) as locked:
        storm = locked.record.incident(*_STORM)
        if storm is None or storm.state.closed:
            return
        now = locked.now
        if storm.alert_due:
            _send_storm_alert(storm, locked)
        elif is_storm(services.region.read(scope), services):
            locked.save(storm.with_deadline(now + _window(services), now))
        elif storm.deadline <= now:
            over = storm.moved(IncidentState.RESOLVED, now, "no more incidents than usual")
            affected = _affected(over, services)
            locked.log(TelemetryEvent.STORM_OVER, over, affected=len(affected))
            locked.notify(compose_storm_over(scope, over, affected), over, _OVER_KEY)


def _ensure_storm_alert(scope: Scope, services: Services) -> None:
    """Send the storm's alert, unless it was sent before."""
    storm = services.table.read(scope).incident(*_STORM)
    if storm is not None and not storm.state.closed and not (storm.alert_due or storm.undelivered):
        return
    try:
        with hold_branch(scope, services) as locked:
            storm = locked.record.incident(*_STORM)
            if storm is None or storm.state.closed:
                now = locked.now
                opened = Incident.open(scope, _STORM, JobRef("0", now), app_name="", now=now)
                storm = opened.with_deadline(now + _window(services), now).mark_alert_due(_BEGIN_KEY)
                # Saved before its alert: then no one else opens the storm, and the watcher retries the alert.
                locked.save(storm)
                locked.log(TelemetryEvent.STORM, storm)
                _send_storm_alert(storm, locked)
            elif storm.alert_due:
                _send_storm_alert(storm, locked)
    except BusyError:
        # If the storm is open, the other invocation or the watcher sends its alert.
        storm = services.table.read(scope).incident(*_STORM)
        if storm is None or storm.state.closed:
            raise


def _send_storm_alert(storm: Incident, locked: LockedBranch) -> None:
    services = locked.services
    alert = compose_storm(locked.scope, storm, _affected(storm, services), services.runtime.settings.limits)
    locked.notify(alert, storm, _BEGIN_KEY)


def _affected(storm: Incident, services: Services) -> tuple[Affected, ...]:
    """Every incident that opened since the beginning of the window in which the storm was detected."""
    since: datetime = storm.opened_at - _window(services)
    found = (
        Affected(record.scope, incident)
        for record in services.table.all()
        for incident in record.incidents
        if incident.opened_at >= since and (incident.role_kind, incident.label) != _STORM
    )
    return tuple(sorted(found, key=lambda affected: affected.incident.opened_at))


def _window(services: Services) -> timedelta:
    return timedelta(minutes=services.runtime.settings.limits.storm_minutes)
