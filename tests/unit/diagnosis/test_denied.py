"""Access denied: the caller decides which role it is about. The policy type decides what can help."""

from __future__ import annotations

import json
from typing import Any

import pytest

from medic.diagnosis.checks import CALLER_LACKS
from medic.diagnosis.model import CheckResult, Rank
from medic.evidence import Absent, App, EnvironmentVariable, Item, Present, RolePolicies, Unreadable
from medic.labels import Phase
from medic.logscan.statement import UNKNOWN_SERVICE
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    BUILD_SESSION,
    CODECOMMIT_REFUSED,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    SERVICE_ROLE,
    app,
    branch,
    cause,
    check,
    check_ids,
    denial,
    diagnosed,
    ranks,
    role,
    session,
    top,
)

POLICY_ARN = "arn:aws:organizations::987654321098:policy/o-abc/service_control_policy/p-abc"
NO_PERMISSION_HELPS = [
    ("because no permissions boundary allows the dynamodb:GetItem action", "denied_by_boundary"),
    ("with an explicit deny in a permissions boundary", "denied_by_boundary"),
    ("because no service control policy allows the dynamodb:GetItem action", "denied_by_scp"),
    (f"with an explicit deny in a service control policy: {POLICY_ARN}", "denied_by_scp"),
    ("with an explicit deny in a resource control policy", "denied_by_other_policy"),
    ("with an explicit deny in a VPC endpoint policy", "denied_by_other_policy"),
    ("because no session policy allows the dynamodb:GetItem action", "denied_by_session_policy"),
    ("with an explicit deny in a resource-based policy", "denied_by_resource_policy"),
    ("because no resource-based policy allows the dynamodb:GetItem action", "denied_by_resource_policy"),
    ("because no role trust policy allows the sts:AssumeRole action", "denied_by_other_policy"),
    ("with an explicit deny in an identity-based policy", "denied_by_other_policy"),
]


@pytest.mark.parametrize("principal", [BUILD_SESSION, COMPUTE_SESSION, f"arn:aws:iam::{ACCOUNT}:user/dev"])
@pytest.mark.parametrize(("reason", "expected"), NO_PERMISSION_HELPS)
def test_no_permission_is_proposed_against_a_policy_that_denies(reason: str, expected: str, principal: str) -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/limits" if expected == "denied_by_boundary" else None
    service, compute = (Present(role(arn, permissions_boundary=boundary)) for arn in (SERVICE_ROLE, COMPUTE_ROLE))
    diagnosis = diagnosed(denial(principal, reason), service=service, compute=compute)

    own = boundary is not None and principal in {BUILD_SESSION, COMPUTE_SESSION}
    assert top(diagnosis) == (expected, Rank.PROVEN if own else Rank.LIKELY)
    assert ranks(diagnosis)["permission_missing_identity"] is Rank.RULED_OUT
    assert all(each.proposal is None for each in diagnosis.causes)


def test_the_denying_policy_is_named_if_the_message_names_it() -> None:
    diagnosis = diagnosed(denial(BUILD_SESSION, f"with an explicit deny in a service control policy: {POLICY_ARN}"))

    assert POLICY_ARN in cause(diagnosis, "denied_by_scp").reason


def test_the_session_policy_on_ssr_code_is_amplifys_own() -> None:
    text = denial(COMPUTE_SESSION, "with an explicit deny in a session policy", "iam:PassRole", COMPUTE_ROLE)

    assert "Amplify itself passes one" in cause(diagnosed(text, Phase.RUNTIME), "denied_by_session_policy").reason


def test_the_boundary_of_the_role_that_was_refused_is_looked_up() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/limits"
    text = denial(BUILD_SESSION, "with an explicit deny in a permissions boundary")
    diagnosis = diagnosed(text, service=Present(role(permissions_boundary=boundary)))

    assert boundary in check(diagnosis, "caller_boundary").detail
    assert cause(diagnosis, "denied_by_boundary").supporting == ("caller_boundary",)
    assert check(diagnosed(text), "caller_boundary").result is CheckResult.PASS
    stranger = diagnosed(denial(session("deployer", "ci"), "with an explicit deny in a permissions boundary"))
    assert check(stranger, "caller_boundary").result is CheckResult.UNKNOWN


# --- missing permissions


