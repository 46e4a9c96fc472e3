"""The incidents table: leases, conditional writes with a version, caps, letters. DynamoDB and nothing else.

One item a branch, one a letter, one a cap's counter; `keys` says how they are named. A write that does not hold the
lease's token, or that was overtaken by another version, fails; nothing is overwritten.
"""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from medic.aws.errors import AwsRejectedError, translated
from medic.events import Scope, WakeUp
from medic.incidents.model import Change, ChangeState, Incident, IncidentState, UndeliveredAlert
from medic.labels import RoleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    from medic.incidents.model import Request

BRANCH = "branch"
REQUEST = "request"
UNDELIVERED = "letter"
COUNT = "count"
REGION = "region"


def branch_key(scope: Scope) -> str:
    """A branch's record; with the branch `*` the app's, with the app `*` too the region's."""
    return f"{BRANCH}#{_written(scope)}"


def request_key(scope: Scope, request_id: str) -> str:
    """What a person asked for."""
    return f"{REQUEST}#{request_id}#{_written(scope)}"


def undelivered_key(incident_id: str, alert_key: str) -> str:
    """An alert that some channel has not taken yet."""
    return f"{UNDELIVERED}#{incident_id}#{alert_key}"


def region_key(scope: Scope) -> str:
    """What is counted and muted in an account's region."""
    return f"{REGION}#{scope.partition}#{scope.account}#{scope.region}"


def due_of(key: str) -> WakeUp:
    """Whom to wake for an item that is due.

    Raises:
        ValueError: it is no item that can be due.
    """
    kind, _, rest = key.partition("#")
    if kind == BRANCH:
        return WakeUp(_read(rest))
    if kind == REQUEST:
        request_id, _, scope = rest.partition("#")
        return WakeUp(_read(scope), request_id)
    raise ValueError(f"nobody can be woken for {key[:80]!r}")


def _written(scope: Scope) -> str:
    return f"{scope.partition}#{scope.account}#{scope.region}#{scope.app_id}#{scope.branch}"


def _read(text: str) -> Scope:
    return Scope(*text.split("#", 4))


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
    values["state"] = IncidentState(str(raw["state"]))
    values["role_kind"] = RoleKind(str(raw["role_kind"]))
    values["alerted"] = tuple(_list(raw["alerted"]))
    values["undelivered"] = tuple(_list(raw["undelivered"]))
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


class Store:
    """One kind of item in the incidents table.

    Args:
        client: DynamoDB.
        name: the table's name.
        clock: gives now, UTC.
    """

    def __init__(self, client: DynamoDBClient, name: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._name = name
        self._clock = clock


DUE = "due"
"""What the sparse index is keyed by: items that expect something bear it."""
KEPT = timedelta(days=90)
"""How long an item stays after it was last written."""


@dataclass(frozen=True, slots=True)
class Cap:
    """A counter with a ceiling, for one window of time."""

    name: str
    most: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Writes:
    """Makes the parts of a transaction.

    Args:
        table: the table's name.
        now: the time of the transaction, UTC.
    """

    table: str
    now: datetime

    def record(self, record: BranchRecord, token: str, *, release: bool) -> TransactWriteItemTypeDef:
        """A branch's record as its next version, while its lease is held with this token; `release` ends the lease."""
        values: dict[str, AttributeValueTypeDef] = {
            ":token": {"S": token},
            ":old": {"N": str(record.version)},
            ":new": {"N": str(record.version + 1)},
            ":incidents": {"S": incidents_to_json(record.incidents)},
            ":expires": seconds(self.now + KEPT),
            ":scope": {"S": str(record.scope)},
        }
        sets = ["version = :new", "incidents = :incidents", "expires_at = :expires", "branch_scope = :scope"]
        removes = []
        if release:
            sets.append("lease_until = :never")
            values[":never"] = {"N": "0"}
        for name, time in (("cooling_until", record.cooling_until), ("due_at", record.due_at)):
            if time is None:
                removes.append(name)
            else:
                sets.append(f"{name} = :{name}")
                values[f":{name}"] = seconds(time)
        if record.due_at is None:
            removes.append("due")
        else:
            sets.append("due = :due")
            values[":due"] = {"S": DUE}
        removal = f" REMOVE {', '.join(removes)}" if removes else ""
        return {
            "Update": {
                "TableName": self.table,
                "Key": {"pk": {"S": branch_key(record.scope)}},
                "UpdateExpression": f"SET {', '.join(sets)}{removal}",
                "ConditionExpression": "lease_token = :token AND (attribute_not_exists(version) OR version = :old)",
                "ExpressionAttributeValues": values,
            }
        }

    def cap(self, cap: Cap) -> TransactWriteItemTypeDef:
        """A cap counted up, unless it is used up."""
        return {
            "Update": {
                "TableName": self.table,
                "Key": {"pk": {"S": f"{COUNT}#{cap.name}"}},
                "UpdateExpression": "ADD n :one SET expires_at = :expires",
                "ConditionExpression": "attribute_not_exists(n) OR n < :most",
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":most": {"N": str(cap.most)},
                    ":expires": seconds(cap.expires_at),
                },
            }
        }

    def request(self, request: Request) -> TransactWriteItemTypeDef:
        """A request used up, unless it was used before."""
        return {
            "Update": {
                "TableName": self.table,
                "Key": {"pk": {"S": request_key(request.scope, request.id)}},
                "UpdateExpression": "SET used_at = :now",
                "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(used_at)",
                "ExpressionAttributeValues": {":now": seconds(self.now)},
            }
        }

    def undelivered_alert(self, undelivered_alert: UndeliveredAlert) -> TransactWriteItemTypeDef:
        """A letter; one that everybody has is emptied, and swept out in time: no right to delete is needed."""
        values: dict[str, AttributeValueTypeDef] = {
            ":lacking": {"S": json.dumps(undelivered_alert.lacking)},
            ":expires": seconds(self.now + KEPT),
        }
        expression = "SET lacking = :lacking, expires_at = :expires"
        if undelivered_alert.lacking:
            expression += ", alert = :alert"
            values[":alert"] = {"S": undelivered_alert.alert}
        else:
            expression += " REMOVE alert"
        return {
            "Update": {
                "TableName": self.table,
                "Key": {"pk": {"S": undelivered_key(undelivered_alert.incident_id, undelivered_alert.alert_key)}},
                "UpdateExpression": expression,
                "ExpressionAttributeValues": values,
            }
        }


