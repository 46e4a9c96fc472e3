"""`medic uninstall --check`: what still uses the role that `cdk destroy` keeps."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from tests.fakes.deployed_stack import FakeStack
    from tests.integration.conftest import World


@pytest.fixture
def role(world: World, stack: FakeStack) -> str:
    """The stack's default role. No app of an earlier test uses it."""
    arn = world.make_role(f"kept-{uuid.uuid4().hex}")
    stack.outputs = {"DefaultComputeRoleArn": arn}
    return arn


def test_branches_and_apps_with_the_role_are_listed(world: World, role: str) -> None:
    on_branch, on_app, other = (world.make_app() for _ in range(3))
    amplify = world.client("amplify")
    amplify.update_branch(appId=on_branch, branchName="main", computeRoleArn=role)
    amplify.update_app(appId=on_app, computeRoleArn=role)
    amplify.update_branch(appId=other, branchName="main", computeRoleArn=world.make_role("another"))

    found = medic("uninstall", "--check", "--json")
    shown = medic("uninstall", "--check")

    answer = valid("uninstall", found.stdout)
    assert (found.exit_code, answer["role"]) == (1, role)
    assert {(user["app"], user["branch"]) for user in answer["used_by"]} == {(on_branch, "main"), (on_app, None)}
    assert f"({on_branch}) / main" in shown.stdout
    assert f"({on_app}) / every branch" in shown.stdout
    assert [call["operation"] for call in world.amplify.control.recorded_calls() if call["operation"][:3] == "Upd"] == [
        *("UpdateBranch", "UpdateApp", "UpdateBranch")
    ], "the command itself changes nothing"


def test_a_role_that_nothing_uses_may_go(role: str) -> None:
    done = medic("uninstall", "--check")

    assert done.exit_code == 0
    assert f"uses {role}" in done.stdout


@pytest.mark.usefixtures("role")
def test_the_role_can_be_named_after_the_stack_is_gone(world: World, stack: FakeStack) -> None:
    stack.outputs = {}
    app_id, left = world.make_app(), world.make_role("left")
    world.client("amplify").update_branch(appId=app_id, branchName="main", computeRoleArn=left)

    answer = valid("uninstall", medic("uninstall", "--check", "--role", left, "--json").stdout)

    assert [user["app"] for user in answer["used_by"]] == [app_id]


@pytest.mark.usefixtures("role")
@pytest.mark.parametrize("operation", ["ListApps", "ListBranches"])
def test_what_could_not_be_read_is_not_taken_for_unused(world: World, operation: str) -> None:
    world.make_app()
    world.amplify.control.deny(operation)

    done = medic("uninstall", "--check")

    assert done.exit_code == 3
    assert operation in done.stderr


def test_without_check_the_user_is_told_how_to_uninstall() -> None:
    done = medic("uninstall")

    assert done.exit_code == 2
    assert "npx cdk destroy" in done.stderr
