"""Telling: send an alert on every channel that has not had it, record who took it, and raise if one did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.delivery import deliver
from medic.telemetry import Fact

if TYPE_CHECKING:
    from medic.alerts.model import Alert
    from medic.incidents.model import Incident
    from medic.incidents.table import Held
    from medic.services import Services


class UndeliveredError(Exception):
    """A channel did not take an alert; the event is to be delivered again, and the alert goes to that channel only."""


def announce(alert: Alert, incident: Incident, occasion: str, held: Held, services: Services) -> None:
    """Deliver an alert and save the incident with its receipts.

    Args:
        alert: what to say.
        incident: the incident as it is to be saved.
        occasion: what tells this alert from others of the incident.
        held: the branch, under its lease.
        services: channels and telemetry.

    Raises:
        UndeliveredError: a channel did not take it; the others did, and that is saved.
    """
    delivery = deliver(alert, services.channels, incident.alerted, occasion)
    for receipt in delivery.receipts:
        services.telemetry.record(Fact.ALERT_SENT, incident=incident.id, kind=alert.kind, receipt=receipt)
    told = incident.told(occasion, delivery.receipts, services.clock(), everybody=not delivery.failures)
    held.save(held.record.with_incident(told))
    if delivery.failures:
        for failure in delivery.failures:
            services.telemetry.record(Fact.ALERT_FAILED, incident=incident.id, kind=alert.kind, why=failure)
        raise UndeliveredError("; ".join(delivery.failures))
