"""A rate that several threads share: so many calls a second, fewer once AWS throttles, none after a deadline."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SLOWEST = 0.5
"""Calls a second; throttled beyond this, a run gets nowhere and leaves the rest to the next."""


class OutOfTimeError(Exception):
    """The next call's turn would come after the deadline."""


class SharedRate:
    """Calls take turns.

    Args:
        per_second: how many calls a second, at first.
        deadline: when to stop, on `clock`.
        clock: seconds, always rising.
        pause: waits so many seconds.
    """

    def __init__(
        self,
        per_second: float,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._interval = 1 / per_second
        self._deadline = deadline
        self._clock = clock
        self._pause = pause
        self._next = clock()
        self._lock = threading.Lock()

    def wait_for_turn(self) -> None:
        """Return when a call may be made.

        Raises:
            OutOfTimeError: that would be after the deadline.
        """
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            if turn >= self._deadline:
                raise OutOfTimeError("no time is left for another call")
            self._next = turn + self._interval
        if turn > now:
            self._pause(turn - now)

    def slow_down(self) -> None:
        """AWS throttled: half as many calls a second from now on, and a moment's rest."""
        with self._lock:
            self._interval = min(self._interval * 2, 1 / _SLOWEST)
            self._next = max(self._next, self._clock()) + self._interval
