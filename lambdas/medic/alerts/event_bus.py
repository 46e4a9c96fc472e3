"""Notifications on the account's event bus, for whoever listens. No rule of ours does.

Each event's detail is what the alert says, for machines: docs/schemas/events holds the schemas.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.alerts.delivery import DeliveryError
from medic.alerts.model import AlertKind
from medic.aws.errors import AwsError, translated
from medic.events import OWN_SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_events import EventBridgeClient

    from medic.alerts.model import Alert

SCHEMA = 1
"""Counted up when a reader of the old details could not read the new ones."""

DIAGNOSIS_READY = "Diagnosis Ready"
REMEDIATION_APPLIED = "Remediation Applied"
REMEDIATION_REFUSED = "Remediation Refused"
INCIDENT_RESOLVED = "Incident Resolved"

_DETAIL_TYPES: dict[AlertKind, tuple[str, ...]] = {
    AlertKind.DIAGNOSIS: (DIAGNOSIS_READY,),
    AlertKind.PROPOSED: (DIAGNOSIS_READY,),
    AlertKind.DEFERRED: (DIAGNOSIS_READY,),
    AlertKind.APPLIED: (DIAGNOSIS_READY, REMEDIATION_APPLIED),
    AlertKind.REFUSED: (DIAGNOSIS_READY, REMEDIATION_REFUSED),
    AlertKind.RESOLVED: (INCIDENT_RESOLVED,),
    AlertKind.QUIET: (INCIDENT_RESOLVED,),
}
_MOST_BYTES = 250_000
"""EventBridge takes 256 KiB a call, names and all.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""
_NEVER_TOO_LONG = frozenset(
    {"schema", "kind", "partition", "account", "region", "incident", "app", "branch", "job", "label", "role"}
)


@dataclass(frozen=True)
class EventBus:
    """The default event bus of this account and region."""

    client: Callable[[], EventBridgeClient]
    name: str = "eventbridge"
    routes: tuple[str | None, ...] = ()
    """None: a test would tell other systems of a failure that is none."""

    def send(self, alert: Alert, thread: str | None) -> str | None:  # noqa: ARG002 - events have no threads
        """Put the events that tell this alert; there are none for what only people need to know."""
        entries = [(kind, detail_of(alert)) for kind in detail_types(alert)]
        if not entries:
            return None
        try:
            with translated("events:PutEvents"):
                answer = self.client().put_events(
                    Entries=[
                        {"Source": OWN_SOURCE, "DetailType": kind, "Detail": detail, "Resources": []}
                        for kind, detail in entries
                    ]
                )
        except AwsError as error:
            raise DeliveryError(f"EventBridge did not take the event: {error}") from error
        if answer["FailedEntryCount"]:
            codes = {str(entry.get("ErrorCode")) for entry in answer["Entries"] if entry.get("ErrorCode")}
            raise DeliveryError(f"EventBridge did not take every event: {', '.join(sorted(codes))}")
        return None


def detail_types(alert: Alert) -> tuple[str, ...]:
    """What an alert is called on the bus; nothing for what only people need to know."""
    return _DETAIL_TYPES.get(alert.kind, ()) if alert.machine else ()


def detail_of(alert: Alert) -> str:
    """The event's detail as JSON; one that would be too long for the bus keeps what names the incident."""
    detail = {"schema": SCHEMA, "kind": alert.kind, **json.loads(alert.machine)}
    text = json.dumps(detail)
    if len(text) * len(detail_types(alert)) <= _MOST_BYTES:
        return text
    return json.dumps({name: detail[name] for name in detail if name in _NEVER_TOO_LONG} | {"truncated": True})
