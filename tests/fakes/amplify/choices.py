"""Checks values that tests pass as plain strings. A misspelt value must not be ignored silently."""

from __future__ import annotations

from typing import Any, get_args


def check_choice(what: str, value: object, choices: Any) -> None:
    """Raise ValueError if `value` is not one of the strings of the Literal `choices`."""
    if value not in get_args(choices):
        msg = f"{what} is one of {', '.join(get_args(choices))}, not {value!r}"
        raise ValueError(msg)
