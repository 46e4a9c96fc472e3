"""The actor role: the limits that IAM sets on every change of the bot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.iam import flatten
from tests.infra.stacks import (
    APP,
    COMPUTE_ROLE,
    EVERYTHING,
    OTHER_APP,
    SERVICE_ROLE,
    actions,
    actor,
    allowed,
    of_type,
    properties_of,
    statements,
    template,
)

if TYPE_CHECKING:
    from infra.iam import PolicyStatement, Template

AMPLIFY = "arn:<AWS::Partition>:amplify:<AWS::Region>:<AWS::AccountId>"
TO_AMPLIFY = {"StringEquals": {"iam:PassedToService": "amplify.amazonaws.com"}}


def resources(statement: PolicyStatement) -> list[str]:
    value = statement["Resource"]
    return [flatten(item) for item in value] if isinstance(value, list) else [flatten(value)]


def test_a_branch_can_be_updated_only_if_its_tag_opts_in() -> None:
    statement = actor()["UpdateOptedInBranches"]

    assert actions(statement) == ["amplify:UpdateBranch"]
    assert resources(statement) == [f"{AMPLIFY}:apps/*/branches/*"]
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/amplify-medic:auto-fix": ["fix", "ask"]}}


def test_jobs_can_be_started_and_nothing_else() -> None:
    statement = actor()["RetryJobs"]

    assert actions(statement) == ["amplify:StartJob"]
    assert resources(statement) == [f"{AMPLIFY}:apps/*/branches/*/jobs/*"]


def test_listed_apps_limit_branches_and_jobs() -> None:
    statements = actor(apps=[APP, OTHER_APP])

    assert resources(statements["UpdateOptedInBranches"]) == [
        f"{AMPLIFY}:apps/{APP}/branches/*",
        f"{AMPLIFY}:apps/{OTHER_APP}/branches/*",
    ]
    assert resources(statements["RetryJobs"]) == [
        f"{AMPLIFY}:apps/{APP}/branches/*/jobs/*",
        f"{AMPLIFY}:apps/{OTHER_APP}/branches/*/jobs/*",
    ]


def test_only_the_default_role_can_be_passed_if_none_is_paired() -> None:
    statement = actor()["PassPairedComputeRoles"]

    assert [name[:18] for name in resources(statement)] == ["<DefaultComputeRol"]
    assert statement["Condition"] == TO_AMPLIFY


def test_paired_compute_roles_are_passed_by_exact_arn_and_to_amplify_only() -> None:
    statement = actor(compute_roles={COMPUTE_ROLE: [APP]})["PassPairedComputeRoles"]

    assert COMPUTE_ROLE in resources(statement)
    assert len(resources(statement)) == 2
    assert statement["Condition"] == TO_AMPLIFY


def test_no_app_is_updated_unless_service_roles_are_set() -> None:
    assert all("amplify:UpdateApp" not in actions(statement) for statement in actor().values())


def test_apps_can_be_updated_only_if_listed_and_tagged() -> None:
    granted = actor(service_roles={SERVICE_ROLE: [f"{OTHER_APP}/main", APP, OTHER_APP]})
    update, pass_role = granted["UpdateAppsThatNameAServiceRole"], granted["PassPairedServiceRoles"]

    assert actions(update) == ["amplify:UpdateApp"]
    assert resources(update) == [f"{AMPLIFY}:apps/{APP}", f"{AMPLIFY}:apps/{OTHER_APP}"]
    assert update["Condition"] == {"Null": {"aws:ResourceTag/amplify-medic:service-role": "false"}}
    assert resources(pass_role) == [SERVICE_ROLE]
    assert pass_role["Condition"] == TO_AMPLIFY


def test_opting_in_and_creating_is_denied_whatever_else_is_granted() -> None:
    statement = actor()["NeverOptInOrCreate"]

    assert statement["Effect"] == "Deny"
    assert resources(statement) == ["*"]
    assert "Condition" not in statement
    assert set(actions(statement)) == {
        *("amplify:TagResource", "amplify:UntagResource", "amplify:CreateApp", "amplify:CreateBranch"),
        *("iam:CreateRole", "iam:Put*", "iam:Attach*"),
    }


def test_passing_a_role_to_another_service_is_denied() -> None:
    statement = actor()["NeverPassRolesElsewhere"]

    assert statement["Effect"] == "Deny"
    assert actions(statement) == ["iam:PassRole"]
    assert resources(statement) == ["*"]
    assert statement["Condition"] == {"StringNotEquals": {"iam:PassedToService": "amplify.amazonaws.com"}}


def test_the_actor_has_exactly_these_permissions() -> None:
    permissions = {"amplify:UpdateBranch", "amplify:StartJob", "amplify:UpdateApp", "iam:PassRole"}

    assert allowed(actor(**EVERYTHING)) == permissions


def test_only_the_remediators_role_may_assume_the_actor_role() -> None:
    stack = template()
    (remediator,) = [name for name in of_type(stack, "AWS::IAM::Role") if name.startswith("RemediatorRole")]
    (trust,) = properties_of(stack, "AWS::IAM::Role", "RemediatorActor")["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Principal"] == {"AWS": {"Fn::GetAtt": [remediator, "Arn"]}}
    assert trust["Action"] == "sts:AssumeRole"


def test_mode_ask_may_do_what_mode_fix_may() -> None:
    assert actor(mode="ask") == actor(mode="fix")


@pytest.fixture(name="report")
def _report() -> Template:
    return template(**{**EVERYTHING, "mode": "report"})


def test_mode_report_deploys_no_actor(report: Template) -> None:
    assert not [name for name in report["Resources"] if "Actor" in name]
    assert "ACTOR_ROLE_ARN" not in json.dumps(report)


def test_mode_report_deploys_no_write_permission(report: Template) -> None:
    text = json.dumps(report)

    for action in ("amplify:Update", "amplify:StartJob", "amplify:*", "iam:PassRole", "iam:*"):
        assert action not in text
    for role in ("RemediatorRole", "SlackInteractivityRole", "WatcherRole"):
        assert "sts:AssumeRole" not in allowed(statements(report, role))


def test_mode_report_lets_only_services_assume_roles(report: Template) -> None:
    roles = [role for name, role in of_type(report, "AWS::IAM::Role").items() if not name.startswith("Operator")]
    principals = [s["Principal"] for r in roles for s in r["Properties"]["AssumeRolePolicyDocument"]["Statement"]]

    assert {"Service": "lambda.amazonaws.com"} in principals
    assert all(set(principal) == {"Service"} for principal in principals)
    assert not [name for name in of_type(report, "AWS::IAM::Policy") if "Actor" in name]


def test_arns_follow_the_partition() -> None:
    named = json.dumps([template()["Resources"], template(**EVERYTHING)["Resources"]])

    for given in (COMPUTE_ROLE, SERVICE_ROLE, "arn:aws:iam::aws:", "arn:aws:iam::111122223333:policy/"):
        named = named.replace(given, "")
    assert "arn:aws:" not in named
