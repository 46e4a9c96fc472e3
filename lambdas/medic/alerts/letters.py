"""Alerts as JSON and back, to be kept for a channel that does not take them now."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from medic.alerts.model import Alert

if TYPE_CHECKING:
    from collections.abc import Mapping


def alert_to_json(alert: Alert) -> str:
    """The alert as JSON text; it holds nothing that was not already redacted."""
    return json.dumps(_plain(alert), ensure_ascii=False, separators=(",", ":"))


def alert_from_json(text: str) -> Alert:
    """The alert that `alert_to_json` wrote.

    Raises:
        ValueError: the text is none.
    """
    alert = _thing(Alert, json.loads(text))
    if not isinstance(alert, Alert):
        raise TypeError("the text is no alert")
    return alert


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _thing(wanted: Any, value: Any) -> object:  # noqa: ANN401 - types as values
    """A value of the wanted type: a dataclass, a tuple of things, an enum, or plain JSON."""
    if get_origin(wanted) in (Union, UnionType):
        if value is None:
            return None
        (wanted,) = (argument for argument in get_args(wanted) if argument is not NoneType)
    if get_origin(wanted) is tuple:
        item, *_ = get_args(wanted)
        return tuple(_thing(item, element) for element in value)
    if is_dataclass(wanted) and isinstance(wanted, type):
        return _dataclass(wanted, value)
    return wanted(value) if isinstance(wanted, type) else value


def _dataclass(wanted: type, raw: Mapping[str, object]) -> object:
    types = get_type_hints(wanted)
    return wanted(**{field.name: _thing(types[field.name], raw[field.name]) for field in fields(wanted)})