@pytest.mark.parametrize(
    ("principal", "phase", "never_blamed", "whose"),
    [
        (BUILD_SESSION, Phase.BUILD, "service_role_trust_wrong", "the service role service"),
        (COMPUTE_SESSION, Phase.RUNTIME, "compute_role_trust_wrong", "the compute role compute"),
    ],
)
def test_a_role_that_made_the_call_was_assumable_and_lacks_a_permission(
    principal: str, phase: Phase, never_blamed: str, whose: str
) -> None:
    runtime = phase is Phase.RUNTIME
    diagnosis = diagnosed(denial(principal), phase)

    assert top(diagnosis) == ("permission_missing_identity", Rank.POSSIBLE if runtime else Rank.LIKELY)
    assert whose in diagnosis.causes[0].reason
    assert ranks(diagnosis).get(never_blamed) is (None if runtime else Rank.RULED_OUT)
    assert check(diagnosis, "caller").result is CheckResult.PASS
    proposal = diagnosis.causes[0].proposal
    assert proposal is not None
    assert json.loads(proposal.statement) == {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/orders",
    }
    assert proposal.role_name == whose.rpartition(" ")[2]


def test_a_denial_without_a_reason_is_likely_a_missing_permission() -> None:
    assert top(diagnosed(denial(BUILD_SESSION, ""))) == ("permission_missing_identity", Rank.LIKELY)


def test_the_statement_for_a_caller_of_another_account_names_that_account() -> None:
    proposal = diagnosed(denial(session("deployer", "ci", "999988887777"))).causes[0].proposal

    assert proposal is not None
    assert proposal.role_name is None
    assert "999988887777" in proposal.notes[-1]


def test_a_statement_on_every_resource_is_for_the_reader_to_narrow_and_only_as_aws_printed_it() -> None:
    proposal = diagnosed(denial(BUILD_SESSION, resource="*")).causes[0].proposal

    assert proposal is not None
    assert json.loads(proposal.statement)["Resource"] == "*"
    assert "narrow it" in proposal.notes[-1]
    assert diagnosed(denial(BUILD_SESSION, resource=None)).causes[0].proposal is None


def test_a_users_statement_goes_into_the_users_policy() -> None:
    proposal = diagnosed(denial(f"arn:aws:iam::{ACCOUNT}:user/teams/marymajor")).causes[0].proposal

    assert proposal is not None
    assert (proposal.user_name, proposal.role_name) == ("marymajor", None)


def test_a_setting_that_refuses_is_quoted_and_no_permission_is_proposed() -> None:
    reason = "because this bucket has blocked upload requests that specify Server Side Encryption"
    diagnosis = diagnosed(denial(BUILD_SESSION, reason, "s3:PutObject", "arn:aws:s3:::b/k"))

    assert top(diagnosis) == ("denied_by_other_policy", Rank.LIKELY)
    assert "blocked upload requests" in diagnosis.causes[0].reason
    assert ranks(diagnosis)["permission_missing_identity"] is Rank.RULED_OUT
    assert all(each.proposal is None for each in diagnosis.causes)


def test_a_role_that_assumes_itself_needs_its_own_trust() -> None:
    own = f"arn:aws:iam::{ACCOUNT}:role/service"
    diagnosis = diagnosed(denial(BUILD_SESSION, "", "sts:AssumeRole", own))

    assert top(diagnosis) == ("role_assumes_itself", Rank.LIKELY)
    assert "assumes itself" in diagnosis.causes[0].reason
    assert all(each.proposal is None for each in diagnosis.causes)


def test_both_sides_must_allow_assuming_a_role_of_another_account() -> None:
    there = "arn:aws:iam::999988887777:role/deploy"
    proposal = diagnosed(denial(BUILD_SESSION, action="sts:AssumeRole", resource=there)).causes[0].proposal

    assert proposal is not None
    assert "its trust policy must also" in proposal.notes[-1]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:*", f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/orders"),
        ("s3:GetObject", "arn:aws:s3:::b/k?X-Amz-Signature=" + "0123456789abcdef" * 4),
    ],
    ids=["every action", "secret"],
)
def test_no_statement_is_built_from_a_wildcard_action_or_a_secret(action: str, resource: str) -> None:
    assert diagnosed(denial(BUILD_SESSION, "", action, resource)).causes[0].proposal is None


def test_a_denial_without_caller_in_a_build_without_service_role_lacks_that_role() -> None:
    text = "is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k"
    diagnosis = diagnosed(text, app=Present(app(service_role_arn=None)))

    assert top(diagnosis) == ("service_role_not_set", Rank.LIKELY)


