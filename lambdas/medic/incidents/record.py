"""A branch's record: its incidents, and what this release can't read of them. No AWS calls here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from medic.codec import CodecError, from_json, parsed, to_text
from medic.evidence import JobRef
from medic.incidents.model import ChangeState, Incident, IncidentKind
from medic.incidents.store import RETENTION, count, number, text, time
from medic.labels import Trigger
from medic.records import replace

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from medic.events import Scope

_MAX_SETTLED = 20
"""How many settled incidents a branch's record keeps."""
_CHECK_UNREAD_AFTER = timedelta(hours=1)
"""When the watcher wakes the remediator for a record with unread incidents. By then, a release may know them.

Nobody will know outdated ones, so they cause no wake-up.
"""
_MAX_DEADLINE = timedelta(days=30)
"""How long after its last update an incident may be due. A longer time is damaged."""
_MAX_COOLING = timedelta(hours=25)
"""How far in the future a cool-down may end: the longest that the settings allow, and an hour."""
_MAX_DAMAGED = 20_000
"""How many characters of a damaged attribute are kept."""
WORKED = "worked"
"""The attribute that holds what the branch looked like when a deployment last succeeded."""
_HEARD = "heard_"
_HEARD_JOBS = 20
"""How many failed jobs of a branch are remembered as handled. A later job takes the attribute of the one 20 before."""
_JOB_ID = re.compile(r"[0-9]{1,255}")


class UnreadIncident(Struct, frozen=True):
    """An incident of another release, or a damaged one. It is written back as it is."""

    text: str
    """JSON."""
    why: str
    """Why this release can't read it."""
    outdated: bool = False
    """True if an older release wrote it."""


