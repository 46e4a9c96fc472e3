"""The incidents table: its keys, branch records, leases and the transactions that write them.

A branch's record is written only under its lease. A write fails if the lease was lost or the version is stale, so that
nothing is overwritten.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

from medic.arns import APP_ID
from medic.aws.errors import AwsRejectedError, translated
from medic.codec import MAX_NUMBER, from_text
from medic.events import ALL, Scope, WakeUp
from medic.incidents.model import Request, UndeliveredAlert
from medic.incidents.record import WORKED, BranchRecord, heard_attribute, incidents_text, read_record
from medic.incidents.store import (
    RETENTION,
    SCHEMA,
    NewerSchemaError,
    Store,
    Value,
    attribute,
    check_schema,
    text,
    update_of,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateTypeDef

    from medic.evidence import JobRef

BRANCH = "branch"
REQUEST = "request"
UNDELIVERED = "letter"
COUNT = "count"
REGION = "region"
STORM = "storm"
"""The first part of an item's key says what the item is."""

DUE_INDEX = "due"
"""The sparse index of items that wait for the remediator, sorted by `due_at`."""
DUE = "due"
"""The index's only partition key. Items without the attribute `due` are not in the index."""
LEASE = timedelta(seconds=120)
"""Longer than the function's time-out (90 s), so the owner of an expired lease is no longer running."""
_LONGEST_LEASE = timedelta(hours=1)
"""A lease that ends later than this is damaged, and may be taken."""
_REGION = re.compile(r"aws[a-z-]{0,20}#[0-9]{12}#[a-z0-9-]{1,30}")
_BRANCH = re.compile(r".{1,255}", re.DOTALL)
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")


def branch_key(scope: Scope) -> str:
    """The key of a branch's record. The branch `*` means the app's record; the app `*` too means the region's."""
    return f"{BRANCH}#{_scope_to_text(scope)}"


def request_key(scope: Scope, request_id: str) -> str:
    return f"{REQUEST}#{request_id}#{_scope_to_text(scope)}"


def undelivered_key(incident_id: str, alert_key: str) -> str:
    return f"{UNDELIVERED}#{incident_id}#{alert_key}"


def _wake_up_for(key: str) -> WakeUp:
    """The wake-up for an item in the due index. ValueError if the key is neither a branch's nor a request's."""
    kind, _, rest = key.partition("#")
    request_id = ""
    if kind == REQUEST:
        request_id, _, rest = rest.partition("#")
    if kind == (REQUEST if _REQUEST_ID.fullmatch(request_id) else BRANCH):
        return WakeUp(_scope_from_text(rest), request_id)
    raise ValueError("the key is neither a branch's nor a request's")


def _scope_to_text(scope: Scope) -> str:
    return f"{scope.partition}#{scope.account}#{scope.region}#{scope.app_id}#{scope.branch}"


def _scope_from_text(text: str) -> Scope:
    parts = text.split("#", 4)  # a branch name may contain "#"
    region, (app_id, branch) = "#".join(parts[:3]), parts[3:] if len(parts) > 4 else ("", "")  # noqa: PLR2004
    if not (_REGION.fullmatch(region) and (APP_ID.fullmatch(app_id) or app_id == ALL) and _BRANCH.fullmatch(branch)):
        raise ValueError("the key names no branch")
    return Scope(*parts)


class BusyError(Exception):
    """Another invocation holds the lease of this branch or app; retry later."""


class LeaseLostError(Exception):
    """The lease expired and another invocation took it: this invocation must not write any more."""


class UsedUpError(Exception):
    """Another invocation used the request first; nothing was written."""


class Cap(Struct, frozen=True):
    """A counter with a limit, for one window of time."""

    name: str
    limit: int
    expires_at: datetime


class TransactionParts(Struct, frozen=True):
    """What is written in the same transaction as a branch's record."""

    caps: tuple[Cap, ...] = ()
    """Each is counted up. The write fails if one has reached its limit."""
    request: Request | None = None
    """Marked as used. The write fails if it was used before."""
    undelivered: tuple[UndeliveredAlert, ...] = ()
    """Stored. The text of one that no channel lacks is deleted."""
    second: tuple[Lease, BranchRecord] | None = None
    """A second locked record, and its new content."""
    release: bool = False
    """End the lease with this write, because no more AWS changes follow. Later writes still need its token."""


