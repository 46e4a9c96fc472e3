"""Cursors in the table."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.amplify import AmplifyReader
from medic.evidence import RuntimeLine, RuntimePage
from medic.records import replace
from medic.watch.cursor import MAX_LOOKBACK, Cursor
from medic.watch.cursor_store import Cursors

if TYPE_CHECKING:
    from tests.integration.conftest import World

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
MILLISECONDS = NOW.replace(microsecond=123000)


@pytest.fixture
def unreadable() -> list[str]:
    """The keys of the cursors that could not be read."""
    return []


@pytest.fixture
def cursors(world: World, unreadable: list[str]) -> Cursors:
    return Cursors(
        world.client("dynamodb"),
        "incidents",
        ("aws", "123456789012", "eu-central-1"),
        lambda key, _, **__: unreadable.append(key),
    )


def unfinished() -> Cursor:
    cursor = Cursor("d1abc")
    lines = tuple(RuntimeLine(str(n), MILLISECONDS - timedelta(seconds=n), "s", "x") for n in range(200))
    taken, _ = cursor.after_page(RuntimePage(lines, "more"), cursor.next_reading(MILLISECONDS))
    return replace(
        taken.after_look(MILLISECONDS), read_from=MILLISECONDS, missing_since=MILLISECONDS, missing_reported=True
    )


def test_a_cursor_is_read_as_it_was_written_and_each_version_is_written_once(cursors: Cursors) -> None:
    cursor = unfinished()

    assert cursors.read(["d1abc", "d2none"], NOW) == {}
    assert cursors.save(cursor)
    assert cursors.read(["d1abc", "d2none"], NOW) == {"d1abc": replace(cursor, version=1)}
    assert not cursors.save(cursor)
    assert cursors.save(replace(cursor, version=1).without_token())
    assert cursors.read(["d1abc"], NOW)["d1abc"].unfinished is None


def put(world: World, app_id: str, **attributes: Any) -> None:
    key = {"pk": {"S": f"cursor#aws#123456789012#eu-central-1#{app_id}"}}
    world.client("dynamodb").put_item(TableName="incidents", Item={**key, **attributes})


def state(**fields: Any) -> dict[str, Any]:
    return {"S": json.dumps(fields)}


@pytest.mark.parametrize(
    "attributes",
    [
        {"state": {"S": "{"}},
        {"state": {"S": "[" * 5000}},
        {"state": {"B": b"\x1f\x8b\x08garbage"}},
        {"state": state(position=7)},
        {"state": state(position="9999-12-31T00:00:00+00:00")},
        {"state": state(silent_until="2027-11-22T12:00:00+00:00")},
        {"state": state(unfinished={"start": "2026-11-22T12:00:00+00:00", "end": "2027-11-22T12:00:00+00:00"})},
        {"state": state(missing_reported=1)},
        {"remembered": {"M": {"x": {"B": b"12345678"}}}},
        {"remembered": {"M": {"1": {"S": "x"}}}},
    ],
    ids=str,
)
def test_a_damaged_cursor_stops_no_other_and_its_log_is_read_again(
    world: World, cursors: Cursors, unreadable: list[str], attributes: dict[str, Any]
) -> None:
    put(world, "d1abc", version={"N": "3"}, **attributes)
    put(world, "d2")
    found = cursors.read(["d1abc", "d2"], NOW)
    assert found["d1abc"] == Cursor("d1abc", version=3, position=NOW - MAX_LOOKBACK)
    assert sorted(found) == ["d1abc", "d2"]
    assert unreadable == ["cursor#aws#123456789012#eu-central-1#d1abc"]
    assert cursors.save(found["d1abc"].after_look(NOW))


@pytest.mark.parametrize("version", [{"N": "1E+30"}, {"N": "-1"}])
def test_a_cursor_with_a_damaged_version_is_written_again(
    world: World, cursors: Cursors, version: dict[str, str]
) -> None:
    put(world, "d1abc", version=version)
    assert cursors.save(cursors.read(["d1abc"], NOW)["d1abc"].after_look(NOW))
    assert cursors.read(["d1abc"], NOW)["d1abc"].version == 1


def test_fields_of_a_newer_release_are_written_back(world: World, cursors: Cursors) -> None:
    put(world, "d1abc", state=state(newer={"a": [1]}), newer_attribute={"S": "x"})
    assert cursors.save(cursors.read(["d1abc"], NOW)["d1abc"].after_look(NOW))
    key = {"pk": {"S": "cursor#aws#123456789012#eu-central-1#d1abc"}}
    item = world.client("dynamodb").get_item(TableName="incidents", Key=key)["Item"]
    assert json.loads(item["state"]["S"])["newer"] == {"a": [1]}
    assert item["newer_attribute"] == {"S": "x"}


def test_a_cursor_that_only_a_newer_release_may_write_is_left_alone(
    world: World, cursors: Cursors, unreadable: list[str]
) -> None:
    put(world, "d1abc", schema={"N": "2"}, version={"N": "3"})
    assert cursors.read(["d1abc"], NOW) == {}
    assert not cursors.save(Cursor("d1abc").after_look(NOW))
    assert len(unreadable) == 1


def test_cursors_of_many_apps_are_read_in_batches(cursors: Cursors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medic.watch.cursor_store._MAX_BATCH", 3)
    ids = [f"d{number}" for number in range(8)]
    for app in ids:
        cursors.save(Cursor(app))

    assert sorted(cursors.read(ids, NOW)) == sorted(ids)


def test_every_app_and_every_branch_is_listed_over_all_pages(world: World) -> None:
    world.amplify.control.set_page_size(2)
    apps = {world.make_app(name=f"shop-{number}") for number in range(5)}
    first = min(apps)
    for number in range(4):
        world.client("amplify").create_branch(appId=first, branchName=f"feature/{number}")
    reader = AmplifyReader(world.client("amplify"))

    assert {app.id for app in reader.apps()} == apps
    assert [branch.name for branch in reader.branches(first)] == ["main", *(f"feature/{n}" for n in range(4))]
