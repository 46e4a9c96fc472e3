"""With `notify: all_failures`, every failed build gets one short alert. They are no storm, and stop no fix."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.incidents.model import IncidentState
from medic.labels import BotLabel
from tests.integration.test_requests import TAG, incident, scope

if TYPE_CHECKING:
    from tests.integration.conftest import World

ALL = {"notify": "all_failures"}


def failing(world: World, name: str = "blog") -> tuple[str, dict[str, Any]]:
    """An app whose builds fail because of npm, and the event of its first build."""
    app = world.make_app(name=name)
    world.amplify.control.script_builds(app, "main", "npm_failure")
    return app, world.build(app)


def test_by_default_only_iam_failures_are_reported(world: World) -> None:
    _, event = failing(world)
    world.deliver(event)
    assert world.alerts() == []


def test_one_short_alert_a_job_says_where_it_failed_and_the_last_error(world: World) -> None:
    world.settings.update(ALL)
    app, event = failing(world)
    world.deliver(event)
    world.deliver(event)

    (alert,) = world.alerts()
    assert "Build failed · blog / main: job 1, not because of IAM" in alert
    assert "npm" in alert
    assert incident(world, app).label == BotLabel.BUILD_FAILED
    world.deliver(world.build(app))
    assert len(world.alerts()) == 2


def test_the_next_success_closes_it(world: World) -> None:
    world.settings.update(ALL)
    app, event = failing(world)
    world.deliver(event)
    world.amplify.control.script_builds(app, "main", "ok")
    world.deliver(world.build(app))
    assert "Recovered" in world.alerts()[-1]
    assert incident(world, app).state is IncidentState.RESOLVED


def test_a_late_event_of_a_job_before_the_success_opens_nothing(world: World) -> None:
    world.settings.update(ALL)
    app, event = failing(world)
    world.deliver(event)
    world.amplify.control.script_builds(app, "main", "ok")
    world.deliver(world.build(app))
    sent = len(world.alerts())
    world.deliver(event)
    assert len(world.alerts()) == sent
    assert incident(world, app).state is IncidentState.RESOLVED


def test_a_success_before_it_was_told_closes_it(world: World) -> None:
    world.settings.update(ALL)
    app, event = failing(world)
    world.amplify.control.script_builds(app, "main", "ok")
    world.amplify.control.advance(60)
    world.deliver(world.build(app))
    world.deliver(event)
    assert "Recovered" in world.alerts()[-1]
    assert incident(world, app).state is IncidentState.RESOLVED


def test_without_log_lines_neither_command_nor_error_leave_the_account(world: World) -> None:
    world.settings.update(ALL | {"log_lines": "none"})
    app, event = failing(world)
    world.deliver(event)
    assert "npm" not in world.alerts()[0]
    assert incident(world, app).reason == ""


def test_many_failures_get_one_more_alert_are_no_storm_and_stop_no_fix(world: World) -> None:
    limits = {"other_failures": 3, "storm_apps": 2}
    world.settings.update(ALL | {"limits": limits})
    for number in range(6):
        world.deliver(failing(world, f"app{number}")[1])
    alerts = world.alerts()
    assert len(alerts) == 4
    assert "more than 3 within 10 min, not because of IAM" in alerts[-1]

    app = world.make_app(tags={TAG: "fix"})
    assert world.services().region.read(scope(world, app)).apps_within(60, world.now()) == 0
    world.amplify.control.advance(11 * 60)
    world.watch()
    assert "reported one by one again" in world.alerts()[-1]
    world.deliver(failing(world, "later")[1])
    assert "later / main" in world.alerts()[-1]


def test_a_muted_branch_gets_no_alert(world: World) -> None:
    world.settings.update(ALL)
    app, event = failing(world)
    world.services().region.mute(scope(world, app), world.now() + timedelta(hours=1))
    world.deliver(event)
    assert world.alerts() == []


def test_an_alert_that_was_interrupted_is_sent_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.settings.update(ALL)
    app, event = failing(world)
    with monkeypatch.context() as broken:
        broken.setattr("medic.flows.report_only.compose_build_failed", lambda *_: 1 / 0)
        with pytest.raises(Exception, match="division"):
            world.deliver(event)
    assert incident(world, app).alert_due == "failed:1"
    world.amplify.control.advance(2 * 60)
    world.watch()
    (alert,) = world.alerts()
    assert "Build failed" in alert
