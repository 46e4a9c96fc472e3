"""What people ask for: approvals, fixes, undoing, mutes. Written once by whoever may ask, used once by the remediator.

A request is the authority; the wake-up that follows it is only a nudge. Who may write one, IAM says: the Slack function
and the operator role may put items whose key begins with `request#`, and nothing else into the table.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.aws.errors import AwsRejectedError, translated
from medic.incidents.model import Request, RequestKind
from medic.incidents.table import DUE, KEPT, Store, request_key, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class AlreadyAskedError(Exception):
    """This very request stands in the table; `existing` is it."""

    def __init__(self, existing: Request) -> None:
        self.existing = existing
        used = f"used at {existing.used_at:%H:%M} UTC" if existing.used_at else "not used yet"
        super().__init__(f"{existing.who} asked for this at {existing.asked_at:%Y-%m-%d %H:%M} UTC; it is {used}")


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
        except AwsRejectedError as error:
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
        except AwsRejectedError as error:
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
