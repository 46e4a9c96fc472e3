"""A rate limiter for several threads. It halves the rate when AWS throttles."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_RECOVERY_FRACTION = 1 / 50
"""What each successful call adds to the rate, as a fraction of the permitted rate."""


class OutOfTimeError(Exception):
    """The next call would start after the deadline."""


class RateLimiter:
    """Spaces calls evenly, whichever thread makes them.

    Args:
        permitted: the initial and highest number of calls a second.
        lowest: the lowest rate after repeated throttling. More slowly, a run would get nothing done.
        grace: seconds after a slow-down in which throttles do not count, because they answer calls that were sent at
            the old rate.
        deadline: the time on `clock` from which no call may start.
        clock: a monotonic clock, in seconds.
        pause: sleeps for a number of seconds.
    """

    def __init__(  # noqa: PLR0913 - the rate, its limits, and the clock
        self,
        permitted: float,
        *,
        lowest: float = 0.5,
        grace: float = 0.0,
        deadline: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.rate = permitted
        """The current limit in calls a second."""
        self._permitted, self._lowest = permitted, lowest
        self._grace, self._deadline = grace, deadline
        self._clock, self._pause = clock, pause
        self._next = self._grace_until = clock()
        self._lock = threading.Lock()

    @property
    def slowed(self) -> bool:
        return self.rate < self._permitted

    def wait(self) -> None:
        """Block until the next call may start.

        Raises:
            OutOfTimeError: the call would start after the deadline.
        """
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            if turn >= self._deadline:
                raise OutOfTimeError("no time is left for another call")
            self._next = turn + 1 / self.rate
        if turn > now:
            self._pause(turn - now)

    def throttled(self) -> None:
        """Halve the rate and delay the next call."""
        with self._lock:
            now = self._clock()
            if now >= self._grace_until:
                self.rate = max(self.rate / 2, self._lowest)
                self._grace_until = now + self._grace
            self._next = max(self._next, now + 1 / self.rate)

    def succeeded(self) -> None:
        """Raise the rate a little, up to the permitted one."""
        with self._lock:
            if self._clock() >= self._grace_until:
                self.rate = min(self._permitted, self.rate + self._permitted * _RECOVERY_FRACTION)
