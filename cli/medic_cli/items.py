"""Evidence that a command can't do without."""

from __future__ import annotations

from typing import TypeVar

from medic.evidence.model import Absent, Item, Present, Unreadable
from medic_cli.failure import CouldNotLookError

_T = TypeVar("_T")


def required(item: Item[_T], region: str) -> _T:
    """The thing that was read.

    Raises:
        CouldNotLookError: it is not there, or may not be read; the message says what to do.
    """
    if isinstance(item, Present):
        return item.value
    if isinstance(item, Absent):
        raise CouldNotLookError(f"{item.why} in {region}: look at the names, and at --region and --profile.")
    raise CouldNotLookError(f"{item.because} Allow that action and repeat.")


def why(item: Item[object]) -> str:
    """Why a thing is not known, where it is not."""
    match item:
        case Absent(because) | Unreadable(because):
            return because
        case _:
            return "it was read"
