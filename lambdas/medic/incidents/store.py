"""Reads and updates items of the incidents table. Only `update_of` writes DynamoDB's update expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medic.aws.errors import CONDITION_FAILED, AwsRejectedError, translated
from medic.incidents.attributes import attribute, check_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.literals import ReturnValueType
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateTypeDef

    from medic.incidents.attributes import OnUnreadable, Value

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
