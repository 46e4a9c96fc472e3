"""What the files do not tell is unknown: it is listed, and never makes a finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medic_cli.preflight.template import Deployment
from tests.unit.cli.preflight.support import (
    TRUSTING,
    allowed_if,
    app,
    arn,
    branch,
    check,
    kinds,
    lines,
    role,
    unknowns,
)

UNKNOWN = {"Ref": "Given"}
PARAMETERS = {"Given": {"Type": "String", "Default": "lambda.amazonaws.com"}}
ANYWHERE = Deployment()

DENYING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def with_statement(**element: Any) -> dict[str, Any]:
    """A trust policy that denies Amplify but for one element."""
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [{**statement, **element}]}


DENY_IF_UNKNOWN = {
    **TRUSTING["Statement"][0],  # type: ignore[dict-item]
    "Effect": "Deny",
    "Condition": {"StringEquals": {"aws:SourceAccount": UNKNOWN}},
}


@pytest.mark.parametrize(
    "trust",
    [
        UNKNOWN,
        {"Version": "2012-10-17", "Statement": UNKNOWN},
        {"Version": "2012-10-17", "Statement": [*DENYING["Statement"], UNKNOWN]},
        {"Version": UNKNOWN, "Statement": TRUSTING["Statement"]},
        with_statement(Principal=UNKNOWN),
        with_statement(Principal={"Service": ["lambda.amazonaws.com", UNKNOWN]}),
        with_statement(Principal={"Service": {"Fn::Sub": "${Given}.amazonaws.com"}}),
        with_statement(Effect=UNKNOWN),
        with_statement(Principal={"Service": "amplify.amazonaws.com"}, Action=UNKNOWN),
        allowed_if({"StringEquals": {"aws:SourceAccount": UNKNOWN}}),
        allowed_if({"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:amplify:*:*:apps/${Given}/*"}}}),
        allowed_if({"StringEquals": {"aws:ResourceTag/team": "web"}}),
        allowed_if(UNKNOWN),
        {"Version": "2012-10-17", "Statement": [*TRUSTING["Statement"], DENY_IF_UNKNOWN]},
        {"Fn::If": ["Never", DENYING, TRUSTING]},
    ],
)  # fmt: skip
def test_a_trust_policy_with_an_unknown_part_is_no_finding(trust: Any, tmp_path: Path) -> None:
    resources = {
        "Role": role(trust),
        "App": app(Platform="WEB_COMPUTE", IAMServiceRole=arn("Role"), ComputeRoleArn=arn("Role")),
        "Main": branch(),
    }
    result = check(resources, tmp_path, Parameters=PARAMETERS)
    assert lines(result) == []


def test_what_is_denied_whatever_the_unknown_part_is_is_an_error(tmp_path: Path) -> None:
    trust = with_statement(Condition={"StringEquals": {"aws:SourceAccount": UNKNOWN}})
    result = check({"Role": role(trust), "App": app(IAMServiceRole=arn("Role"))}, tmp_path, Parameters=PARAMETERS)
    assert lines(result) == ["error service_role_unassumable Role"]


@pytest.mark.parametrize(
    ("condition", "known"),
    [
        ({"StringEquals": {"aws:SourceAccount": "444455556666"}}, {"account": "111122223333"}),
        ({"StringLike": {"aws:SourceAccount": "4444*"}}, {"account": "111122223333"}),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:amplify:us-east-1:*:apps/*"}}, {"region": "eu-central-1"}),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:amplify:us-*:*:apps/*"}}, {"region": "eu-central-1"}),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:amplify:*:*:apps/dother/*"}}, {"app_ids": {"App": "dthis"}}),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:amplify:*:*:apps/dother*"}}, {"app_ids": {"App": "dthis"}}),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws-cn:amplify:*:*:apps/*"}},
            {"region": "eu-central-1"},
        ),
    ],
)
def test_a_pinned_role_is_an_error_only_when_the_deployment_is_known(
    condition: Any, known: dict[str, Any], tmp_path: Path
) -> None:
    resources = {"Role": role(allowed_if(condition)), "App": app(IAMServiceRole=arn("Role")), "Main": branch()}
    unsure = check(resources, tmp_path, ANYWHERE)
    assert lines(unsure) == []
    assert "Role: service role unassumable" in unknowns(unsure)
    assert lines(check(resources, tmp_path, Deployment(**known))) == ["error service_role_unassumable Role"]


def test_the_account_and_region_of_the_deployment_match_themselves(tmp_path: Path) -> None:
    pattern = {"Fn::Sub": "arn:${AWS::Partition}:amplify:${AWS::Region}:${AWS::AccountId}:apps/${App.AppId}/*"}
    source = {"Fn::Sub": "arn:${AWS::Partition}:amplify:${AWS::Region}:${AWS::AccountId}:apps/${App.AppId}"}
    condition = {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": [source, pattern]},
    }
    resources = {"Role": role(allowed_if(condition)), "App": app(IAMServiceRole=arn("Role")), "Main": branch()}
    result = check(resources, tmp_path, ANYWHERE)
    assert (lines(result), unknowns(result)) == ([], [])


def test_a_role_pinned_to_another_app_of_the_template_is_an_error(tmp_path: Path) -> None:
    condition = {"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:amplify:*:*:apps/${Other.AppId}/*"}}}
    resources = {
        "Role": role(allowed_if(condition)),
        "App": app(IAMServiceRole=arn("Role")),
        "Other": app(),
        "Main": branch(),
    }
    assert "error service_role_unassumable Role" in lines(check(resources, tmp_path, ANYWHERE))


def test_a_branch_with_an_unknown_name_may_be_the_one_that_a_role_is_pinned_to(tmp_path: Path) -> None:
    condition = {"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:amplify:*:*:apps/${App.AppId}/branches/prod"}}}
    resources = {
        "Role": role(allowed_if(condition)),
        "App": app(Platform="WEB_COMPUTE", IAMServiceRole="arn:aws:iam::111122223333:role/x"),
        "Main": branch(UNKNOWN, ComputeRoleArn=arn("Role")),
    }
    assert lines(check(resources, tmp_path, Parameters=PARAMETERS)) == []
    resources["Main"] = branch("main", ComputeRoleArn=arn("Role"))
    assert lines(check(resources, tmp_path)) == ["error compute_role_unassumable Role"]


@pytest.mark.parametrize(
    ("resources", "what"),
    [
        ({"App": app(IAMServiceRole=UNKNOWN)}, "App: service role"),
        ({"App": app(IAMServiceRole="arn:aws:iam::111122223333:role/x")}, "App: service role"),
        ({"App": app(IAMServiceRole=UNKNOWN, Platform=UNKNOWN), "Main": branch()}, "App: platform"),
        (
            {"App": app(IAMServiceRole=UNKNOWN, Platform="WEB_COMPUTE", ComputeRoleArn=UNKNOWN),
             "Main": branch(EnablePullRequestPreview=True)},
            "App: compute role",
        ),
        (
            {"App": app(IAMServiceRole=UNKNOWN, Platform="WEB_COMPUTE"), "Main": branch(ComputeRoleArn=UNKNOWN)},
            "Main: compute role",
        ),
        ({"Main": branch(AppId=UNKNOWN)}, "Main: app"),
        ({"App": app(IAMServiceRole=UNKNOWN, EnvironmentVariables=UNKNOWN)}, "App: environment variables"),
    ],
)  # fmt: skip
def test_an_unknown_property_is_listed_and_is_no_finding(resources: Any, what: str, tmp_path: Path) -> None:
    result = check(resources, tmp_path, Parameters=PARAMETERS)
    assert lines(result) == []
    assert what in unknowns(result)


@pytest.mark.parametrize("field", ["EnablePullRequestPreview", "AutoBranchCreationConfig"])
def test_unknown_previews_and_auto_branches_are_no_finding(field: str, tmp_path: Path) -> None:
    ssr = {"Platform": "WEB_COMPUTE", "IAMServiceRole": arn("Role"), "ComputeRoleArn": arn("Role")}
    on_app = {"AutoBranchCreationConfig": {"EnableAutoBranchCreation": UNKNOWN}}
    resources = {
        "Role": role(TRUSTING),
        "App": app(**ssr, **(on_app if field in on_app else {})),
        "Main": branch(**({field: UNKNOWN} if field not in on_app else {})),
    }
    assert lines(check(resources, tmp_path, Parameters=PARAMETERS)) == []


def test_the_name_of_an_aws_key_with_an_unknown_value_is_a_warning_and_no_error(tmp_path: Path) -> None:
    variables = [{"Name": "AWS_SECRET_ACCESS_KEY", "Value": UNKNOWN}, {"Name": "API_SECRET", "Value": UNKNOWN}]
    resources = {"App": app(IAMServiceRole=UNKNOWN, EnvironmentVariables=variables)}
    result = check(resources, tmp_path, Parameters=PARAMETERS)
    assert lines(result) == ["warning long_lived_keys App"]
    assert result.findings[0].finding.detail.startswith("Set on the app: AWS_SECRET_ACCESS_KEY. ")


def test_a_key_that_the_template_makes_is_an_error(tmp_path: Path) -> None:
    variables = [
        {"Name": "UPLOAD_ID", "Value": {"Ref": "Key"}},
        {"Name": "UPLOAD_KEY", "Value": {"Fn::GetAtt": ["Key", "SecretAccessKey"]}},
    ]
    key = {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": "upload"}}
    resources = {"Key": key, "App": app(IAMServiceRole=UNKNOWN, EnvironmentVariables=variables)}
    assert lines(check(resources, tmp_path, Parameters=PARAMETERS)) == ["error long_lived_keys App"]


def test_the_default_of_a_parameter_is_not_known_and_a_given_value_is(tmp_path: Path) -> None:
    resources = {"Role": role(with_statement(Principal={"Service": UNKNOWN})), "App": app(IAMServiceRole=arn("Role"))}
    assert lines(check(resources, tmp_path, Parameters=PARAMETERS)) == []
    given = Deployment(parameters={"Given": "ec2.amazonaws.com"})
    assert kinds(check(resources, tmp_path, given, Parameters=PARAMETERS)) == {"service_role_unassumable"}


def test_too_many_combinations_leave_the_trust_policies_open_and_keep_the_rest(tmp_path: Path) -> None:
    pinned = [f"arn:aws:amplify:eu-central-1:111122223333:apps/d{number}/*" for number in range(20)]
    resources: dict[str, Any] = {
        "Role": role(allowed_if({"ArnLike": {"aws:SourceArn": pinned}})),
        **{f"App{number}": app(IAMServiceRole=arn("Role"), Platform="WEB_COMPUTE") for number in range(3)},
        "Main": branch(AppId={"Fn::GetAtt": ["App0", "AppId"]}),
    }
    result = check(resources, tmp_path)
    assert lines(result) == ["warning compute_role_not_set App0"]
    assert "Role: service role unassumable" in unknowns(result)