class BranchRecord(Struct, frozen=True):
    """Everything the table holds about one branch."""

    scope: Scope
    version: int = 0
    incidents: tuple[Incident, ...] = ()
    """All open incidents and the last closed ones, which hold the role that was set before each change."""
    cooling_until: datetime | None = None
    unread: tuple[UnreadIncident, ...] = ()
    heard: frozenset[str] = frozenset()
    """The failed jobs whose event was handled, so that the watcher does not send them once more."""
    worked: str = ""
    """The `WorkingState` of the last success, as JSON. Empty if none is kept."""
    listed_at: float | None = None
    """When the due index has it checked, in seconds since 1970. None if the index does not list it."""

    def incident(self, kind: IncidentKind) -> Incident | None:
        """The latest incident of this kind, open or closed."""
        of_kind = [incident for incident in self.incidents if incident.kind == kind]
        return max(of_kind, key=lambda incident: incident.opened_at, default=None)

    def open_incident(self, kind: IncidentKind) -> Incident | None:
        """The latest incident of this kind, unless it is closed."""
        latest = self.incident(kind)
        return None if latest is None or latest.state.closed else latest

    def find(self, incident_id: str) -> Incident | None:
        return next((incident for incident in self.incidents if incident.id == incident_id), None)

    def with_incident(self, incident: Incident) -> BranchRecord:
        """Add or replace an incident, and drop the oldest settled ones.

        Half of the room is for those with a change, which undo and guardrails need. What visitors cause can't push them
        out.
        """
        others = [i for i in self.incidents if i.id != incident.id]
        settled = sorted((i for i in others if i.settled), key=lambda i: i.opened_at)
        changed = [i for i in settled if i.changes][-_MAX_SETTLED // 2 :]
        newest = [i for i in settled if i not in changed][len(changed) - _MAX_SETTLED :]
        return replace(self, incidents=(*changed, *newest, *(i for i in others if not i.settled), incident))

    def written(self) -> BranchRecord:
        """The record after it was written: the next version, listed in the due index for when it is due."""
        return replace(self, version=self.version + 1, listed_at=None)

    @property
    def latest_failure(self) -> JobRef | None:
        """The failed job of the incident that was updated last. None if no incident is about a failed job."""
        of_jobs = [incident for incident in self.incidents if incident.trigger is Trigger.FAILED]
        latest = max(of_jobs, key=lambda incident: incident.updated_at, default=None)
        return None if latest is None else JobRef(latest.job_id, latest.job_started_at)

    @property
    def due_at(self) -> datetime | None:
        return min((incident.due_at for incident in self.incidents if not incident.settled), default=None)

    def overdue(self, now: datetime) -> tuple[Incident, ...]:
        return tuple(i for i in self.incidents if not i.settled and i.due_at <= now)

    def wrongly_listed(self, now: datetime) -> bool:
        """True if the due index lists it although nothing in it is due. Saving the record corrects that."""
        return self.listed_at is not None and self.listed_at <= now.timestamp() and not self.overdue(now)

    def next_check(self, now: datetime) -> datetime | None:
        """When the due index is to have it checked, if it is written now."""
        due = [] if self.due_at is None else [self.due_at, now + _MAX_DEADLINE]
        if any(not each.outdated for each in self.unread):
            due.append(now + _CHECK_UNREAD_AFTER)
        return min(due, default=None)


def read_record(scope: Scope, item: Mapping[str, AttributeValueTypeDef], now: datetime) -> BranchRecord:
    """The record in an item, whatever the item holds. What can't be read is in `unread`."""
    incidents, unread = _read_incidents(item.get("incidents"), now)
    return BranchRecord(
        scope=scope,
        version=count(item, "version"),
        incidents=incidents,
        cooling_until=_cooling_until(item, now),
        unread=unread,
        heard=frozenset(text(item, name) for name in item if name.startswith(_HEARD)),
        worked=text(item, WORKED),
        listed_at=number(item, "due_at") if "due" in item else None,
    )


def heard_attribute(job: JobRef) -> str:
    """The attribute that holds a failed job once its event was handled. It holds one text, so its size is bounded."""
    return f"{_HEARD}{int(job.id) % _HEARD_JOBS}"


def incidents_text(record: BranchRecord) -> str:
    return f"[{','.join((*(each.text for each in record.unread), *map(to_text, record.incidents)))}]"


def _read_incidents(
    attribute: AttributeValueTypeDef | None, now: datetime
) -> tuple[tuple[Incident, ...], tuple[UnreadIncident, ...]]:
    if attribute is None:
        return (), ()
    try:
        listed = from_json(tuple[Any, ...], parsed(attribute.get("S", "")))
    except CodecError as error:
        kept = {"damaged": repr(attribute)[:_MAX_DAMAGED], "updated_at": now.isoformat()}
        return (), (UnreadIncident(json.dumps(kept), str(error)),)
    incidents, unread = [], []
    for each in listed:
        try:
            incidents.append(_incident(each))
        except CodecError as error:
            if not _expired(each, now):
                unread.append(UnreadIncident(json.dumps(each), str(error), _outdated(each)))
    return tuple(incidents), tuple(unread)


def _incident(value: object) -> Incident:
    """An incident that every flow can work with.

    Raises:
        CodecError: this release does not know one of its values, or it is damaged or outdated.
    """
    if _outdated(value):
        raise CodecError("an older release wrote it")
    incident = from_json(Incident, value)
    if isinstance(value, dict) and "trigger" not in value:
        raise CodecError("it does not say what showed the failure")
    if not all(_JOB_ID.fullmatch(job_id) for job_id in (incident.job_id, incident.rebuild_job_id or "0")):
        raise CodecError("a job id is not a number")
    if any(change.state is ChangeState.APPLIED and change.applied_at is None for change in incident.changes):
        raise CodecError("an applied change has no time")
    if max(incident.deadline, incident.resend_at or incident.deadline) - incident.updated_at > _MAX_DEADLINE:
        raise CodecError("its deadline is out of bounds")
    return incident


def _outdated(value: object) -> bool:
    """True for an incident from before 0.2.0, which called its trigger `occasion` or stored its plan as text."""
    return isinstance(value, dict) and ("occasion" in value or isinstance(value.get("last_alerted_plan"), str))


def _expired(value: object, now: datetime) -> bool:
    """True for an incident that nobody has updated for as long as DynamoDB keeps an item."""
    updated = value.get("updated_at") if isinstance(value, dict) else None
    try:
        return now - from_json(datetime, updated) > RETENTION
    except CodecError:
        return False


def _cooling_until(item: Mapping[str, AttributeValueTypeDef], now: datetime) -> datetime | None:
    """The end of the cool-down. A damaged one ends in an hour, so that damage allows no change at once."""
    if "cooling_until" not in item:
        return None
    until = time(item, "cooling_until")
    return until if until is not None and until <= now + _MAX_COOLING else now + timedelta(hours=1)
