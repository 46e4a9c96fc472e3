"""Stored records as JSON, the same way for alerts, incidents and cursors. Pure.

A record is a dataclass. Its fields hold texts, numbers, enumerations, times, records, tuples of these, JSON, or None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import EnumType
from functools import cache
from types import UnionType
from typing import Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")


def to_text(value: object) -> str:
    """A record, or a tuple or mapping of records, as JSON text. Times are ISO 8601 in UTC."""
    return json.dumps(value, default=_plain, separators=(",", ":"))


def from_text(wanted: type[T], text: str) -> T:
    """The value that `to_text` wrote: a record, or a tuple of records such as `tuple[Incident, ...]`."""
    value: T = _built(wanted, json.loads(text))
    return value


def read_fields(record: type, values: Mapping[str, Any]) -> Json:
    """The arguments with which to build a record: those of its fields that the JSON has."""
    types = _field_types(record)
    return {name: _built(types[name], value) for name, value in values.items() if name in types}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]


def _built(wanted: Any, value: Any) -> Any:  # noqa: ANN401 - types as values
    if get_origin(wanted) is UnionType:
        wanted = get_args(wanted)[0]  # the other one is None
    if value is None:
        return None
    if get_origin(wanted) is tuple:
        return tuple(_built(get_args(wanted)[0], item) for item in value)
    if isinstance(wanted, type) and is_dataclass(wanted):
        return wanted(**read_fields(wanted, value))
    if wanted is datetime:
        return datetime.fromisoformat(value)
    return wanted(value) if isinstance(wanted, EnumType) else value


@cache
def _field_types(record: type) -> Mapping[str, Any]:
    return get_type_hints(record)
