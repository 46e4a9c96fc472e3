"""`medic opt-in` and `medic opt-out`: a branch's tags, and the text that says what they allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from click.testing import Result

    from tests.integration.conftest import World

FIX = {"amplify-medic:auto-fix": "fix"}


def run(world: World, *arguments: str, given: str | None = None) -> Result:
    return medic(*arguments, "--region", world.amplify.region, given=given)


def tags(world: World, app: str, branch: str = "main") -> Any:
    return world.client("amplify").get_branch(appId=app, branchName=branch)["branch"]["tags"]


def test_opting_in_sets_the_tag_and_shows_what_it_allows(world: World) -> None:
    app = world.make_app(tags={"team": "web"})
    result = run(world, "opt-in", app, "main", "--yes")
    assert result.exit_code == 0
    assert tags(world, app) == {"team": "web", **FIX}
    for part in (
        "amplify-medic:auto-fix: none → fix",
        "pairs with this app",
        "can read that role's credentials",
        "Done.",
    ):
        assert part in result.stdout


def test_every_tag_can_be_chosen(world: World) -> None:
    app = world.make_app()
    chosen = ["--mode", "ask", "--compute-role", "web", "--rebuild", "no", "--channel", "front"]
    said = run(world, "opt-in", app, "main", *chosen, "--yes").stdout
    assert tags(world, app) == {
        "amplify-medic:auto-fix": "ask",
        "amplify-medic:compute-role": "web",
        "amplify-medic:rebuild": "no",
        "amplify-medic:channel": "front",
    }
    assert "only after an approval" in said
    assert "The only role it may set is web" in said
    assert "It rebuilds nothing." in said


@pytest.mark.parametrize("mode", ["report", "ignore"])
def test_modes_that_change_nothing_promise_nothing(world: World, mode: str) -> None:
    app = world.make_app()
    result = run(world, "opt-in", app, "main", "--mode", mode, "--dry-run")
    assert "may set" not in result.stdout


def test_a_branch_name_with_slashes_is_one_branch(world: World) -> None:
    app = world.make_app(branch="feature/login")
    assert run(world, "opt-in", app, "feature/login", "--yes").exit_code == 0
    assert tags(world, app, "feature/login") == FIX


def test_a_dry_run_writes_nothing(world: World) -> None:
    app = world.make_app()
    result = run(world, "opt-in", app, "main", "--dry-run")
    assert result.exit_code == 0
    assert "Dry run: nothing was changed." in result.stdout
    assert world.calls("TagResource") == []


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_written(world: World, typed: str) -> None:
    app = world.make_app()
    result = run(world, "opt-in", app, "main", given=typed)
    assert result.exit_code == 1
    assert world.calls("TagResource") == []


def test_a_typed_yes_is_enough(world: World) -> None:
    app = world.make_app()
    assert run(world, "opt-in", app, "main", given="y\n").exit_code == 0
    assert tags(world, app) == FIX


def test_tags_that_are_already_set_are_not_written(world: World) -> None:
    app = world.make_app(tags=FIX)
    result = run(world, "opt-in", app, "main")
    assert result.exit_code == 0
    assert "Nothing to do." in result.stdout
    assert world.calls("TagResource") == []


def test_opting_out_removes_what_opted_in_and_keeps_the_rest(world: World) -> None:
    channel = {"amplify-medic:channel": "front"}
    app = world.make_app(tags={"team": "web", **FIX, "amplify-medic:rebuild": "yes", **channel})
    result = run(world, "opt-out", app, "main", "--yes")
    assert result.exit_code == 0
    assert tags(world, app) == {"team": "web", **channel}
    assert "Alerts still go to the channel front" in result.stdout


def test_opting_out_says_which_role_stays(world: World) -> None:
    app = world.make_app(tags=FIX)
    role = world.make_role("web", age=24 * 3600)
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=role)
    assert f"keeps its compute role: {role}" in run(world, "opt-out", app, "main", "--yes").stdout


def test_limits_of_the_app_and_branch_are_shown(world: World) -> None:
    app = world.make_app(platform="WEB", enableAutoBranchCreation=True)
    said = run(world, "opt-in", app, "main", "--dry-run").stdout
    assert "Unless the stack pairs exactly this branch" in said
    assert "platform is WEB" in said
    preview = world.make_app()
    world.amplify.control.set_preview(preview, "main", "feature", "main")
    assert "never changes it" in run(world, "opt-in", preview, "main", "--dry-run").stdout


@pytest.mark.parametrize("command", ["opt-in", "opt-out"])
def test_json_follows_the_schema_and_does_not_contain_the_question(world: World, command: str) -> None:
    app = world.make_app(tags={"amplify-medic:auto-fix": "ask"})
    answer = valid("opt", run(world, command, app, "main", "--json", given="y\n").stdout)
    assert answer["done"] is True
    assert answer["before"] == {"amplify-medic:auto-fix": "ask"}


@pytest.mark.parametrize(("command", "operation"), [("opt-in", "TagResource"), ("opt-out", "UntagResource")])
def test_a_missing_permission_is_named(world: World, command: str, operation: str) -> None:
    app = world.make_app(tags={"amplify-medic:auto-fix": "ask"})
    world.amplify.control.deny(operation)
    result = run(world, command, app, "main", "--yes")
    assert result.exit_code == 3
    assert f"may not call amplify:{operation}" in result.stderr


def test_a_missing_branch_is_named(world: World) -> None:
    result = run(world, "opt-in", world.make_app(), "nope", "--yes")
    assert result.exit_code == 3
    assert "has no branch nope in eu-central-1" in result.stderr
