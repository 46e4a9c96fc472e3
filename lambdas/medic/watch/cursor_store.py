"""Where cursors are kept: items `cursor#…` of the incidents table, the only ones that the watcher may write."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.aws.errors import AwsRejectedError, RetryableError, translated
from medic.aws.logs import milliseconds, time_at
from medic.evidence import TimeSpan
from medic.watch.cursor import Cursor, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

CURSOR = "cursor"
_KEPT = timedelta(days=90)
_MOST_AT_ONCE = 100
_ROUNDS = 5
_CONDITION_FAILED = "ConditionalCheckFailedException"
_TIMES = ("position", "floor", "looked_at", "silent_until", "missing_since")


class Cursors:
    """Reads and writes cursors.

    Args:
        client: DynamoDB.
        table: the incidents table's name.
        region: partition, account and region, as they stand in keys.
    """

    def __init__(self, client: DynamoDBClient, table: str, region: tuple[str, str, str]) -> None:
        self._client = client
        self._table = table
        self._region = region

    def read(self, app_ids: Sequence[str]) -> dict[str, Cursor]:
        """The cursors of those apps that have one, by app id.

        Raises:
            AwsError: the table could not be read.
        """
        some = (app_ids[at : at + _MOST_AT_ONCE] for at in range(0, len(app_ids), _MOST_AT_ONCE))
        items = (item for ids in some for item in self._items(ids))
        return {cursor.app_id: cursor for cursor in map(_cursor, items)}

    def save(self, cursor: Cursor) -> bool:
        """Write a cursor as the next version of what was read; what deployments ask for is left as it stands.

        Returns:
            False if another run wrote it meanwhile: then its reading counts, and this one never was.

        Raises:
            AwsError: the table could not be written.
        """
        sets = "SET #state = :state, remembered = :remembered, version = :next, expires_at = :expires"
        now = cursor.looked_at or datetime.now(UTC)
        try:
            with translated("dynamodb:UpdateItem"):
                self._client.update_item(
                    TableName=self._table,
                    Key=self._key(cursor.app_id),
                    UpdateExpression=sets,
                    ConditionExpression="attribute_not_exists(version) OR version = :version",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={
                        ":state": {"S": _state(cursor)},
                        ":remembered": {
                            "M": {str(minute): {"B": b"".join(ids)} for minute, ids in cursor.remembered.items()}
                        },
                        ":version": {"N": str(cursor.version)},
                        ":next": {"N": str(cursor.version + 1)},
                        ":expires": _seconds(now + _KEPT),
                    },
                )
        except AwsRejectedError as error:
            if error.code != _CONDITION_FAILED:
                raise
            return False
        return True

    def boost(self, app_id: str, until: datetime) -> None:
        """Have an app looked at in every run until then.

        Raises:
            AwsError: the table could not be written.
        """
        with translated("dynamodb:UpdateItem"):
            self._client.update_item(
                TableName=self._table,
                Key=self._key(app_id),
                UpdateExpression="SET boosted_until = :until, expires_at = :expires",
                ExpressionAttributeValues={":until": _seconds(until), ":expires": _seconds(until + _KEPT)},
            )

    def _key(self, app_id: str) -> dict[str, AttributeValueTypeDef]:
        return {"pk": {"S": "#".join((CURSOR, *self._region, app_id))}}

    def _items(self, app_ids: Sequence[str]) -> Iterator[dict[str, AttributeValueTypeDef]]:
        keys = [self._key(app_id) for app_id in app_ids]
        for _ in range(_ROUNDS):
            with translated("dynamodb:BatchGetItem"):
                answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}})
            yield from answer["Responses"].get(self._table, [])
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if left is None:
                return
            keys = list(left["Keys"])
        raise RetryableError("dynamodb:BatchGetItem", "UnprocessedKeys", "DynamoDB is busy")


def _state(cursor: Cursor) -> str:
    times = {name: milliseconds(getattr(cursor, name)) for name in _TIMES if getattr(cursor, name) is not None}
    half = cursor.half_read
    reading = [milliseconds(half.span.start), milliseconds(half.span.end), half.token] if half is not None else None
    return json.dumps({**times, "half_read": reading, "missing_told": cursor.missing_reported}, separators=(",", ":"))


def _cursor(item: dict[str, AttributeValueTypeDef]) -> Cursor:
    state = json.loads(item.get("state", {}).get("S", "{}"))
    half = state.get("half_read")
    boosted = item.get("boosted_until", {}).get("N")
    return Cursor(
        app_id=item["pk"]["S"].rpartition("#")[2],
        version=int(item.get("version", {}).get("N", "0")),
        half_read=Reading(TimeSpan(time_at(half[0]), time_at(half[1])), half[2]) if half else None,
        remembered={
            int(minute): frozenset(_ids(ids["B"])) for minute, ids in item.get("remembered", {}).get("M", {}).items()
        },
        boosted_until=datetime.fromtimestamp(int(boosted), UTC) if boosted else None,
        missing_reported=bool(state.get("missing_told")),
        **{name: time_at(state[name]) for name in _TIMES if name in state},
    )


def _ids(joined: bytes) -> Iterator[bytes]:
    return (bytes(joined[at : at + 8]) for at in range(0, len(joined), 8))


def _seconds(time: datetime) -> AttributeValueTypeDef:
    return {"N": str(int(time.timestamp()))}
