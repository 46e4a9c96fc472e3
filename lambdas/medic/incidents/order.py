"""Which of two jobs came later: told by when they started, and by their numbers where that is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

T = TypeVar("T", datetime, int)


class Order(StrEnum):
    """A job's place in time against another's."""

    EARLIER = "earlier"
    SAME = "same"
    LATER = "later"


class SeenJob(Protocol):
    """What of a job tells it from others."""

    @property
    def id(self) -> str:
        """Its id, counted per branch."""
        ...

    @property
    def started_at(self) -> datetime | None:
        """When it started."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """In the place of a job, where no job showed an incident: when it began."""

    started_at: datetime | None
    id: str = "0"


def order(one: T, other: T) -> Order:
    """The place of one time or number against another."""
    if one == other:
        return Order.SAME
    return Order.LATER if one > other else Order.EARLIER
