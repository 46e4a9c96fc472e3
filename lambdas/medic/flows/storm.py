"""Many incidents at once: no more changes, one alert that names everything affected, and the count when it is over.

A storm is an incident of the region itself, so that it has a lease, a deadline and letters like any other.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.alerts.compose import Affected, compose_storm, compose_storm_over
from medic.flows.notify import announce, hold_branch
from medic.incidents.model import Incident, IncidentState, RuntimeJobRef
from medic.incidents.table import BusyError
from medic.labels import RoleKind
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from datetime import datetime

    from medic.events import Scope
    from medic.incidents.region import RegionState
    from medic.incidents.table import LockedBranch
    from medic.services import Services

STORM = (RoleKind.NONE, "storm")
"""The kind of a storm's incident."""
_BEGINS = "begins"
_OVER = "over"


def is_storm(region: RegionState, services: Services) -> bool:
    """True while more incidents open than limits allow."""
    limits = services.runtime.settings.limits
    return region.opened_within(limits.storm_minutes, services.clock()) > limits.storm_incidents


def join_storm(incident: Incident, held: LockedBranch, services: Services) -> None:
    """Save an incident that the storm's alert tells of; if there is no such alert yet, send it.

    Raises:
        BusyError: another invocation is about to open the storm.
        UndeliveredError: a channel did not take the alert.
    """
    scope = held.record.scope
    held.save(held.record.with_incident(incident.mark_alert_due(_BEGINS)))
    _alert_once(scope.whole_region, services)
    held.save(held.record.with_incident(incident.alerted_in_storm(services.clock())))


def look_after_storm(scope: Scope, services: Services) -> None:
    """A storm's deadline has passed: it is over, or goes on.

    Raises:
        BusyError: another invocation does the same.
        UndeliveredError: a channel did not take the alert.
    """
    with hold_branch(scope, services) as held:
        storm = held.record.incident(*STORM)
        if storm is None or storm.state.closed:
            return
        now = services.clock()
        if storm.alert_due:
            _tell(storm, held, services)
        elif is_storm(services.region.look(scope), services):
            held.save(held.record.with_incident(storm.due_again_at(now + _window(services), now)))
        elif storm.deadline <= now:
            over = storm.moved(IncidentState.RESOLVED, now, "no more incidents than usual")
            affected = _affected(over, services)
            services.telemetry.record(TelemetryEvent.STORM_OVER, scope=scope, incident=over.id, affected=len(affected))
            announce(compose_storm_over(scope, over, affected), over, _OVER, held, services)


def _alert_once(scope: Scope, services: Services) -> None:
    storm = services.table.read(scope).incident(*STORM)
    if storm is not None and not storm.state.closed and not (storm.alert_due or storm.undelivered):
        return
    try:
        with hold_branch(scope, services) as held:
            storm = held.record.incident(*STORM)
            if storm is None or storm.state.closed:
                _open(held, services)
            elif storm.alert_due:
                _tell(storm, held, services)
    except BusyError:
        storm = services.table.read(scope).incident(*STORM)
        if storm is None or storm.state.closed:
            raise


def _open(held: LockedBranch, services: Services) -> None:
    """Write the storm down first: from then on nobody else opens it, and the watcher sees that it is told."""
    now = services.clock()
    began = Incident.open(held.record.scope, STORM, RuntimeJobRef(now), app_name="", now=now)
    storm = began.due_again_at(now + _window(services), now).mark_alert_due(_BEGINS)
    held.save(held.record.with_incident(storm))
    services.telemetry.record(TelemetryEvent.STORM, scope=held.record.scope, incident=storm.id)
    _tell(storm, held, services)


def _tell(storm: Incident, held: LockedBranch, services: Services) -> None:
    alert = compose_storm(held.record.scope, storm, _affected(storm, services), services.runtime.settings.limits)
    announce(alert, storm, _BEGINS, held, services)


def _affected(storm: Incident, services: Services) -> tuple[Affected, ...]:
    """Every incident that opened since the storm gathered."""
    since: datetime = storm.opened_at - _window(services)
    found = (
        Affected(record.scope, incident)
        for record in services.table.all()
        for incident in record.incidents
        if incident.opened_at >= since and (incident.role_kind, incident.label) != STORM
    )
    return tuple(sorted(found, key=lambda affected: affected.incident.opened_at))


def _window(services: Services) -> timedelta:
    return timedelta(minutes=services.runtime.settings.limits.storm_minutes)
