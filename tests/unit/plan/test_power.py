"""Policies that lead to more power are recognised by what they allow; what an app's role needs is not among them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from medic.arns import RoleArn
from medic.evidence import RolePolicies
from medic.knowledge.power import POWERS
from medic.plan.power import why_powerful
from tests.tables import table
from tests.unit.plan.aws_managed import attached

DATA = Path(__file__).parents[2] / "data" / "power"
ACCOUNT = "111122223333"
ROLE = RoleArn(f"arn:aws:iam::{ACCOUNT}:role/app/web", "aws", ACCOUNT, "/app/", "web")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
IAM = f"arn:aws:iam::{ACCOUNT}"

Json = dict[str, Any]


def lines(name: str) -> list[Json]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


METHODS = lines("methods.jsonl")
"""Published ways to more power: each with the actions that it takes."""
HARMLESS = lines("harmless.jsonl")
"""Policies of compute roles in public projects, with ids replaced."""
ACTIONS = (DATA / "actions.txt").read_text(encoding="utf-8").split()
KINDS = {
    "Role": "role",
    "Group": "group",
    "PolicyVersion": "policy",
    "InstanceProfile": "instance-profile",
    "SAML": "saml-provider",
    "OpenID": "oidc-provider",
}
"""The kind of resource of an IAM action, by a word in its name; otherwise a user."""
ON_MACHINES = {"ssm", "ec2-instance-connect"}


def statement(action: str | list[str], resource: Any = "*", **elements: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def why(*statements: Json, **policies: Any) -> str | None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return why_powerful(RolePolicies((), (document,), **policies), ROLE, NOW)


def kind_of(action: str) -> str:
    name = action.partition(":")[2]
    if name in {"*", "Put*"} or "RoleToInstanceProfile" in name:
        return "role" if "*" in name else "instance-profile"
    return next((kind for word, kind in KINDS.items() if word in name), "user")


def forms(action: str) -> dict[str, Json]:
    """Every form in which a policy may write the resource of an action."""
    service = action.partition(":")[0]
    if service in {"iam", "sts"}:
        kind = kind_of(action)
        resources = {
            f"every {kind}": f"{IAM}:{kind}/*",
            "without the slash": f"{IAM}:{kind}*",
            "at least one character": f"{IAM}:{kind}/?*",
            "two stars": "**",
            "the whole account": f"{IAM}:*",
            "cut in the account": "arn:aws:iam::1111*",
            "any account": f"arn:aws:iam::*:{kind}/*",
            "question marks": f"arn:aws:iam::????????????:{kind}/*",
            "a variable": f"arn:aws:iam::${{aws:PrincipalAccount}}:{kind}/*",
            "a path": f"{IAM}:{kind}/app/*",
            "exactly one": f"{IAM}:{kind}/admin",
            "any partition": "arn:*",
        }
        spared = f"{IAM}:{kind}/harmless"
    else:
        name = "ec2" if service in ON_MACHINES else service
        resources = {
            "the service": f"arn:aws:{name}:*",
            "a region": f"arn:aws:{name}:eu-central-1:{ACCOUNT}:*",
            "a name": f"arn:aws:{name}:*:*:*prod*",
            "two stars": "**",
            "exactly one": f"arn:aws:{name}:eu-central-1:{ACCOUNT}:thing/one",
            "any partition": "arn:*",
        }
        spared = "arn:aws:s3:::bucket/*"
    listed = {form: {"Resource": resource} for form, resource in resources.items()}
    return {"everything": {"Resource": "*"}, **listed, "all but one": {"NotResource": spared}}


@table("method", METHODS, ids=lambda method: method["id"])
def test_every_published_method_is_refused_in_every_form_of_its_resource(method: Json) -> None:
    by_action = {action: forms(action) for action in method["actions"]}
    every_form = dict.fromkeys(form for each in by_action.values() for form in each)
    documents = {
        form: [
            {"Effect": "Allow", "Action": action, **each.get(form, each["everything"])}
            for action, each in by_action.items()
        ]
        for form in every_form
    }

    assert len(documents) >= 8
    assert [form for form, statements in documents.items() if why(*statements) is None] == []


@table("case", HARMLESS, ids=lambda case: case["id"])
def test_what_public_projects_give_their_compute_roles_is_allowed(case: Json) -> None:
    assert why(*case["policy"]["Statement"]) is None


@table("action", ACTIONS)
def test_each_listed_action_leads_to_more_power(action: str) -> None:
    one_role = statement("iam:PassRole", f"{IAM}:role/worker")
    reason = why(statement(action), one_role) or ""

    assert f"{action} " in reason
    assert "https://" in reason


def test_the_list_holds_these_actions_and_no_other() -> None:
    assert sorted(power.action for power in POWERS) == ACTIONS
    assert all(power.source.startswith("https://") for power in POWERS)


LAMBDA = statement("lambda:CreateFunction")
ONE = f"{IAM}:role/worker"


def passed_to(service: str) -> Json:
    return {"Condition": {"StringLike": {"iam:PassedToService": service}}}


@pytest.mark.parametrize(
    "statements",
    {
        "nothing uses it": [statement("iam:PassRole", ONE)],
        "an invocation": [statement("iam:PassRole", ONE), statement("lambda:InvokeFunction")],
        "another account's roles": [statement("iam:PassRole", "arn:aws:iam::444455556666:role/*"), LAMBDA],
        "to a service that runs no code": [statement("iam:PassRole", "*", **passed_to("dax.amazonaws.com")), LAMBDA],
        "to another service": [statement("iam:PassRole", ONE, **passed_to("glue.*")), LAMBDA],
    }.items(),
    ids=lambda case: case[0],
)
def test_passing_a_role_is_no_power_where_nothing_uses_it(statements: tuple[str, list[Json]]) -> None:
    assert why(*statements[1]) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"iam:PassedToService": ["dax.amazonaws.com", "lambda.amazonaws.com"]}},
        {"StringLike": {"iam:PassedToService": "*"}},
        {"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        {"StringEqualsIfExists": {"iam:PassedToService": "lambda.amazonaws.com"}},
        {"ArnLike": {"iam:AssociatedResourceArn": "arn:aws:lambda:*:*:function:mine"}},
        {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
        {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com.cn"}},
    ],
)
@pytest.mark.parametrize("resource", ["*", ONE])
def test_passing_a_role_to_a_service_that_may_run_code_is_power(condition: Json, resource: str) -> None:
    assert "iam:PassRole" in (why(statement("iam:PassRole", resource, Condition=condition), LAMBDA) or "")


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"Bool": {"aws:PrincipalIsAWSService": "true"}},
        {"StringEquals": {"aws:PrincipalAccount": "444455556666"}},
        {"ArnEquals": {"aws:PrincipalArn": f"{IAM}:role/app/other"}},
        {"DateLessThan": {"aws:CurrentTime": "2026-11-22T11:59:59Z"}},
        {"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:01Z"}},
    ],
)
def test_an_allow_whose_condition_can_never_be_met_gives_nothing(condition: Json) -> None:
    assert why(statement("iam:PutRolePolicy", Condition=condition)) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}},
        {"ArnEquals": {"aws:PrincipalArn": f"{IAM}:role/app/web"}},
        {"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}},
        {"DateLessThan": {"aws:CurrentTime": "2026-11-22T12:00:01Z"}},
        {"DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:01Z"}},
        {"StringEquals": {"some:NewKey": "x"}},
        {"Bool": {"aws:SecureTransport": "maybe"}},
    ],
)
def test_an_allow_whose_condition_may_be_met_some_day_counts(condition: Json) -> None:
    assert why(statement("iam:PutRolePolicy", Condition=condition))


def deny(action: str | list[str], **elements: Any) -> Json:
    named = {} if "NotResource" in elements else {"Resource": "*"}
    return {"Effect": "Deny", "Action": action, **named, **elements}


@pytest.mark.parametrize(
    "denial",
    [
        deny("*"),
        deny("iam:Put*"),
        deny("IAM:PUTROLEPOLICY", Resource=f"{IAM}:role/*"),
        deny("iam:*", Resource="arn:aws:iam::*:*"),
        deny("iam:*", Resource=["arn:aws:s3:::b", f"{IAM}:role/app/*"]),
        deny("iam:*", NotResource="arn:aws:s3:::*"),
        {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"},
        deny("iam:*", Condition={"ArnLike": {"aws:PrincipalArn": f"{IAM}:role/app/*"}}),
    ],
)
def test_a_denial_that_surely_covers_the_allow_counts(denial: Json) -> None:
    assert why(statement("iam:PutRolePolicy", f"{IAM}:role/app/w*"), denial) is None


@pytest.mark.parametrize(
    "denial",
    [
        deny("iam:PutRolePolicy", Resource=f"{IAM}:role/app/web"),
        deny("iam:PutRolePolicy", Resource=f"{IAM}:role/admin*"),
        deny("iam:PutRolePolicy", Resource="arn:aws:iam::1111*"),
        deny("iam:PutRolePolicy", Resource="arn:aws:iam::${aws:PrincipalAccount}:role/*"),
        deny("iam:PutUserPolicy"),
        deny("i*:Put*"),
        deny("iam:*", NotResource=f"{IAM}:role/app/*"),
        {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"},
        deny("iam:*", Condition={"StringNotEquals": {"aws:PrincipalTag/team": "admins"}}),
        deny("iam:*", Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-11-22T12:00:00Z"}}),
    ],
)
def test_a_denial_that_may_leave_something_open_does_not_count(denial: Json) -> None:
    assert why(statement("iam:PutRolePolicy", f"{IAM}:role/app/w*"), denial)


def test_a_denial_in_another_policy_counts_too() -> None:
    allow, denial = ({"Statement": [each]} for each in (statement("iam:PutRolePolicy"), deny("iam:*")))
    assert why_powerful(RolePolicies((), (allow,), (), {"arn:aws:iam::aws:policy/No": denial}), ROLE, NOW) is None


@pytest.mark.parametrize(
    ("allow", "powerful"),
    [
        ({"NotAction": "s3:*", "Resource": "*"}, True),
        ({"NotAction": ["iam:*", "sts:*"], "Resource": "*"}, True),
        ({"NotAction": "s3:*", "Resource": "arn:aws:s3:::b/*"}, False),
        ({"NotAction": "*", "Resource": "*"}, False),
        ({"Action": "iam:PutRolePolicy", "NotResource": f"{IAM}:role/admin"}, True),
        ({"Action": "iam:PutRolePolicy", "NotResource": ["arn:aws:s3:::b", f"{IAM}:role/*"]}, False),
        ({"Action": "iam:PutRolePolicy", "NotResource": "*"}, False),
        ({"Action": "iam:PutRolePolicy", "NotResource": "arn:aws:iam::${aws:PrincipalAccount}:role/*"}, True),
        ({"Action": [], "Resource": "*"}, False),
        ({"Action": "iam:P?tR*", "Resource": "*"}, True),
        ({"Action": "*:*", "Resource": "*"}, True),
        ({"Action": "i*", "Resource": "*"}, True),
        ({"Action": "iam:PutRolePolicy", "Resource": "arn:aws-cn:iam::*:role/*"}, False),
        ({"Action": "iam:PutRolePolicy", "Resource": "arn:aws:iam::444455556666:*"}, False),
    ],
)
def test_lists_of_exceptions_and_patterns_are_read_by_their_meaning(allow: Json, powerful: bool) -> None:  # noqa: FBT001
    assert bool(why({"Effect": "Allow", **allow})) is powerful


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Statement": "all"},
        {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}]},
        {"Statement": [{"Effect": "allow", "Action": "s3:GetObject", "Resource": "*"}]},
        {"Statement": [statement("s3:GetObject", NotAction="s3:PutObject")]},
        {"Statement": [statement("s3:GetObject", Condition={"StringSounds": {"a": "b"}})]},
        {"Version": "2031-01-01", "Statement": []},
    ],
)
def test_a_policy_that_cannot_be_understood_is_refused(document: Json) -> None:
    assert "can't be understood" in (why_powerful(RolePolicies((), (document,)), ROLE, NOW) or "")


def test_the_reason_names_policy_action_resource_and_source() -> None:
    aws = {"arn:aws:iam::aws:policy/service-role/Deploy": {"Statement": statement("iam:Put*", f"{IAM}:role*")}}

    assert why(aws_managed=aws) == (
        f"the AWS-managed policy Deploy allows iam:PutRolePolicy on {IAM}:role*, which leads to more power:"
        " https://pathfinding.cloud/paths/iam-005"
    )


AWS_ADMINISTRATORS = (
    *("AdministratorAccess", "AdministratorAccess-Amplify", "PowerUserAccess", "IAMFullAccess", "SystemAdministrator"),
    *("AWSLambda_FullAccess", "AWSCloudFormationFullAccess", "AWSOrganizationsFullAccess", "AmazonSSMFullAccess"),
    "AmplifyBackendDeployFullAccess",
)
AWS_FOR_DATA = (
    *("AmazonDynamoDBFullAccess", "AmazonS3FullAccess", "AmazonSQSFullAccess", "AmazonSNSFullAccess"),
    *("AmazonSESFullAccess", "AmazonCognitoPowerUser", "AmazonBedrockLimitedAccess", "AmazonRDSDataFullAccess"),
    *("AWSLambdaRole", "AWSLambdaBasicExecutionRole", "AWSAppSyncInvokeFullAccess", "CloudWatchLogsFullAccess"),
    *("AmazonSSMReadOnlyAccess", "ReadOnlyAccess"),
)


@pytest.mark.parametrize(
    ("name", "powerful"), [*((n, True) for n in AWS_ADMINISTRATORS), *((n, False) for n in AWS_FOR_DATA)]
)
def test_aws_managed_policies_are_judged_by_what_they_allow(name: str, powerful: bool) -> None:  # noqa: FBT001
    assert bool(why_powerful(attached(name), ROLE, NOW)) is powerful
