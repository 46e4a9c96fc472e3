"""A statement is offered only where it can help, and it grants what was refused: no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from medic.labels import PolicyType
from medic.logscan.denial import find_denials
from medic.logscan.principal import parse_principal
from medic.logscan.statement import (
    UNKNOWN_SERVICE,
    arn_of_resource,
    assumes_itself,
    is_cross_account,
    least_statement,
)
from medic.records import replace

if TYPE_CHECKING:
    from medic.logscan.model import Denial

ACCOUNT = "111122223333"
BUILD_SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/amplify-service/BuildSession"
TABLE = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-ssr"
OTHER_ACCOUNTS_ROLE = "arn:aws:iam::444455556666:role/deploy"


def _denial(principal: str | None = BUILD_SESSION, **parts: Any) -> Denial:
    return replace(parse_principal(principal), **parts)


def _read(reason: str, action: str = "s3:PutObject", resource: str = "arn:aws:s3:::b/k", before: str = "") -> Denial:
    text = f"{before}User: {BUILD_SESSION} is not authorized to perform: {action} on resource: {resource} {reason}"
    ((denial, _, _),) = find_denials(text)
    return denial


def test_it_names_one_action_and_one_resource() -> None:
    assert least_statement(_denial(action="dynamodb:GetItem", resource=TABLE)) == {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": TABLE,
    }


# --- where no permission helps


@pytest.mark.parametrize("policy_type", [each for each in PolicyType if each is not PolicyType.IDENTITY])
@pytest.mark.parametrize("explicit", [True, False, None])
def test_none_against_another_type_of_policy(policy_type: PolicyType, *, explicit: bool | None) -> None:
    denial = _denial(action="dynamodb:GetItem", resource=TABLE, policy_type=policy_type, explicit=explicit)

    assert least_statement(denial) is None


@pytest.mark.parametrize("policy_type", [None, PolicyType.IDENTITY])
def test_none_against_an_explicit_deny(policy_type: PolicyType | None) -> None:
    denial = _denial(action="dynamodb:GetItem", resource=TABLE, policy_type=policy_type, explicit=True)

    assert least_statement(denial) is None


@pytest.mark.parametrize(
    "reason",
    [
        "because public policies are blocked by the BlockPublicPolicy block public access setting.",
        "because public access control lists (ACLs) are blocked by the BlockPublicAcls block public access setting.",
        "because this bucket has blocked upload requests that specify Server Side Encryption with ... keys (SSE-C).",
        "because the resource does not exist in this Region, no resource-based policies allow access, or a ...",
        "because a reason that nobody has seen yet stands here",
    ],
)
def test_none_if_the_reason_is_no_identity_based_policy(reason: str) -> None:
    assert least_statement(_read("")) is not None
    assert least_statement(_read(reason)) is None


@pytest.mark.parametrize(
    "principal",
    [
        "arn:aws:sts::444455556666:assumed-role/AemiliaControlPlaneLambda-CodeBuildRole-1/AWSCodeBuild-1",
        "lambda.amazonaws.com",
        "anonymous",
    ],
)
def test_none_for_a_caller_without_a_policy_in_the_account(principal: str) -> None:
    assert least_statement(_denial(principal, action="dynamodb:GetItem", resource=TABLE)) is None


def test_none_for_a_role_that_assumes_itself() -> None:
    itself = _denial(action="sts:AssumeRole", resource=f"arn:aws:iam::{ACCOUNT}:role/teams/amplify-service")
    another = replace(itself, resource=ROLE)

    assert (assumes_itself(itself), least_statement(itself)) == (True, None)
    assert not assumes_itself(another)
    assert least_statement(another) is not None


def test_a_role_of_another_account_is_told_from_one_of_the_same() -> None:
    assert is_cross_account(_denial(action="sts:AssumeRole", resource=OTHER_ACCOUNTS_ROLE))
    assert not is_cross_account(_denial(action="sts:AssumeRole", resource=ROLE))
    assert not is_cross_account(_denial(action="iam:GetRole", resource=OTHER_ACCOUNTS_ROLE))


# --- the resource


@pytest.mark.parametrize("resource", [None, "", "+15550100", "my-example-widget", 'arn:aws:s3:::x"}, {', "…", "arn:"])
def test_none_without_a_resource_that_becomes_an_arn(resource: str | None) -> None:
    assert least_statement(_denial(action="sns:Publish", resource=resource)) is None


def test_everything_is_granted_only_where_aws_printed_it() -> None:
    statement = least_statement(_denial(action="sns:Publish", resource="*"))

    assert statement == {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}


@pytest.mark.parametrize(
    ("action", "resource", "arn"),
    [
        ("iam:GetRole", "role orders-function", f"arn:aws:iam::{ACCOUNT}:role/orders-function"),
        ("iam:GetUser", "user mateo", f"arn:aws:iam::{ACCOUNT}:user/mateo"),
        ("iam:GetInstanceProfile", "instance profile web", f"arn:aws:iam::{ACCOUNT}:instance-profile/web"),
        ("iam:ListPolicies", "policy path /", None),
        ("amplifybackend:RemoveAllBackends", "example-amplify-app", None),
    ],
)
def test_a_name_becomes_an_arn_where_account_and_service_are_known(action: str, resource: str, arn: str | None) -> None:
    assert arn_of_resource(_denial(action=action, resource=resource)) == arn
    assert arn_of_resource(_denial(None, action=action, resource=resource)) is None


def test_a_quoted_resource_with_spaces_is_taken_whole() -> None:
    denial = _read(
        "because no identity-based policy allows the s3:PutObject action", resource='"arn:aws:s3:::b/a b.txt"'
    )

    assert arn_of_resource(denial) == "arn:aws:s3:::b/a b.txt"


@pytest.mark.parametrize(
    ("resource", "arn"),
    [
        ("arn:aws:s3:::b/what?", "arn:aws:s3:::b/what${?}"),
        ("arn:aws:s3:::b/*.txt", "arn:aws:s3:::b/${*}.txt"),
        ("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/${$}{aws:username}"),
        (f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/x:*", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/x:*"),
    ],
    ids=["question mark", "star in a key", "variable", "star that AWS prints"],
)
def test_characters_that_are_special_in_a_policy_are_escaped(resource: str, arn: str) -> None:
    assert arn_of_resource(_denial(action="s3:GetObject", resource=resource)) == arn


# --- passing a role


def _service_in(denial: Denial, passed_to: str | None = None) -> object:
    statement: Any = least_statement(denial, passed_to)
    assert (statement["Action"], list(statement["Condition"])) == ("iam:PassRole", ["StringEquals"])
    return statement["Condition"]["StringEquals"]["iam:PassedToService"]


@pytest.mark.parametrize(
    ("before", "after", "service"),
    [
        ("An error occurred (AccessDenied) when calling the CreateFunction operation: ", "", "lambda.amazonaws.com"),
        ("An error occurred (AccessDenied) when calling the UpdateBranch operation: ", "", "amplify.amazonaws.com"),
        ("", "(Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException)", "lambda.amazonaws.com"),
        ("", "(Service: Lambda, Status Code: 403)", "lambda.amazonaws.com"),
        ("An error occurred (AccessDenied) when calling the GetSomething operation: ", "", UNKNOWN_SERVICE),
        ("", "", UNKNOWN_SERVICE),
    ],
)
def test_a_role_is_passed_to_the_service_that_was_called_else_to_one_to_fill_in(
    before: str, after: str, service: str
) -> None:
    assert _service_in(_read(after, "iam:PassRole", ROLE, before)) == service


def test_the_path_of_a_service_linked_role_names_its_service() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway"

    assert _service_in(_read("", "iam:PassRole", role)) == "ops.apigateway.amazonaws.com"


def test_the_service_may_be_known_from_elsewhere() -> None:
    assert _service_in(_read("", "iam:PassRole", ROLE), "amplify.amazonaws.com") == "amplify.amazonaws.com"


def test_no_role_at_all_may_be_passed() -> None:
    assert least_statement(_denial(action="iam:PassRole", resource="*")) is None
    assert least_statement(_denial(action="iam:PassRole")) is None
