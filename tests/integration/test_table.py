"""Leases exclude, versions guard, caps hold: the table alone keeps two invocations apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from medic.aws.amplify import JobState
from medic.events import Scope
from medic.incidents.model import Incident, RoleKind
from medic.incidents.table import LEASE, BusyError, Cap, Held, IncidentsTable, LeaseLostError

if TYPE_CHECKING:
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
def table(world: World, clock: Callable[[], datetime]) -> IncidentsTable:
    return IncidentsTable(world.client("dynamodb"), "incidents", clock)


def incident(clock: Clock) -> Incident:
    kind = (RoleKind.SERVICE, "service_role_unassumable")
    return Incident.open(SCOPE, kind, JobState("7", "FAILED", clock.now), app_name="shop", now=clock())


def test_what_was_saved_is_read(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as held:
        held.save(held.record.with_incident(incident(clock)))
    assert table.read(SCOPE).incidents == (incident(clock),)
    assert table.read(OTHER).incidents == ()


def test_a_held_branch_is_busy_and_others_are_not(table: IncidentsTable) -> None:
    with table.hold(SCOPE):
        with table.hold(OTHER):
            pass
        with pytest.raises(BusyError), table.hold(SCOPE):
            pass


def test_a_released_branch_can_be_held_again(table: IncidentsTable) -> None:
    for _ in range(2):
        with table.hold(SCOPE):
            pass


def test_a_branch_is_released_when_its_holder_fails(table: IncidentsTable) -> None:
    with pytest.raises(RuntimeError), table.hold(SCOPE):
        raise RuntimeError
    with table.hold(SCOPE):
        pass


def test_a_lapsed_lease_is_taken_over_and_its_old_holder_can_not_write(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as old:
        clock.now += LEASE + timedelta(seconds=1)
        with table.hold(SCOPE) as new:
            new.save(new.record.with_incident(incident(clock)))
        with pytest.raises(LeaseLostError):
            old.save(old.record)
    assert len(table.read(SCOPE).incidents) == 1


def cap(most: int, name: str = "fixes#1") -> Cap:
    return Cap(name, most, datetime(2026, 11, 23, tzinfo=UTC))


def spend(held: Held, caps: tuple[Cap, ...]) -> str | None:
    return held.save(held.record, caps)


def test_a_cap_that_is_used_up_is_named_and_nothing_is_written(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as held:
        assert spend(held, (cap(5, "account"), cap(1, "branch"))) is None
        refused = held.save(held.record.with_incident(incident(clock)), (cap(5, "account"), cap(1, "branch")))
        assert refused == "branch"
        assert table.read(SCOPE).incidents == ()
        assert [spend(held, (cap(5, "account"),)) for _ in range(5)] == [None] * 4 + ["account"]


def test_a_counter_counts(table: IncidentsTable) -> None:
    assert [table.count(cap(1)) for _ in range(3)] == [1, 2, 3]


def test_what_is_due_is_found_by_its_deadline(table: IncidentsTable, clock: Clock) -> None:
    with table.hold(SCOPE) as held:
        held.save(held.record.with_incident(incident(clock)))
    assert list(table.due()) == []
    clock.now += timedelta(days=8)
    assert list(table.due()) == [SCOPE]
