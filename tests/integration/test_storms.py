"""Many incidents at once: one alert, no changes, and a summary of all affected branches at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.events import wake_up
from medic.incidents.model import IncidentState
from tests.integration.test_requests import TAG, scope

if TYPE_CHECKING:
    from tests.integration.conftest import World

FEW = {"limits": {"storm_incidents": 2}}


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
    assert "Storm" in first_in_storm[0]
    assert all(name in first_in_storm[0] for name in ("app0", "app1", "app2"))
    assert [world.compute_role(app) for app in apps[2:]] == [None] * 4


def test_the_end_of_a_storm_is_reported_with_all_affected_branches_and_how_to_fix_them(world: World) -> None:
    apps = storm_of(world, 6)
    already_sent = len(world.alerts())
    world.amplify.control.advance(11 * 60)
    world.watch()
    (over,) = world.alerts()[already_sent:]
    assert "Storm over · 6 incidents: 0 recovered, 6 still open" in over
    assert all(f"app{number} / main" in over for number in range(6))
    assert f"medic fix {apps[3]} main" in over
    assert f"medic fix {apps[2]} main" not in over
    world.amplify.control.advance(11 * 60)
    world.watch()
    assert len(world.alerts()) == already_sent + 1


def test_a_storm_that_goes_on_is_not_over(world: World) -> None:
    storm_of(world, 4)
    world.amplify.control.advance(8 * 60)
    for number in range(3):
        world.deliver(world.build(broken(world, f"late{number}")))
    already_sent = len(world.alerts())
    world.amplify.control.advance(4 * 60)
    world.watch()
    assert len(world.alerts()) == already_sent
    world.amplify.control.advance(11 * 60)
    world.watch()
    assert "Storm over · 7 incidents: 0 recovered, 7 still open" in world.alerts()[-1]


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