def seconds(time: datetime) -> AttributeValueTypeDef:
    """A time as the table keeps it: whole seconds since 1970."""
    return {"N": str(int(time.timestamp()))}


LEASE = timedelta(seconds=120)
"""Longer than the function's time-out (90 s): a lease that lapsed has no living holder."""
DUE_INDEX = "due"
"""The sparse index of items that expect something, by the time it is due."""
_CONDITION_FAILED = "ConditionalCheckFailedException"


class BusyError(Exception):
    """Another invocation holds the branch; come back later."""


class LeaseLostError(Exception):
    """The lease lapsed and somebody else wrote: this invocation must not write any more."""


@dataclass(frozen=True, slots=True)
class TransactionParts:
    """What is written together with a record: all of it or nothing."""

    caps: tuple[Cap, ...] = ()
    """Counted up, each under its ceiling."""
    request: Request | None = None
    """Used up: the write fails if it was used before."""
    undelivered: tuple[UndeliveredAlert, ...] = ()
    """Written in the place of what stood under their names; one that nobody lacks is emptied."""
    beside: tuple[LockedBranch, BranchRecord] | None = None
    """Another record that is held too, as it is to stand in the table."""
    release: bool = False
    """The lease ends with this write: nothing more is changed in AWS under it. Further writes still need its token."""


class UsedUpError(Exception):
    """A request was used by somebody else in the meantime; nothing was written."""


class LockedBranch:
    """A branch's record while its lease is held. `record` is what stands in the table."""

    def __init__(self, table: IncidentsTable, record: BranchRecord, token: str) -> None:
        self._table = table
        self._token = token
        self.record = record
        self.released = False

    def save(self, record: BranchRecord, along: TransactionParts | None = None) -> str | None:
        """Write the record and what goes along with it, in one transaction: all of it or nothing.

        Returns:
            None, or the name of the cap that is used up; then nothing was written.

        Raises:
            LeaseLostError: somebody else holds the branch by now.
            UsedUpError: the request that goes along was used before.
            AwsError: the table could not be written.
        """
        along = along or TransactionParts()
        refused = self._table.write(record, self._token, along)
        if refused is None:
            self.released = along.release
            self.record = replace(record, version=record.version + 1)
            if along.beside is not None:
                other, beside = along.beside
                other.record = replace(beside, version=beside.version + 1)
        return refused


