"""Leases, versions and caps in the table keep concurrent invocations apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.events import RequestKind, Scope, WakeUp
from medic.evidence import JobRef
from medic.incidents.model import Answer, Incident, Request, UndeliveredAlert, approval_id
from medic.incidents.region import RegionTable
from medic.incidents.requests import RequestsTable
from medic.incidents.table import (
    BRANCH,
    COUNT,
    LEASE,
    REGION,
    REQUEST,
    STORM,
    UNDELIVERED,
    BusyError,
    Cap,
    IncidentsTable,
    Lease,
    LeaseLostError,
    TransactionParts,
    UsedUpError,
)
from medic.labels import Label, RoleKind
from medic.records import replace
from medic.watch.cursor import Cursor
from medic.watch.cursor_store import CURSOR, Cursors

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import World

SCOPE = Scope("aws", "123456789012", "eu-central-1", "d1abc", "feature/x#1")
OTHER = Scope("aws", "123456789012", "eu-central-1", "d1abc", "main")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def unreadable() -> list[str]:
    """The keys of the items that could not be read, as the table reports them."""
    return []


@pytest.fixture
def table(world: World, clock: Callable[[], datetime], unreadable: list[str]) -> IncidentsTable:
    return IncidentsTable(world.client("dynamodb"), "incidents", clock, lambda key, _, **__: unreadable.append(key))


def incident(clock: Clock) -> Incident:
    kind = (RoleKind.SERVICE, Label.SERVICE_ROLE_UNASSUMABLE)
    return Incident.open(SCOPE, kind, JobRef("7", clock.now), app_name="shop", now=clock())


def test_a_saved_record_is_read_back(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as held:
        held.save(held.record.with_incident(incident(clock)))
    assert table.read(SCOPE).incidents == (incident(clock),)
    assert table.read(OTHER).incidents == ()


def test_a_locked_branch_is_busy_and_others_are_not(table: IncidentsTable) -> None:
    with table.hold(SCOPE):
        with table.hold(OTHER):
            pass
        with pytest.raises(BusyError), table.hold(SCOPE):
            pass


def test_a_released_branch_can_be_locked_again(table: IncidentsTable) -> None:
    for _ in range(2):
        with table.hold(SCOPE):
            pass


def test_a_branch_is_released_when_its_holder_fails(table: IncidentsTable) -> None:
    with pytest.raises(RuntimeError), table.hold(SCOPE):
        raise RuntimeError
    with table.hold(SCOPE):
        pass


def test_a_lease_is_not_ended_by_its_earlier_holder(table: IncidentsTable, clock: Clock) -> None:
    first = table.hold(SCOPE)
    first.__enter__()
    clock.now += LEASE + timedelta(seconds=1)
    with table.hold(SCOPE):
        first.__exit__(None, None, None)
        with pytest.raises(BusyError), table.hold(SCOPE):
            pass


def test_a_lapsed_lease_is_taken_over_and_its_old_holder_can_not_write(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as old:
        clock.now += LEASE + timedelta(seconds=1)
        with table.hold(SCOPE) as new:
            new.save(new.record.with_incident(incident(clock)))
        with pytest.raises(LeaseLostError):
            old.save(old.record)
    assert len(table.read(SCOPE).incidents) == 1


def test_an_old_holder_can_not_write_even_if_the_new_one_has_not_written_yet(
    table: IncidentsTable, clock: Clock
) -> None:
    with table.hold(SCOPE) as old:
        clock.now += LEASE + timedelta(seconds=1)
        with table.hold(SCOPE), pytest.raises(LeaseLostError):
            old.save(old.record.with_incident(incident(clock)))
    assert table.read(SCOPE).incidents == ()


def test_a_stale_record_does_not_overwrite_a_newer_one(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as held:
        stale = held.record
        held.save(held.record.with_incident(incident(clock)))
        with pytest.raises(LeaseLostError):
            held.save(stale)
    assert len(table.read(SCOPE).incidents) == 1


def cap(most: int, name: str = "fixes#1") -> Cap:
    return Cap(name, most, datetime(2026, 11, 23, tzinfo=UTC))


def spend(held: Lease, caps: tuple[Cap, ...]) -> str | None:
    return held.save(held.record, TransactionParts(caps))


def test_a_cap_that_is_used_up_is_named_and_nothing_is_written(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as held:
        assert spend(held, (cap(5, "account"), cap(1, "branch"))) is None
        refused = held.save(
            held.record.with_incident(incident(clock)), TransactionParts((cap(5, "account"), cap(1, "branch")))
        )
        assert refused == "branch"
        assert table.read(SCOPE).incidents == ()
        assert [spend(held, (cap(5, "account"),)) for _ in range(5)] == [None] * 4 + ["account"]


def test_every_item_says_its_schema_and_is_kept_for_90_days(
    world: World,
    table: IncidentsTable,
    requests: RequestsTable,
    region: RegionTable,
    clock: Clock,
    unreadable: list[str],
) -> None:
    letter = UndeliveredAlert("abc", "report:7", "{}", ("slack",))
    with table.hold(SCOPE) as held:
        held.save(held.record.with_incident(incident(clock)), TransactionParts((cap(5),), undelivered=(letter,)))
    requests.submit(make_request(clock))
    requests.submit(answered := make_request(clock, id="1" * 32))
    requests.answer(SCOPE, answered.id, Answer("done"))
    region.count(SCOPE)
    region.join_storm(SCOPE, "abc", "def")
    cursors = Cursors(
        world.client("dynamodb"), "incidents", ("aws", "123456789012", "eu-central-1"), requests._on_unreadable
    )
    cursors.save(Cursor("d1abc").after_look(clock.now))
    table.keep_success(OTHER, "{}")
    table.note_handled(replace(OTHER, branch="new"), JobRef("7", clock.now))
    with table.hold(replace(OTHER, branch="empty")):
        pass
    items = world.client("dynamodb").scan(TableName="incidents")["Items"]
    assert {item["pk"]["S"].partition("#")[0] for item in items} == {
        *(BRANCH, REQUEST, UNDELIVERED, COUNT, REGION, STORM, CURSOR)
    }
    assert [item.get("schema") for item in items] == [{"N": "1"}] * len(items)
    kept = {item["pk"]["S"].partition("#")[0]: item.get("expires_at", {}).get("N") for item in items}
    counted = datetime.fromtimestamp(int(kept.pop(COUNT)), UTC)
    assert counted == cap(5).expires_at
    assert kept.pop(REGION) is None  # it is bounded, and in use as long as the stack is
    assert unreadable == []
    for each in kept.values():
        left = datetime.fromtimestamp(int(each), UTC) - clock.now
        assert timedelta(days=90) <= left <= timedelta(days=90, hours=1)


def test_due_incidents_are_found_by_their_deadline(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as held:
        held.save(held.record.with_incident(incident(clock)))
    assert list(table.due()) == []
    clock.now += timedelta(days=8)
    assert list(table.due()) == [WakeUp(SCOPE)]


def test_an_undelivered_alert_is_stored_until_every_channel_has_it(table: IncidentsTable, clock: Clock) -> None:
    undelivered_alert = UndeliveredAlert("abc", "report:7", "{}", ("slack", "sns"))
    with table.hold(SCOPE) as held:
        held.save(held.record.with_incident(incident(clock)), TransactionParts(undelivered=(undelivered_alert,)))
        assert table.undelivered_alert("abc", "report:7") == undelivered_alert
        held.save(held.record, TransactionParts(undelivered=(replace(undelivered_alert, lacking=()),)))
    assert table.undelivered_alert("abc", "report:7") is None


def test_all_records_are_listed_and_nothing_else(table: IncidentsTable, clock: Clock, requests: RequestsTable) -> None:
    requests.submit(make_request(clock))
    with table.hold(OTHER):
        pass
    with table.hold(SCOPE) as held:
        held.save(held.record.with_incident(incident(clock)), TransactionParts((cap(5),)))
    assert [record.scope for record in table.all()] == [SCOPE]


@pytest.fixture
def requests(world: World, clock: Clock, unreadable: list[str]) -> RequestsTable:
    return RequestsTable(world.client("dynamodb"), "incidents", clock, lambda key, _, **__: unreadable.append(key))


def make_request(clock: Clock, **fields: Any) -> Request:
    made = Request("0" * 32, RequestKind.FIX, SCOPE, "arn:me", clock.now, clock.now + timedelta(hours=1))
    return replace(made, **fields)


def test_a_request_is_read_as_it_was_submitted(requests: RequestsTable, clock: Clock) -> None:
    asked = make_request(clock, kind=RequestKind.APPROVE, incident_id="abc", plan_hash="f" * 64, who="slack:T1/U1")
    requests.submit(asked)
    assert requests.read(SCOPE, asked.id) == asked
    assert requests.read(OTHER, asked.id) is None


def test_the_first_request_with_an_id_counts(requests: RequestsTable, clock: Clock) -> None:
    twice = approval_id("abc", "f" * 64)
    first = make_request(clock, id=twice, who="first")
    assert requests.submit(first) == first
    assert requests.submit(make_request(clock, id=twice, who="second")) == first
    assert approval_id("abc", "e" * 64) != twice != approval_id("abd", "f" * 64)


def test_only_a_request_that_is_tried_again_is_due(
    table: IncidentsTable, requests: RequestsTable, clock: Clock
) -> None:
    asked = make_request(clock)
    requests.submit(asked)
    clock.now += timedelta(minutes=2)
    assert list(table.due()) == []
    storm = Answer("a storm", refused=True)
    requests.answer(SCOPE, asked.id, storm, retry_at=clock.now + timedelta(minutes=15))
    stopped = requests.read(SCOPE, asked.id)
    assert stopped is not None
    assert (stopped.answer, stopped.used_at) == (storm, None)
    clock.now += timedelta(minutes=16)
    assert list(table.due()) == [WakeUp(SCOPE, asked.id)]
    requests.answer(SCOPE, asked.id, Answer("applied"))
    assert list(table.due()) == []
    used = requests.read(SCOPE, asked.id)
    assert used is not None
    assert (used.answer, used.used_at) == (Answer("applied"), clock.now)


def test_an_answer_does_not_create_a_request(requests: RequestsTable) -> None:
    requests.answer(SCOPE, "1" * 32, Answer("a storm", refused=True))
    assert requests.read(SCOPE, "1" * 32) is None


def test_a_request_is_used_once_and_nothing_is_written_the_second_time(
    table: IncidentsTable, requests: RequestsTable, clock: Clock
) -> None:
    asked = make_request(clock)
    requests.submit(asked)
    with table.hold(SCOPE) as held:
        held.save(held.record, TransactionParts((cap(5),), asked))
        with pytest.raises(UsedUpError):
            held.save(held.record.with_incident(incident(clock)), TransactionParts((cap(5),), asked))
    assert table.read(SCOPE).incidents == ()


def test_a_missing_request_can_not_be_used(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as held, pytest.raises(UsedUpError):
        held.save(held.record, TransactionParts(request=make_request(clock)))


@pytest.fixture
def region(world: World, clock: Clock, unreadable: list[str]) -> RegionTable:
    return RegionTable(world.client("dynamodb"), "incidents", clock, lambda key, _, **__: unreadable.append(key))


def app(name: str) -> Scope:
    return replace(OTHER, app_id=name)


def test_failing_apps_are_counted_once_over_a_sliding_window(region: RegionTable, clock: Clock) -> None:
    for name in ("d1", "d2", "d2", "d2"):
        region.count(app(name))
        clock.now += timedelta(minutes=3)
    assert region.read(SCOPE).apps_within(10, clock.now) == 1
    assert region.count(app("d3")).apps_within(13, clock.now) == 3


def test_old_minutes_are_deleted(region: RegionTable, clock: Clock) -> None:
    for number in range(13):
        region.count(app(f"d{number}"))
        clock.now += timedelta(minutes=1)
    clock.now += timedelta(hours=2)
    region.count(app("dnew"))
    assert list(region.read(SCOPE).failed.values()) == [frozenset({"dnew"})]


def test_a_mute_holds_for_its_branch_or_app_until_it_ends(region: RegionTable, clock: Clock) -> None:
    region.mute(SCOPE, clock.now + timedelta(hours=2))
    region.mute(replace(SCOPE, app_id="d2").whole_app, clock.now + timedelta(hours=2))
    seen = region.read(SCOPE)
    assert [seen.muted(s, clock.now) for s in (SCOPE, OTHER, replace(OTHER, app_id="d2"))] == [True, False, True]
    assert not seen.muted(SCOPE, clock.now + timedelta(hours=2))
    region.mute(SCOPE, None)
    assert not region.read(SCOPE).muted(SCOPE, clock.now)
