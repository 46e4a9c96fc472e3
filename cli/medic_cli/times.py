"""Lengths of time and points in time on a command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click

_LENGTH = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORM = "must be a number and a unit: 90s, 30m, 2h, 7d"


def length_of_time(most: timedelta) -> Callable[[click.Context, click.Parameter, str | None], timedelta | None]:
    """Reads an option such as `2h`, of at most so long."""

    def read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> timedelta | None:
        if value is None:
            return None
        length = _length(value)
        if length is None:
            raise click.BadParameter(f"{value!r} {_FORM}.")
        if length > most:
            raise click.BadParameter(f"{value!r} is more than {in_words(most)}.")
        return length

    return read


def since(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Reads an option such as `7d` (ago) or `2026-02-20`, UTC unless it says otherwise."""
    if value is None:
        return None
    length = _length(value)
    if length is not None:
        return datetime.now(UTC) - length
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no date such as 2026-02-20, and no length of time such as 7d."
        ) from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def in_words(length: timedelta) -> str:
    """A length of time as it is written on the command line."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _length(value: str) -> timedelta | None:
    match = _LENGTH.fullmatch(value)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
