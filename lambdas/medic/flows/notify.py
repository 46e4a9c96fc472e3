"""Telling: send an alert on every channel, write down who took it, and keep it for those that did not."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from medic.alerts.delivery import deliver
from medic.alerts.model import alert_from_json, alert_to_json, redacted
from medic.incidents.model import UndeliveredAlert
from medic.incidents.table import TransactionParts
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.alerts.model import Alert
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.incidents.table import LockedBranch
    from medic.services import Services

_AT_A_TIME = 5
_RETENTION = timedelta(days=7)


class UndeliveredError(Exception):
    """A channel did not take an alert: it is kept as a letter, and sent there when the branch is next seen."""


@contextmanager
def hold_branch(scope: Scope, services: Services) -> Iterator[LockedBranch]:
    """Hold a branch, and first send what some channel still lacks.

    Raises:
        BusyError: another invocation works on this branch.
        UndeliveredError: (in the end) a channel still does not take its letters.
    """
    with services.table.hold(scope) as held:
        failures = _resend(held, services)
        yield held
        if failures:
            raise UndeliveredError("; ".join(failures))


def announce(alert: Alert, incident: Incident, alert_key: str, held: LockedBranch, services: Services) -> None:
    """Deliver an alert and save the incident with its receipts.

    Args:
        alert: what to say.
        incident: the incident as it is to be saved.
        alert_key: what tells this alert from others of the incident.
        held: the branch, under its lease.
        services: channels and telemetry.

    Raises:
        UndeliveredError: a channel did not take it; the others did, and for that one it is kept.
    """
    alert = redacted(alert, emails=services.runtime.settings.redact_emails)
    delivery = deliver(alert, services.channels, incident.alerted, alert_key, incident.threads)
    for receipt in delivery.receipts:
        services.telemetry.record(TelemetryEvent.ALERT_SENT, incident=incident.id, kind=alert.kind, receipt=receipt)
    threaded = replace(incident, threads=delivery.threads)
    alerted = threaded.record_alert(alert_key, delivery.receipts, services.clock(), everybody=not delivery.failures)
    kept = UndeliveredAlert(incident.id, alert_key, alert_to_json(alert), delivery.lacking)
    # Whatever was to be done is done: telling comes last, and the lease ends with it.
    undelivered = (kept,) if delivery.failures else ()
    held.save(held.record.with_incident(alerted), TransactionParts(undelivered=undelivered, release=True))
    if delivery.failures:
        for failure in delivery.failures:
            services.telemetry.record(TelemetryEvent.ALERT_FAILED, incident=incident.id, kind=alert.kind, why=failure)
        raise UndeliveredError("; ".join(delivery.failures))


def _resend(held: LockedBranch, services: Services) -> list[str]:
    """Send the letters of a branch again; what is still not taken, in words.

    A channel that does not take one is not tried with the next: it may take its time to refuse.
    """
    failures: list[str] = []
    dead: set[str] = set()
    for incident in held.record.incidents:
        if incident.undelivered:
            failures += _resend_of(incident, held, services, dead)
    return failures


def _resend_of(incident: Incident, held: LockedBranch, services: Services, dead: set[str]) -> list[str]:
    now = services.clock()
    undelivered: list[UndeliveredAlert] = []
    receipts: list[str] = []
    failures: list[str] = []
    for alert_key in incident.undelivered[:_AT_A_TIME]:
        undelivered_alert = services.table.undelivered_alert(incident.id, alert_key)
        if undelivered_alert is None or now - incident.updated_at > _RETENTION:
            services.telemetry.record(TelemetryEvent.ALERT_ABANDONED, incident=incident.id, alert_key=alert_key)
            undelivered.append(UndeliveredAlert(incident.id, alert_key, "", ()))
            continue
        known = {channel.name for channel in services.channels}
        waiting = dead & known.intersection(undelivered_alert.lacking)
        channels = tuple(c for c in services.channels if c.name in undelivered_alert.lacking and c.name not in dead)
        delivery = deliver(alert_from_json(undelivered_alert.alert), channels, (), alert_key, incident.threads)
        incident = replace(incident, threads=delivery.threads)
        dead.update(delivery.lacking)
        undelivered.append(replace(undelivered_alert, lacking=(*delivery.lacking, *sorted(waiting))))
        receipts += delivery.receipts
        failures += delivery.failures
    taken = tuple(undelivered_alert.alert_key for undelivered_alert in undelivered if not undelivered_alert.lacking)
    for receipt in receipts:
        services.telemetry.record(TelemetryEvent.ALERT_SENT, incident=incident.id, kind="letter", receipt=receipt)
    for failure in failures:
        services.telemetry.record(TelemetryEvent.ALERT_FAILED, incident=incident.id, kind="letter", why=failure)
    record_retry = incident.record_retry(taken, tuple(receipts), now)
    held.save(held.record.with_incident(record_retry), TransactionParts(undelivered=tuple(undelivered)))
    return failures
