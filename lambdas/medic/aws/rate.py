"""A rate limiter for several threads, with a deadline. It halves the rate each time that AWS throttles."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MIN_RATE = 0.5
"""Calls a second. At a lower rate a run would get nothing done; what is left is read by the next run."""


class OutOfTimeError(Exception):
    """The next call would start after the deadline."""


class SharedRate:
    """Spaces calls evenly, whichever thread makes them.

    Args:
        per_second: the initial number of calls a second.
        deadline: the time on `clock` from which no call may start.
        clock: a monotonic clock, in seconds.
        pause: sleeps for a number of seconds.
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
        """Block until the next call may start.

        Raises:
            OutOfTimeError: the call would start after the deadline.
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
        """Halve the rate, down to one call in two seconds, and delay the next call. Call this when AWS throttles."""
        with self._lock:
            self._interval = min(self._interval * 2, 1 / _MIN_RATE)
            self._next = max(self._next, self._clock()) + self._interval
