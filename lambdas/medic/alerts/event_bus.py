"""Puts an alert's events on the account's event bus, for the rules of other systems. No rule of ours may match them.

Each event's detail is the alert as JSON; docs/schemas/events holds the schemas.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medic.alerts.delivery import DeliveryError
from medic.alerts.model import Alert, AlertKind
from medic.aws.errors import AwsError, translated
from medic.events import OWN_SOURCE

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient


SCHEMA = 1
"""Increased when a reader of the old details could not read the new ones."""

_DETAIL_TYPES: dict[AlertKind, tuple[str, ...]] = {
    **dict.fromkeys((AlertKind.OPEN, AlertKind.AWAITING_APPROVAL, AlertKind.APPLYING), ("Diagnosis Ready",)),
    **dict.fromkeys((AlertKind.APPLIED, AlertKind.REBUILDING), ("Diagnosis Ready", "Remediation Applied")),
    AlertKind.RESOLVED: ("Incident Resolved",),
    AlertKind.UNDIAGNOSED: ("Failure Undiagnosed",),
    AlertKind.REFUSED: ("Diagnosis Ready", "Remediation Refused"),
}
_MAX_BYTES = 250_000
"""For the details of one call. EventBridge accepts 256 KiB a call, including sources and detail types.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""
_MOST_REMEMBERED = 10
"""How many accepted events of an incident are remembered, from alerts that were accepted in part."""
_KEPT_WHEN_TRUNCATED = frozenset(
    {"schema", "kind", "partition", "account", "region", "incident", "app", "branch", "job", "label", "role"}
)


class EventBus:
    """The default event bus of this account and region."""

    name = "eventbridge"
    routes: tuple[str | None, ...] = ()
    """Empty, because a test event would look like a real failure to other systems."""

    def __init__(self, client: Callable[[], EventBridgeClient]) -> None:
        self._client = client

    def send(self, alert: Alert, thread: str | None) -> str | None:
        """Put the alert's events. An alert that only people need has none.

        Of several, the bus may accept some. `thread` names those of this alert, so that none is put twice.
        """
        accepted = (thread or "").split("|")
        types = [each for each in detail_types_of(alert) if _part(alert, each) not in accepted]
        if not types:
            return None
        entry = {"Source": OWN_SOURCE, "Detail": detail_of(alert), "Resources": []}
        entries: Any = [{**entry, "DetailType": detail_type} for detail_type in types]
        try:
            with translated("events:PutEvents"):
                answer = self._client().put_events(Entries=entries)
        except AwsError as error:
            raise DeliveryError(f"EventBridge did not accept the event: {error}") from error
        if answer["FailedEntryCount"]:
            codes = {str(entry.get("ErrorCode")) for entry in answer["Entries"] if entry.get("ErrorCode")}
            refusal = DeliveryError(f"EventBridge did not accept every event: {', '.join(sorted(codes))}")
            put = zip(types, answer["Entries"], strict=True)
            newly = (_part(alert, each) for each, result in put if result.get("EventId"))
            refusal.thread = "|".join((*accepted[-_MOST_REMEMBERED:], *newly))
            raise refusal
        return None


def _part(alert: Alert, detail_type: str) -> str:
    """What names one event of an alert among all of its incident."""
    return f"{alert.at} {detail_type}"


def detail_types_of(alert: Alert) -> tuple[str, ...]:
    """The detail types of the alert's events. Empty for an alert that only people need."""
    return _DETAIL_TYPES.get(alert.kind, ()) if alert.event else ()


def detail_of(alert: Alert) -> str:
    """The detail of the alert's events as JSON. One that is too long for the bus keeps only what names the incident."""
    detail = {"schema": SCHEMA, "kind": alert.kind, **alert.event}
    text = json.dumps(detail)
    # json.dumps writes ASCII only, so characters count as bytes. All events of one call carry the same detail.
    if len(text) * len(detail_types_of(alert)) <= _MAX_BYTES:
        return text
    return json.dumps({name: detail[name] for name in detail if name in _KEPT_WHEN_TRUNCATED} | {"truncated": True})
