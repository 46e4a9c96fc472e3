"""Attributes and items of the incidents table: what is stored how, and how an item is read and updated.

An item may be of another release, or damaged: reading an attribute checks its type and bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from medic.aws.errors import CONDITION_FAILED, AwsRejectedError, RetryableError, translated
from medic.codec import EARLIEST, LATEST, MAX_NUMBER

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.literals import ReturnValueType
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateTypeDef

SCHEMA = 1
"""The attribute `schema` of every item. Raise it only if an older release must not write the item.

A new field, or a new member of an enumeration, needs no new number: older releases carry along what they don't know.
"""
RETENTION = timedelta(days=90)
"""How long DynamoDB keeps an item after its last write (TTL)."""
_MAX_SCHEMA = 1000
"""A greater number is damaged."""


class OnUnreadable(Protocol):
    """Called for each item, or part of one, that can't be read. The reader goes on."""

    def __call__(self, key: str, why: str, /, *, outdated: bool = False) -> None:
        """Count it. `outdated`: an older release wrote it, so nothing is wrong and no later release will read it."""


class NewerSchemaError(RetryableError):
    """A newer release wrote the item, and this one must not. The same call succeeds once that release is back."""


Value: TypeAlias = "str | bool | int | datetime | Collection[str] | AttributeValueTypeDef"
"""What can be written: a text, a number, a time, a set of texts, or an attribute as DynamoDB has it."""


def attribute(value: Value) -> AttributeValueTypeDef:
    """A value as the table stores it. Times are whole seconds since 1970."""
    match value:
        case str():
            return {"S": str(value)}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case datetime():
            return {"N": str(int(value.timestamp()))}
        case Mapping():
            return cast("AttributeValueTypeDef", value)
        case _:
            return {"SS": sorted(value)}


def check_schema(item: Mapping[str, AttributeValueTypeDef]) -> None:
    """Raise NewerSchemaError for an item that only a newer release may write."""
    written = number(item, "schema")
    if written is not None and SCHEMA < written <= _MAX_SCHEMA:
        why = f"{text(item, 'pk')[:300]} has schema {written:.0f}, but this release knows {SCHEMA}: deploy a newer one"
        raise NewerSchemaError("dynamodb:GetItem", "NewerSchema", why)


def text(item: Mapping[str, AttributeValueTypeDef], name: str) -> str:
    """A text. Empty if there is none."""
    return item.get(name, {}).get("S", "")


def texts(item: Mapping[str, AttributeValueTypeDef], name: str) -> frozenset[str]:
    """A set of texts. Empty if there is none."""
    return frozenset(item.get(name, {}).get("SS", ()))


def number(item: Mapping[str, AttributeValueTypeDef], name: str) -> float | None:
    """A number without bounds, up to 1e126. None if there is none."""
    value = item.get(name, {}).get("N")
    return None if value is None else float(value)


def count(item: Mapping[str, AttributeValueTypeDef], name: str) -> int:
    """A count. 0 if there is none, or if it is negative or out of bounds."""
    value = number(item, name) or 0
    return int(value) if 0 <= value <= MAX_NUMBER else 0


def time(item: Mapping[str, AttributeValueTypeDef], name: str) -> datetime | None:
    """A time. None if there is none, or if it is out of bounds."""
    value = number(item, name)
    if value is None or not EARLIEST.timestamp() <= value <= LATEST.timestamp():
        return None
    return datetime.fromtimestamp(value, UTC)


_NOTHING: Mapping[str, Value] = {}


def update_of(  # noqa: PLR0913 - one for each part of an update
    table: str,
    key: str,
    *,
    sets: Mapping[str, Value] = _NOTHING,
    sets_once: Mapping[str, Value] = _NOTHING,
    adds: Mapping[str, Value] = _NOTHING,
    removes: Iterable[str] = (),
    condition: str = "",
    values: Mapping[str, Value] = _NOTHING,
) -> UpdateTypeDef:
    """The update of one item, as UpdateItem and TransactWriteItems take it.

    `sets_once` holds attributes that keep the value they have. `adds` holds numbers to count up by, and sets whose
    members are added. In the condition, `:name` stands for one of `values`.
    """
    assigned = [f"#{_alias(name)} = :{_alias(name)}" for name in sets]
    assigned += [f"#{_alias(name)} = if_not_exists(#{_alias(name)}, :{_alias(name)})" for name in sets_once]
    clauses = {
        "SET": assigned,
        "ADD": [f"#{_alias(name)} :{_alias(name)}" for name in adds],
        "REMOVE": [f"#{_alias(name)}" for name in removes],
    }
    written = {**sets, **sets_once, **adds}
    update: UpdateTypeDef = {
        "TableName": table,
        "Key": {"pk": {"S": key}},
        "UpdateExpression": " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts),
        "ExpressionAttributeNames": {f"#{_alias(name)}": name for name in (*written, *removes)},
    }
    if given := {**written, **values}:
        update["ExpressionAttributeValues"] = {f":{_alias(name)}": attribute(value) for name, value in given.items()}
    if condition:
        update["ConditionExpression"] = condition
    return update


def _alias(name: str) -> str:
    """The name of an attribute in an expression, where some words are reserved and `#` is not allowed."""
    return name.replace("#", "_")


class Store:
    """Base of the classes that read and write one kind of item in the incidents table.

    Every method that calls DynamoDB raises AwsError if the table could not be read or written.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        clock: Callable[[], datetime],
        on_unreadable: OnUnreadable,
    ) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._on_unreadable = on_unreadable

    def _get(self, key: str) -> dict[str, AttributeValueTypeDef]:
        """Read an item. Empty if there is none."""
        with translated("dynamodb:GetItem"):
            answer = self._client.get_item(TableName=self._name, Key={"pk": {"S": key}}, ConsistentRead=True)
        item = answer.get("Item", {})
        check_schema(item)
        return item

    def _update(
        self,
        key: str,
        *,
        returns_item: bool = False,
        **parts: Any,  # noqa: ANN401 - as `update_of` takes them
    ) -> dict[str, AttributeValueTypeDef] | None:
        """Update an item, as `update_of` says. None if the condition does not hold; then nothing was written.

        Otherwise the item as it is then, if asked for.
        """
        update = update_of(self._name, key, **parts)
        returned: ReturnValueType = "ALL_NEW" if returns_item else "NONE"
        try:
            with translated("dynamodb:UpdateItem"):
                return self._client.update_item(**update, ReturnValues=returned).get("Attributes", {})
        except AwsRejectedError as error:
            if error.code != CONDITION_FAILED:
                raise
            return None
