"""Time, injected: a clock that also runs what is due later."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Time(Protocol):
    """The current instant, and something to do after a while."""

    def now(self) -> datetime:
        """The current instant, in UTC."""
        ...

    def call_later(self, delay: timedelta, action: Callable[[], None]) -> None:
        """Calls `action` once `delay` has passed."""
        ...

    def advance(self, by: timedelta) -> None:
        """Moves ahead."""
        ...


class ManualTime:
    """Stands still until it is advanced, and then runs what has become due, in order."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime.now(UTC)
        self._due: list[tuple[datetime, Callable[[], None]]] = []

    def now(self) -> datetime:
        """The instant this time stands at."""
        return self._now

    def call_later(self, delay: timedelta, action: Callable[[], None]) -> None:
        """Keeps `action` until `advance` reaches it."""
        self._due.append((self._now + delay, action))

    def advance(self, by: timedelta) -> None:
        """Moves forward, stopping at every due action on the way."""
        end = self._now + by
        while reached := [entry for entry in self._due if entry[0] <= end]:
            first = min(reached, key=lambda entry: entry[0])
            self._due.remove(first)
            self._now = max(self._now, first[0])
            first[1]()
        self._now = end


class WallTime:
    """The machine's clock, which may be set ahead; due actions run in threads that end with the process."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The machine's time plus what this clock was set ahead."""
        return datetime.now(UTC) + self._ahead

    def call_later(self, delay: timedelta, action: Callable[[], None]) -> None:
        """Runs `action` after `delay` of the machine's time."""
        timer = threading.Timer(delay.total_seconds(), action)
        timer.daemon = True
        timer.start()

    def advance(self, by: timedelta) -> None:
        """Sets the clock ahead. Due actions keep to the machine's time."""
        self._ahead += by
