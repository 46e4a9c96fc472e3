"""Stores cursors as items `cursor#…` of the incidents table, the only items that the watcher may write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.aws.errors import CONDITION_FAILED, AwsRejectedError, RetryableError, translated
from medic.codec import MAX_NUMBER, CodecError, parsed, read_fields, to_text
from medic.incidents.attributes import RETENTION, NewerSchemaError, check_schema, count, schema, seconds, text
from medic.watch.cursor import MAX_LOOKBACK, Cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

CURSOR = "cursor"
"""The first part of a cursor's key. The watcher's role may write only items whose key starts with it."""
_MAX_BATCH = 100
"""Keys in one BatchGetItem call; DynamoDB allows no more."""
_MAX_ATTEMPTS = 5
_HASH_BYTES = 8
_MAX_AHEAD = timedelta(hours=1)
"""No time of a cursor is further in the future. A later one is damaged: the app's log would never be read again."""
_STATE = (
    *("position", "unfinished", "read_from", "looked_at", "silent_until"),
    *("late", "late_begun_at", "late_since", "missing_since", "missing_reported"),
)
"""The fields of a cursor that are stored together, as one JSON text."""


class Cursors:
    """Reads and writes cursors.

    Args:
        client: the DynamoDB client.
        table: the incidents table's name.
        region: partition, account and region, which are part of each key.
        on_unreadable: called with the key of each cursor that can't be read, and the reason.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        region: tuple[str, str, str],
        on_unreadable: Callable[[str, str], None],
    ) -> None:
        self._client = client
        self._table = table
        self._region = region
        self._on_unreadable = on_unreadable

    def read(self, app_ids: Sequence[str], now: datetime) -> dict[str, Cursor]:
        """The cursors by app id. Apps without one are left out.

        A damaged cursor is replaced by one that reads the log as far back as any does. One that only a newer release
        may write is left out.

        Raises:
            AwsError: the table could not be read.
        """
        batches = (app_ids[at : at + _MAX_BATCH] for at in range(0, len(app_ids), _MAX_BATCH))
        keys = ([self._key(app_id) for app_id in batch] for batch in batches)
        found = (item for batch in keys for item in read_items(self._client, self._table, batch))
        items = {text(item, "pk").rpartition("#")[2]: item for item in found}
        cursors = {}
        for app_id, item in items.items():
            try:
                check_schema(item)
                cursors[app_id] = _cursor(app_id, item, now)
            except NewerSchemaError as error:
                self._on_unreadable(text(item, "pk"), str(error))
            except CodecError as error:
                self._on_unreadable(text(item, "pk"), str(error))
                cursors[app_id] = Cursor(app_id, count(item, "version"), position=now - MAX_LOOKBACK)
        return cursors

    def save(self, cursor: Cursor) -> bool:
        """Write a cursor as the next version.

        Returns:
            False if another run has written the cursor since it was read. Nothing is written then; the other run's
            result counts.

        Raises:
            AwsError: the table could not be written.
        """
        update = (
            "SET #state = :state, remembered = :remembered, version = :next, expires_at = :expires, #schema = :schema"
        )
        now = cursor.looked_at or datetime.now(UTC)
        try:
            with translated("dynamodb:UpdateItem"):
                self._client.update_item(
                    TableName=self._table,
                    Key=self._key(cursor.app_id),
                    UpdateExpression=update,
                    # A version that is no count is damaged, and may be replaced.
                    ConditionExpression="NOT version BETWEEN :zero AND :most OR version = :version",
                    ExpressionAttributeNames={"#state": "state", "#schema": "schema"},
                    ExpressionAttributeValues={
                        ":state": {
                            "S": to_text({**cursor.unknown, **{name: getattr(cursor, name) for name in _STATE}})
                        },
                        ":remembered": {
                            "M": {str(minute): {"B": b"".join(ids)} for minute, ids in cursor.remembered.items()}
                        },
                        ":version": {"N": str(cursor.version)},
                        ":next": {"N": str(cursor.version + 1)},
                        ":zero": {"N": "0"},
                        ":most": {"N": str(MAX_NUMBER)},
                        ":expires": seconds(now + RETENTION),
                        ":schema": schema(),
                    },
                )
        except AwsRejectedError as error:
            if error.code != CONDITION_FAILED:
                raise
            return False
        return True

    def _key(self, app_id: str) -> dict[str, AttributeValueTypeDef]:
        return {"pk": {"S": "#".join((CURSOR, *self._region, app_id))}}


def read_items(
    client: DynamoDBClient, table: str, keys: Sequence[Mapping[str, AttributeValueTypeDef]]
) -> Iterator[dict[str, AttributeValueTypeDef]]:
    """The items that exist, of at most 100 keys. The watcher's role may call BatchGetItem on cursors, not GetItem.

    Raises:
        AwsError: the table could not be read.
    """
    for _ in range(_MAX_ATTEMPTS):
        with translated("dynamodb:BatchGetItem"):
            response = client.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        yield from response["Responses"].get(table, [])
        unprocessed = response.get("UnprocessedKeys", {}).get(table)
        if unprocessed is None:
            return
        keys = unprocessed["Keys"]
    raise RetryableError("dynamodb:BatchGetItem", "UnprocessedKeys", "DynamoDB is busy")


def _cursor(app_id: str, item: Mapping[str, AttributeValueTypeDef], now: datetime) -> Cursor:
    """The cursor in an item.

    Raises:
        CodecError: the item is damaged.
    """
    state = read_fields(Cursor, parsed(item["state"].get("S", "")) if "state" in item else {})
    spans = (span.end for span in (state.get("unfinished"), state.get("late")) if span)
    times = (*spans, *state.values())
    if any(isinstance(each, datetime) and each > now + _MAX_AHEAD for each in times):
        raise CodecError("a time in the future")
    return Cursor(
        **{
            **state,
            "app_id": app_id,
            "version": count(item, "version"),
            "remembered": _remembered(item),
        }
    )


def _remembered(item: Mapping[str, AttributeValueTypeDef]) -> dict[int, frozenset[bytes]]:
    try:
        minutes = item["remembered"]["M"] if "remembered" in item else {}
        return {int(minute): frozenset(_ids(bytes(ids["B"]))) for minute, ids in minutes.items()}
    except (KeyError, ValueError) as error:
        raise CodecError(f"remembered: {error!r}") from error


def _ids(joined: bytes) -> Iterator[bytes]:
    return (joined[at : at + _HASH_BYTES] for at in range(0, len(joined), _HASH_BYTES))
