"""Where a finding is placed, how it reads, and how the command ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medic_cli.preflight.template import Deployment
from tests.unit.cli.preflight.support import DATA, TRUSTING, allowed_if, app, arn, branch, check, lines, role, unknowns
from tests.unit.cli.support import medic, valid

KINDS = DATA / "kinds"
HERE = ("--account", "111122223333", "--region", "eu-central-1")


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("nothing-wrong.yaml", (), 0),
        ("service-role-unassumable.yaml", (), 1),
        ("service-role-unassumable.json", (), 1),
        ("service-role-unassumable.yaml", ("--fail-on", "never"), 0),
        ("compute-role-not-set.yaml", (), 0),
        ("compute-role-not-set.yaml", ("--fail-on", "warning"), 1),
        ("secret-in-variables.yaml", ("--fail-on", "warning"), 0),
    ],
)
def test_exit_codes_follow_the_worst_finding(name: str, options: tuple[str, ...], code: int) -> None:
    assert medic("preflight", str(KINDS / name), *HERE, *options).exit_code == code


@pytest.mark.parametrize(
    "options",
    [
        ("--account", "1234"),
        ("--parameter", "novalue"),
        ("--app-id", "App=not an id"),
        ("--fail-on", "note"),
    ],
)
def test_wrong_options_are_wrong_usage(options: tuple[str, ...]) -> None:
    assert medic("preflight", str(KINDS / "nothing-wrong.yaml"), *options).exit_code == 2


def test_no_path_is_wrong_usage_and_standard_input_is_read() -> None:
    assert medic("preflight").exit_code == 2
    text = (KINDS / "service-role-unassumable.json").read_text(encoding="utf-8")
    assert medic("preflight", "-", given=text).exit_code == 1


def test_the_text_names_file_line_resource_advice_and_what_is_unknown(tmp_path: Path) -> None:
    result = check({"App": app(IAMServiceRole={"Ref": "Stage"})}, tmp_path, Parameters={"Stage": {}})
    assert unknowns(result) == ["App: service role"]
    text = medic("preflight", str(KINDS / "service-role-unassumable.yaml"), *HERE).output
    assert f"{KINDS / 'service-role-unassumable.yaml'}:3 Service" in text
    assert "Amplify can't assume the service role" in text
    assert "it names Service lambda.amazonaws.com" in text
    assert "medic explain service_role_trust_wrong" in text
    assert text.rstrip().endswith("1 error in 1 app and 1 branch of 1 file.")
    public = medic("preflight", str(DATA / "public" / "imported-service-role.yaml")).output
    assert "the export Sample-Roles-AmplifyRoleARN is in none of these files" in public
    assert public.rstrip().endswith("Nothing found in 1 app and 1 branch of 1 file.")


def test_the_answer_in_json_follows_its_schema_and_holds_the_statement_that_fixes_it() -> None:
    answer = valid("preflight", medic("preflight", str(KINDS / "service-role-unassumable.yaml"), "--json").stdout)
    [finding] = answer["findings"]
    assert finding["place"]["line"] == 3
    assert finding["role"] == "arn:aws:iam::<account>:role/<name of Service>"
    assert finding["statement"]["Condition"]["StringEquals"] == {"aws:SourceAccount": "<account>"}
    assert answer["totals"] == {"error": 1, "warning": 0, "note": 0}


def test_nothing_made_up_stands_in_an_answer(tmp_path: Path) -> None:
    condition = {"StringEquals": {"sts:SourceIdentity": "x"}}
    resources = {
        "Role": role(allowed_if(condition)),
        "App": app(Platform="WEB_COMPUTE", IAMServiceRole=arn("Role"), ComputeRoleArn=arn("Role")),
        "Main": branch({"Ref": "AWS::StackName"}, EnablePullRequestPreview=True),
    }
    (tmp_path / "t.json").write_text(json.dumps({"Resources": resources}))
    text = (
        medic("preflight", str(tmp_path / "t.json")).output
        + medic("preflight", str(tmp_path / "t.json"), "--json").output
    )
    assert "service_role_conditional" in text
    assert not any(value in text for value in ("009999999900", "preflight-", "dpreflight", "\ufdd0"))


def test_an_unknown_platform_leaves_trust_findings_and_no_others(tmp_path: Path) -> None:
    denying = json.loads(json.dumps(TRUSTING).replace("amplify.", "lambda."))
    resources: dict[str, Any] = {
        "Role": role(denying),
        "App": app(Platform={"Ref": "P"}, IAMServiceRole={"Ref": "P"}),
        "Main": branch(ComputeRoleArn=arn("Role"), EnablePullRequestPreview=True),
        "Dev": branch("dev"),
    }
    result = check(resources, tmp_path, Parameters={"P": {"Type": "String"}})
    assert lines(result) == ["error compute_role_unassumable Role"]


def test_a_branch_of_an_app_elsewhere_is_judged_by_what_it_says_itself(tmp_path: Path) -> None:
    denying = json.loads(json.dumps(TRUSTING).replace("amplify.", "lambda."))
    variables = [{"Name": "AWS_ACCESS_KEY_ID", "Value": "AKIAQ3EGRT5TVIYM7XKB"}]
    main = branch(AppId="d1a2b3c4d5e6f7", ComputeRoleArn=arn("Role"), EnvironmentVariables=variables)
    result = check({"Role": role(denying), "Main": main, "Dev": branch("dev", AppId="d1a2b3c4d5e6f7")}, tmp_path)
    assert lines(result) == ["error compute_role_unassumable Role", "warning long_lived_keys Main"]


def test_a_role_named_in_an_arn_is_the_role_of_that_name_in_the_template(tmp_path: Path) -> None:
    denying = json.loads(json.dumps(TRUSTING).replace("amplify.", "lambda."))
    given = {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/web"}
    resources = {"Role": role(denying, RoleName="web"), "App": app(IAMServiceRole=given)}
    assert lines(check(resources, tmp_path, Deployment(region="eu-central-1"))) == [
        "error service_role_unassumable Role"
    ]
