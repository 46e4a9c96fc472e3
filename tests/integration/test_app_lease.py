"""A repair changes a whole app: while one branch does it, the others wait and then find it done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medic.incidents.table import BusyError
from tests.integration.test_requests import TAG, scope

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


def test_a_repair_waits_while_another_branch_holds_the_app(world: World, app: str) -> None:
    event = world.build(app)
    table = world.services().table
    with table.hold(scope(world, app).whole_app), pytest.raises(BusyError):
        world.deliver(event)
    assert service_role(world, app).endswith("/service")
    world.deliver(event)
    assert service_role(world, app).endswith("/good-service")


def test_the_cool_down_of_an_app_covers_all_its_branches(world: World, app: str) -> None:
    world.deliver(world.build(app))
    assert service_role(world, app).endswith("/good-service")
    broken = world.make_role("broken", LAMBDA_TRUST)
    world.client("amplify").update_app(appId=app, iamServiceRoleArn=broken)
    world.deliver(world.build(app, "next"))
    assert service_role(world, app) == broken
    assert "cool_down" in world.alerts()[-1]
