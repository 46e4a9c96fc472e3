"""The incidents table: leases, conditional writes with a version, counters. DynamoDB and nothing else.

One item a branch (`pk = branch#…`), one item a counter (`pk = count#…`). A write that does not hold the lease's token,
or that was overtaken by another version, fails; nothing is overwritten.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from medic.aws.errors import RefusedError, translated
from medic.events import Scope
from medic.incidents.record import BranchRecord, incidents_from_json, incidents_to_json

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

LEASE = timedelta(seconds=120)
"""Longer than the function's time-out (90 s): a lease that lapsed has no living holder."""
DUE_INDEX = "due"
"""The sparse index of branches that expect something, by the time it is due."""
_DUE = "due"
_KEPT = timedelta(days=90)
_CONDITION_FAILED = "ConditionalCheckFailedException"


class BusyError(Exception):
    """Another invocation holds the branch; come back later."""


class LeaseLostError(Exception):
    """The lease lapsed and somebody else wrote: this invocation must not write any more."""


@dataclass(frozen=True, slots=True)
class Cap:
    """A counter with a ceiling, for one window of time."""

    name: str
    most: int
    expires_at: datetime


class Held:
    """A branch's record while its lease is held. `record` is what stands in the table."""

    def __init__(self, table: IncidentsTable, record: BranchRecord, token: str) -> None:
        self._table = table
        self._token = token
        self.record = record

    def save(self, record: BranchRecord, caps: tuple[Cap, ...] = ()) -> str | None:
        """Write the record, and count up the caps in the same transaction: all of it or nothing.

        Returns:
            None, or the name of the cap that is used up; then nothing was written.

        Raises:
            LeaseLostError: somebody else holds the branch by now.
            AwsError: the table could not be written.
        """
        refused = self._table.write(record, self._token, caps)
        if refused is None:
            self.record = replace(record, version=record.version + 1)
        return refused


