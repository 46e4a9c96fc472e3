"""The incidents table: leases, conditional writes with a version, caps, letters. DynamoDB and nothing else.

One item a branch, one a letter, one a cap's counter; `keys` says how they are named. A write that does not hold the
lease's token, or that was overtaken by another version, fails; nothing is overwritten.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from medic.aws.errors import RefusedError, translated
from medic.incidents.keys import BRANCH, branch_key, due_of, letter_key
from medic.incidents.letter import Letter
from medic.incidents.record import BranchRecord, incidents_from_json
from medic.incidents.store import Store
from medic.incidents.writes import DUE, KEPT, Cap, Writes, seconds

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from medic.events import Scope, WakeUp
    from medic.incidents.requests import Request

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
class Along:
    """What is written together with a record: all of it or nothing."""

    caps: tuple[Cap, ...] = ()
    """Counted up, each under its ceiling."""
    request: Request | None = None
    """Used up: the write fails if it was used before."""
    letters: tuple[Letter, ...] = ()
    """Written in the place of what stood under their names; one that nobody lacks is emptied."""
    beside: tuple[Held, BranchRecord] | None = None
    """Another record that is held too, as it is to stand in the table."""
    release: bool = False
    """The lease ends with this write: nothing more is changed in AWS under it. Further writes still need its token."""


class UsedUpError(Exception):
    """A request was used by somebody else in the meantime; nothing was written."""


class Held:
    """A branch's record while its lease is held. `record` is what stands in the table."""

    def __init__(self, table: IncidentsTable, record: BranchRecord, token: str) -> None:
        self._table = table
        self._token = token
        self.record = record
        self.released = False

    def save(self, record: BranchRecord, along: Along | None = None) -> str | None:
        """Write the record and what goes along with it, in one transaction: all of it or nothing.

        Returns:
            None, or the name of the cap that is used up; then nothing was written.

        Raises:
            LeaseLostError: somebody else holds the branch by now.
            UsedUpError: the request that goes along was used before.
            AwsError: the table could not be written.
        """
        along = along or Along()
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

    def letter(self, incident_id: str, occasion: str) -> Letter | None:
        """An alert that some channel has not taken yet, or None if it is gone."""
        key = {"pk": {"S": letter_key(incident_id, occasion)}}
        with translated("dynamodb:GetItem"):
            item = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item", {})
        if "alert" not in item:
            return None
        return Letter(incident_id, occasion, item["alert"]["S"], tuple(json.loads(item["lacking"]["S"])))

    @contextmanager
    def hold(self, scope: Scope) -> Iterator[Held]:
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

    def _acquire(self, scope: Scope) -> Held:
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
        except RefusedError as error:
            if error.code == _CONDITION_FAILED:
                raise BusyError(f"another invocation is at work on {scope}") from error
            raise
        return Held(self, _record(scope, answer["Attributes"]), token)

    def _release(self, scope: Scope, held: Held) -> None:
        try:
            with translated("dynamodb:UpdateItem"):
                self._client.update_item(
                    TableName=self._name,
                    Key={"pk": {"S": branch_key(scope)}},
                    UpdateExpression="SET lease_until = :never",
                    ConditionExpression="lease_token = :token",
                    ExpressionAttributeValues={":never": {"N": "0"}, ":token": {"S": held._token}},  # noqa: SLF001
                )
        except RefusedError as error:
            if error.code != _CONDITION_FAILED:
                raise

    def write(self, record: BranchRecord, token: str, along: Along) -> str | None:
        """One transaction; each part under its own condition. What it gives and raises: see `Held.save`."""
        writes = Writes(self._name, self._clock())
        items = [writes.record(record, token, release=along.release)]
        if along.beside is not None:
            held, beside = along.beside
            items.append(writes.record(beside, held._token, release=False))  # noqa: SLF001
        items += map(writes.cap, along.caps)
        if along.request is not None:
            items.append(writes.request(along.request))
        items += map(writes.letter, along.letters)
        try:
            with translated("dynamodb:TransactWriteItems"):
                self._client.transact_write_items(TransactItems=items)
        except RefusedError as error:
            return _refused_by(error, record, along)
        return None


def _refused_by(error: RefusedError, record: BranchRecord, along: Along) -> str:
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
