"""Many incidents at once: one alert, no changes, and a summary of all affected branches at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medic.events import wake_up
from medic.evidence import JobRef
from medic.flows.locked_branch import RecordedError
from medic.incidents.model import Incident, IncidentState
from medic.incidents.region import MAX_STORM_MEMBERS, RegionTable
from medic.incidents.table import branch_key
from medic.labels import Label, RoleKind
from medic.records import replace
from medic.settings import Mode
from tests.integration.test_requests import TAG, scope

if TYPE_CHECKING:
    from medic.events import Scope
    from tests.integration.conftest import World

FEW = {"limits": {"storm_apps": 2}}


def broken(world: World, name: str, mode: str | None = "fix") -> str:
    app = world.make_app(name=name, tags={TAG: mode} if mode else {})
    world.amplify.control.set_connection(app, "lost")
    return app


def storm_of(world: World, many: int) -> list[str]:
    world.settings.update(FEW)
    apps = [broken(world, f"app{number}", "fix" if number % 2 else None) for number in range(many)]
    for app in apps:
        world.deliver(world.build(app))
    return apps


def test_one_alert_reports_the_storm_and_nothing_is_changed_during_it(world: World) -> None:
    apps = storm_of(world, 6)
    before, first_in_storm = world.alerts()[:2], world.alerts()[2:]
    assert len(before) == 2
    assert len(first_in_storm) == 1
    assert "Storm · 3 apps fail at once" in first_in_storm[0]
    assert "app2 / main" in first_in_storm[0]
    assert [world.compute_role(app) for app in apps[2:]] == [None] * 4


def test_the_end_of_a_storm_is_reported_with_all_affected_branches_and_how_to_fix_them(world: World) -> None:
    apps = storm_of(world, 6)
    already_sent = len(world.alerts())
    world.amplify.control.advance(11 * 60)
    world.watch()
    (over,) = world.alerts()[already_sent:]
    assert "Storm over · 4 incidents: 0 recovered, 4 still open" in over
    assert [f"app{number} / main" in over for number in range(6)] == [False] * 2 + [True] * 4
    assert f"medic fix {apps[3]} main" in over
    assert f"medic fix {apps[2]} main" not in over
    world.amplify.control.advance(11 * 60)
    world.watch()
    assert len(world.alerts()) == already_sent + 1


def test_a_storm_that_goes_on_reports_who_joined(world: World) -> None:
    storm_of(world, 4)
    world.amplify.control.advance(8 * 60)
    for number in range(3):
        world.deliver(world.build(broken(world, f"late{number}")))
    already_sent = len(world.alerts())
    world.watch()
    assert len(world.alerts()) == already_sent
    world.amplify.control.advance(4 * 60)
    world.watch()
    (grown,) = world.alerts()[already_sent:]
    assert all(f"{name} / main" in grown for name in ("app2", "app3", "late0", "late1", "late2"))
    world.amplify.control.advance(11 * 60)
    world.watch()
    assert "Storm over · 5 incidents: 0 recovered, 5 still open" in world.alerts()[-1]


def test_a_storm_that_goes_on_without_new_apps_is_silent(world: World) -> None:
    storm_of(world, 4)
    sent = []
    for _ in range(3):
        world.amplify.control.advance(8 * 60)
        for each in ("d1", "d2", "d3"):
            world.services().region.count(scope(world, each))
        world.amplify.control.advance(3 * 60)
        world.watch()
        sent.append(len(world.alerts()))
    assert sent == [sent[0]] * 3
    assert "Storm · 3 apps fail at once" in world.alerts()[-1]


def test_recoveries_after_a_storm_are_not_reported_one_by_one(world: World) -> None:
    apps = storm_of(world, 4)
    already_sent = len(world.alerts())
    world.amplify.control.advance(60)
    for app in apps:
        world.amplify.control.set_connection(app, "ok")
        world.deliver(world.build(app))
    assert len(world.alerts()) == already_sent + 2
    states = [i.state for app in apps for i in world.services().table.read(scope(world, app)).incidents]
    assert states == [IncidentState.RESOLVED] * 4


def test_a_failure_after_the_storm_has_its_own_alert(world: World) -> None:
    *_, last = storm_of(world, 4)
    world.amplify.control.advance(30 * 60)
    world.watch()
    already_sent = len(world.alerts())
    world.deliver(world.build(last))
    assert len(world.alerts()) == already_sent + 1
    assert "Storm" not in world.alerts()[-1]


def test_a_storm_alert_that_slack_missed_is_sent_again(world: World) -> None:
    world.settings.update(FEW)
    apps = [broken(world, f"app{number}") for number in range(3)]
    for app in apps[:2]:
        world.deliver(world.build(app))
    world.slack.fail(times=20)
    event = world.build(apps[2])
    world.deliver(event)
    world.slack.recover()
    already_sent = len(world.slack.posts)
    world.amplify.control.advance(5 * 60)
    world.watch()
    assert len(world.slack.posts) == already_sent + 1
    assert "Storm" in world.alerts()[-1]
    world.deliver(event)
    assert len(world.slack.posts) == already_sent + 1


def test_a_wake_up_for_a_storm_that_never_was_does_nothing(world: World) -> None:
    world.deliver(wake_up(scope(world, "d1abc").whole_region))
    assert world.alerts() == []


def test_a_storm_of_many_branches_lists_some_and_counts_the_others(world: World) -> None:
    storm_of(world, 3)
    region = world.services().region
    (storm,) = world.services().table.read(scope(world, "d1").whole_region).incidents
    for number in range(MAX_STORM_MEMBERS + 20):
        region.join_storm(scope(world, "d1", f"b{number:03d}"), storm.id, f"{number:012d}")
    region.join_storm(scope(world, "d1", "b000"), storm.id, f"{0:012d}")
    listed = region.storm_list(scope(world, "d1"), storm.id)
    assert (len(listed.members), listed.total) == (MAX_STORM_MEMBERS, MAX_STORM_MEMBERS + 21)
    world.amplify.control.advance(11 * 60)
    world.watch()
    assert "Storm over · 121 incidents: " in world.alerts()[-1]
    assert "and 120 more: see `medic history`" in world.alerts()[-1]  # only one of those listed exists


def test_the_alert_of_the_largest_storm_is_stored_for_a_channel_that_is_out(world: World) -> None:
    storm_of(world, 3)
    services = world.services()
    region, now = scope(world, "d1").whole_region, world.now()
    (storm,) = services.table.read(region).incidents
    hostile = "\N{SHIP}'" * 120
    for number in range(MAX_STORM_MEMBERS):
        where = scope(world, "d1", f"{number:03d}{hostile}")
        kind = (RoleKind.SERVICE, Label.SERVICE_ROLE_UNASSUMABLE)
        opened = Incident.open(where, kind, JobRef("7", now), app_name=hostile, now=now)
        with services.table.hold(where) as lease:
            lease.save(lease.record.with_incident(replace(opened, mode=Mode.FIX)))
        services.region.join_storm(where, storm.id, opened.id)
    world.slack.fail(times=20)
    world.amplify.control.advance(11 * 60)
    world.watch()
    stored = services.table.undelivered_alert(storm.id, "over")
    assert stored is not None
    assert len(stored.alert) < 150_000
    assert "more: see `medic history`" in stored.alert
    world.slack.recover()
    world.amplify.control.advance(5 * 60)
    world.watch()
    assert "Storm over · 101 incidents: " in world.alerts()[-1]


def test_whoever_joins_a_storm_that_has_just_ended_is_reported_on_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    storm_of(world, 3)
    late = broken(world, "late")
    event, join = world.build(late), RegionTable.join_storm

    def join_and_end(self: RegionTable, where: Scope, storm_id: str, incident_id: str) -> None:
        join(self, where, storm_id, incident_id)
        services = world.services()
        with services.table.hold(where.whole_region) as lease:
            (storm,) = lease.record.incidents
            lease.save(lease.record.with_incident(storm.moved(IncidentState.RESOLVED, world.now())))

    monkeypatch.setattr(RegionTable, "join_storm", join_and_end)
    with pytest.raises(RecordedError, match="the storm is over"):
        world.deliver(event)
    monkeypatch.undo()
    world.amplify.control.advance(20 * 60)
    already_sent = len(world.alerts())
    world.deliver(event)
    assert len(world.alerts()) == already_sent + 1
    assert "late / main" in world.alerts()[-1]


def test_a_member_that_can_not_be_read_does_not_stop_the_storm_s_alert(world: World) -> None:
    storm_of(world, 3)
    services = world.services()
    (storm,) = services.table.read(scope(world, "d1").whole_region).incidents
    newer = scope(world, "d1", "newer")
    services.region.join_storm(newer, storm.id, "abc")
    world.client("dynamodb").put_item(
        TableName="incidents", Item={"pk": {"S": branch_key(newer)}, "schema": {"N": "2"}, "incidents": {"S": "[]"}}
    )
    world.amplify.control.advance(11 * 60)
    world.watch()
    assert "Storm over · 2 incidents: " in world.alerts()[-1]
    assert "of the 1 listed" in world.alerts()[-1]
