"""SSR logs followed over many looks: without loss, without counting twice, within rate and time, whatever happens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from medic.aws.errors import RetryableError
from medic.aws.logs import CALLS_A_SECOND, RuntimeLogs, log_group
from medic.aws.rate import SharedRate
from medic.plan.optin import AUTO_FIX
from medic.settings import Settings
from medic.telemetry import Telemetry
from medic.watch.cursor import BOOST, EVERY, MISSING_FOR, OVERLAP, SILENCE, Cursor
from medic.watch.look import Looked, RuntimeWatch
from tests.fakes.log_groups import LogGroups
from tests.unit.diagnosis import diagnosing
from tests.unit.diagnosis.diagnosing import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from medic.evidence import App, Branch, TimeSpan

ERROR = "⨯ Error [CredentialsProviderError]: Could not load credentials from any providers\n    at async x (1.js:1:1)"
ORDINARY = "GET / 200 in 41ms"
HARMLESS = "[auth] CredentialsSignin: the visitor's password is wrong"
MINUTE = timedelta(minutes=1)


class Apps:
    """Amplify, as far as the watcher asks it."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[App, list[Branch]]] = {}
        self.asked: list[str] = []
        self.broken = False

    def apps(self) -> tuple[App, ...]:
        self.asked.append("ListApps")
        return tuple(each for each, _ in self.found.values())

    def branches(self, app_id: str) -> tuple[Branch, ...]:
        self.asked.append("ListBranches")
        if self.broken:
            raise RetryableError("amplify:ListBranches", "InternalFailure", "no")
        return tuple(self.found[app_id][1])


class Kept:
    """The cursors, with the conditions that the table puts on writing them."""

    def __init__(self) -> None:
        self.cursors: dict[str, Cursor] = {}

    def read(self, app_ids: Sequence[str]) -> dict[str, Cursor]:
        return {app_id: self.cursors[app_id] for app_id in app_ids if app_id in self.cursors}

    def save(self, cursor: Cursor) -> bool:
        stands = self.cursors.get(cursor.app_id, Cursor(cursor.app_id))
        if stands.version != cursor.version:
            return False
        written = replace(cursor, version=cursor.version + 1, boosted_until=stands.boosted_until)
        self.cursors[cursor.app_id] = written
        return True

    def boost(self, app_id: str, until: datetime) -> None:
        self.cursors[app_id] = replace(self.cursors.get(app_id, Cursor(app_id)), boosted_until=until)


@dataclass
class Estate:
    """Apps and their logs, and a watcher whose seconds pass only while it waits or CloudWatch answers."""

    now: datetime = NOW
    apps: Apps = field(default_factory=Apps)
    kept: Kept = field(default_factory=Kept)
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 50.0
    at_once: int = 4
    spent: float = 0.0
    wake_up_messages: list[tuple[str, TimeSpan]] = field(default_factory=list)
    muted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.logs = LogGroups(lambda: self.now)

    def app(self, name: str, *, tag: str | None = None, job: str | None = "1", **fields: Any) -> str:
        tags = {AUTO_FIX: tag} if tag else {}
        self.apps.found[f"d1{name}"] = (
            diagnosing.app(id=f"d1{name}", **fields),
            [diagnosing.branch(tags=tags, active_job_id=job)],
        )
        return f"d1{name}"

    def put(self, app: str, count: int, text: str, *, over: timedelta = EVERY, late: float = 0.0) -> None:
        """Events spread evenly over the time up to now."""
        step = over / max(count, 1)
        self.logs.put(log_group(app), [(self.now - step * n - step / 2, text) for n in range(count)], late=late)

    def look(self) -> tuple[Looked, ...]:
        """One run of the watcher."""
        self.spent = 0.0
        client: Any = self.logs
        self.logs.before_call = lambda _: self._pass(0.1)
        rate = SharedRate(CALLS_A_SECOND, self.seconds, lambda: self.spent, self._pass)
        amplify: Any = self.apps
        cursors: Any = self.kept
        watch = RuntimeWatch(
            settings=Settings.parse(self.settings),
            amplify=amplify,
            logs=RuntimeLogs(lambda: client, rate),
            cursors=cursors,
            wake=lambda app, span: self.wake_up_messages.append((app, span)),
            muted=lambda app: app in self.muted,
            telemetry=Telemetry(Logger(service="test"), Metrics(namespace="test", service="test")),
            clock=lambda: self.now,
            at_once=self.at_once,
        )
        return watch.look()

    def after(self, time: timedelta) -> Estate:
        self.now += time
        return self

    def _pass(self, seconds: float) -> None:
        self.spent += seconds


@pytest.fixture
def estate() -> Estate:
    return Estate()


