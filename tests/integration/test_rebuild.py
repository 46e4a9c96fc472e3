"""The alert on a change comes before its rebuild. A rebuild waits while Amplify is busy, and never ends in silence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.events import RequestKind
from medic.flows.locked_branch import RecordedError
from medic.incidents.model import IncidentState
from medic.plan.optin import AUTO_FIX, REBUILD
from tests.integration.test_deadlines import REBUILDING, interrupted, lost_connection, watch_for
from tests.integration.test_requests import ask, incident

if TYPE_CHECKING:
    from collections.abc import Callable

    from medic.alerts.model import Alert
    from tests.integration.conftest import World

MINUTE = 60


@dataclass
class Hook:
    """A channel that does something when an alert is sent."""

    do: Callable[[], object]
    name: str = "hook"
    routes: tuple[str | None, ...] = ()

    def send(self, alert: Alert, thread: str | None) -> str | None:
        assert alert.kind
        self.do()
        return thread


def retries(world: World) -> int:
    return sum(call["body"]["jobType"] == "RETRY" for call in world.calls("StartJob"))


def retag(world: World, app: str, **tags: str) -> None:
    world.amplify.fake.state.branch(app, "main")[1].tags.update(tags)


@pytest.fixture
def app(world: World) -> str:
    return lost_connection(world, REBUILDING)


def test_the_alert_on_a_change_is_sent_before_its_rebuild_is_tried(world: World, app: str) -> None:
    event = world.build(app)
    services = world.services()
    retries_when_told: list[int] = []
    vars(services)["channels"] = (*services.channels, Hook(lambda: retries_when_told.append(retries(world))))
    world.deliver(event, services)
    assert (retries_when_told, retries(world)) == ([0], 1)
    (alert,) = world.alerts()
    assert "job 1 is retried next" in alert


def test_a_tag_that_is_taken_off_after_the_change_stops_its_rebuild(world: World, app: str) -> None:
    event = world.build(app)
    services = world.services()
    take_off = Hook(lambda: retag(world, app, **{AUTO_FIX: "report"}))
    vars(services)["channels"] = (*services.channels, take_off)
    world.deliver(event, services)
    assert retries(world) == 0
    assert "not rebuilt" in world.alerts()[-1]


@pytest.mark.parametrize("operation", ["ListJobs", "StartJob"])
def test_a_denial_after_the_change_ends_in_an_alert(world: World, app: str, operation: str) -> None:
    event = world.build(app)
    services = world.services()
    vars(services)["channels"] = (*services.channels, Hook(lambda: world.amplify.control.deny(operation)))
    world.deliver(event, services)
    assert world.compute_role(app) == world.default_role_arn
    changed, follow_up = world.alerts()
    assert "(read back)" in changed
    assert "not rebuilt" in follow_up
    assert incident(world, app).state is IncidentState.APPLIED
    world.amplify.control.advance(5 * MINUTE)
    assert world.watch() == 0


def test_nobody_knows_of_a_rebuild_whose_job_can_not_be_looked_for(world: World, app: str) -> None:
    event, control = world.build(app), world.amplify.control

    def lose_the_answer() -> None:
        control.fail_call("StartJob", "timeout_after_effect")
        for looked_for in (2, 3, 4):
            control.fail_call("ListJobs", "throttle", looked_for)

    services = world.services()
    vars(services)["channels"] = (*services.channels, Hook(lose_the_answer))
    world.deliver(event, services)
    control.deny("ListJobs")
    minutes(world, 15)
    _, follow_up = world.alerts()
    assert "nobody knows whether the job is rebuilt" in follow_up
    assert retries(world) == 1


def test_a_stack_that_only_reports_after_the_change_ends_in_an_alert(world: World, app: str) -> None:
    event = world.build(app)
    world.amplify.control.fail_call("UpdateBranch", "timeout_after_effect")
    for read_back in (3, 4, 5):
        world.amplify.control.fail_call("GetBranch", "throttle", read_back)
    with pytest.raises(RecordedError):
        world.deliver(event)
    world.settings["mode"] = "report"
    world.actor_role_arn = None  # type: ignore[assignment]
    world.amplify.control.advance(5 * MINUTE)
    world.watch()
    assert "set by an earlier attempt" in world.alerts()[0]
    assert retries(world) == 0
    assert incident(world, app).state is IncidentState.APPLIED
    assert world.watch() == 0


def test_a_run_that_was_interrupted_rebuilds_only_after_the_end_of_a_mute(world: World) -> None:
    app = interrupted(world, REBUILDING)
    ask(world, app, RequestKind.MUTE, until=world.now() + timedelta(minutes=20))
    watch_for(world, 15)
    assert "is retried next" in world.alerts()[-1]
    assert retries(world) == 0
    watch_for(world, 15)
    assert retries(world) == 1


# --- Amplify is busy


@pytest.fixture
def busy(world: World, app: str) -> dict[str, Any]:
    """Other apps use all five builds of the account. Returns the event of a failed build."""
    event = world.build(app)
    world.amplify.control.set_build_time(12 * MINUTE)
    for number in range(5):
        other = world.make_app(name=f"other-{number}")
        world.client("amplify").start_job(appId=other, branchName="main", jobType="RELEASE")
    return event


def minutes(world: World, many: int) -> None:
    """Run the watcher each minute."""
    for _ in range(many):
        world.amplify.control.advance(MINUTE)
        world.watch()


def test_a_rebuild_waits_until_amplify_is_less_busy(world: World, app: str, busy: dict[str, Any]) -> None:
    world.deliver(busy)
    assert incident(world, app).rebuild_at is not None
    minutes(world, 10)
    assert incident(world, app).state is IncidentState.APPLIED
    minutes(world, 10)
    assert incident(world, app).state is IncidentState.REBUILDING
    assert len(world.alerts()) == 1


def test_a_rebuild_no_longer_waits_when_the_failure_is_not_fresh(world: World, app: str, busy: dict[str, Any]) -> None:
    world.settings["limits"] = {"fresh_minutes": 5}
    world.deliver(busy)
    minutes(world, 20)
    assert incident(world, app).state is IncidentState.APPLIED
    assert incident(world, app).rebuild_at is None
    _, follow_up = world.alerts()
    assert "Not rebuilt: by the rule fresh" in follow_up


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({REBUILD: "no"}, "amplify-medic:rebuild says no"),
        ({AUTO_FIX: "ask"}, "opted_in"),
        ({AUTO_FIX: "ignore"}, "opted_in"),
    ],
    ids=["rebuild", "ask", "ignore"],
)
def test_a_rebuild_that_is_no_longer_wanted_is_not_started(
    world: World, app: str, busy: dict[str, Any], tags: dict[str, str], why: str
) -> None:
    world.deliver(busy)
    retag(world, app, **tags)
    before = retries(world)
    minutes(world, 20)
    assert retries(world) == before
    assert why in world.alerts()[1]


def test_a_rebuild_is_not_started_for_a_role_that_somebody_replaced(
    world: World, app: str, busy: dict[str, Any]
) -> None:
    world.deliver(busy)
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=world.make_role("mine"))
    before = retries(world)
    minutes(world, 20)
    assert retries(world) == before
    assert "role_kept" in world.alerts()[1]


def test_a_newer_job_supersedes_a_waiting_rebuild(world: World, app: str, busy: dict[str, Any]) -> None:
    world.deliver(busy)
    world.amplify.control.advance(12 * MINUTE)
    world.amplify.control.push(app, "main", "0123456789")
    before = retries(world)
    minutes(world, 5)
    assert retries(world) == before
    assert "superseded by job 2" in world.alerts()[1]


def test_a_later_failure_takes_the_recorded_jobs_place_without_a_second_alert(world: World, app: str) -> None:
    first = world.build(app)
    world.amplify.control.advance(MINUTE)
    second = world.build(app)
    world.amplify.control.advance(1)
    world.deliver(first)
    world.deliver(second)
    (alert,) = world.alerts()
    assert "superseded by job 2" in alert
    assert world.calls("StartJob")[-1]["body"]["jobId"] == "2"
    assert retries(world) == 1
    assert incident(world, app).count == 2


def test_a_rebuild_without_an_answer_is_looked_for_again(world: World, app: str) -> None:
    event = world.build(app)
    world.amplify.control.set_build_time(5 * MINUTE)
    world.amplify.control.fail_call("StartJob", "timeout_after_effect")
    world.amplify.control.fail_call("ListJobs", "throttle", 4)
    world.deliver(event)
    assert len(world.alerts()) == 1
    minutes(world, 2)
    assert incident(world, app).rebuild_job_id == "2"
    assert retries(world) == 1


def test_a_rebuild_that_never_shows_is_reported_once_and_not_sent_again(world: World, app: str) -> None:
    event = world.build(app)
    world.amplify.control.advance(MINUTE)
    world.amplify.control.fail_call("StartJob", "timeout_before_effect")
    world.deliver(event)
    assert len(world.alerts()) == 1
    minutes(world, 20)
    _, follow_up = world.alerts()
    assert "StartJob gave no answer" in follow_up
    assert retries(world) == 1
    assert incident(world, app).rebuild_at is None
