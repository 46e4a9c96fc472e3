from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest

from medic_cli.scan.aws import RequestPacer, StoppedError, WallTime

if TYPE_CHECKING:
    from medic.aws.rate import RateLimiter


class Clock:
    """A clock that advances only in `sleep`."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def limiter_of(permitted: float, clock: Clock) -> RateLimiter:
    """A limiter as a scan's pacer makes it."""
    client = boto3.client("iam", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    return RequestPacer(client, permitted, cast("Any", clock)).limiter


def call_times(limiter: RateLimiter, clock: Clock, calls: int) -> list[float]:
    made = []
    for _ in range(calls):
        limiter.wait()
        made.append(round(clock.at - 100, 6))
    return made


def test_calls_are_evenly_spaced_and_the_first_one_does_not_wait() -> None:
    clock = Clock()
    assert call_times(limiter_of(10, clock), clock, 4) == [0, 0.1, 0.2, 0.3]


def test_idle_time_does_not_allow_a_burst() -> None:
    clock = Clock()
    limiter = limiter_of(10, clock)
    limiter.wait()
    clock.at += 5
    assert call_times(limiter, clock, 3) == [5, 5.1, 5.2]


def test_throttles_of_concurrent_calls_halve_the_rate_once() -> None:
    clock = Clock()
    limiter = limiter_of(8, clock)
    for _ in range(5):
        limiter.throttled()
    assert limiter.rate == 4
    assert limiter.slowed
    clock.at += 1
    limiter.throttled()
    assert limiter.rate == 2


def test_the_rate_never_falls_below_one_call_a_second() -> None:
    clock = Clock()
    limiter = limiter_of(64, clock)
    for _ in range(50):
        clock.at += 10
        limiter.throttled()
    assert limiter.rate == 1
    assert call_times(limiter, clock, 2)[1] < 600


def test_successful_calls_restore_the_rate_up_to_its_initial_value() -> None:
    clock = Clock()
    limiter = limiter_of(10, clock)
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