def test_a_bare_access_denied_proves_nothing() -> None:
    diagnosis = diagnosed("An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied")

    assert set(ranks(diagnosis).values()) == {Rank.POSSIBLE}


# --- who called


def test_the_apps_cognito_users_have_a_role_of_their_own() -> None:
    text = denial(session("shop-auth", "CognitoIdentityCredentials"))
    diagnosis = diagnosed(text, Phase.RUNTIME)

    assert top(diagnosis) == ("user_credentials_cognito", Rank.POSSIBLE)
    assert ranks(diagnosis)["permission_missing_identity"] is Rank.POSSIBLE
    assert "neither of Amplify's two roles" in check(diagnosis, "caller").detail
    assert "service_role_trust_wrong" not in ranks(diagnosis)


def test_an_iam_users_keys_in_environment_variables_override_the_role() -> None:
    keys = {"branch": Present(branch(environment=(EnvironmentVariable("KEY", "access key id"),)))}
    diagnosis = diagnosed(denial(f"arn:aws:iam::{ACCOUNT}:user/ci", ""), Phase.RUNTIME, **keys)

    assert top(diagnosis) == ("explicit_credentials_in_code", Rank.LIKELY)


@pytest.mark.parametrize(
    ("principal", "app_changes", "rank"),
    [
        (
            COMPUTE_SESSION,
            {"service_role_arn": f"arn:aws:iam::{ACCOUNT}:role/AmplifySSRLoggingRole-1b2c"},
            Rank.POSSIBLE,
        ),
        (COMPUTE_SESSION, {}, None),
    ],
    ids=["set as service role", "no such role"],
)
def test_permissions_on_the_logging_role_are_suspected_only_if_it_is_used(
    principal: str, app_changes: dict[str, Any], rank: Rank | None
) -> None:
    diagnosis = diagnosed(denial(principal), app=Present(app(**app_changes)))

    assert ranks(diagnosis).get("permissions_on_logging_role") is rank


@pytest.mark.parametrize("name", ["AmplifySSRLoggingRole-1b2c", "AmplifySSRLoggingPolicy-1b2c"])
def test_a_build_that_runs_as_the_logging_role_needs_a_service_role_of_its_own(name: str) -> None:
    logging = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    diagnosis = diagnosed(denial(session(name, "BuildSession"), ""), app=Present(app(service_role_arn=logging)))

    assert top(diagnosis) == ("service_role_for_logs", Rank.LIKELY)
    assert not {"permissions_on_logging_role", "compute_role_not_set"} & set(ranks(diagnosis))


@pytest.mark.parametrize("read", [Present(app()), Unreadable("denied")], ids=["another role is set", "not read"])
def test_a_logging_role_that_only_the_text_names_is_possible(read: Item[App]) -> None:
    diagnosis = diagnosed(denial(session("AmplifySSRLoggingRole-1b2c", "BuildSession"), ""), app=read)

    assert ranks(diagnosis)["service_role_for_logs"] is Rank.POSSIBLE


@pytest.mark.parametrize(
    ("text", "phase", "cause_id"),
    [
        (denial(session("eu-west-1_ab_Full-access", "amplifyadmin"), ""), Phase.BUILD, "studio_role_in_use"),
        (denial(BUILD_SESSION, "", "lambda:GetLayerVersion"), Phase.BUILD, "layer_not_shared"),
        ("GetLambdaLayerVersionError: Unable to get Lambda layer version", Phase.BUILD, "layer_not_shared"),
        (denial(COMPUTE_SESSION, "", "kms:Decrypt"), Phase.RUNTIME, "kms_key_refuses"),
        ("Access to KMS is not allowed", Phase.BUILD, "kms_key_refuses"),
        ("You don't have access to the model with the specified model ID", Phase.RUNTIME, "bedrock_access_not_enabled"),
        ("Role does not have permission to publish with SNS", Phase.BUILD, "cognito_sms_role"),
        ("UnrecognizedClientException: The security token included in the request is invalid.", Phase.RUNTIME,
         "stale_keys"),
    ],
)  # fmt: skip
def test_what_helps_first_comes_first(text: str, phase: Phase, cause_id: str) -> None:
    assert diagnosed(text, phase).likeliest == cause_id


def test_deleting_an_app_needs_two_permissions() -> None:
    by = denial(f"arn:aws:iam::{ACCOUNT}:user/Ann", "", "amplifybackend:RemoveAllBackends")

    assert diagnosed(by, Phase.API).causes[0].reason.endswith("; deleting needs amplify:DeleteApp too")


