"""Attributes of the table's items. An item may be of another release, or damaged: reading checks type and bounds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from medic.aws.errors import RetryableError
from medic.codec import EARLIEST, LATEST, MAX_NUMBER

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

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
