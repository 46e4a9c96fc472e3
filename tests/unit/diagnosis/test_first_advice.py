"""The first fix of a diagnosis is what an expert would do first, for the role that the failure is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from medic.alerts.fixes import fixes_for
from medic.diagnosis.model import CheckResult, Rank
from medic.evidence import Present, RolePolicies, Unreadable
from medic.labels import Phase
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    APP_ARN,
    APP_ID,
    BRANCH_ARN,
    BUILD_SESSION,
    CODECOMMIT_REFUSED,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    IDENTITY_REASON,
    NO_CREDENTIALS,
    NOW,
    OWN_ROLE,
    REFUSED,
    SERVICE_ROLE,
    STARTED,
    UNASSUMABLE,
    app,
    branch,
    check_ids,
    denial,
    diagnosed,
    evidence,
    job,
    ranks,
    role,
    session,
    top,
    trust,
)

if TYPE_CHECKING:
    from medic.alerts.model import Section
    from medic.diagnosis.model import Diagnosis

LOGGING = f"arn:aws:iam::{ACCOUNT}:role/AmplifySSRLoggingRole-1b2c"
FOREIGN = "arn:aws:iam::999988887777:role/compute"
NO_POLICIES = Present(RolePolicies((), ()))


def fixes(diagnosis: Diagnosis, rank: Rank = Rank.LIKELY) -> tuple[Section, ...]:
    return fixes_for(evidence(), diagnosis, (Rank.PROVEN, rank))


def commands(fix: Section) -> str:
    return "\n".join(snippet.text for snippet in fix.snippets if snippet.name == "AWS CLI")


@pytest.mark.parametrize("source", [BRANCH_ARN, f"{APP_ARN}/branches/*", f"{APP_ARN}/*"])
def test_a_trust_that_names_this_branch_as_aws_documents_it_is_not_blamed(source: str) -> None:
    right = Present(role(trust_policy=trust(condition={"ArnLike": {"aws:SourceArn": source}})))
    diagnosis = diagnosed(UNASSUMABLE, service=right)

    assert top(diagnosis) == ("repository_connection_lost", Rank.LIKELY)
    assert ranks(diagnosis)["service_role_trust_wrong"] is Rank.POSSIBLE
    assert "service_role_source_condition" not in ranks(diagnosis)
    assert diagnosis.service is not None
    assert diagnosis.service.explanation[0].startswith(
        "The trust policy fits the branch's ARN as source and not the app"
    )


def test_a_logging_role_gets_no_permission_even_where_its_policies_prove_that_it_lacks_one() -> None:
    read: dict[str, Any] = {"roles": {LOGGING: Present(role(LOGGING))}, "policies": {LOGGING: NO_POLICIES}}
    by = denial(session("AmplifySSRLoggingRole-1b2c", "BuildSession"))
    diagnosis = diagnosed(by, app=Present(app(service_role_arn=LOGGING)), **read)

    assert top(diagnosis) == ("service_role_for_logs", Rank.PROVEN)
    assert ranks(diagnosis)["permission_missing_identity"] is Rank.PROVEN
    assert [fix.heading for fix in fixes(diagnosis)] == [
        "Create a service role for the app, and let it deploy the backend"
    ]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ssm:GetParameter", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/cdk-bootstrap/hnb659fds/version"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-deploy-role-{ACCOUNT}-eu-central-1"),
    ],
)
def test_a_service_role_without_the_backend_policy_gets_that_and_not_one_permission(action: str, resource: str) -> None:
    read: dict[str, Any] = {"policies": {SERVICE_ROLE: NO_POLICIES}}
    diagnosis = diagnosed(denial(BUILD_SESSION, "", action, resource), **read)
    (fix,) = fixes(diagnosis)

    assert top(diagnosis) == ("service_role_not_for_backend", Rank.PROVEN)
    assert fix.heading.startswith("Attach the managed policy AmplifyBackendDeployFullAccess to the service role")
    assert not fix.snippets, "no command leads to more power"
    unread = diagnosed(denial(BUILD_SESSION, "", action, resource))
    assert "service_role_not_for_backend" not in ranks(unread), "a line alone asks for no such policy"
    other = diagnosed(denial(BUILD_SESSION, "", action, f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/x"), **read)
    assert "service_role_not_for_backend" not in ranks(other)


@pytest.mark.parametrize(("text", "phase"), [(REFUSED, Phase.DEPLOY), (NO_CREDENTIALS, Phase.RUNTIME)])
def test_a_compute_role_of_another_account_is_replaced_and_no_role_of_its_name_is_edited(
    text: str, phase: Phase
) -> None:
    read: dict[str, Any] = {"roles": {FOREIGN: Unreadable("the role belongs to account 999988887777")}}
    diagnosis = diagnosed(text, phase, branch=Present(branch(compute_role_arn=FOREIGN)), **read)
    (fix,) = fixes(diagnosis)

    assert diagnosis.likeliest == "compute_role_other_account"
    assert fix.heading == "Create a compute role and attach it to the branch"
    assert "update-assume-role-policy" not in commands(fix)
    assert f"--role-name amplify-compute-{APP_ID} " in commands(fix)


def test_nobody_is_told_to_allow_passing_a_role_of_another_account() -> None:
    by = denial(f"arn:aws:iam::{ACCOUNT}:user/dev", "", "iam:PassRole", FOREIGN)
    diagnosis = diagnosed(by, Phase.API)

    assert top(diagnosis) == ("compute_role_other_account", Rank.LIKELY)
    assert [fix.heading for fix in fixes(diagnosis)] == ["Create a compute role and attach it to the branch"]


@pytest.mark.parametrize(
    ("reason", "asks"),
    [
        ("with an explicit deny in a VPC endpoint policy", True),
        ("with an explicit deny in a resource control policy", False),
        ("because no role trust policy allows the sts:AssumeRole action", False),
    ],
)
def test_vpc_endpoints_are_listed_only_if_the_message_names_such_a_policy(reason: str, asks: bool) -> None:  # noqa: FBT001
    (fix,) = fixes(diagnosed(denial(BUILD_SESSION, reason)))

    assert ("describe-vpc-endpoints" in commands(fix)) is asks


def test_a_site_that_fails_at_runtime_has_no_job_to_retry() -> None:
    wrong = Present(role(COMPUTE_ROLE, created_at=NOW, trust_policy=trust("lambda.amazonaws.com")))

    assert len(fixes(diagnosed(NO_CREDENTIALS, Phase.RUNTIME, compute=wrong))) == 1


@pytest.mark.parametrize("reason", ["", IDENTITY_REASON])
def test_an_explicit_deny_in_the_roles_own_policies_gets_no_allow_beside_it(reason: str) -> None:
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}]}
    read: dict[str, Any] = {"policies": {SERVICE_ROLE: Present(RolePolicies((), (deny,), ("deny",)))}}
    diagnosis = diagnosed(denial(BUILD_SESSION, reason), **read)
    (fix,) = fixes(diagnosis)

    assert top(diagnosis) == ("denied_by_other_policy", Rank.PROVEN)
    assert ranks(diagnosis)["permission_missing_identity"] is Rank.RULED_OUT
    assert check_ids(diagnosis) == {"caller", "service_role_set", "caller_denied"}
    assert "put-role-policy" not in commands(fix)


def test_a_call_with_studios_role_leads_to_a_profile_and_not_to_a_permission() -> None:
    diagnosis = diagnosed(denial(session("us-east-1_Ab12Cd34E_Full-access", "amplifyadmin")))

    (only,) = fixes(diagnosis)
    assert only.heading.startswith("Run amplify configure project")


def test_a_cause_with_steps_and_no_command_comes_before_the_fix_of_the_next_cause() -> None:
    first, second = fixes(diagnosed(denial(BUILD_SESSION, "", "lambda:GetLayerVersion")))

    assert (first.heading.startswith("Compare the layer's ARN"), len(first.items)) == (True, 1)
    assert second.heading == "Allow the one action on the one resource"


@pytest.mark.parametrize(
    ("principal", "named"),
    [
        (COMPUTE_SESSION, "--role-name compute"),
        (BUILD_SESSION, "--role-name service"),
        (f"arn:aws:iam::{ACCOUNT}:user/dev", ""),
        (session("ci", "run", account="999988887777"), ""),
    ],
)
def test_the_owner_of_a_resource_is_asked_for_the_role_that_was_denied(principal: str, named: str) -> None:
    by = denial(principal, "because no resource-based policy allows the dynamodb:GetItem action")
    (fix,) = fixes(diagnosed(by))

    assert named in commands(fix)
    assert bool(commands(fix)) is bool(named), "no command names a role of the wrong account, or one that is made up"


@pytest.mark.parametrize(
    ("phase", "expected"), [(Phase.RUNTIME, "compute_role_set"), (Phase.BUILD, "service_role_set")]
)
def test_a_denial_without_a_caller_is_checked_against_the_role_of_its_phase(phase: Phase, expected: str) -> None:
    bedrock = "AccessDeniedException: You don't have access to the model with the specified model ID."
    diagnosis = diagnosed(bedrock, phase, app=Present(app(service_role_arn=None)))

    assert check_ids(diagnosis) == {expected}
    failed = [each.id for each in diagnosis.checks if each.result is CheckResult.FAIL]
    assert failed == ([] if phase is Phase.RUNTIME else ["service_role_set"]), "server code never uses the service role"


@pytest.mark.parametrize(("principal", "aside"), [(BUILD_SESSION, False), (COMPUTE_SESSION, True)])
def test_amplifys_own_session_policy_is_named_for_server_code_only(principal: str, aside: bool) -> None:  # noqa: FBT001
    by = denial(principal, "because no session policy allows the iam:PassRole action", "iam:PassRole", SERVICE_ROLE)

    assert ("Amplify itself passes one" in diagnosed(by).causes[0].reason) is aside


def test_a_build_from_before_the_service_role_was_set_is_retried() -> None:
    (fix,) = fixes(diagnosed(OWN_ROLE))

    assert "--job-type RETRY --job-id 7" in commands(fix)


def test_a_manual_deployment_is_not_retried() -> None:
    young: dict[str, Any] = {"service": Present(role(created_at=STARTED)), "job": Present(job(type="MANUAL"))}
    diagnosis = diagnosed(UNASSUMABLE, **young)

    assert diagnosis.likeliest == "iam_propagation"
    assert fixes_for(evidence(**young), diagnosis, diagnosis.best_ranks) == (), (
        "RETRY builds a commit, and there is none"
    )


@pytest.mark.parametrize(("text", "phase"), [(REFUSED, Phase.DEPLOY), (NO_CREDENTIALS, Phase.RUNTIME)])
def test_a_compute_role_bound_to_another_app_stays_and_the_branch_gets_its_own(text: str, phase: Phase) -> None:
    bound = trust(condition={"ArnLike": {"aws:SourceArn": f"{APP_ARN.replace(APP_ID, 'd9other')}/*"}})
    diagnosis = diagnosed(text, phase, compute=Present(role(COMPUTE_ROLE, trust_policy=bound)))
    (fix,) = fixes(diagnosis)

    assert "pins aws:SourceArn to app d9other" in diagnosis.causes[0].reason
    assert fix.heading == "Create a compute role and attach it to the branch"
    assert f"--role-name amplify-compute-{APP_ID} " in commands(fix)


@pytest.mark.parametrize("platform", ["WEB", "WEB_DYNAMIC"])
def test_no_compute_role_is_advised_where_the_platform_takes_none(platform: str) -> None:
    none = Present(branch(compute_role_arn=None))
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, app=Present(app(platform=platform)), branch=none)
    (fix,) = fixes(diagnosis)

    assert top(diagnosis) == ("platform_without_compute_role", Rank.LIKELY)
    assert fix.heading.startswith("If the site has server code, change the platform to WEB_COMPUTE")


@pytest.mark.parametrize(
    ("text", "phase", "read"),
    [
        (UNASSUMABLE, Phase.BUILD, {"service": Unreadable("iam:GetRole is denied")}),
        (UNASSUMABLE, Phase.BUILD, {"app": Unreadable("amplify:GetApp is denied")}),
        (NO_CREDENTIALS, Phase.RUNTIME, {"compute": Unreadable("iam:GetRole is denied")}),
        (NO_CREDENTIALS, Phase.RUNTIME, {"branch": Unreadable("amplify:GetBranch is denied")}),
    ],
)
def test_what_could_not_be_read_is_neither_edited_nor_replaced(text: str, phase: Phase, read: dict[str, Any]) -> None:
    shown = fixes_for(evidence(**read), diagnosed(text, phase, **read), tuple(Rank))

    assert [fix.heading for fix in shown if "-role " in commands(fix)] == []


def test_a_connection_that_served_the_clone_is_not_made_again() -> None:
    cloned = f"{UNASSUMABLE}2026-11-22T11:58:01.000Z [INFO]: # Cloning repository: git@github.com:acme/shop.git\n"

    assert not [fix for fix in fixes(diagnosed(cloned), Rank.POSSIBLE) if "Reconnect" in fix.heading]


def test_an_expired_token_of_a_running_site_is_no_matter_of_a_builds_length() -> None:
    expired = diagnosed("ExpiredTokenException: The security token included in the request is expired", Phase.RUNTIME)
    headings = [fix.heading for fix in fixes(expired, Rank.POSSIBLE)]

    assert headings == ["Let the SDK find the role: pass no credentials on Amplify"], "and a usable role is set"


@pytest.mark.parametrize(
    ("principal", "now"),
    [
        (session("older", "BuildSession"), "the service role is service now"),
        (session("older", f"AmplifyHostingCompute-app={APP_ID}"), "the compute role is compute now"),
        (BUILD_SESSION, ""),
    ],
)
def test_a_denied_role_that_was_replaced_since_is_told(principal: str, now: str) -> None:
    reason = diagnosed(denial(principal)).causes[0].reason

    assert f"; {now}" in reason if now else " now" not in reason


def test_a_boundary_that_is_gone_is_only_possible() -> None:
    gone = diagnosed(denial(BUILD_SESSION, "because no permissions boundary allows the dynamodb:GetItem action"))

    assert top(gone) == ("denied_by_boundary", Rank.POSSIBLE)
    assert "the role has none now" in gone.causes[0].reason


def test_a_clone_that_the_service_role_may_make_by_now_is_not_told_to_lack_a_permission() -> None:
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"}]}
    repository = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop"
    read: dict[str, Any] = {"policies": {SERVICE_ROLE: Present(RolePolicies((), (allow,), ("a",)))}}
    diagnosis = diagnosed(CODECOMMIT_REFUSED, app=Present(app(repository=repository)), **read)

    assert top(diagnosis) == ("codecommit_pull_denied", Rank.POSSIBLE)
    assert "lacks" not in diagnosis.causes[0].reason


def test_a_site_from_before_its_compute_role_is_deployed_once_more() -> None:
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, compute=Present(role(COMPUTE_ROLE, created_at=NOW)))

    assert top(diagnosis) == ("compute_role_set_since", Rank.POSSIBLE)
    assert fixes(diagnosis, Rank.POSSIBLE)[0].heading == "Redeploy the branch once"
    older = diagnosed(NO_CREDENTIALS, Phase.RUNTIME)
    assert "compute_role_set_since" not in ranks(older)
