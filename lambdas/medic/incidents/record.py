"""A branch's record in the incidents table: its incidents, its lease, its cool-down. One item, one version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medic.incidents.change import Change, ChangeState
from medic.incidents.incident import Incident
from medic.incidents.state import RoleKind, State

if TYPE_CHECKING:
    from medic.events import Scope

_SETTLED_KEPT = 20
_TIMES = frozenset(
    {
        *("opened_at", "updated_at", "deadline", "job_started_at", "rebuild_intended_at", "rebuilt_at"),
        *("resend_at", "intended_at", "applied_at", "undo_intended_at"),
    }
)


@dataclass(frozen=True, slots=True)
class BranchRecord:
    """Everything the bot remembers of one branch."""

    scope: Scope
    version: int = 0
    incidents: tuple[Incident, ...] = ()
    """The open ones, and the last closed ones: they hold what stood on the branch before each change."""
    cooling_until: datetime | None = None

    def incident(self, role_kind: RoleKind, label: str) -> Incident | None:
        """The latest incident of this kind, open or closed."""
        of_kind = [i for i in self.incidents if (i.role_kind, i.label) == (role_kind, label)]
        return max(of_kind, key=lambda incident: incident.opened_at, default=None)

    def with_incident(self, incident: Incident) -> BranchRecord:
        """The record with this incident as it is now; of the settled ones, the oldest go first."""
        others = [i for i in self.incidents if i.id != incident.id]
        settled = sorted((i for i in others if i.settled), key=lambda i: i.opened_at)[-_SETTLED_KEPT:]
        return replace(self, incidents=(*settled, *(i for i in others if not i.settled), incident))

    @property
    def due_at(self) -> datetime | None:
        """When the first of them is due."""
        return min((incident.due_at for incident in self.incidents if not incident.settled), default=None)

    def overdue(self, now: datetime) -> tuple[Incident, ...]:
        """The incidents that somebody must look at by now."""
        return tuple(i for i in self.incidents if not i.settled and i.due_at <= now)


def incidents_to_json(incidents: tuple[Incident, ...]) -> str:
    """The incidents as JSON text: times as ISO 8601 UTC, nothing that was not already redacted."""
    return json.dumps([_plain(incident) for incident in incidents], separators=(",", ":"))


def incidents_from_json(text: str) -> tuple[Incident, ...]:
    """The incidents that `incidents_to_json` wrote."""
    return tuple(_incident(raw) for raw in json.loads(text))


def _plain(thing: Incident | Change) -> dict[str, object]:
    return {field.name: _plain_value(getattr(thing, field.name)) for field in fields(thing)}


def _plain_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, tuple):
        return [_plain_value(item) for item in value]
    return _plain(value) if isinstance(value, Change) else value


def _incident(raw: Mapping[str, object]) -> Incident:
    values = _timed(raw)
    changes = raw["changes"]
    values["changes"] = tuple(_change(change) for change in changes) if isinstance(changes, list) else ()
    values["state"] = State(str(raw["state"]))
    values["role_kind"] = RoleKind(str(raw["role_kind"]))
    values["alerted"] = tuple(_list(raw["alerted"]))
    values["letters"] = tuple(_list(raw["letters"]))
    return Incident(**values)  # type: ignore[arg-type]


def _change(raw: Mapping[str, object]) -> Change:
    values = _timed(raw)
    values["state"] = ChangeState(str(raw["state"]))
    return Change(**values)  # type: ignore[arg-type]


def _timed(raw: Mapping[str, object]) -> dict[str, object]:
    return {
        key: datetime.fromisoformat(value) if key in _TIMES and isinstance(value, str) else value
        for key, value in raw.items()
    }


def _list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
