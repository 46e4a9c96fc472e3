"""Each app has its turn, however many there are, and no turn is lost with a run."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medic.aws.logs import CALLS_A_SECOND
from medic.watch.rounds import JOB_MINUTES, LOG_MINUTES, Rounds, in_turn, log_minutes, minutes_since
from tests.unit.diagnosis.diagnosing import NOW, app
from tests.unit.watch.account import MINUTE, ORDINARY, Account

if TYPE_CHECKING:
    from medic.evidence import App

APPS = [app(id=f"d{number}") for number in range(100)]


@pytest.mark.parametrize(("apps", "minutes"), [(1, 5), (25, 5), (300, 5), (301, 6), (500, 9)])
def test_how_often_an_app_is_read(apps: int, minutes: int) -> None:
    assert log_minutes(apps) == minutes


@pytest.mark.parametrize(("apps", "minutes"), [(1, 5), (25, 5), (500, 9)])
def test_the_work_of_a_run_grows_with_the_apps_and_never_exceeds_the_rate(apps: int, minutes: int) -> None:
    account = Account()
    names = [account.app(f"shop{number}") for number in range(apps)]
    for name in names:
        account.put(name, 1, ORDINARY)
    account.look()
    while account.rounds.behind:
        account.after(MINUTE).look()
    account.cursors.reads.clear()
    made, times = len(account.logs.calls), []
    for _ in range(2 * minutes):
        account.after(MINUTE).look()
        times.append(account.spent)

    read = [name for names in account.cursors.reads for name in names]
    assert {read.count(name) for name in names} <= {2, 3}, "the third time if the run before had no time left"
    assert 2 * apps <= len(account.logs.calls) - made <= 4 * apps
    assert max(times) * CALLS_A_SECOND <= 2 * math.ceil(apps / minutes) + 10
    assert max(times) < 50


def test_a_run_that_comes_late_takes_the_turns_of_those_before_it() -> None:
    each_minute: list[App] = []
    rounds = late = Rounds(NOW)
    for number in range(1, LOG_MINUTES):
        now = NOW + number * MINUTE
        each_minute += rounds.due(APPS, now)
        rounds = rounds.after_run(now, None, ())

    assert {each.id for each in late.due(APPS, now)} == {each.id for each in each_minute} != {each.id for each in APPS}


def test_two_runs_in_a_minute_take_its_turns_once() -> None:
    rounds = Rounds(NOW - MINUTE)
    assert rounds.due(APPS, NOW)
    assert rounds.after_run(NOW, None, ()).due(APPS, NOW + timedelta(seconds=20)) == ()


@pytest.mark.parametrize("done", [None, NOW - timedelta(days=3), NOW - JOB_MINUTES * MINUTE])
def test_after_a_long_pause_every_app_has_one_turn(done: None) -> None:
    minutes = minutes_since(done, NOW, JOB_MINUTES)

    assert len(minutes) == JOB_MINUTES
    assert list(in_turn(APPS, minutes, JOB_MINUTES)) == APPS


def test_an_app_keeps_its_turn_when_others_come_and_go() -> None:
    few, all_of_them = (in_turn(apps, [3], LOG_MINUTES) for apps in (APPS[::2], APPS))
    assert few == tuple(app for app in all_of_them if app in APPS[::2])


def test_a_boosted_app_and_one_that_is_behind_are_read_in_every_run_until_that_is_over() -> None:
    rounds = Rounds(NOW, None, frozenset({"d7"}), {"d8": NOW + MINUTE, "d9": NOW, "dgone": NOW + MINUTE})
    assert [each.id for each in rounds.due(APPS, NOW)] == ["d7", "d8"]
    after = rounds.after_run(NOW, None, ())
    assert (after.behind, sorted(after.boosted)) == (frozenset(), ["d8", "dgone"])
