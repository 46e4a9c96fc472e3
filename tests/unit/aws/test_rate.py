"""Calls are evenly spaced, slow down after a throttle and stop at the deadline."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from medic.aws.rate import OutOfTimeError, RateLimiter


class Clock:
    """A clock that advances only in `pause`."""

    def __init__(self) -> None:
        self.now = 100.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


def turns(rate: RateLimiter, clock: Clock, count: int) -> list[float]:
    times = []
    for _ in range(count):
        rate.wait()
        times.append(round(clock.now - 100, 2))
    return times


def test_calls_are_evenly_spaced() -> None:
    clock = Clock()

    assert turns(RateLimiter(5, deadline=200, clock=clock, pause=clock.pause), clock, 4) == [0, 0.2, 0.4, 0.6]


def test_idle_time_does_not_allow_a_burst() -> None:
    clock = Clock()
    rate = RateLimiter(5, deadline=200, clock=clock, pause=clock.pause)
    turns(rate, clock, 1)
    clock.pause(10)

    assert turns(rate, clock, 2) == [10, 10.2]


def test_each_throttle_halves_the_rate_down_to_one_call_every_two_seconds() -> None:
    clock = Clock()
    rate = RateLimiter(5, deadline=1000, clock=clock, pause=clock.pause)
    turns(rate, clock, 1)
    rate.throttled()
    slower = turns(rate, clock, 2)
    for _ in range(10):
        rate.throttled()
    slowest = turns(rate, clock, 2)

    assert slower[1] - slower[0] == pytest.approx(0.4)
    assert slowest[1] - slowest[0] == pytest.approx(2)


def test_no_call_is_made_after_the_deadline() -> None:
    clock = Clock()
    rate = RateLimiter(5, deadline=100.5, clock=clock, pause=clock.pause)

    assert len(turns(rate, clock, 3)) == 3
    with pytest.raises(OutOfTimeError):
        rate.wait()


def test_threads_share_the_rate() -> None:
    clock = Clock()
    waits: list[float] = []
    rate = RateLimiter(5, deadline=1000, clock=clock, pause=waits.append)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: rate.wait(), range(40)))

    assert sorted(waits) == pytest.approx([0.2 * number for number in range(1, 40)])