# --- special refusals


def test_pass_role_is_granted_to_the_caller_and_never_on_every_role() -> None:
    caller = f"arn:aws:iam::{ACCOUNT}:user/marymajor"
    named = diagnosed(denial(caller, "", "iam:PassRole", COMPUTE_ROLE), Phase.API)
    unnamed = diagnosed(denial(caller, "", "iam:PassRole", None), Phase.API)

    assert top(named) == top(unnamed) == ("pass_role_missing", Rank.LIKELY)
    assert unnamed.causes[0].proposal is None
    proposal = named.causes[0].proposal
    assert proposal is not None
    assert json.loads(proposal.statement)["Condition"] == {
        "StringEquals": {"iam:PassedToService": "amplify.amazonaws.com"}
    }
    assert (proposal.principal, proposal.user_name, proposal.role_name) == (caller, "marymajor", None)


def test_the_service_that_gets_a_role_is_left_to_fill_in_if_nothing_names_it() -> None:
    other = f"arn:aws:iam::{ACCOUNT}:role/orders-function"
    proposal = diagnosed(denial(BUILD_SESSION, "", "iam:PassRole", other)).causes[0].proposal

    assert proposal is not None
    assert json.loads(proposal.statement)["Condition"]["StringEquals"] == {"iam:PassedToService": UNKNOWN_SERVICE}
    assert UNKNOWN_SERVICE in proposal.notes[-1]


def test_a_denied_codecommit_clone_needs_a_permission_of_the_service_role() -> None:
    repository = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop"
    diagnosis = diagnosed(CODECOMMIT_REFUSED, app=Present(app(repository=repository)))

    assert top(diagnosis) == ("codecommit_pull_denied", Rank.LIKELY)
    assert ranks(diagnosis)["repository_connection_lost"] is Rank.RULED_OUT
    proposal = diagnosis.causes[0].proposal
    assert proposal is not None
    assert json.loads(proposal.statement)["Resource"] == f"arn:aws:codecommit:eu-central-1:{ACCOUNT}:shop"
    without = diagnosed(CODECOMMIT_REFUSED, app=Present(app(repository=repository, service_role_arn=None)))
    assert top(without) == ("service_role_not_set", Rank.LIKELY)


def test_a_role_that_lambda_cannot_assume_is_not_an_amplify_role() -> None:
    text = "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda."

    assert top(diagnosed(text)) == ("denied_by_other_policy", Rank.LIKELY)


def test_cross_account_pass_role_is_recognised_by_the_service_roles_arn() -> None:
    foreign = "arn:aws:iam::999988887777:role/service"
    text = (
        "An error occurred (AccessDeniedException) when calling the UpdateApp operation: Cross-account pass role is "
        "not allowed."
    )
    diagnosis = diagnosed(text, app=Present(app(service_role_arn=foreign)), roles={})

    assert top(diagnosis) == ("service_role_other_account", Rank.LIKELY)


def test_a_denial_has_only_the_checks_of_its_caller() -> None:
    assert check_ids(diagnosed(denial(BUILD_SESSION))) == {"caller", "service_role_set", CALLER_LACKS}
    assert check_ids(diagnosed(denial(COMPUTE_SESSION))) == {"caller", "compute_role_set", CALLER_LACKS}


@pytest.mark.parametrize("attached", ["AdministratorAccess", "AdministratorAccess-Amplify"])
def test_an_administrator_policy_on_the_refused_role_is_pointed_out(attached: str) -> None:
    held = RolePolicies((f"arn:aws:iam::aws:policy/{attached}",), ())
    diagnosis = diagnosed(denial(BUILD_SESSION), policies={SERVICE_ROLE: Present(held)})

    found = check(diagnosis, "admin_policy")
    assert (found.result, attached in found.detail) == (CheckResult.FAIL, True)
    assert "more_policies_myth" in found.detail


@pytest.mark.parametrize("read", [Present(RolePolicies((f"arn:aws:iam::{ACCOUNT}:policy/site",), ())), Absent("gone")])
def test_a_role_without_such_a_policy_or_not_read_is_not_called_an_administrator(read: Item[RolePolicies]) -> None:
    assert "admin_policy" not in check_ids(diagnosed(denial(BUILD_SESSION), policies={SERVICE_ROLE: read}))
