"""This release reads the tables of every earlier one, and writes back what it does not know.

A file in `tests/data/table` holds all items of a table as a release wrote them. `0.1.0` also holds items of a release
that does not exist yet, on branches named `newer-…`, and damaged ones, on branches named `damaged-…`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic import VERSION, pipeline
from medic.diagnosis.changes import kept_state
from medic.events import WakeUp
from medic.evidence import Present, Unreadable
from medic.incidents.model import IncidentState
from medic.incidents.store import NewerSchemaError
from medic.incidents.table import _wake_up_for
from medic.records import replace
from medic.watch.cursor_store import Cursors
from tests.frozen_table import FOLDER, MAIN, branch, frozen
from tests.integration.conftest import REGION, TABLE
from tests.integration.test_requests import TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.events import Scope
    from medic.services import Services
    from tests.integration.conftest import World

Json = dict[str, Any]
FIRST, BEFORE, CURRENT = "first-edition", "2046c85", "0.2.0"
RELEASES = sorted(path.stem for path in FOLDER.glob("*.json"))


@dataclass
class Frozen:
    """A frozen table in DynamoDB, and the bot at the time at which it was frozen."""

    world: World
    now: datetime
    items: list[Json]
    unreadable: list[str]

    def services(self) -> Services:
        services = self.world.services(clock=lambda: self.now)
        services.on_unreadable = lambda key, _, **__: self.unreadable.append(key)
        return services

    def item(self, key: str) -> Json:
        found = self.world.client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": key}})["Item"]
        return dict(found)

    def branches(self, *kinds: str) -> Iterator[tuple[str, Scope, Json]]:
        """Key, scope and item of every branch whose name begins with one of these words, or of all others."""
        for item in self.items:
            key = item["pk"]["S"]
            name = key.rpartition("#")[2]
            if "incidents" in item and (name.startswith(kinds) if kinds else not name.startswith(("newer", "damaged"))):
                yield key, _wake_up_for(key).scope, item


@pytest.fixture
def table(world: World, request: pytest.FixtureRequest) -> Frozen:
    now, items = frozen(FOLDER / f"{request.param}.json")
    for item in items:
        world.client("dynamodb").put_item(TableName=TABLE, Item=item)
    return Frozen(world, now, items, [])


def every_table(*but: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("table", [name for name in RELEASES if name not in but], indirect=True)


def only(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("table", names, indirect=True)


def stored(item: Json) -> list[Json]:
    found: list[Json] = json.loads(item["incidents"]["S"])
    return found


@every_table(FIRST)
def test_every_incident_of_a_release_is_read(table: Frozen) -> None:
    for _, scope, item in table.branches():
        record = table.services().table.read(scope)
        assert [(each.id, each.state) for each in record.incidents] == [(i["id"], i["state"]) for i in stored(item)]
        assert record.unread == ()
    assert table.unreadable == []


@only(CURRENT)
def test_the_last_success_is_read_and_a_damaged_one_is_no_missing_one(table: Frozen) -> None:
    records = table.services().table
    assert isinstance(kept_state(records.read(MAIN).worked), Present)
    damaged = [branch(f"worked-{name}") for name in ("no-json", "wrong", "times")]
    assert [type(kept_state(records.read(scope).worked)) for scope in damaged] == [Unreadable] * 3


@only(FIRST)
def test_the_incidents_of_the_first_edition_are_skipped_and_counted(table: Frozen) -> None:
    for _, scope, item in table.branches():
        record = table.services().table.read(scope)
        assert record.incidents == ()
        assert len(record.unread) == len(stored(item))
    assert sorted(set(table.unreadable)) == sorted(key for key, *_ in table.branches())


@only(FIRST)
def test_the_incidents_of_the_first_edition_are_looked_at_once_and_counted_once(
    table: Frozen, caplog: pytest.LogCaptureFixture
) -> None:
    table.now += timedelta(days=8)
    services = table.world.services(clock=lambda: table.now)
    woken = [due.scope for due in services.table.due()]
    assert len(woken) > 0
    for scope in woken:
        pipeline.run(WakeUp(scope), table.world.services(clock=lambda: table.now))
    assert caplog.messages.count("RecordOutdated") == len(woken)
    assert caplog.messages.count("RecordUnreadable") == 0
    table.now += timedelta(days=1)
    assert list(services.table.due()) == []


@every_table()
def test_what_is_not_known_is_written_back_as_it_was(table: Frozen) -> None:
    known = {"lease_token", "lease_until", "version", "expires_at", "due", "due_at", "schema"}
    for key, scope, before in (*table.branches(), *table.branches("newer")):
        if "schema" in before and before["schema"] != {"N": "1"}:
            continue
        with table.services().table.hold(scope) as lease:
            lease.save(lease.record)
        after = table.item(key)
        assert {name: after[name] for name in before.keys() - known - {"incidents"}} == {
            name: before[name] for name in before.keys() - known - {"incidents"}
        }
        left = {each["id"]: each for each in stored(after)}
        for each in stored(before):
            assert {**left[each["id"]], **each} == left[each["id"]]
            assert [{**now, **was} for now, was in zip(left[each["id"]]["changes"], each["changes"], strict=True)] == (
                left[each["id"]]["changes"]
            )


@every_table()
def test_the_flows_go_on_whatever_is_in_the_table(table: Frozen) -> None:
    newer = []
    for wait in (timedelta(minutes=5), timedelta(hours=3), timedelta(days=8)):
        table.now += wait
        services = table.services()
        for due in list(services.table.due()):
            try:
                pipeline.run(due, services)
            except NewerSchemaError:
                newer.append(due.scope.branch)
    assert set(newer) <= {"newer-schema"}
    still_open = [
        each.id
        for record in table.services().table.all()
        for each in record.incidents
        if not each.state.closed and record.scope.branch != "newer-schema"
    ]
    assert still_open == []
    assert [due.scope.branch for due in table.services().table.due() if "newer" not in due.scope.branch] == []


@every_table(FIRST)
def test_every_other_item_is_read(table: Frozen) -> None:
    services = table.services()
    region = services.region.read(next(table.branches())[1])
    keys = [item["pk"]["S"] for item in table.items]
    requests = [_wake_up_for(key) for key in keys if key.startswith("request#") and key.count("#") > 5 and "#d" in key]
    assert all(services.requests.read(each.scope, each.request_id) is not None for each in requests)
    letters = [item["pk"]["S"].split("#", 2)[1:] for item in table.items if "alert" in item]
    assert all(services.table.undelivered_alert(*letter) is not None for letter in letters)
    app_ids = [key.rpartition("#")[2] for key in keys if key.startswith("cursor#")]
    cursors = Cursors(services.clients.dynamodb, TABLE, ("aws", "123456789012", REGION), services.on_unreadable)
    assert sorted(cursors.read(app_ids, table.now)) == sorted(app_ids)
    assert (len(requests) > 0, len(app_ids) > 0) == (True, True)
    assert table.unreadable == [key for key in keys if key.endswith("#ddamaged")]
    if any("mutes" in item for item in table.items):
        assert (len(region.failed), len(region.mutes), len(letters)) == (1, 1, 1)


@only(CURRENT)
def test_an_incident_that_only_a_newer_release_knows_is_left_alone(table: Frozen) -> None:
    for key, scope, before in table.branches("newer-s", "newer-l", "newer-r", "newer-t", "newer-m", "newer-c"):
        if scope.branch == "newer-schema":
            continue
        services = table.services()
        record = services.table.read(scope)
        assert len(record.unread) == 1
        table.now += timedelta(hours=2)
        pipeline.run(WakeUp(scope), services)
        assert stored(table.item(key))[0] == stored(before)[0]
        due_at = datetime.fromtimestamp(int(table.item(key)["due_at"]["N"]), table.now.tzinfo)
        assert table.now < due_at <= table.now + timedelta(hours=1)


@only(CURRENT)
def test_what_only_a_newer_release_may_write_is_not_touched(table: Frozen) -> None:
    ((key, scope, before),) = table.branches("newer-schema")
    services = table.services()
    with pytest.raises(NewerSchemaError, match="schema 2"), services.table.hold(scope):
        pass
    with pytest.raises(NewerSchemaError):
        services.table.read(scope)
    assert {name: value for name, value in table.item(key).items() if name in before} == before
    assert scope not in [record.scope for record in services.table.all()]
    assert key in table.unreadable


@only(CURRENT)
def test_damaged_incidents_are_skipped_counted_and_kept(table: Frozen) -> None:
    for key, scope, before in table.branches("damaged"):
        table.unreadable.clear()
        with table.services().table.hold(scope) as lease:
            record = lease.record
            lease.save(record)
        after = table.item(key)
        assert after["version"] == {"N": str(record.version + 1)}
        if scope.branch == "damaged-numbers":
            assert [each.state for each in record.incidents] == [IncidentState.OPEN]
            assert record.cooling_until == table.now + timedelta(hours=1)
        elif scope.branch in {"damaged-time", "damaged-numbers"}:
            assert record.incidents == ()
            assert stored(after) == stored(before)
        else:
            assert record.incidents == ()
            assert table.unreadable != []
            assert all(isinstance(each, (dict, float, int)) for each in stored(after))


@only(FIRST, CURRENT)
def test_a_failure_on_a_branch_with_an_unread_incident_is_reported_and_nothing_is_changed(table: Frozen) -> None:
    world = table.world
    app = world.make_app(tags={TAG: "fix"})
    newer = ["newer-state"] if any("schema" in item for item in table.items) else []
    unread = next(item for _, scope, item in table.branches(*newer))
    _, old, _ = next(table.branches())
    scope = replace(old, app_id=app, branch="main")
    key = f"branch#aws#{scope.account}#{scope.region}#{app}#main"
    world.client("dynamodb").put_item(TableName=TABLE, Item={**unread, "pk": {"S": key}})
    world.amplify.control.set_connection(app, "lost")
    services = table.services()
    world.deliver(world.build(app), services)
    assert len(world.alerts()) == 1
    assert "it is repeated only when somebody asks" in world.alerts()[0]
    assert world.compute_role(app) is None
    assert stored(table.item(key))[0] == stored(unread)[0]


def test_there_is_a_table_of_this_release() -> None:
    assert VERSION in RELEASES
