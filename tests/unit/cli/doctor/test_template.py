"""What the deployed template says, compared with what AWS answers."""

from __future__ import annotations

from typing import Any

import pytest

from medic.evidence import Present, Unreadable
from medic_cli.doctor.rights import ContextKey, Question, denials, questions
from medic_cli.doctor.template import Place, canonical, differing, resources

PLACE = Place("aws-cn", "cn-north-1", "111122223333")
ROLE = "arn:aws-cn:iam::111122223333:role/bot/the-role"


def resolved(value: Any) -> Any:
    """A property of a function in a stack with a queue, a role and a parameter."""
    template = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/bot/"}},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Value": value}},
            "Other": {"Type": "AWS::SQS::Queue", "Condition": "Never"},
        }
    }
    names = {"Queue": "https://sqs/1/the-queue", "Role": "the-role", "Function": "f"}
    found = resources(template, names, {"Parameter": "given"}, PLACE, role_ids={"the-role": "AROA1"})
    assert [each.logical_id for each in found] == ["Queue", "Role", "Function"]
    return found[2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Queue"}, "https://sqs/1/the-queue"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com.cn"),
        ({"Ref": "Parameter"}, "given"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:aws-cn:sqs:cn-north-1:111122223333:the-queue"),
        ({"Fn::GetAtt": ["Queue", "QueueName"]}, "the-queue"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, ROLE),
        ({"Fn::GetAtt": ["Role", "RoleId"]}, "AROA1"),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}]]}, "a-cn-north-1"),
        ({"Fn::Sub": "${AWS::AccountId}:${Role.Arn}"}, f"111122223333:{ROLE}"),
        ({"kept": [1, {"Ref": "Role"}], "left out": {"Ref": "AWS::NoValue"}}, {"kept": [1, "the-role"]}),
    ],
)
def test_references_are_replaced(value: Any, expected: Any) -> None:
    assert resolved(value)["Value"] == expected
    assert resolved(value).unresolved is None


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::If": ["C", 1, 2]},
        {"Ref": "Elsewhere"},
        {"Fn::GetAtt": ["Queue", "Else"]},
        {"Fn::Join": ["", ["a", {"Fn::ImportValue": "x"}]]},
        {"Fn::Sub": "${Other.Arn}"},
        [{"deep": {"Fn::Select": [0, ["a"]]}}],
    ],
)
def test_what_can_not_be_computed_is_marked_and_equals_nothing(value: Any) -> None:
    found = resolved(value)

    assert found.unresolved is not None
    assert found["Value"] != resolved(value)["Value"]


def test_two_policies_with_one_meaning_are_the_same() -> None:
    assert canonical({"Action": "a", "Principal": {"AWS": "*"}}) == canonical({"Principal": "*", "Action": ["a"]})
    assert canonical({"Action": ["a", "b"]}) == canonical({"Action": ["b", "a"]})
    assert canonical({"Bool": {"k": False}}) == canonical({"Bool": {"k": "false"}})
    assert canonical({"Action": ["a", "b"]}) != canonical({"Action": ["a"]})
    assert canonical({"Principal": {"Service": "*"}}) != canonical({"Principal": "*"})


def test_statements_that_differ_are_named() -> None:
    one = {"Statement": [{"Sid": "Same", "Action": "a"}, {"Sid": "Gone", "Action": "b"}, {"Action": "c"}]}
    two = {"Statement": {"Sid": "Same", "Action": ["a"]}}

    assert differing(one, two) == ("Gone", "#3")
    assert differing(one, one) == ()


STATEMENT = {
    "Sid": "Keys",
    "Effect": "Allow",
    "Action": ["dynamodb:GetItem", "amplify:UpdateBranch"],
    "Resource": ["arn:aws:amplify:r:1:apps/*/branches/*", "arn:aws:secretsmanager:r:1:secret:s-??"],
    "Condition": {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["request#*", "branch#*"]},
        "Null": {"dynamodb:LeadingKeys": "false", "aws:ResourceTag/t": "false"},
        "StringEquals": {"iam:PassedToService": "amplify.amazonaws.com"},
    },
}


def asked() -> Question:
    template = {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role"},
            "Policy": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "Roles": [{"Ref": "Role"}],
                    "PolicyDocument": {"Statement": [STATEMENT, {**STATEMENT, "Effect": "Deny"}]},
                },
            },
        }
    }
    stack = resources(template, {"Role": "the-role", "Policy": "p"}, {}, PLACE, role_ids={})
    (question,) = questions(stack, stack[0])
    return question


def test_a_statement_becomes_a_question_about_concrete_resources_and_keys() -> None:
    question = asked()

    assert question.resources == (
        "arn:aws:amplify:r:1:apps/d0000000000000/branches/any",
        "arn:aws:secretsmanager:r:1:secret:s-AA",
    )
    assert set(question.context) == {
        ContextKey("dynamodb:LeadingKeys", ("request#any",), several=True),
        ContextKey("aws:ResourceTag/t", ("any",), several=False),
        ContextKey("iam:PassedToService", ("amplify.amazonaws.com",), several=False),
    }


def _answer(decision: str = "allowed", **details: Any) -> dict[str, Any]:
    question = asked()
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision, **details}
            for action in question.actions
            for resource in question.resources
        ]
    }


def test_what_the_simulator_allows_is_no_denial() -> None:
    assert denials(_answer(), asked()) == Present(())


def test_a_denial_says_whether_scp_or_boundary_denies() -> None:
    by_scp = denials(_answer("implicitDeny", OrganizationsDecisionDetail={"AllowedByOrganizations": False}), asked())
    boundary = {"AllowedByPermissionsBoundary": False}
    by_boundary = denials(_answer("explicitDeny", PermissionsBoundaryDecisionDetail=boundary), asked())

    assert isinstance(by_scp, Present)
    assert isinstance(by_boundary, Present)
    assert str(by_scp.value[0]).endswith("(not allowed by the organization's SCPs)")
    assert str(by_boundary.value[0]).endswith("(denied by the permissions boundary)")
    assert len(by_scp.value) == 4


def test_a_denial_on_one_resource_of_a_result_counts() -> None:
    answer = _answer()
    first = answer["EvaluationResults"][0]
    first["ResourceSpecificResults"] = [
        {"EvalResourceName": first["EvalResourceName"], "EvalResourceDecision": "explicitDeny"}
    ]

    found = denials(answer, asked())

    assert isinstance(found, Present)
    assert [denial.explicit for denial in found.value] == [True]


def test_an_action_that_the_simulator_leaves_out_is_not_allowed_and_not_denied() -> None:
    answer = _answer()
    del answer["EvaluationResults"][-1]

    assert isinstance(denials(answer, asked()), Unreadable)
