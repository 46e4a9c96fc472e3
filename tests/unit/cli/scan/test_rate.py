from __future__ import annotations

import threading
import time

import pytest

from medic_cli.scan.aws import RateLimiter, StoppedError, WallTime


class Clock:
    """A clock that advances only in `sleep`."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def stop(self) -> None:
        """Do nothing: no thread waits."""


def call_times(limiter: RateLimiter, clock: Clock, calls: int) -> list[float]:
    made = []
    for _ in range(calls):
        limiter.wait()
        made.append(round(clock.at - 100, 6))
    return made


def test_calls_are_evenly_spaced_and_the_first_one_does_not_wait() -> None:
    clock = Clock()
    assert call_times(RateLimiter(10, clock), clock, 4) == [0, 0.1, 0.2, 0.3]


def test_idle_time_does_not_allow_a_burst() -> None:
    clock = Clock()
    limiter = RateLimiter(10, clock)
    limiter.wait()
    clock.at += 5
    assert call_times(limiter, clock, 3) == [5, 5.1, 5.2]


def test_throttles_of_concurrent_calls_halve_the_rate_once() -> None:
    clock = Clock()
    limiter = RateLimiter(8, clock)
    for _ in range(5):
        limiter.throttled()
    assert limiter.rate == 4
    assert limiter.slowed
    clock.at += 1
    limiter.throttled()
    assert limiter.rate == 2


def test_the_rate_never_falls_below_one_call_a_second() -> None:
    clock = Clock()
    limiter = RateLimiter(64, clock)
    for _ in range(50):
        clock.at += 10
        limiter.throttled()
    assert limiter.rate == 1
    assert call_times(limiter, clock, 2)[1] < 600


def test_successful_calls_restore_the_rate_up_to_its_initial_value() -> None:
    clock = Clock()
    limiter = RateLimiter(10, clock)
    limiter.throttled()
    limiter.succeeded()
    assert limiter.rate == 5, "successes of calls that started before the throttle do not count"
    clock.at += 1
    for _ in range(24):
        limiter.succeeded()
    assert limiter.slowed
    for _ in range(50):
        limiter.succeeded()
    assert limiter.rate == 10
    assert not limiter.slowed


def test_stopping_the_wall_clock_wakes_a_waiting_thread() -> None:
    clock = WallTime()
    woken: list[float] = []

    def wait() -> None:
        began = time.monotonic()
        with pytest.raises(StoppedError):
            clock.sleep(60)
        woken.append(time.monotonic() - began)

    thread = threading.Thread(target=wait)
    thread.start()
    clock.stop()
    thread.join(10)
    assert len(woken) == 1
    with pytest.raises(StoppedError):
        clock.sleep(0)
