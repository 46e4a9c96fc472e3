"""`medic snapshot` and `medic compare`: the relevant state of branches, without secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.integration.conftest import World

OLD = 24 * 3600
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
READ_TABLE = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}


def run(world: World, *arguments: str) -> Result:
    return medic(*arguments, "--region", world.amplify.region)


def snapshot(world: World, *arguments: str) -> Any:
    return valid("snapshot", run(world, "snapshot", *arguments, "--out", "-").stdout)


def differences(result: Result) -> dict[str, tuple[Any, Any]]:
    answer = valid("compare", result.stdout)
    return {each["id"]: (each["first"], each["second"]) for each in answer["differences"]}


def policy(statements: Any = ()) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def two_branches(world: World, **app: Any) -> str:
    made = world.make_app(iamServiceRoleArn=world.make_role("service", age=OLD), **app)
    world.client("amplify").create_branch(appId=made, branchName="staging", stage="BETA")
    return made


def test_a_branch_does_not_differ_from_itself(world: World) -> None:
    app = two_branches(world)
    result = run(world, "compare", f"{app}/main", f"{app}/main")
    assert result.exit_code == 0
    assert "Nothing differs" in result.stdout


def test_only_differences_are_shown_each_with_its_reason(world: World) -> None:
    app = two_branches(world)
    role = world.make_role("web", age=OLD)
    world.client("amplify").update_branch(
        appId=app, branchName="main", computeRoleArn=role, environmentVariables={"A": "1"}, framework="Next.js - SSR"
    )
    result = run(world, "compare", f"{app}/main", f"{app}/staging", "--json")
    assert result.exit_code == 1
    assert differences(result) == {
        "framework": ("Next.js - SSR", None),
        "stage": ("PRODUCTION", "BETA"),
        "compute_role": (role, None),
        "compute_role_level": ("branch", None),
        "compute_trust": ("allowed", None),
        "compute_trust_policy": (differences(result)["compute_trust_policy"][0], None),
        "environment_variables": (["A"], []),
    }
    said = run(world, "compare", f"{app}/main", f"{app}/staging").stdout
    assert "compute role in effect  Only SSR code uses it, at runtime." in said
    assert f"first   {role}" in said
    assert "platform" not in said.partition("the same:")[0]


def test_two_branches_of_one_app_cost_one_getapp(world: World) -> None:
    app = two_branches(world)
    world.amplify.control.forget_calls()
    run(world, "compare", f"{app}/main", f"{app}/staging")
    assert len(world.calls("GetApp")) == 1
    assert len(world.calls("GetBranch")) == 2
    assert world.calls("ListBranches") == []


def test_roles_differ_by_trust_by_policy_and_by_statement(world: World) -> None:
    iam = world.client("iam")
    bad = world.make_role("bad", LAMBDA_TRUST, age=OLD)
    good = world.make_role("good", age=OLD)
    iam.put_role_policy(RoleName="good", PolicyName="read", PolicyDocument=policy(READ_TABLE))
    managed = iam.create_policy(PolicyName="logs", PolicyDocument=policy(READ_TABLE))
    iam.attach_role_policy(RoleName="good", PolicyArn=managed["Policy"]["Arn"])
    first = world.make_app(iamServiceRoleArn=bad)
    second = world.make_app(iamServiceRoleArn=good)
    found = differences(run(world, "compare", f"{first}/main", f"{second}/main", "--json"))
    assert found["service_role"] == (bad, good)
    assert found["service_trust"] == ("denied", "allowed")
    assert found["service_inline_policies"] == ([], ["read"])
    assert found["service_managed_policies"] == ([], [managed["Policy"]["Arn"]])
    assert [json.loads(text) for text in found["service_statements"][1]] == [READ_TABLE]


def test_statements_are_the_same_whatever_policy_order_or_id_they_have(world: World) -> None:
    iam = world.client("iam")
    one, other = world.make_role("one", age=OLD), world.make_role("other", age=OLD)
    listed = {"Sid": "Read", "Resource": ["*"], "Action": ["dynamodb:GetItem"], "Effect": "Allow"}
    iam.put_role_policy(RoleName="one", PolicyName="p", PolicyDocument=policy(READ_TABLE))
    iam.put_role_policy(RoleName="other", PolicyName="p", PolicyDocument=policy([listed]))
    first, second = world.make_app(iamServiceRoleArn=one), world.make_app(iamServiceRoleArn=other)
    answer = valid("compare", run(world, "compare", f"{first}/main", f"{second}/main", "--json").stdout)
    assert "service_statements" in answer["same"]


def test_the_repository_connection_is_compared_by_provider_host_and_path(world: World) -> None:
    first = world.make_app(repository="https://github.com/acme/shop")
    second = world.make_app(repository="https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop")
    found = differences(run(world, "compare", f"{first}/main", f"{second}/main", "--json"))
    assert found["repository_provider"] == ("GitHub", "AWS CodeCommit")
    assert found["repository_host"] == ("github.com", "git-codecommit.eu-central-1.amazonaws.com")
    assert found["repository_path"] == ("acme/shop", "v1/repos/shop")


def test_build_settings_are_compared_by_name_or_fingerprint(world: World) -> None:
    first = world.make_app(environmentVariables={"_CUSTOM_IMAGE": "amplify:al2023"}, buildSpec="version: 1")
    second = world.make_app(environmentVariables={"_CUSTOM_IMAGE": "registry.example.com/build:1"})
    found = differences(run(world, "compare", f"{first}/main", f"{second}/main", "--json"))
    assert found["build_image"][0] == "amplify:al2023"
    assert found["build_image"][1].startswith("custom, sha256 ")
    assert found["build_spec"][1] is None
    assert "environment_variables" not in found


def test_a_setting_that_may_not_be_read_is_unknown_and_not_a_difference(world: World) -> None:
    app = two_branches(world)
    foreign = "arn:aws:iam::999999999999:role/foreign"
    other = world.make_app(iamServiceRoleArn=foreign)
    answer = valid("compare", run(world, "compare", f"{app}/main", f"{other}/main", "--json").stdout)
    unknown = {each["id"]: each["second"]["unknown"] for each in answer["unknown"]}
    assert "belongs to account 999999999999" in unknown["service_trust"]
    assert "service_statements" in unknown
    assert "service_role" in {each["id"] for each in answer["differences"]}


def test_a_snapshot_holds_every_branch_and_each_role_once(world: World) -> None:
    app = two_branches(world)
    taken = snapshot(world, app)
    assert [branch["name"] for branch in taken["branches"]] == ["main", "staging"]
    assert taken["account"] == world.amplify.account_id
    assert len(taken["roles"]) == 1


def test_a_deleted_role_is_recorded_as_absent(world: World) -> None:
    app = two_branches(world)
    world.client("iam").delete_role(RoleName="service")
    taken = snapshot(world, app, "main")
    (role,) = taken["roles"].values()
    assert role["status"] == "absent"
    assert taken["branches"][0]["trust"]["service"]["assumable"] == "missing"


def test_a_snapshot_contains_no_secrets(world: World) -> None:
    canary = "canary-wJalrXUtnFEMI"
    trust = json.loads(json.dumps(LAMBDA_TRUST))
    trust["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{world.amplify.account_id}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": canary}},
        }
    )
    app = world.make_app(
        iamServiceRoleArn=world.make_role("service", trust, age=OLD),
        environmentVariables={"TOKEN": canary, "_CUSTOM_IMAGE": f"registry.example.com/{canary}"},
        basicAuthCredentials=canary,
        buildSpec=f"env: {canary}",
        repository=f"https://{canary}:x@github.com/acme/shop",
    )
    world.client("amplify").update_branch(appId=app, branchName="main", environmentVariables={"B": canary})
    text = run(world, "snapshot", app, "--out", "-").output
    assert canary not in text
    assert json.loads(text)["app"]["environment_variables"] == ["TOKEN", "_CUSTOM_IMAGE"]


def test_a_snapshot_can_be_compared_with_a_branch(world: World, tmp_path: Path) -> None:
    app = two_branches(world)
    before = tmp_path / "before.json"
    assert run(world, "snapshot", app, "--out", str(before)).exit_code == 0
    world.client("amplify").update_app(appId=app, platform="WEB")
    assert differences(run(world, "compare", f"{before}#main", f"{app}/main", "--json")) == {
        "platform": ("WEB_COMPUTE", "WEB")
    }


def test_two_files_are_compared_without_a_call(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "main.json"
    run(world, "snapshot", two_branches(world), "main", "--out", str(file))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert medic("compare", str(file), str(file)).exit_code == 0


def test_an_existing_file_is_overwritten_only_with_force(world: World, tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text("mine")
    app = two_branches(world)
    result = run(world, "snapshot", app, "--out", str(file))
    assert result.exit_code == 2
    assert file.read_text() == "mine"
    assert run(world, "snapshot", app, "--out", str(file), "--force").exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "is not a snapshot"),
        ("[]", "is not a snapshot"),
        ("nonsense", "is not JSON"),
        ('{"kind": "amplify-medic snapshot", "schema": 99}', "has snapshot version 99, not 1"),
        ('{"kind": "amplify-medic snapshot", "schema": 1}', "has 0 branches"),
        (
            '{"kind": "amplify-medic snapshot", "schema": 1, "branches": [{"name": "a"}, {"name": "b"}]}',
            "#BRANCH with one of: a, b.",
        ),
    ],
)
def test_a_file_that_is_not_a_snapshot_is_rejected(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(text.replace("K", "amplify-medic snapshot"))
    result = medic("compare", str(file), str(file))
    assert result.exit_code == 3
    assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["compare", "main", "d1a2b3c4d5e6f7/main"], 2, "neither APP/BRANCH nor an existing file"),
        (["compare", "d0000000000000/main", "d0000000000000/main"], 3, "Amplify has no app d0000000000000"),
        (["snapshot", "d0000000000000", "--out", "-"], 3, "Amplify has no app d0000000000000"),
        (["snapshot", "d0000000000000"], 2, "Missing option '--out'"),
    ],
)
def test_wrong_names_are_reported(world: World, arguments: list[str], code: int, said: str) -> None:
    result = run(world, *arguments)
    assert result.exit_code == code
    assert said in result.stderr