class Lease:
    """The lease of a branch. `record` is what the table holds."""

    def __init__(self, table: IncidentsTable, record: BranchRecord, token: str) -> None:
        self._table = table
        self.record = record
        self.token = token
        self.released = False

    def save(self, record: BranchRecord, parts: TransactionParts | None = None) -> str | None:
        """Write the record and the other parts in one transaction: all of it or nothing.

        Returns the name of the cap that has reached its limit, if one has. Then nothing was written.

        Raises:
            LeaseLostError: another invocation has the lease now.
            UsedUpError: the request was used before.
        """
        parts = parts or TransactionParts()
        full_cap = self._table.write(record, self.token, parts)
        if full_cap is None:
            self.released = parts.release
            self.record = record.written()
            if parts.second is not None:
                locked, second = parts.second
                locked.record = second.written()
        return full_cap


class IncidentsTable(Store):
    def read(self, scope: Scope) -> BranchRecord:
        """Read the branch's record. It is empty if the table has none."""
        return self._record(scope, self._get(branch_key(scope)))

    def note_handled(self, scope: Scope, job: JobRef) -> BranchRecord:
        """Note that the event of a failed job was handled and left no incident. Returns the branch's record.

        It needs no lease: `write` notes a job that has an incident, and no other write touches this attribute.
        """
        item = self._update_branch(scope, {heard_attribute(job): str(job)}, returns_item=True) or {}
        check_schema(item)
        return self._record(scope, item)

    def keep_success(self, scope: Scope, worked: str) -> None:
        """Replace what the branch's record says of the last success.

        It needs no lease: no other write touches this attribute, and two writers at once have read the same account.
        """
        self._update_branch(scope, {WORKED: worked})

    def all(self) -> Iterator[BranchRecord]:
        """Every branch's record, in no order. Only for showing to people: the bot never acts on it."""
        with translated("dynamodb:Scan"):
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._name,
                FilterExpression="begins_with(pk, :branch) AND attribute_exists(incidents)",
                ExpressionAttributeValues={":branch": {"S": f"{BRANCH}#"}},
            )
            for item in (item for page in pages for item in page["Items"]):
                try:
                    check_schema(item)
                    yield self._record(_wake_up_for(item["pk"]["S"]).scope, item)
                except (NewerSchemaError, ValueError) as error:
                    self._on_unreadable(text(item, "pk"), str(error))

    def due(self) -> Iterator[WakeUp]:
        """A wake-up for every branch past a deadline and every waiting request, the most overdue first."""
        with translated("dynamodb:Query"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._name,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :due AND due_at <= :now",
                ExpressionAttributeValues={":due": {"S": DUE}, ":now": attribute(self._clock())},
            )
            for item in (item for page in pages for item in page["Items"]):
                try:
                    yield _wake_up_for(item["pk"]["S"])
                except ValueError as error:
                    self._on_unreadable(text(item, "pk"), str(error))

    def undelivered_alert(self, incident_id: str, alert_key: str) -> UndeliveredAlert | None:
        """Read a stored alert, or None if every channel has it or its time to live is over. CodecError if damaged."""
        item = self._get(undelivered_key(incident_id, alert_key))
        if "alert" not in item:
            return None
        lacking = from_text(tuple[str, ...], text(item, "lacking"))
        return UndeliveredAlert(incident_id, alert_key, text(item, "alert"), lacking, outdated="schema" not in item)

    @contextmanager
    def hold(self, scope: Scope) -> Iterator[Lease]:
        """Hold the branch's lease during a `with` block.

        Raises:
            BusyError: another invocation holds the lease.
        """
        now, token = self._clock(), uuid.uuid4().hex
        item = self._update_branch(
            scope,
            {"lease_token": token, "lease_until": now + LEASE},
            # Without a number, there is no lease, or it is damaged.
            condition="NOT attribute_type(lease_until, :number) OR lease_until < :now OR lease_until > :longest",
            values={"number": "N", "now": now, "longest": now + _LONGEST_LEASE},
            returns_item=True,
        )
        if item is None:
            raise BusyError(f"another invocation holds the lease of {scope}; retry later")
        lease = None
        try:
            check_schema(item)
            lease = Lease(self, self._record(scope, item), token)
            yield lease
        finally:
            if lease is None or not lease.released:
                # A lost lease needs no release.
                ends = {"lease_until": 0}
                self._update(branch_key(scope), sets=ends, condition="lease_token = :token", values={"token": token})

    def _update_branch(
        self,
        scope: Scope,
        sets: Mapping[str, Value],
        **parts: Any,  # noqa: ANN401 - as `update_of` takes them
    ) -> Mapping[str, AttributeValueTypeDef] | None:
        """Update a record that may be of a newer release, or new: its schema number is written only if it has none."""
        kept = {**sets, "expires_at": self._clock() + RETENTION}
        return self._update(branch_key(scope), sets=kept, sets_once={"schema": SCHEMA}, **parts)

    def _record(self, scope: Scope, item: Mapping[str, AttributeValueTypeDef]) -> BranchRecord:
        record = read_record(scope, item, self._clock())
        for each in record.unread:
            self._on_unreadable(branch_key(scope), each.why, outdated=each.outdated)
        return record

    def write(self, record: BranchRecord, token: str, parts: TransactionParts) -> str | None:
        """Write one transaction. `Lease.save` says what is returned and raised."""
        updates = [self._record_update(record, token, release=parts.release)]
        if parts.second is not None:
            lease, second = parts.second
            updates.append(self._record_update(second, lease.token, release=False))
        updates += map(self._cap_update, parts.caps)
        if parts.request is not None:
            updates.append(self._request_update(parts.request))
        updates += map(self._alert_update, parts.undelivered)
        try:
            with translated("dynamodb:TransactWriteItems"):
                self._client.transact_write_items(TransactItems=[{"Update": update} for update in updates])
        except AwsRejectedError as error:
            return _full_cap(error, record, parts)
        return None

    def _record_update(self, record: BranchRecord, token: str, *, release: bool) -> UpdateTypeDef:
        """The branch's record as its next version, if the lease still has this token. `release` ends the lease."""
        now = self._clock()
        sets: dict[str, Value] = {
            "version": record.version + 1,
            "incidents": incidents_text(record),
            "expires_at": now + RETENTION,
            "branch_scope": str(record.scope),
            "schema": SCHEMA,
        }
        if (failed := record.latest_failure) is not None:
            sets[heard_attribute(failed)] = str(failed)
        if release:
            sets["lease_until"] = 0
        due_at = record.next_check(now)
        may_end = {"cooling_until": record.cooling_until, "due_at": due_at, "due": None if due_at is None else DUE}
        return update_of(
            self._name,
            branch_key(record.scope),
            sets={**sets, **{name: value for name, value in may_end.items() if value is not None}},
            removes=[name for name, value in may_end.items() if value is None],
            # A version that is no count is damaged, and may be replaced.
            condition="lease_token = :token AND (version = :old OR NOT version BETWEEN :zero AND :most)",
            values={"token": token, "old": record.version, "zero": 0, "most": MAX_NUMBER},
        )

    def _cap_update(self, cap: Cap) -> UpdateTypeDef:
        return update_of(
            self._name,
            f"{COUNT}#{cap.name}",
            adds={"n": 1},
            sets={"expires_at": cap.expires_at, "schema": SCHEMA},
            condition="attribute_not_exists(n) OR n < :most",
            values={"most": cap.limit},
        )

    def _request_update(self, request: Request) -> UpdateTypeDef:
        """Mark a request as used, unless it was used before."""
        return update_of(
            self._name,
            request_key(request.scope, request.id),
            sets={"used_at": self._clock()},
            condition="attribute_exists(pk) AND attribute_not_exists(used_at)",
        )

    def _alert_update(self, undelivered: UndeliveredAlert) -> UpdateTypeDef:
        """Store an undelivered alert.

        Once every channel has it, clear the text and let TTL delete the item, so the role needs no dynamodb:DeleteItem.
        """
        sets: dict[str, Value] = {
            "lacking": json.dumps(undelivered.lacking),
            "expires_at": self._clock() + RETENTION,
            "schema": SCHEMA,
        }
        key = undelivered_key(undelivered.incident_id, undelivered.alert_key)
        if undelivered.lacking:
            return update_of(self._name, key, sets={**sets, "alert": undelivered.alert})
        return update_of(self._name, key, sets=sets, removes=["alert"])


def _full_cap(error: AwsRejectedError, record: BranchRecord, parts: TransactionParts) -> str:
    """The cap that made a transaction fail.

    CancellationReasons has one entry for each item, in the order in which `IncidentsTable.write` lists them.
    """
    cause = error.__cause__
    reasons = cause.response.get("CancellationReasons", []) if isinstance(cause, ClientError) else []
    failed = [index for index, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]
    if not failed:
        raise error
    records = 1 if parts.second is None else 2
    if failed[0] < records:
        raise LeaseLostError(f"another invocation took the lease of {record.scope}; nothing was written") from error
    cap = failed[0] - records
    if cap >= len(parts.caps):
        raise UsedUpError(f"the request on {record.scope} was used before; nothing was written") from error
    return parts.caps[cap].name
