"""Cursors as the table keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from medic.aws.amplify import AmplifyReader
from medic.evidence import RuntimeLine, RuntimePage
from medic.watch.cursor import Cursor
from medic.watch.cursor_store import Cursors

if TYPE_CHECKING:
    from tests.integration.conftest import World

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
MILLISECONDS = NOW.replace(microsecond=123000)


@pytest.fixture
def cursors(world: World) -> Cursors:
    return Cursors(world.client("dynamodb"), "incidents", ("aws", "123456789012", "eu-central-1"))


def half_read() -> Cursor:
    cursor = Cursor("d1abc")
    lines = tuple(RuntimeLine(str(n), MILLISECONDS - timedelta(seconds=n), "s", "x") for n in range(200))
    taken, _ = cursor.taking(RuntimePage(lines, "more"), cursor.next_reading(MILLISECONDS).span)
    return replace(taken.looked(MILLISECONDS), floor=MILLISECONDS, missing_since=MILLISECONDS, missing_reported=True)


def test_a_cursor_is_read_as_it_was_written_and_written_once_a_version(cursors: Cursors) -> None:
    cursor = half_read()

    assert cursors.read(["d1abc", "d2none"]) == {}
    assert cursors.save(cursor)
    assert cursors.read(["d1abc", "d2none"]) == {"d1abc": replace(cursor, version=1)}
    assert not cursors.save(cursor)
    assert cursors.save(replace(cursor, version=1).started_over())
    assert cursors.read(["d1abc"])["d1abc"].half_read is None


def test_what_a_deployment_asks_for_and_what_a_look_writes_do_not_get_in_each_others_way(cursors: Cursors) -> None:
    until = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
    cursors.boost("d1abc", until)
    before = cursors.read(["d1abc"])["d1abc"]
    cursors.boost("d1abc", until + timedelta(minutes=1))

    assert before == Cursor("d1abc", boosted_until=until)
    assert cursors.save(before.looked(MILLISECONDS))
    assert cursors.read(["d1abc"])["d1abc"].boosted_until == until + timedelta(minutes=1)


def test_cursors_of_many_apps_are_read_in_batches(cursors: Cursors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medic.watch.cursor_store._MOST_AT_ONCE", 3)
    ids = [f"d{number}" for number in range(8)]
    for app in ids:
        cursors.boost(app, NOW)

    assert sorted(cursors.read(ids)) == sorted(ids)


def test_every_app_and_every_branch_is_listed_over_all_pages(world: World) -> None:
    world.amplify.control.set_page_size(2)
    apps = {world.make_app(name=f"shop-{number}") for number in range(5)}
    first = min(apps)
    for number in range(4):
        world.client("amplify").create_branch(appId=first, branchName=f"feature/{number}")
    reader = AmplifyReader(world.client("amplify"))

    assert {app.id for app in reader.apps()} == apps
    assert [branch.name for branch in reader.branches(first)] == ["main", *(f"feature/{n}" for n in range(4))]
