"""How far the watcher's runs came, in the table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.incidents.store import NewerSchemaError
from medic.watch.rounds import Rounds, RoundsTable

if TYPE_CHECKING:
    from tests.integration.conftest import World

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = {"pk": {"S": "cursor#aws#123456789012#eu-central-1#*"}}


@pytest.fixture
def table(world: World) -> RoundsTable:
    region = ("aws", "123456789012", "eu-central-1")
    return RoundsTable(world.client("dynamodb"), "incidents", region, world.services().on_unreadable)


def put(world: World, **attributes: Any) -> None:
    world.client("dynamodb").put_item(TableName="incidents", Item={**KEY, **attributes})


def test_what_a_run_notes_is_read_by_the_next(table: RoundsTable) -> None:
    first = Rounds(NOW, NOW - HOUR, frozenset({"d1", "d2"}))
    assert table.read(NOW) == Rounds()
    table.write(Rounds(), first, NOW)
    assert table.read(NOW) == first
    second = first.after_run(NOW + HOUR, NOW, ())
    table.write(first, second, NOW)
    assert table.read(NOW + HOUR) == second


def test_a_boost_that_comes_during_a_run_stays_and_one_that_is_over_is_deleted(
    world: World, table: RoundsTable
) -> None:
    table.boost("d1", NOW)
    table.boost("d2", NOW + HOUR / 2)
    before = table.read(NOW)
    table.boost("d3", NOW + HOUR / 2)
    table.write(before, before.after_run(NOW, NOW, ()), NOW)

    assert table.read(NOW).boosted == {"d2": NOW + HOUR / 2, "d3": NOW + HOUR / 2}
    assert "boosted#d1" not in world.client("dynamodb").get_item(TableName="incidents", Key=KEY)["Item"]


@pytest.mark.parametrize("value", ["1E+30", "-1", str(int((NOW + 3 * HOUR).timestamp()))])
def test_damaged_values_count_as_none_and_are_replaced(world: World, table: RoundsTable, value: str) -> None:
    number = {"N": value}
    put(world, logs_until=number, jobs_until=number, behind={"SS": ["d1", "#"]}, **{"boosted#d2": number})
    before = table.read(NOW)
    assert before == Rounds(None, None, frozenset({"d1"}), {"d2": NOW})
    after = before.after_run(NOW, NOW, ())
    table.write(before, after, NOW)
    assert table.read(NOW) == after == Rounds(NOW, NOW)


def test_what_only_a_newer_release_may_write_stops_the_run(world: World, table: RoundsTable) -> None:
    put(world, schema={"N": "2"})
    with pytest.raises(NewerSchemaError):
        table.read(NOW)
