"""The parts of a transaction on the incidents table, each under its own condition."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medic.incidents.keys import COUNT, branch_key, letter_key, request_key
from medic.incidents.record import incidents_to_json

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    from medic.incidents.letter import Letter
    from medic.incidents.record import BranchRecord
    from medic.incidents.requests import Request

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

    def letter(self, letter: Letter) -> TransactWriteItemTypeDef:
        """A letter; one that everybody has is emptied, and swept out in time: no right to delete is needed."""
        values: dict[str, AttributeValueTypeDef] = {
            ":lacking": {"S": json.dumps(letter.lacking)},
            ":expires": seconds(self.now + KEPT),
        }
        expression = "SET lacking = :lacking, expires_at = :expires"
        if letter.lacking:
            expression += ", alert = :alert"
            values[":alert"] = {"S": letter.alert}
        else:
            expression += " REMOVE alert"
        return {
            "Update": {
                "TableName": self.table,
                "Key": {"pk": {"S": letter_key(letter.incident_id, letter.occasion)}},
                "UpdateExpression": expression,
                "ExpressionAttributeValues": values,
            }
        }


def seconds(time: datetime) -> AttributeValueTypeDef:
    """A time as the table keeps it: whole seconds since 1970."""
    return {"N": str(int(time.timestamp()))}
