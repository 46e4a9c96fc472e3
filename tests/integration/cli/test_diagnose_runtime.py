"""`medic diagnose APP BRANCH --since TIME`: what the SSR log shows about one branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.logs import log_group
from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from click.testing import Result

    from tests.integration.conftest import World

OLD = 24 * 3600


def run(world: World, app: str, *arguments: str, branch: str = "main") -> Result:
    return medic("diagnose", app, branch, "--since", "2h", "--region", world.amplify.region, *arguments)


def answer(world: World, app: str, *arguments: str, branch: str = "main") -> Any:
    return valid("diagnose", run(world, app, *arguments, "--json", branch=branch).stdout)


@pytest.fixture
def site(world: World) -> str:
    """An SSR app that was deployed without a compute role."""
    app = world.make_app()
    world.build(app)
    return app


def test_missing_credentials_are_likely_although_the_build_succeeded(world: World, site: str) -> None:
    world.amplify.control.request(site, "main")
    given = answer(world, site)
    assert given["label"] == "credentials_missing_runtime"
    assert given["role"] == "compute"
    assert (given["causes"][0]["id"], given["causes"][0]["rank"]) == ("compute_role_not_set", "likely")
    assert given["job"]["chosen"] == "it serves the branch now"
    assert "compute-role-arn" in given["fixes"][0]["cli"]
    result = run(world, site)
    assert result.exit_code == 1
    assert "Role: the compute role (SSR runtime)." in result.stdout


def test_it_makes_each_amplify_call_once(world: World, site: str) -> None:
    world.amplify.control.request(site, "main")
    world.amplify.control.forget_calls()
    run(world, site)
    assert sorted(call["operation"] for call in world.amplify.control.recorded_calls()) == ["GetApp", "ListBranches"]


def test_a_quiet_log_is_no_failure(world: World, site: str) -> None:
    world.client("logs").create_log_group(logGroupName=log_group(site))
    result = run(world, site)
    assert result.exit_code == 0
    assert "shows no IAM failure of this branch since" in result.stdout


def test_without_a_log_there_is_no_diagnosis(world: World, site: str) -> None:
    result = run(world, site)
    assert result.exit_code == 3
    assert f"there is no log group {log_group(site)}" in result.stdout


def test_another_branch_s_failure_is_not_this_one_s(world: World, site: str) -> None:
    role = world.make_role("web", age=OLD)
    amplify = world.client("amplify")
    amplify.create_branch(appId=site, branchName="staging", stage="BETA", computeRoleArn=role)
    world.build(site, "staging")
    world.amplify.control.request(site, "main")
    assert answer(world, site)["label"] == "credentials_missing_runtime"
    quiet = run(world, site, branch="staging")
    assert quiet.exit_code == 0
    assert "failures of other branches too: main" in quiet.stdout


@pytest.mark.parametrize(
    ("app", "branch", "said"),
    [("d0000000000000", "main", "Amplify has no app"), (None, "nope", "has no branch nope in eu-central-1")],
)
def test_a_missing_app_or_branch_is_named(world: World, site: str, app: str | None, branch: str, said: str) -> None:
    result = run(world, app or site, branch=branch)
    assert result.exit_code == 3
    assert said in result.stderr


@pytest.mark.parametrize("option", [("--job", "4"), ("--phase", "build"), ("--log", "ssr.log")])
def test_the_options_of_a_build_are_rejected(world: World, site: str, option: tuple[str, str]) -> None:
    result = run(world, site, *option)
    assert result.exit_code == 2
    assert "leave --job, --log and --phase out" in result.stderr