def counted(looks: Iterable[tuple[Looked, ...]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for look in looks:
        for each in look:
            totals[each.app_id] = totals.get(each.app_id, 0) + each.candidates
    return totals


def test_an_error_wakes_the_remediator_once_with_the_times_to_look_at(estate: Estate) -> None:
    app = estate.app("shop")
    estate.put(app, 3, ERROR)
    estate.put(app, 50, ORDINARY)
    estate.look()
    estate.after(EVERY).look()
    estate.after(EVERY).look()

    ((woken, span),) = estate.wake_up_messages
    assert woken == app
    assert span.end - span.start == EVERY / 3 * 2


def test_candidates_that_are_no_findings_wake_nobody(estate: Estate) -> None:
    app = estate.app("shop")
    estate.put(app, 40, HARMLESS)

    assert counted([estate.look()]) == {app: 40}
    assert estate.wake_up_messages == []


def test_a_storm_is_one_nudge_and_a_handful_of_calls(estate: Estate) -> None:
    app = estate.app("shop")
    estate.put(app, 10_000, ERROR)

    assert counted([estate.look(), estate.after(EVERY).look()]) == {app: 10_000}
    assert len(estate.wake_up_messages) == 1
    assert len(estate.logs.calls) <= 4


def test_a_small_estate_costs_a_call_for_the_apps_and_one_for_each_of_them(estate: Estate) -> None:
    apps = [estate.app(f"shop-{number}") for number in range(3)]
    estate.app("static", platform="WEB")
    for app in apps:
        estate.put(app, 100, ORDINARY)
    estate.look()
    estate.apps.asked.clear()
    before = len(estate.logs.calls)
    estate.after(EVERY).look()

    assert len(estate.logs.calls) - before == 3
    assert estate.apps.asked == ["ListApps"]
    estate.after(MINUTE).look()
    assert len(estate.logs.calls) - before == 3


def test_25_apps_some_busy_are_followed_without_loss(estate: Estate) -> None:
    """100,000 ordinary lines between two looks in some, errors planted here and there, events late, throttles."""
    apps = [estate.app(f"shop-{number}") for number in range(25)]
    planted = dict.fromkeys(apps, 0)
    looks = [estate.look()]
    estate.logs.throttle_calls = {30, 31, 47, 90}
    for round_ in range(3):
        for number, app in enumerate(apps):
            errors = (number * 7 + round_) % 4
            estate.put(app, errors, ERROR, late=90.0 if number % 3 == 0 else 0.0)
            estate.put(app, 100_000 if number < 3 and round_ == 1 else 200, ORDINARY)
            planted[app] += errors
        looks.append(estate.look())
        looks += [estate.after(MINUTE).look() for _ in range(5)]

    assert counted(looks) == planted
    assert len(estate.logs.calls) < len(looks) * 25


def test_where_time_runs_out_the_rest_comes_next_time_and_nobody_is_left_out(estate: Estate) -> None:
    apps = [estate.app(f"shop-{number}") for number in range(8)]
    estate.logs.searched_a_page, estate.seconds, estate.at_once = 10, 2.0, 1
    for app in apps:
        estate.put(app, 4, ERROR)
        estate.put(app, 60, ORDINARY)
    first = estate.look()
    looks = [first, *(estate.after(MINUTE).look() for _ in range(12))]

    assert sum(each.candidates > 0 for each in first) < len(apps)
    assert any(each.trouble for each in first)
    assert counted(looks) == dict.fromkeys(apps, 4)
    assert {app for app, _ in estate.wake_up_messages} == set(apps)


def test_one_very_busy_app_does_not_keep_the_others_waiting(estate: Estate) -> None:
    busy, quiet = estate.app("busy"), estate.app("quiet")
    estate.logs.searched_a_page = 10
    estate.put(busy, 300, ORDINARY)
    estate.put(busy, 2, ERROR, over=MINUTE)
    estate.put(quiet, 1, ERROR)
    first = estate.look()

    assert counted([first]) == {busy: 0, quiet: 1}
    assert counted([first, estate.after(MINUTE).look()]) == {busy: 2, quiet: 1}


def test_a_token_grown_stale_over_night_costs_no_event_and_counts_none_twice(estate: Estate) -> None:
    app = estate.app("shop")
    estate.logs.searched_a_page, estate.seconds = 10, 0.3
    estate.put(app, 30, ERROR)
    looks = [estate.look()]
    estate.logs.expire_tokens()
    looks += [estate.after(MINUTE).look() for _ in range(8)]

    assert 0 < looks[0][0].candidates < 30
    assert counted(looks) == {app: 30}


@pytest.mark.parametrize("late", [30, 300, OVERLAP.total_seconds() - 60])
def test_events_that_are_ingested_late_are_found_when_they_are_there(estate: Estate, late: float) -> None:
    app = estate.app("shop")
    looks = [estate.look()]
    estate.after(EVERY).put(app, 5, ERROR, over=MINUTE, late=late)
    looks += [estate.after(MINUTE).look() for _ in range(12)]

    assert counted(looks) == {app: 5}


def test_a_group_deleted_halfway_and_made_again_is_survived(estate: Estate) -> None:
    app = estate.app("shop")
    estate.logs.searched_a_page, estate.seconds = 10, 0.3
    estate.put(app, 30, ERROR)
    first = estate.look()
    del estate.logs.groups[log_group(app)]
    gone = estate.after(EVERY).look()
    estate.put(app, 2, ERROR, over=MINUTE)
    again = [estate.after(MINUTE).look() for _ in range(8)]

    assert 0 < counted([first])[app] < 30
    assert counted([gone]) == {app: 0}
    assert counted(again) == {app: 2}


def test_a_group_that_is_missing_for_a_day_is_told_once_if_something_is_deployed(estate: Estate) -> None:
    deployed, fresh = estate.app("shop"), estate.app("fresh", job=None)
    estate.look()
    for _ in range(3):
        estate.after(MISSING_FOR).look()

    assert [app for app, _ in estate.wake_up_messages] == [deployed]
    estate.app("fresh", job="1")
    estate.after(MISSING_FOR).look()
    assert [app for app, _ in estate.wake_up_messages] == [deployed, fresh]


def test_a_new_app_is_found_by_itself(estate: Estate) -> None:
    estate.app("old")
    estate.look()
    new = estate.app("new")
    estate.put(new, 1, ERROR, over=MINUTE)
    estate.after(MINUTE).look()

    assert [app for app, _ in estate.wake_up_messages] == [new]


def test_after_a_deployment_an_app_is_looked_at_in_every_run_for_a_while(estate: Estate) -> None:
    app = estate.app("shop")
    estate.put(app, 1, ORDINARY)
    estate.look()
    estate.kept.boost(app, estate.now + BOOST)

    boosted = [len(estate.after(MINUTE).look()) for _ in range(6)]
    estate.after(BOOST)
    later = [len(estate.after(MINUTE).look()) for _ in range(6)]
    assert (boosted, later) == ([1] * 6, [1, 0, 0, 0, 0, 1])


def test_ignore_on_every_branch_silences_an_app_and_taking_it_off_does_not_bring_up_old_things(estate: Estate) -> None:
    app = estate.app("shop", tag="ignore")
    estate.put(app, 5, ERROR)
    estate.look()
    calls = len(estate.logs.calls)
    estate.after(EVERY).look()
    assert (estate.wake_up_messages, len(estate.logs.calls)) == ([], calls)

    estate.app("shop")
    estate.after(SILENCE).look()
    assert estate.wake_up_messages == []
    estate.put(app, 1, ERROR, over=MINUTE)
    estate.after(EVERY).look()
    assert len(estate.wake_up_messages) == 1


def test_a_muted_app_is_left_alone_and_what_it_logged_meanwhile_is_not_brought_up(estate: Estate) -> None:
    app = estate.app("shop")
    estate.muted.add(app)
    estate.put(app, 5, ERROR)
    estate.look()
    assert (estate.wake_up_messages, estate.logs.calls, estate.apps.asked) == ([], [], ["ListApps"])

    estate.muted.clear()
    estate.after(SILENCE).look()
    assert estate.wake_up_messages == []


@pytest.mark.parametrize(("tag", "wake_up_messages"), [(None, 0), ("report", 1)])
def test_where_only_tagged_apps_are_watched_the_others_are_left_alone(
    estate: Estate, tag: str | None, wake_up_messages: int
) -> None:
    estate.settings = {"watch_runtime": "tagged"}
    app = estate.app("shop", tag=tag)
    estate.put(app, 1, ERROR)
    estate.look()

    assert (len(estate.wake_up_messages), len(estate.logs.calls)) == (wake_up_messages, wake_up_messages)


def test_two_runs_at_once_count_an_event_once(estate: Estate) -> None:
    app = estate.app("shop")
    estate.put(app, 3, ERROR)
    inner: list[tuple[Looked, ...]] = []
    real = estate.logs.filter_log_events

    def overtaken(**asked: Any) -> dict[str, Any]:
        answer = real(**asked)
        if not inner:
            inner.append(())
            inner[0] = estate.look()
        return answer

    estate.logs.filter_log_events = overtaken  # type: ignore[method-assign]
    outer = estate.look()

    assert counted([outer, *inner]) == {app: 3}


def test_an_app_whose_branches_cannot_be_read_troubles_no_other(estate: Estate) -> None:
    first, second = estate.app("first"), estate.app("second")
    for app in (first, second):
        estate.put(app, 1, ERROR)
    estate.put(second, 1, HARMLESS)
    estate.logs.groups[log_group(second)] = estate.logs.groups[log_group(second)][1:]
    estate.apps.broken = True
    looked = {each.app_id: each for each in estate.look()}
    estate.apps.broken = False

    assert (bool(looked[first].trouble), looked[second].trouble) == (True, "")
    assert counted([estate.after(MINUTE).look()]) == {first: 1}
    assert [app for app, _ in estate.wake_up_messages] == [first]
