"""Stores cursors as items `cursor#…` of the incidents table, the only items that the watcher may write."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.aws.errors import CONDITION_FAILED, AwsRejectedError, RetryableError, translated
from medic.codec import read_fields, to_text
from medic.watch.cursor import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

CURSOR = "cursor"
"""The first part of a cursor's key. The watcher's role may write only items whose key starts with it."""
_TTL = timedelta(days=90)
_MAX_BATCH = 100
"""Keys in one BatchGetItem call; DynamoDB allows no more."""
_MAX_ATTEMPTS = 5
_HASH_BYTES = 8
_STATE = ("position", "unfinished", "read_from", "looked_at", "silent_until", "missing_since", "missing_reported")
"""The fields of a cursor that are stored together, as one JSON text."""


class Cursors:
    """Reads and writes cursors.

    Args:
        client: the DynamoDB client.
        table: the incidents table's name.
        region: partition, account and region, which are part of each key.
    """

    def __init__(self, client: DynamoDBClient, table: str, region: tuple[str, str, str]) -> None:
        self._client = client
        self._table = table
        self._region = region

    def read(self, app_ids: Sequence[str]) -> dict[str, Cursor]:
        """The cursors by app id. Apps without one are left out.

        Raises:
            AwsError: the table could not be read.
        """
        batches = (app_ids[at : at + _MAX_BATCH] for at in range(0, len(app_ids), _MAX_BATCH))
        items = (item for batch in batches for item in self._items(batch))
        return {cursor.app_id: cursor for cursor in map(_cursor, items)}

    def save(self, cursor: Cursor) -> bool:
        """Write a cursor as the next version. `boosted_until` is not written: only `boost` sets it.

        Returns:
            False if another run has written the cursor since it was read. Nothing is written then; the other run's
            result counts.

        Raises:
            AwsError: the table could not be written.
        """
        update = "SET #state = :state, remembered = :remembered, version = :next, expires_at = :expires"
        now = cursor.looked_at or datetime.now(UTC)
        try:
            with translated("dynamodb:UpdateItem"):
                self._client.update_item(
                    TableName=self._table,
                    Key=self._key(cursor.app_id),
                    UpdateExpression=update,
                    ConditionExpression="attribute_not_exists(version) OR version = :version",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={
                        ":state": {"S": to_text({name: getattr(cursor, name) for name in _STATE})},
                        ":remembered": {
                            "M": {str(minute): {"B": b"".join(ids)} for minute, ids in cursor.remembered.items()}
                        },
                        ":version": {"N": str(cursor.version)},
                        ":next": {"N": str(cursor.version + 1)},
                        ":expires": _seconds(now + _TTL),
                    },
                )
        except AwsRejectedError as error:
            if error.code != CONDITION_FAILED:
                raise
            return False
        return True

    def boost(self, app_id: str, until: datetime) -> None:
        """Have an app's log read in every run until then.

        Raises:
            AwsError: the table could not be written.
        """
        with translated("dynamodb:UpdateItem"):
            self._client.update_item(
                TableName=self._table,
                Key=self._key(app_id),
                UpdateExpression="SET boosted_until = :until, expires_at = :expires",
                ExpressionAttributeValues={":until": _seconds(until), ":expires": _seconds(until + _TTL)},
            )

    def _key(self, app_id: str) -> dict[str, AttributeValueTypeDef]:
        return {"pk": {"S": "#".join((CURSOR, *self._region, app_id))}}

    def _items(self, app_ids: Sequence[str]) -> Iterator[dict[str, AttributeValueTypeDef]]:
        keys = [self._key(app_id) for app_id in app_ids]
        for _ in range(_MAX_ATTEMPTS):
            with translated("dynamodb:BatchGetItem"):
                response = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
                )
            yield from response["Responses"].get(self._table, [])
            unprocessed = response.get("UnprocessedKeys", {}).get(self._table)
            if unprocessed is None:
                return
            keys = list(unprocessed["Keys"])
        raise RetryableError("dynamodb:BatchGetItem", "UnprocessedKeys", "DynamoDB is busy")


def _cursor(item: dict[str, AttributeValueTypeDef]) -> Cursor:
    boosted = item.get("boosted_until", {}).get("N")
    return Cursor(
        app_id=item["pk"]["S"].rpartition("#")[2],
        version=int(item.get("version", {}).get("N", "0")),
        remembered={
            int(minute): frozenset(_ids(ids["B"])) for minute, ids in item.get("remembered", {}).get("M", {}).items()
        },
        boosted_until=datetime.fromtimestamp(int(boosted), UTC) if boosted else None,
        **read_fields(Cursor, json.loads(item.get("state", {}).get("S", "{}"))),
    )


def _ids(joined: bytes) -> Iterator[bytes]:
    return (bytes(joined[at : at + _HASH_BYTES]) for at in range(0, len(joined), _HASH_BYTES))


def _seconds(time: datetime) -> AttributeValueTypeDef:
    return {"N": str(int(time.timestamp()))}
