"""The watcher follows SSR logs over many looks. It loses no event, counts none twice, and keeps to rate and time."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from medic.aws.logs import log_group
from medic.logscan.runtime import read_runtime_log
from medic.records import replace
from medic.telemetry import ATTENTION
from medic.watch.cursor import (
    BOOST_DURATION,
    LATE_INTERVAL,
    OVERLAP,
    REPORT_MISSING_AFTER,
    SILENCE_DURATION,
)
from tests.unit.watch.account import ERROR, HARMLESS, MINUTE, ORDINARY, POLL_INTERVAL, Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from medic.evidence import RuntimeLine
    from medic.watch.look import LookResult

HOUR = timedelta(hours=1)


@pytest.fixture
def account() -> Account:
    return Account()


def counted(looks: Iterable[tuple[LookResult, ...]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for look in looks:
        for each in look:
            totals[each.app_id] = totals.get(each.app_id, 0) + each.candidates
    return totals


def test_an_error_wakes_the_remediator_once_with_the_time_span_to_read(account: Account) -> None:
    app = account.app("shop")
    account.put(app, 3, ERROR)
    account.put(app, 50, ORDINARY)
    account.look()
    account.after(POLL_INTERVAL).look()
    account.after(POLL_INTERVAL).look()

    ((woken, span),) = account.wake_up_messages
    assert woken == app
    assert span.end - span.start == POLL_INTERVAL / 3 * 2


def test_a_candidate_that_is_not_a_finding_does_not_wake_the_remediator(account: Account) -> None:
    app = account.app("shop")
    account.put(app, 40, HARMLESS)

    assert counted([account.look()]) == {app: 40}
    assert account.wake_up_messages == []


def test_a_storm_causes_one_wake_up_and_few_calls(account: Account) -> None:
    app = account.app("shop")
    account.put(app, 10_000, ERROR)

    assert counted([account.look(), account.after(POLL_INTERVAL).look()]) == {app: 10_000}
    assert len(account.wake_up_messages) == 1
    assert len(account.logs.calls) <= 4


def test_a_look_makes_one_call_to_list_the_apps_and_one_call_per_app(account: Account) -> None:
    apps = [account.app(f"shop-{number}") for number in range(3)]
    account.app("static", platform="WEB")
    for app in apps:
        account.put(app, 100, ORDINARY)
    account.look()
    account.apps.asked.clear()
    before = len(account.logs.calls)
    account.after(POLL_INTERVAL).look()

    assert len(account.logs.calls) - before == 3
    assert account.apps.asked == ["ListApps"]
    for _ in range(5):
        account.after(MINUTE).look()
    assert len(account.logs.calls) - before == 2 * 3


def test_25_apps_are_followed_without_loss_though_some_are_busy(account: Account) -> None:
    """Some apps log 100,000 ordinary lines between two looks. Some events arrive late, some calls are throttled."""
    apps = [account.app(f"shop-{number}") for number in range(25)]
    planted = dict.fromkeys(apps, 0)
    looks = [account.look()]
    account.logs.throttle_calls = {30, 31, 47, 90}
    for round_ in range(3):
        for number, app in enumerate(apps):
            errors = (number * 7 + round_) % 4
            account.put(app, errors, ERROR, late=90.0 if number % 3 == 0 else 0.0)
            account.put(app, 100_000 if number < 3 and round_ == 1 else 200, ORDINARY)
            planted[app] += errors
        looks.append(account.look())
        looks += [account.after(MINUTE).look() for _ in range(5)]

    assert counted(looks) == planted
    assert len(account.logs.calls) < len(looks) * 25


def test_apps_that_one_look_has_no_time_for_are_read_in_the_next_looks(account: Account) -> None:
    apps = [account.app(f"shop-{number}") for number in range(8)]
    account.logs.searched_a_page, account.seconds, account.at_once = 10, 5.0, 1
    for app in apps:
        account.put(app, 4, ERROR)
        account.put(app, 60, ORDINARY)
    first = account.look()
    looks = [first, *(account.after(MINUTE).look() for _ in range(30))]

    assert sum(each.candidates > 0 for each in first) < len(apps)
    assert any(each.error for each in first)
    assert counted(looks) == dict.fromkeys(apps, 4)
    assert {app for app, _ in account.wake_up_messages} == set(apps)


def test_one_very_busy_app_does_not_delay_the_others(account: Account) -> None:
    busy, quiet = account.app("busy"), account.app("quiet")
    account.logs.searched_a_page = 10
    account.put(busy, 300, ORDINARY)
    account.put(busy, 2, ERROR, over=MINUTE)
    account.put(quiet, 1, ERROR)
    first = account.look()

    assert counted([first]) == {busy: 0, quiet: 1}
    assert counted([first, account.after(MINUTE).look()]) == {busy: 2, quiet: 1}


def test_a_stale_token_loses_no_event_and_counts_none_twice(account: Account) -> None:
    app = account.app("shop")
    account.logs.searched_a_page, account.seconds = 10, 0.3
    account.put(app, 30, ERROR)
    looks = [account.look()]
    account.logs.expire_tokens()
    looks += [account.after(MINUTE).look() for _ in range(8)]

    assert 0 < looks[0][0].candidates < 30
    assert counted(looks) == {app: 30}


@pytest.mark.parametrize("late", [30, 300, OVERLAP.total_seconds() - 60, 11 * 60, 20 * 60, 3600, 5 * 3600])
def test_events_that_are_ingested_late_are_found(account: Account, late: float) -> None:
    app = account.app("shop")
    account.put(app, 1, ORDINARY)
    looks = [account.look()]
    account.after(POLL_INTERVAL).put(app, 5, ERROR, over=MINUTE, late=late)
    account.after(timedelta(seconds=late) - 3 * MINUTE if late > 3600 else MINUTE)
    until = account.now + min(timedelta(seconds=late), 3600 * timedelta(seconds=1)) + LATE_INTERVAL + POLL_INTERVAL
    while account.now < until:
        looks.append(account.after(MINUTE).look())

    assert counted(looks) == {app: 5}
    assert account.wake_up_messages[-1][1].start < account.now - timedelta(seconds=late)


def test_the_wake_up_for_a_late_event_reaches_back_to_it(account: Account) -> None:
    app = account.app("shop")
    account.put(app, 1, ORDINARY)
    account.look()
    written = account.after(POLL_INTERVAL).now
    account.put(app, 1, ERROR, over=MINUTE, late=30 * 60)
    for _ in range(8):
        account.after(POLL_INTERVAL).look()
    account.put(app, 1, ERROR, over=MINUTE)
    account.after(POLL_INTERVAL).look()

    assert min(span.start for _, span in account.wake_up_messages) < written


def test_a_log_group_that_appears_between_two_looks_is_read_from_its_beginning(account: Account) -> None:
    app = account.app("shop")
    account.look()
    account.after(40 * MINUTE).put(app, 3, ERROR, over=30 * MINUTE)

    assert counted([account.look(), account.after(POLL_INTERVAL).look()]) == {app: 3}


def test_reading_late_events_costs_a_call_in_15_minutes_and_never_delays_the_newest(account: Account) -> None:
    app = account.app("shop")
    account.put(app, 1, ORDINARY)
    account.look()
    for _ in range(12):
        account.after(POLL_INTERVAL).look()
    assert len(account.logs.calls) == 13 + 4

    account.logs.searched_a_page = 10
    account.put(app, 150, ORDINARY, over=MINUTE)
    account.put(app, 400, ORDINARY, over=timedelta(hours=5))
    looks = []
    for _ in range(12):
        account.put(app, 2, ERROR, over=MINUTE)
        looks.append(account.after(MINUTE).look())
    looks += [account.after(MINUTE).look() for _ in range(8)]
    assert counted(looks) == {app: 24}


def test_the_watcher_survives_a_log_group_deleted_and_recreated_during_a_read(account: Account) -> None:
    app = account.app("shop")
    account.logs.searched_a_page, account.seconds = 10, 0.3
    account.put(app, 30, ERROR)
    first = account.look()
    del account.logs.groups[log_group(app)]
    gone = account.after(POLL_INTERVAL).look()
    account.put(app, 2, ERROR, over=MINUTE)
    again = [account.after(MINUTE).look() for _ in range(8)]

    assert 0 < counted([first])[app] < 30
    assert counted([gone]) == {app: 0}
    assert counted(again) == {app: 2}


def test_a_log_group_missing_for_a_day_is_reported_once_if_a_branch_is_deployed(account: Account) -> None:
    deployed, fresh = account.app("shop"), account.app("fresh", job=None)
    account.look()
    for _ in range(3):
        account.after(REPORT_MISSING_AFTER).look()

    assert [app for app, _ in account.wake_up_messages] == [deployed]
    account.app("fresh", job="1")
    account.after(REPORT_MISSING_AFTER).look()
    assert [app for app, _ in account.wake_up_messages] == [deployed, fresh]


def test_a_new_app_is_found_automatically(account: Account) -> None:
    account.app("old")
    account.look()
    new = account.app("new")
    account.put(new, 1, ERROR, over=MINUTE)
    for _ in range(5):
        account.after(MINUTE).look()

    assert [app for app, _ in account.wake_up_messages] == [new]


def test_an_app_is_read_in_every_run_for_a_while_after_a_deployment(account: Account) -> None:
    app = account.app("shop")
    account.put(app, 1, ORDINARY)
    account.look()
    account.rounds = replace(account.rounds, boosted={app: account.now + BOOST_DURATION})

    boosted = [len(account.after(MINUTE).look()) for _ in range(6)]
    account.after(BOOST_DURATION)
    later = [len(account.after(MINUTE).look()) for _ in range(6)]
    assert (boosted, later[0], sum(later[1:])) == ([1] * 6, 1, 1)


def test_ignore_on_every_branch_silences_an_app_and_its_old_errors_are_never_reported(account: Account) -> None:
    app = account.app("shop", tag="ignore")
    account.put(app, 5, ERROR)
    account.look()
    calls = len(account.logs.calls)
    account.after(POLL_INTERVAL).look()
    assert (account.wake_up_messages, len(account.logs.calls)) == ([], calls)

    account.app("shop")
    account.after(SILENCE_DURATION).look()
    assert account.wake_up_messages == []
    account.put(app, 1, ERROR, over=MINUTE)
    account.after(POLL_INTERVAL).look()
    assert len(account.wake_up_messages) == 1


def test_a_muted_app_is_not_read_and_its_errors_are_not_reported_later(account: Account) -> None:
    app = account.app("shop")
    account.muted.add(app)
    account.put(app, 5, ERROR)
    account.look()
    assert (account.wake_up_messages, account.logs.calls, account.apps.asked) == ([], [], ["ListApps"])

    account.muted.clear()
    account.after(SILENCE_DURATION).look()
    assert account.wake_up_messages == []


@pytest.mark.parametrize(("tag", "wake_up_messages"), [(None, 0), ("report", 1)])
def test_watch_runtime_tagged_reads_only_tagged_apps(account: Account, tag: str | None, wake_up_messages: int) -> None:
    account.settings = {"watch_runtime": "tagged"}
    app = account.app("shop", tag=tag)
    account.put(app, 1, ERROR)
    account.look()

    assert (len(account.wake_up_messages), len(account.logs.calls)) == (wake_up_messages, wake_up_messages)


def test_two_concurrent_runs_count_an_event_once(account: Account) -> None:
    app = account.app("shop")
    account.put(app, 3, ERROR)
    inner: list[tuple[LookResult, ...]] = []
    real = account.logs.filter_log_events

    def overtaken(**asked: Any) -> dict[str, Any]:
        answer = real(**asked)
        if not inner:
            inner.append(())
            inner[0] = account.look()
        return answer

    account.logs.filter_log_events = overtaken  # type: ignore[method-assign]
    outer = account.look()

    assert counted([outer, *inner]) == {app: 3}


def test_an_app_whose_branches_cannot_be_read_does_not_affect_other_apps(account: Account) -> None:
    first, second = account.app("first"), account.app("second")
    for app in (first, second):
        account.put(app, 1, ERROR)
    account.put(second, 1, HARMLESS)
    account.logs.groups[log_group(second)] = account.logs.groups[log_group(second)][1:]
    account.apps.broken = True
    looked = {each.app_id: each for each in account.look()}
    account.apps.broken = False

    assert (bool(looked[first].error), looked[second].error) == (True, "")
    assert counted([account.after(MINUTE).look()]) == {first: 1}
    assert [app for app, _ in account.wake_up_messages] == [first]


@pytest.mark.parametrize("broken", ["answer", "scan"])
def test_an_app_whose_log_breaks_the_watcher_stops_no_other(
    account: Account, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = account.app("first"), account.app("second")
    for app in (first, second):
        account.put(app, 1, ERROR)
    if broken == "answer":
        answer = account.logs.filter_log_events
        odd = {"events": [{"timestamp": 10**18, "message": "x"}]}
        account.logs.filter_log_events = lambda **asked: (  # type: ignore[method-assign]
            odd if first in asked["logGroupName"] else answer(**asked)
        )
    else:

        def scan(lines: tuple[RuntimeLine, ...]) -> object:
            if next(scans) == 0:
                raise RecursionError
            return read_runtime_log(lines)

        scans = count()
        monkeypatch.setattr("medic.watch.look.read_runtime_log", scan)
    looked = account.look()

    assert sorted(bool(each.error) for each in looked) == [False, True]
    assert len(account.wake_up_messages) == 1


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidParameterException"])
def test_a_log_that_may_not_be_read_needs_attention_once_an_hour(
    account: Account, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app = account.app("shop")
    account.put(app, 1, ERROR)
    account.logs.filter_log_events = failing(code)  # type: ignore[method-assign]
    for _ in range(3):
        account.look()
        account.after(POLL_INTERVAL)

    assert capsys.readouterr().out.count(f'"{ATTENTION}":') == 1


def test_a_log_that_can_not_be_read_for_an_hour_needs_attention(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.put(account.app("shop"), 1, ERROR)
    account.look()
    account.logs.filter_log_events = failing("ServiceUnavailableException")  # type: ignore[method-assign]
    account.after(POLL_INTERVAL).look()
    assert ATTENTION not in capsys.readouterr().out
    account.after(HOUR).look()

    assert ATTENTION in capsys.readouterr().out


def test_a_log_whose_end_is_not_reached_for_an_hour_needs_attention(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.app("shop")
    account.logs.filter_log_events = lambda **_: {"events": [], "nextToken": "more"}  # type: ignore[method-assign]
    account.look()
    account.after(HOUR).look()
    assert ATTENTION not in capsys.readouterr().out
    account.after(MINUTE).look()

    assert ATTENTION in capsys.readouterr().out


def failing(code: str) -> Callable[..., dict[str, Any]]:
    def filter_log_events(**_: Any) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "FilterLogEvents")

    return filter_log_events
