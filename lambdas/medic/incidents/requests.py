"""What people ask for: approvals, fixes, undoing, mutes. Written once by whoever may ask, used once by the remediator.

A request is the authority; the wake-up that follows it is only a nudge. Who may write one, IAM says: the Slack function
and the operator role may put items whose key begins with `request#`, and nothing else into the table.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from medic.aws.errors import RefusedError, translated
from medic.incidents.keys import request_key
from medic.incidents.store import Store
from medic.incidents.writes import DUE, KEPT, seconds

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from medic.events import Scope

APPROVAL_HOLDS = timedelta(hours=24)
"""How long a proposal may be approved."""
REQUEST_HOLDS = timedelta(hours=1)
"""How long any other request waits to be taken up."""
_TAKEN_UP_WITHIN = timedelta(minutes=1)
"""After this the watcher wakes the remediator: the wake-up that belongs to the request was lost."""
_CONDITION_FAILED = "ConditionalCheckFailedException"
_ID = re.compile(r"[0-9a-f]{32}")


class RequestKind(StrEnum):
    """What may be asked for."""

    APPROVE = "approve"
    """Do what was proposed, exactly."""
    FIX = "fix"
    """Diagnose anew, and do what comes out as if it were approved."""
    UNDO = "undo"
    """Put back what stood there before a change."""
    MUTE = "mute"
    """Say nothing of an app or branch for a while."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing one person asked for."""

    id: str
    kind: RequestKind
    scope: Scope
    """A branch; for a mute also a whole app, with the branch `*`."""
    who: str
    """`slack:TEAM/USER`, or the ARN of the caller."""
    asked_at: datetime
    expires_at: datetime
    incident_id: str = ""
    plan_hash: str = ""
    """What an approval is bound to: the incident, and every action's target, new and previous value."""
    until: datetime | None = None
    """The end of a mute; None lifts it."""
    used_at: datetime | None = None
    """When the remediator took it up for good: nothing is done twice on one request."""
    answer: str = ""
    """What became of it, in one line."""

    def expired(self, now: datetime) -> bool:
        """True if it was not taken up in time."""
        return now >= self.expires_at


class AlreadyAskedError(Exception):
    """This very request stands in the table; `existing` is it."""

    def __init__(self, existing: Request) -> None:
        self.existing = existing
        used = f"used at {existing.used_at:%H:%M} UTC" if existing.used_at else "not used yet"
        super().__init__(f"{existing.who} asked for this at {existing.asked_at:%Y-%m-%d %H:%M} UTC; it is {used}")


def approval_id(incident_id: str, plan_hash: str) -> str:
    """The id of an approval: the same plan of the same incident can be approved once."""
    return hashlib.sha256(f"approve\x00{incident_id}\x00{plan_hash}".encode()).hexdigest()[:32]


def is_request_id(text: str) -> bool:
    """True for the form of a request's id: 32 hexadecimal digits."""
    return bool(_ID.fullmatch(text))


class RequestsTable(Store):
    """Requests in the incidents table."""

    def submit(self, request: Request) -> None:
        """Write a request, if it does not stand there.

        Raises:
            AlreadyAskedError: it does.
            AwsError: the table could not be written.
        """
        try:
            with translated("dynamodb:PutItem"):
                self._client.put_item(
                    TableName=self._name,
                    Item=_item(request, self._clock()),
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except RefusedError as error:
            existing = self.read(request.scope, request.id) if error.code == _CONDITION_FAILED else None
            if existing is None:
                raise
            raise AlreadyAskedError(existing) from error

    def read(self, scope: Scope, request_id: str) -> Request | None:
        """The request as it stands; None if there is none, or none that can be read.

        Raises:
            AwsError: the table could not be read.
        """
        key = {"pk": {"S": request_key(scope, request_id)}}
        with translated("dynamodb:GetItem"):
            item = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True).get("Item")
        return _request(scope, request_id, item) if item else None

    def answer(self, scope: Scope, request_id: str, answer: str, *, used: bool) -> None:
        """Write down what became of a request; a used one is never taken up again, an unused one may be.

        What is not there is not made: a wake-up may name anything.

        Raises:
            AwsError: the table could not be written.
        """
        sets, removes = ["answer = :answer", "expires_at = :kept"], ["due", "due_at"]
        values: dict[str, AttributeValueTypeDef] = {
            ":answer": {"S": answer[:500]},
            ":kept": seconds(self._clock() + KEPT),
        }
        if used:
            sets.append("used_at = if_not_exists(used_at, :now)")
            values[":now"] = seconds(self._clock())
        try:
            with translated("dynamodb:UpdateItem"):
                self._client.update_item(
                    TableName=self._name,
                    Key={"pk": {"S": request_key(scope, request_id)}},
                    UpdateExpression=f"SET {', '.join(sets)} REMOVE {', '.join(removes)}",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues=values,
                )
        except RefusedError as error:
            if error.code != _CONDITION_FAILED:
                raise


def _item(request: Request, now: datetime) -> dict[str, AttributeValueTypeDef]:
    texts = {"kind": request.kind, "who": request.who, "incident": request.incident_id, "plan": request.plan_hash}
    times = {"asked_at": request.asked_at, "holds_until": request.expires_at, "muted_until": request.until}
    return {
        "pk": {"S": request_key(request.scope, request.id)},
        **{name: {"S": text} for name, text in texts.items() if text},
        **{name: seconds(time) for name, time in times.items() if time is not None},
        "due": {"S": DUE},
        "due_at": seconds(now + _TAKEN_UP_WITHIN),
        "expires_at": seconds(request.expires_at + KEPT),
    }


def _request(scope: Scope, request_id: str, item: Mapping[str, AttributeValueTypeDef]) -> Request | None:
    """Whoever may put requests may put nonsense: what lacks a time has expired, what lacks a kind is none."""
    long_ago = datetime.fromtimestamp(0, UTC)
    if _text(item, "kind") not in list(RequestKind):
        return None
    return Request(
        id=request_id,
        kind=RequestKind(_text(item, "kind")),
        scope=scope,
        who=_text(item, "who")[:256],
        asked_at=_time(item, "asked_at") or long_ago,
        expires_at=_time(item, "holds_until") or long_ago,
        incident_id=_text(item, "incident"),
        plan_hash=_text(item, "plan"),
        until=_time(item, "muted_until"),
        used_at=_time(item, "used_at"),
        answer=_text(item, "answer"),
    )


def _text(item: Mapping[str, AttributeValueTypeDef], name: str) -> str:
    return item.get(name, {}).get("S", "")


def _time(item: Mapping[str, AttributeValueTypeDef], name: str) -> datetime | None:
    number = item.get(name, {}).get("N")
    return datetime.fromtimestamp(float(number), UTC) if number else None
