"""A repair changes a whole app: while one branch does it, the others wait and then find it done."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from medic.aws.errors import RetryableError
from medic.events import RequestKind, wake_up
from medic.flows.locked_branch import RecordedError
from medic.incidents.model import IncidentState
from medic.incidents.table import BusyError
from tests.integration.test_requests import TAG, incident, scope

if TYPE_CHECKING:
    from tests.integration.conftest import World

LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def app(world: World) -> str:
    """An app with two opted-in branches, an unassumable service role, and a tag that names a paired one."""
    good = world.make_role("good-service")
    made = world.make_app(tags={TAG: "fix"}, iamServiceRoleArn=world.make_role("service", LAMBDA_TRUST))
    amplify = world.client("amplify")
    amplify.create_branch(appId=made, branchName="next", stage="BETA", tags={TAG: "fix"})
    arn = amplify.get_app(appId=made)["app"]["appArn"]
    amplify.tag_resource(resourceArn=arn, tags={"amplify-medic:service-role": "good-service"})
    world.settings["service_roles"] = {good: [made]}
    return made


def service_role(world: World, app: str) -> str:
    return str(world.client("amplify").get_app(appId=app)["app"]["iamServiceRoleArn"])


def test_a_repair_is_recorded_and_waits_while_another_branch_holds_the_app(world: World, app: str) -> None:
    event = world.build(app)
    table = world.services().table
    with table.hold(scope(world, app).whole_app), pytest.raises(RecordedError) as failed:
        world.deliver(event)
    assert isinstance(failed.value.cause, BusyError)
    assert service_role(world, app).endswith("/service")
    assert incident(world, app).state is IncidentState.OPEN
    world.amplify.control.advance(5 * 60)
    assert world.watch() == 1
    assert service_role(world, app).endswith("/good-service")
    assert len(world.alerts()) == 1


@pytest.mark.parametrize("tags", [{}, {TAG: "ask"}, {TAG: "report"}], ids=["not opted in", "ask", "report"])
def test_a_branch_that_may_not_repair_is_reported_while_another_one_holds_the_app(
    world: World, app: str, tags: dict[str, str]
) -> None:
    branch = world.amplify.fake.state.branch(app, "main")[1]
    branch.tags.clear()
    branch.tags.update(tags)
    event = world.build(app)
    with world.services().table.hold(scope(world, app).whole_app):
        world.deliver(event)
    assert len(world.alerts()) == 1


def test_fifteen_branches_that_fail_at_once_are_all_recorded_and_reported_once(world: World, app: str) -> None:
    names = [f"feature-{number}" for number in range(15)]
    for name in names:
        world.client("amplify").create_branch(appId=app, branchName=name, stage="BETA", tags={TAG: "fix"})
    world.settings["limits"] = {"storm_apps": 20}
    events = [world.build(app, name) for name in names]
    with world.services().table.hold(scope(world, app).whole_app):
        for event in events:
            with pytest.raises(RecordedError):
                world.deliver(event)
    for _ in range(3):
        world.amplify.control.advance(60)
        world.watch()
    assert sorted(each.scope.branch for each in world.services().table.all() if each.incidents) == sorted(names)
    assert len(world.alerts()) == len(names)
    assert len(world.calls("UpdateApp")) == 1


def test_the_cool_down_of_an_app_covers_all_its_branches(world: World, app: str) -> None:
    world.deliver(world.build(app))
    assert service_role(world, app).endswith("/good-service")
    broken = world.make_role("broken", LAMBDA_TRUST)
    world.client("amplify").update_app(appId=app, iamServiceRoleArn=broken)
    world.deliver(world.build(app, "next"))
    assert service_role(world, app) == broken
    assert "cool_down" in world.alerts()[-1]


def test_a_recorded_failure_that_can_not_be_read_again_is_told_without_details(world: World, app: str) -> None:
    event = world.build(app)
    with world.services().table.hold(scope(world, app).whole_app), pytest.raises(RecordedError):
        world.deliver(event)
    world.amplify.control.deny("GetJob")
    world.amplify.control.advance(5 * 60)
    world.watch()
    (alert,) = world.alerts()
    assert "and now can't read the failure again" in alert
    assert incident(world, app).state is IncidentState.OPEN
    world.amplify.control.advance(5 * 60)
    assert world.watch() == 0


def test_an_interrupted_undo_leaves_a_role_that_another_branch_may_have_set_since(
    world: World, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settings["limits"] = {"cool_down_minutes": 5}
    world.deliver(world.build(app))
    throttled = RetryableError("amplify:GetApp", "ThrottlingException", "Rate exceeded")
    with monkeypatch.context() as patch:
        patch.setattr("medic.flows.undo.failure_of", Mock(side_effect=throttled))
        with pytest.raises(RecordedError):
            world.ask(RequestKind.UNDO, app)
    world.amplify.control.advance(6 * 60)
    world.client("amplify").update_app(appId=app, iamServiceRoleArn=world.make_role("broken", LAMBDA_TRUST))
    world.deliver(world.build(app, "next"))
    assert service_role(world, app).endswith("/good-service")
    world.deliver(dict(wake_up(scope(world, app))))
    assert "another branch may have set the app's service role since" in world.alerts()[-1]
    assert service_role(world, app).endswith("/good-service")