class IncidentsTable(Store):
    """Reads and writes branch records."""

    def read(self, scope: Scope) -> BranchRecord:
        """The branch's record as it stands; an empty one if there is none."""
        with translated("dynamodb:GetItem"):
            answer = self._client.get_item(
                TableName=self._name, Key={"pk": {"S": branch_key(scope)}}, ConsistentRead=True
            )
        return _record(scope, answer.get("Item", {}))

    def all(self) -> Iterator[BranchRecord]:
        """Every branch's record, in no order; what a person reads, never what the bot acts on."""
        with translated("dynamodb:Scan"):
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._name,
                FilterExpression="begins_with(pk, :branch) AND attribute_exists(incidents)",
                ExpressionAttributeValues={":branch": {"S": f"{BRANCH}#"}},
            )
            for page in pages:
                yield from (_record(due_of(item["pk"]["S"]).scope, item) for item in page["Items"])

    def due(self) -> Iterator[WakeUp]:
        """Whom to wake because a deadline has passed or a request waits, the most overdue first."""
        with translated("dynamodb:Query"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._name,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :due AND due_at <= :now",
                ExpressionAttributeValues={":due": {"S": DUE}, ":now": seconds(self._clock())},
            )
            for page in pages:
                yield from (due_of(item["pk"]["S"]) for item in page["Items"])

    def undelivered_alert(self, incident_id: str, alert_key: str) -> UndeliveredAlert | None:
        """An alert that some channel has not taken yet, or None if it is gone."""
        key = {"pk": {"S": undelivered_key(incident_id, alert_key)}}
        with translated("dynamodb:GetItem"):
            item = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item", {})
        if "alert" not in item:
            return None
        return UndeliveredAlert(incident_id, alert_key, item["alert"]["S"], tuple(json.loads(item["lacking"]["S"])))

    @contextmanager
    def hold(self, scope: Scope) -> Iterator[LockedBranch]:
        """Hold the branch's lease for the length of a `with` block.

        Raises:
            BusyError: somebody else holds it.
            AwsError: the table could not be reached.
        """
        held = self._acquire(scope)
        try:
            yield held
        finally:
            if not held.released:
                self._release(scope, held)

    def _acquire(self, scope: Scope) -> LockedBranch:
        now, token = self._clock(), uuid.uuid4().hex
        try:
            with translated("dynamodb:UpdateItem"):
                answer = self._client.update_item(
                    TableName=self._name,
                    Key={"pk": {"S": branch_key(scope)}},
                    UpdateExpression="SET lease_token = :token, lease_until = :until, expires_at = :expires",
                    ConditionExpression="attribute_not_exists(pk) OR lease_until < :now",
                    ExpressionAttributeValues={
                        ":token": {"S": token},
                        ":until": seconds(now + LEASE),
                        ":now": seconds(now),
                        ":expires": seconds(now + KEPT),
                    },
                    ReturnValues="ALL_NEW",
                )
        except AwsRejectedError as error:
            if error.code == _CONDITION_FAILED:
                raise BusyError(f"another invocation is at work on {scope}") from error
            raise
        return LockedBranch(self, _record(scope, answer["Attributes"]), token)

    def _release(self, scope: Scope, held: LockedBranch) -> None:
        try:
            with translated("dynamodb:UpdateItem"):
                self._client.update_item(
                    TableName=self._name,
                    Key={"pk": {"S": branch_key(scope)}},
                    UpdateExpression="SET lease_until = :never",
                    ConditionExpression="lease_token = :token",
                    ExpressionAttributeValues={":never": {"N": "0"}, ":token": {"S": held._token}},  # noqa: SLF001
                )
        except AwsRejectedError as error:
            if error.code != _CONDITION_FAILED:
                raise

    def write(self, record: BranchRecord, token: str, along: TransactionParts) -> str | None:
        """One transaction; each part under its own condition. What it gives and raises: see `Held.save`."""
        writes = Writes(self._name, self._clock())
        items = [writes.record(record, token, release=along.release)]
        if along.beside is not None:
            held, beside = along.beside
            items.append(writes.record(beside, held._token, release=False))  # noqa: SLF001
        items += map(writes.cap, along.caps)
        if along.request is not None:
            items.append(writes.request(along.request))
        items += map(writes.undelivered_alert, along.undelivered)
        try:
            with translated("dynamodb:TransactWriteItems"):
                self._client.transact_write_items(TransactItems=items)
        except AwsRejectedError as error:
            return _refused_by(error, record, along)
        return None


def _refused_by(error: AwsRejectedError, record: BranchRecord, along: TransactionParts) -> str:
    """Which condition of the transaction failed: ours (then the lease is lost), a cap's, or the request's."""
    cause = error.__cause__
    reasons = cause.response.get("CancellationReasons", []) if isinstance(cause, ClientError) else []
    failed = [index for index, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]
    if not failed:
        raise error
    records = 1 if along.beside is None else 2
    if failed[0] < records:
        raise LeaseLostError(f"{record.scope} was taken over by another invocation") from error
    cap = failed[0] - records
    if cap >= len(along.caps):
        raise UsedUpError(f"the request on {record.scope} was used before") from error
    return along.caps[cap].name


def _record(scope: Scope, item: dict[str, AttributeValueTypeDef]) -> BranchRecord:
    cooling = item.get("cooling_until", {}).get("N")
    return BranchRecord(
        scope=scope,
        version=int(item.get("version", {}).get("N", "0")),
        incidents=incidents_from_json(item.get("incidents", {}).get("S", "[]")),
        cooling_until=datetime.fromtimestamp(int(cooling), UTC) if cooling else None,
    )
