"""Checks values that come from tests as plain strings: a misspelt one must not silently mean nothing."""

from __future__ import annotations

from typing import Any, get_args


def check_choice(what: str, value: object, choices: Any) -> None:
    """Raises ValueError where `value` is none of the strings of the Literal `choices`."""
    if value not in get_args(choices):
        msg = f"{what} is one of {', '.join(get_args(choices))}, not {value!r}"
        raise ValueError(msg)
