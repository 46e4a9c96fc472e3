"""Stored records as JSON, the same way for alerts, incidents and cursors. Pure.

A record is a `Struct`. Its fields hold texts, numbers, enumerations, times, records, tuples or mappings of these, JSON,
or None. The text may be of another release, or damaged: reading checks every value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import EnumType
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct
from msgspec.structs import asdict

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")

UNKNOWN = "unknown"
"""The field of a record that carries along what a newer release wrote, so that writing the record drops nothing."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""A stored time outside these bounds is damaged. Arithmetic with it could overflow."""
MAX_NUMBER = 2**53
"""A stored count beyond this is damaged."""


class CodecError(ValueError):
    """A stored text is not the JSON of the wanted record. The message names the field."""


def to_text(value: object) -> str:
    """A record, or a tuple or mapping of records, as JSON text. Times are ISO 8601 in UTC."""
    return json.dumps(value, default=_plain, separators=(",", ":"))


def from_text(wanted: type[T], text: str) -> T:
    """The value that `to_text` wrote: a record, or a tuple of records such as `tuple[Change, ...]`.

    Raises:
        CodecError: the text is no JSON, lacks a field, or holds a value of the wrong type or out of bounds.
    """
    return from_json(wanted, parsed(text))


def from_json(wanted: type[T], value: object) -> T:
    """The same from parsed JSON.

    Raises:
        CodecError: it lacks a field, or holds a value of the wrong type or out of bounds.
    """
    built: T = _built(wanted, value)
    return built


def parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    """The text as JSON.

    Raises:
        CodecError: the text is no JSON, or too deeply nested.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not JSON: {error}") from error


def read_fields(record: type, values: object) -> Json:
    """The arguments with which to build a record from a JSON object. Missing fields keep their defaults.

    Raises:
        CodecError: it is no JSON object, or a field has a value of the wrong type or out of bounds.
    """
    if not isinstance(values, dict):
        raise CodecError(f"{record.__name__} is not a JSON object")
    types = {name: wanted for name, wanted in _field_types(record).items() if name != UNKNOWN}
    read = {name: _field(name, types[name], value) for name, value in values.items() if name in types}
    if UNKNOWN in _field_types(record):
        read[UNKNOWN] = {name: value for name, value in values.items() if name not in types}
    return read


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if not isinstance(value, Struct):
        raise TypeError(f"{type(value).__name__} is no record")
    known = asdict(value)
    return {**known.pop(UNKNOWN, {}), **known}


def _field(name: str, wanted: Any, value: Any) -> Any:  # noqa: ANN401 - types as values
    try:
        return _built(wanted, value)
    except CodecError as error:
        raise CodecError(f"{name}: {error}") from error


def _built(wanted: Any, value: Any) -> Any:  # noqa: ANN401, PLR0911 - types as values; one line for each type
    origin, of = get_origin(wanted), get_args(wanted)
    if origin is UnionType:
        return _one_of(of, value)
    if origin is tuple:
        return tuple(_built(of[0], item) for item in _checked(list, value))
    if origin is Mapping:
        return {key: _built(of[1], item) for key, item in _checked(dict, value).items()}
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        return _record(wanted, value)
    if wanted is datetime:
        return _time(value)
    if isinstance(wanted, EnumType):
        return _member(wanted, value)
    if wanted is int and not -MAX_NUMBER <= _checked(int, value) <= MAX_NUMBER:
        raise CodecError("a number out of bounds")
    return value if wanted is Any else _checked(origin or wanted, value)


def _one_of(types: tuple[Any, ...], value: Any) -> Any:  # noqa: ANN401
    if value is None and NoneType in types:
        return None
    *others, last = (wanted for wanted in types if wanted is not NoneType)
    for wanted in others:
        try:
            return _built(wanted, value)
        except CodecError:
            continue
    return _built(last, value)


def _checked(wanted: type[T], value: Any) -> T:  # noqa: ANN401
    if type(value) is not wanted:  # a bool is no number
        raise CodecError(f"{type(value).__name__} in place of {wanted.__name__}")
    return value


def _record(wanted: type, value: Any) -> Any:  # noqa: ANN401
    try:
        return wanted(**read_fields(wanted, value))
    except TypeError as error:
        raise CodecError(f"{wanted.__name__} lacks a field: {error}") from error


def _time(value: Any) -> datetime:  # noqa: ANN401
    try:
        time = datetime.fromisoformat(_checked(str, value))
        within = EARLIEST <= time <= LATEST
    except (ValueError, TypeError) as error:  # TypeError: without a time zone
        raise CodecError("not a time in UTC") from error
    if not within:
        raise CodecError(f"the time {time} is out of bounds")
    return time


def _member(wanted: EnumType, value: Any) -> Any:  # noqa: ANN401
    try:
        return wanted(value)
    except ValueError as error:
        raise CodecError(str(error)) from error


@cache
def _field_types(record: type) -> Mapping[str, Any]:
    return get_type_hints(record)
