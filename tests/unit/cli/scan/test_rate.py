from __future__ import annotations

import threading
import time

import pytest

from medic_cli.scan.aws import Rate, StoppedError, WallTime


class Clock:
    """Stands still but for those who wait."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def stop(self) -> None:
        """Nobody waits."""


def moments(rate: Rate, clock: Clock, calls: int) -> list[float]:
    made = []
    for _ in range(calls):
        rate.wait()
        made.append(round(clock.at - 100, 6))
    return made


def test_calls_are_evenly_spaced_and_the_first_one_does_not_wait() -> None:
    clock = Clock()
    assert moments(Rate(10, clock), clock, 4) == [0, 0.1, 0.2, 0.3]


def test_who_comes_late_saves_nothing_up() -> None:
    clock = Clock()
    rate = Rate(10, clock)
    rate.wait()
    clock.at += 5
    assert moments(rate, clock, 3) == [5, 5.1, 5.2]


def test_a_throttle_halves_the_rate_once_for_all_that_were_under_way() -> None:
    clock = Clock()
    rate = Rate(8, clock)
    for _ in range(5):
        rate.throttled()
    assert rate.now == 4
    assert rate.slowed
    clock.at += 1
    rate.throttled()
    assert rate.now == 2


def test_throttles_upon_throttles_never_stop_it() -> None:
    clock = Clock()
    rate = Rate(64, clock)
    for _ in range(50):
        clock.at += 10
        rate.throttled()
    assert rate.now == 1
    assert moments(rate, clock, 2)[1] < 600


def test_good_answers_give_the_rate_back_and_no_more() -> None:
    clock = Clock()
    rate = Rate(10, clock)
    rate.throttled()
    rate.answered()
    assert rate.now == 5, "answers to calls from before the throttle prove nothing"
    clock.at += 1
    for _ in range(24):
        rate.answered()
    assert rate.slowed
    for _ in range(50):
        rate.answered()
    assert rate.now == 10
    assert not rate.slowed


def test_who_waits_for_the_wall_clock_is_woken_by_its_end() -> None:
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