class IncidentsTable:
    """Reads and writes branch records.

    Args:
        client: DynamoDB.
        name: the table's name.
        clock: gives now, UTC.
    """

    def __init__(self, client: DynamoDBClient, name: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._name = name
        self._clock = clock

    def read(self, scope: Scope) -> BranchRecord:
        """The branch's record as it stands; an empty one if there is none."""
        with translated("dynamodb:GetItem"):
            answer = self._client.get_item(TableName=self._name, Key={"pk": {"S": _key(scope)}}, ConsistentRead=True)
        return _record(scope, answer.get("Item", {}))

    def due(self) -> Iterator[Scope]:
        """The branches on which a deadline has passed, the most overdue first."""
        with translated("dynamodb:Query"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._name,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :due AND due_at <= :now",
                ExpressionAttributeValues={":due": {"S": _DUE}, ":now": _seconds(self._clock())},
            )
            for page in pages:
                yield from (_scope(item["pk"]["S"]) for item in page["Items"])

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
            self._release(scope, held)

    def count(self, cap: Cap) -> int:
        """Count a counter up by one and return where it stands; the cap's ceiling is not looked at."""
        with translated("dynamodb:UpdateItem"):
            answer = self._client.update_item(
                TableName=self._name,
                Key={"pk": {"S": f"count#{cap.name}"}},
                UpdateExpression="ADD n :one SET expires_at = :expires",
                ExpressionAttributeValues={":one": {"N": "1"}, ":expires": _seconds(cap.expires_at)},
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["n"]["N"])

    def counted(self, cap: Cap) -> int:
        """Where a counter stands."""
        with translated("dynamodb:GetItem"):
            answer = self._client.get_item(TableName=self._name, Key={"pk": {"S": f"count#{cap.name}"}})
        return int(answer.get("Item", {}).get("n", {}).get("N", "0"))

    def _acquire(self, scope: Scope) -> Held:
        now, token = self._clock(), uuid.uuid4().hex
        try:
            with translated("dynamodb:UpdateItem"):
                answer = self._client.update_item(
                    TableName=self._name,
                    Key={"pk": {"S": _key(scope)}},
                    UpdateExpression="SET lease_token = :token, lease_until = :until, expires_at = :expires",
                    ConditionExpression="attribute_not_exists(pk) OR lease_until < :now",
                    ExpressionAttributeValues={
                        ":token": {"S": token},
                        ":until": _seconds(now + LEASE),
                        ":now": _seconds(now),
                        ":expires": _seconds(now + _KEPT),
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
                    Key={"pk": {"S": _key(scope)}},
                    UpdateExpression="SET lease_until = :never",
                    ConditionExpression="lease_token = :token",
                    ExpressionAttributeValues={":never": {"N": "0"}, ":token": {"S": held._token}},  # noqa: SLF001
                )
        except RefusedError as error:
            if error.code != _CONDITION_FAILED:
                raise

    def write(self, record: BranchRecord, token: str, caps: tuple[Cap, ...]) -> str | None:
        """One transaction: the record under its version and the lease's token, and the caps under their ceilings."""
        items: list[TransactWriteItemTypeDef] = [self._record_update(record, token), *map(self._cap_update, caps)]
        try:
            with translated("dynamodb:TransactWriteItems"):
                self._client.transact_write_items(TransactItems=items)
        except RefusedError as error:
            return self._refused_by(error, record, caps)
        return None

    def _refused_by(self, error: RefusedError, record: BranchRecord, caps: tuple[Cap, ...]) -> str:
        """Which condition of the transaction failed: ours (then the lease is lost) or a cap's."""
        cause = error.__cause__
        reasons = cause.response.get("CancellationReasons", []) if isinstance(cause, ClientError) else []
        failed = [index for index, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]
        if not failed:
            raise error
        if 0 in failed:
            raise LeaseLostError(f"{record.scope} was taken over by another invocation") from error
        return caps[failed[0] - 1].name

    def _record_update(self, record: BranchRecord, token: str) -> TransactWriteItemTypeDef:
        values: dict[str, AttributeValueTypeDef] = {
            ":token": {"S": token},
            ":old": {"N": str(record.version)},
            ":new": {"N": str(record.version + 1)},
            ":incidents": {"S": incidents_to_json(record.incidents)},
            ":expires": _seconds(self._clock() + _KEPT),
            ":scope": {"S": str(record.scope)},
        }
        sets = ["version = :new", "incidents = :incidents", "expires_at = :expires", "branch_scope = :scope"]
        removes = []
        for name, time in (("cooling_until", record.cooling_until), ("due_at", record.due_at)):
            if time is None:
                removes.append(name)
            else:
                sets.append(f"{name} = :{name}")
                values[f":{name}"] = _seconds(time)
        if record.due_at is None:
            removes.append("due")
        else:
            sets.append("due = :due")
            values[":due"] = {"S": _DUE}
        removal = f" REMOVE {', '.join(removes)}" if removes else ""
        return {
            "Update": {
                "TableName": self._name,
                "Key": {"pk": {"S": _key(record.scope)}},
                "UpdateExpression": f"SET {', '.join(sets)}{removal}",
                "ConditionExpression": "lease_token = :token AND (attribute_not_exists(version) OR version = :old)",
                "ExpressionAttributeValues": values,
            }
        }

    def _cap_update(self, cap: Cap) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": self._name,
                "Key": {"pk": {"S": f"count#{cap.name}"}},
                "UpdateExpression": "ADD n :one SET expires_at = :expires",
                "ConditionExpression": "attribute_not_exists(n) OR n < :most",
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":most": {"N": str(cap.most)},
                    ":expires": _seconds(cap.expires_at),
                },
            }
        }


def _key(scope: Scope) -> str:
    return f"branch#{scope.partition}#{scope.account}#{scope.region}#{scope.app_id}#{scope.branch}"


def _scope(key: str) -> Scope:
    # A branch's name comes last: it may hold the separator.
    _, partition, account, region, app_id, branch = key.split("#", 5)
    return Scope(partition, account, region, app_id, branch)


def _record(scope: Scope, item: dict[str, AttributeValueTypeDef]) -> BranchRecord:
    cooling = item.get("cooling_until", {}).get("N")
    return BranchRecord(
        scope=scope,
        version=int(item.get("version", {}).get("N", "0")),
        incidents=incidents_from_json(item.get("incidents", {}).get("S", "[]")),
        cooling_until=datetime.fromtimestamp(int(cooling), UTC) if cooling else None,
    )


def _seconds(time: datetime) -> AttributeValueTypeDef:
    return {"N": str(int(time.timestamp()))}
