"""Requests of people in the incidents table: approve, fix, undo, mute. Each is written once and used once.

Only the remediator writes them. SQS says which role sent the message that asked, so who asked and when can't be forged.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.aws.errors import CONDITION_FAILED, AwsRejectedError, translated
from medic.events import RequestKind, RequestMessage, Scope
from medic.incidents.model import Answer, Request, approval_id
from medic.incidents.store import RETENTION, SCHEMA, Store, Value, attribute, text, time
from medic.incidents.table import DUE, request_key

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef


APPROVAL_VALID_FOR = timedelta(hours=24)
REQUEST_VALID_FOR = timedelta(hours=1)
"""For every request that is not an approval."""
SLACK_MUTE = timedelta(hours=2)
"""How long the button in Slack mutes a branch."""
_TIMES = ("asked_at", "holds_until", "muted_until", "used_at")
"""The attributes that hold times."""


class RequestRefusedError(Exception):
    """The request is not carried out, and the message says why. If not `for_good`, it may succeed later."""

    def __init__(self, why: str, *, for_good: bool = True) -> None:
        self.for_good = for_good
        super().__init__(why)


def request_of(asked: RequestMessage, who: str, at: datetime) -> Request:
    """The request that a message asks for. SQS knows who sent it and when."""
    approves = asked.kind is RequestKind.APPROVE
    return Request(
        id=approval_id(asked.incident_id, asked.plan_hash) if approves else asked.id,
        kind=asked.kind,
        scope=asked.scope,
        who=who,
        asked_at=at,
        expires_at=at + (APPROVAL_VALID_FOR if approves else REQUEST_VALID_FOR),
        incident_id=asked.incident_id,
        plan_hash=asked.plan_hash,
        until=asked.until,
    )


class RequestsTable(Store):
    def submit(self, request: Request) -> Request:
        """Write a new request, and return what the table holds: an earlier one with this id, if there is one."""
        try:
            with translated("dynamodb:PutItem"):
                self._client.put_item(
                    TableName=self._name,
                    Item=_item(request),
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except AwsRejectedError as error:
            existing = self.read(request.scope, request.id) if error.code == CONDITION_FAILED else None
            if existing is None:
                raise
            return existing
        return request

    def read(self, scope: Scope, request_id: str) -> Request | None:
        """Read a request. None if it does not exist or is invalid."""
        item = self._get(request_key(scope, request_id))
        return _request(scope, request_id, item) if item else None

    def answer(self, scope: Scope, request_id: str, answer: Answer, *, retry_at: datetime | None = None) -> None:
        """Store the result of a request, which is used from then on, unless it is to be tried again at `retry_at`.

        This never creates a request, because a wake-up may name any id.
        """
        now, key = self._clock(), request_key(scope, request_id)
        sets: dict[str, Value] = {"answer": answer.text[:500], "refused": answer.refused, "expires_at": now + RETENTION}
        exists = "attribute_exists(pk)"
        if retry_at is None:
            self._update(key, sets=sets, sets_once={"used_at": now}, removes=["due", "due_at"], condition=exists)
        else:
            self._update(key, sets={**sets, "due": DUE, "due_at": retry_at}, condition=exists)


def _item(request: Request) -> dict[str, AttributeValueTypeDef]:
    texts = {"kind": request.kind, "who": request.who, "incident": request.incident_id, "plan": request.plan_hash}
    times = {"asked_at": request.asked_at, "holds_until": request.expires_at, "muted_until": request.until}
    return {
        "pk": {"S": request_key(request.scope, request.id)},
        "schema": attribute(SCHEMA),
        **{name: {"S": value} for name, value in texts.items() if value},
        **{name: attribute(value) for name, value in times.items() if value is not None},
        "expires_at": attribute(request.expires_at + RETENTION),
    }


def _request(scope: Scope, request_id: str, item: Mapping[str, AttributeValueTypeDef]) -> Request | None:
    """Read an item defensively, because its writer is not trusted.

    An unknown kind or a damaged time makes it invalid, and a missing time makes it expired.
    """
    answer = text(item, "answer")
    long_ago = datetime.fromtimestamp(0, UTC)
    damaged = any(name in item and time(item, name) is None for name in _TIMES)
    if damaged or text(item, "kind") not in list(RequestKind):
        return None
    return Request(
        id=request_id,
        kind=RequestKind(text(item, "kind")),
        scope=scope,
        who=text(item, "who")[:256],
        asked_at=time(item, "asked_at") or long_ago,
        expires_at=time(item, "holds_until") or long_ago,
        incident_id=text(item, "incident"),
        plan_hash=text(item, "plan"),
        until=time(item, "muted_until"),
        used_at=time(item, "used_at"),
        answer=Answer(answer, refused=item.get("refused", {}).get("BOOL", False)) if answer else None,
    )
