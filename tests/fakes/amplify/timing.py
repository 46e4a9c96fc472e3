"""Injected time: clocks that also run actions later."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Time(Protocol):
    """A clock that can run an action later."""

    def now(self) -> datetime:
        """The current time in UTC."""
        ...

    def call_later(self, delay: timedelta, action: Callable[[], None]) -> None:
        """Call `action` after `delay`."""
        ...

    def advance(self, by: timedelta) -> None:
        """Advance the clock."""
        ...


class ManualTime:
    """A clock that moves only in `advance`, which runs the due actions in order.

    It starts at the last full hour: some work falls due in a certain minute of the hour, and that must not be chance.
    The hour is today's, because moto reads the machine's clock. A world without moto may start at any time.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        self._due: list[tuple[datetime, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self._now

    def call_later(self, delay: timedelta, action: Callable[[], None]) -> None:
        """Keep `action` until `advance` reaches its time."""
        self._due.append((self._now + delay, action))

    def advance(self, by: timedelta) -> None:
        """Advance the clock, and run every due action at its time."""
        end = self._now + by
        while reached := [entry for entry in self._due if entry[0] <= end]:
            first = min(reached, key=lambda entry: entry[0])
            self._due.remove(first)
            self._now = max(self._now, first[0])
            first[1]()
        self._now = end


class WallTime:
    """The machine's clock, which can be set ahead. Due actions run in threads, or once it is set to their time."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._due: list[tuple[datetime, Callable[[], None]]] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The machine's time plus the offset."""
        return datetime.now(UTC) + self._ahead

    def call_later(self, delay: timedelta, action: Callable[[], None]) -> None:
        """Run `action` after `delay` of the machine's time, or earlier if `advance` reaches its time."""
        entry = (self.now() + delay, action)
        with self._lock:
            self._due.append(entry)
        timer = threading.Timer(delay.total_seconds(), self._run, (entry,))
        timer.daemon = True
        timer.start()

    def advance(self, by: timedelta) -> None:
        """Set the clock ahead, and run what is due then."""
        self._ahead += by
        now = self.now()
        for entry in sorted(self._due, key=lambda each: each[0]):
            if entry[0] <= now:
                self._run(entry)

    def _run(self, entry: tuple[datetime, Callable[[], None]]) -> None:
        """Run an action once, however many threads get to it."""
        with self._lock:
            if entry not in self._due:
                return
            self._due.remove(entry)
        entry[1]()
