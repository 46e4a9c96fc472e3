"""Every reported cause, reproduced on the fake: ranked first if AWS shows it, otherwise never proven."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.model import CheckResult, Diagnosis, Rank
from medic.events import Scope
from medic.labels import Phase
from medic.logscan.scan import scan
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from medic.services import Services
    from tests.integration.conftest import World


def trust(*services: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    allow: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [allow | ({"Condition": condition} if condition else {})]}


AMPLIFY = "amplify.amazonaws.com"
NOT_AMPLIFY = trust("lambda.amazonaws.com")


def diagnosis_of_build(world: World, app: str, **script: Any) -> Diagnosis:
    """Run a build that fails, and diagnose it from AWS's state and the log."""
    event = world.build(app, **script)
    assert event["detail"]["jobStatus"] == "FAILED"
    return _diagnosis(world, app, event["detail"]["jobId"], None)


def diagnosis_of_runtime(world: World, app: str) -> Diagnosis:
    """Send a request that fails in SSR code, and diagnose its log line."""
    answer = world.amplify.control.request(app, "main")
    assert answer["status"] == 500
    return _diagnosis(world, app, "1", str(answer["message"]))


def _diagnosis(world: World, app: str, job: str, message: str | None, services: Services | None = None) -> Diagnosis:
    gatherer = (services or world.services()).gatherer
    deployment = gatherer.deployment(Scope("aws", world.amplify.account_id, REGION, app, "main"), job)
    phase = Phase.BUILD if message is None else Phase.RUNTIME
    log, reading = gatherer.read_log(deployment, phase)
    if message is not None:
        reading = scan([message.encode()], phase)
    evidence = gatherer.evidence(deployment, log, read_at=world.now(), candidate=None, repair=None)
    return diagnose(evidence, reading, phase)


def top(diagnosis: Diagnosis) -> tuple[str, Rank]:
    return diagnosis.causes[0].id, diagnosis.causes[0].rank


def ranks(diagnosis: Diagnosis) -> dict[str, Rank]:
    return {cause.id: cause.rank for cause in diagnosis.causes}


def results(diagnosis: Diagnosis) -> dict[str, CheckResult]:
    return {check.id: check.result for check in diagnosis.checks}


def set_trust(world: World, role: str, policy: object) -> None:
    world.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(policy))


# --- "Unable to assume specified IAM Role"


@pytest.mark.parametrize(
    "services",
    [
        (AMPLIFY,),
        (AMPLIFY, f"amplify.{REGION}.amazonaws.com"),
        (AMPLIFY, "codebuild.amazonaws.com", "lambda.amazonaws.com"),
    ],
    ids=["documented", "with region", "with codebuild and lambda"],
)
def test_a_lost_connection_ranks_first_for_any_correct_trust_policy(world: World, services: tuple[str, ...]) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service", trust(*services)))
    world.amplify.control.set_connection(app, "lost")

    diagnosis = diagnosis_of_build(world, app)

    assert top(diagnosis) == ("repository_connection_lost", Rank.LIKELY)
    assert Rank.PROVEN not in ranks(diagnosis).values()
    assert ranks(diagnosis)["wrong_region_principal_myth"] is Rank.RULED_OUT
    assert "permission_missing_identity" not in ranks(diagnosis), "what a role may do does not decide who assumes it"


def test_a_lost_connection_ranks_first_without_a_service_role(world: World) -> None:
    app = world.make_app()
    world.amplify.control.set_connection(app, "lost")

    diagnosis = diagnosis_of_build(world, app)

    assert top(diagnosis) == ("repository_connection_lost", Rank.LIKELY)
    assert ranks(diagnosis)["service_role_not_set"] is Rank.POSSIBLE


def test_a_cause_that_no_api_shows_is_at_most_possible(world: World) -> None:
    app = world.make_app(platform="WEB", iamServiceRoleArn=world.make_role("service"))
    world.amplify.control.set_connection(app, "lost")

    found = ranks(diagnosis_of_build(world, app))

    for cause in ("rcp_denies_assume_role", "app_created_outside_console", "account_limits_or_new_account"):
        assert found[cause] is Rank.POSSIBLE


def test_a_deleted_role_is_proven(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.client("iam").delete_role(RoleName="service")

    assert top(diagnosis_of_build(world, app)) == ("service_role_missing", Rank.PROVEN)


def test_a_role_in_another_account_is_proven_even_if_this_account_has_one_of_that_name(world: World) -> None:
    world.make_role("service")
    app = world.make_app(iamServiceRoleArn="arn:aws:iam::999988887777:role/app/service")

    assert top(diagnosis_of_build(world, app)) == ("service_role_other_account", Rank.PROVEN)


@pytest.mark.parametrize("service", ["lambda.amazonaws.com", f"amplify.{REGION}.amazonaws.com"])
def test_a_trust_policy_without_amplify_is_proven(world: World, service: str) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service", trust(service)))

    assert top(diagnosis_of_build(world, app)) == ("service_role_trust_wrong", Rank.PROVEN)


def test_a_role_restricted_to_another_app_is_proven_and_both_apps_are_named(world: World) -> None:
    first = world.make_app(name="first")
    account = world.amplify.account_id
    pinned = {"ArnLike": {"aws:SourceArn": f"arn:aws:amplify:{REGION}:{account}:apps/{first}/*"}}
    second = world.make_app(iamServiceRoleArn=world.make_role("service", trust(AMPLIFY, condition=pinned)))

    diagnosis = diagnosis_of_build(world, second)

    assert top(diagnosis) == ("service_role_source_condition", Rank.PROVEN)
    assert f"aws:SourceArn to app {first}, while this is app {second}" in diagnosis.causes[0].reason


def test_a_role_restricted_to_another_account_is_proven(world: World) -> None:
    pinned = {"StringEquals": {"aws:SourceAccount": "444455556666"}}
    app = world.make_app(iamServiceRoleArn=world.make_role("service", trust(AMPLIFY, condition=pinned)))

    assert top(diagnosis_of_build(world, app)) == ("service_role_source_condition", Rank.PROVEN)


def test_a_role_restricted_to_the_app_without_its_branches_is_likely(world: World) -> None:
    app = world.make_app()
    arn = world.client("amplify").get_app(appId=app)["app"]["appArn"]
    role = world.make_role("service", trust(AMPLIFY, condition={"ArnLike": {"aws:SourceArn": arn}}))
    world.client("amplify").update_app(appId=app, iamServiceRoleArn=role)

    assert top(diagnosis_of_build(world, app)) == ("service_role_source_condition", Rank.LIKELY)


def test_a_role_created_moments_ago_is_likely_not_propagated_yet(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service", age=2))

    diagnosis = diagnosis_of_build(world, app)

    assert top(diagnosis) == ("iam_propagation", Rank.LIKELY)
    assert ranks(diagnosis)["repository_connection_lost"] is Rank.POSSIBLE


def test_a_permissions_boundary_is_checked_and_not_blamed(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    logs_only = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}],
    }
    boundary = world.client("iam").create_policy(PolicyName="limits", PolicyDocument=json.dumps(logs_only))
    world.client("iam").put_role_permissions_boundary(RoleName="service", PermissionsBoundary=boundary["Policy"]["Arn"])
    world.amplify.control.set_connection(app, "lost")

    diagnosis = diagnosis_of_build(world, app)

    assert results(diagnosis)["service_role_boundary"] is CheckResult.PASS
    assert "denied_by_boundary" not in ranks(diagnosis)


def test_no_cause_is_more_than_possible_if_the_bot_may_not_read_the_role(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service", NOT_AMPLIFY))
    job = world.build(app)["detail"]["jobId"]
    services = world.services()
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "denied to the bot"}}, "GetRole")

    def refuse(**_: str) -> None:
        raise denied

    monkeypatch.setattr(services.clients.iam, "get_role", refuse)

    found = ranks(_diagnosis(world, app, job, None, services))

    assert set(found.values()) == {Rank.POSSIBLE}
    assert {"repository_connection_lost", "service_role_trust_wrong"} <= set(found)


# --- credentials and permissions in a build


def test_a_backend_build_without_a_service_role_is_proven_to_lack_it(world: World) -> None:
    app = world.make_app()

    diagnosis = diagnosis_of_build(world, app, outcome="backend_deploy")

    assert top(diagnosis) == ("service_role_not_set", Rank.PROVEN)
    assert "not yours to edit" in diagnosis.causes[0].reason
    assert ranks(diagnosis)["compute_role_not_set"] is Rank.RULED_OUT


def test_prerendering_without_credentials_is_never_blamed_on_the_compute_role(world: World) -> None:
    diagnosis = diagnosis_of_build(world, world.make_app(), outcome="prerender_credentials")

    assert top(diagnosis) == ("service_role_not_set", Rank.LIKELY)
    assert ranks(diagnosis)["compute_role_not_set"] is Rank.RULED_OUT


@pytest.mark.parametrize(
    "line",
    [
        "WARNING CredentialsError: Missing credentials in config, if using AWS_CONFIG_FILE, set AWS_SDK_LOAD_CONFIG=1",
        "WARNING 🛑 AWS access credentials can not be found.",
        "INFO Unable to locate credentials. You can configure credentials by running aws configure",
    ],
    ids=["sdk v2", "gen 1", "aws cli"],
)
def test_every_tool_without_credentials_points_at_the_missing_service_role(world: World, line: str) -> None:
    diagnosis = diagnosis_of_build(world, world.make_app(), outcome="lines", lines=[line])

    assert top(diagnosis) == ("service_role_not_set", Rank.LIKELY)


def test_undefined_credentials_and_keys_in_variables_point_at_the_code(world: World) -> None:
    keys = {"IAM_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}
    app = world.make_app(iamServiceRoleArn=world.make_role("service"), environmentVariables=keys)
    lines = ["WARNING Error: Resolved credential object is not valid"]

    diagnosis = diagnosis_of_build(world, app, outcome="lines", lines=lines)

    assert top(diagnosis) == ("explicit_credentials_in_code", Rank.LIKELY)
    assert results(diagnosis)["static_keys"] is CheckResult.FAIL


def test_a_denied_service_role_lacks_a_permission_and_is_not_blamed_for_its_trust(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))

    diagnosis = diagnosis_of_build(world, app, outcome="access_denied")

    assert top(diagnosis) == ("permission_missing_identity", Rank.LIKELY)
    assert diagnosis.causes[0].proposal is not None
    assert ranks(diagnosis)["service_role_trust_wrong"] is Rank.RULED_OUT


def test_a_denied_logging_role_is_likely_the_wrong_role(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("AmplifySSRLoggingRole-1b2c"))

    found = ranks(diagnosis_of_build(world, app, outcome="access_denied"))

    assert found["service_role_for_logs"] is Rank.LIKELY


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("with an explicit deny in a permissions boundary", "denied_by_boundary"),
        ("because no permissions boundary allows the {action} action", "denied_by_boundary"),
        ("with an explicit deny in a service control policy", "denied_by_scp"),
        ("with an explicit deny in a resource control policy", "denied_by_other_policy"),
        ("with an explicit deny in a sessions policy", "denied_by_session_policy"),
        ("because no VPC endpoint policy allows the {action} action", "denied_by_other_policy"),
        ("with an explicit deny in a resource-based policy", "denied_by_resource_policy"),
    ],
)
def test_a_denying_policy_is_named_and_no_permission_is_proposed(world: World, reason: str, cause: str) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))

    diagnosis = diagnosis_of_build(world, app, outcome="access_denied", reason=reason)

    contradicted = cause == "denied_by_boundary"  # the role has no boundary now
    assert top(diagnosis) == (cause, Rank.POSSIBLE if contradicted else Rank.LIKELY)
    assert all(each.proposal is None for each in diagnosis.causes)


def test_a_denied_pass_role_is_likely_a_missing_permission(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    arn = f"arn:aws:iam::{world.amplify.account_id}:role/other"

    diagnosis = diagnosis_of_build(world, app, outcome="access_denied", action="iam:PassRole", resource=arn, reason="")

    assert top(diagnosis) == ("pass_role_missing", Rank.LIKELY)


def test_a_refused_clone_of_codecommit_is_likely_the_service_roles_permission(world: World) -> None:
    url = f"https://git-codecommit.{REGION}.amazonaws.com/v1/repos/shop"
    app = world.make_app(iamServiceRoleArn=world.make_role("service"), repository=url)
    lines = [f"ERROR fatal: unable to access '{url}/': The requested URL returned error: 403"]

    diagnosis = diagnosis_of_build(world, app, outcome="lines", lines=lines, exit_code=128)

    assert top(diagnosis) == ("codecommit_pull_denied", Rank.LIKELY)
    assert diagnosis.causes[0].proposal is not None


def test_a_build_of_more_than_an_hour_outlived_its_credentials(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.amplify.control.set_build_time(4000)
    world.build(app, outcome="lines", lines=["ERROR 🛑 The security token included in the request is expired"])
    world.amplify.control.advance(4000)

    diagnosis = _diagnosis(world, app, "1", None)

    assert top(diagnosis) == ("session_expired", Rank.PROVEN)
    assert results(diagnosis)["build_duration"] is CheckResult.FAIL


# --- the compute role


def deployed(world: World, **app: Any) -> str:
    """An SSR app whose first build succeeded."""
    app_id = world.make_app(**app)
    assert world.build(app_id)["detail"]["jobStatus"] == "SUCCEED"
    return app_id


def test_a_refused_compute_role_is_proven_by_its_trust(world: World) -> None:
    app = world.make_app(computeRoleArn=world.make_role("compute"))
    set_trust(world, "compute", NOT_AMPLIFY)
    lines = ["ERROR BadRequestException: The compute role provided cannot be assumed by Amplify."]

    diagnosis = diagnosis_of_build(world, app, outcome="lines", lines=lines)

    assert top(diagnosis) == ("compute_role_trust_wrong", Rank.PROVEN)
    assert diagnosis.causes[0].proposal is not None


def test_ssr_code_without_any_compute_role_likely_lacks_it(world: World) -> None:
    app = deployed(world, iamServiceRoleArn=world.make_role("service"))

    assert top(diagnosis_of_runtime(world, app)) == ("compute_role_not_set", Rank.LIKELY)


def test_a_deleted_compute_role_is_the_likely_cause(world: World) -> None:
    app = deployed(world, computeRoleArn=world.make_role("compute"))
    world.client("iam").delete_role(RoleName="compute")

    assert top(diagnosis_of_runtime(world, app)) == ("compute_role_missing", Rank.LIKELY)


def test_a_compute_role_whose_trust_was_changed_is_the_likely_cause(world: World) -> None:
    app = deployed(world, computeRoleArn=world.make_role("compute"))
    set_trust(world, "compute", NOT_AMPLIFY)

    assert top(diagnosis_of_runtime(world, app)) == ("compute_role_trust_wrong", Rank.LIKELY)


def test_source_conditions_that_amplify_may_refuse_are_possible(world: World) -> None:
    app = deployed(world, computeRoleArn=world.make_role("compute"))
    set_trust(
        world, "compute", trust(AMPLIFY, condition={"StringEquals": {"aws:SourceAccount": world.amplify.account_id}})
    )

    found = ranks(diagnosis_of_runtime(world, app))

    assert found["compute_role_conditions_contested"] is Rank.POSSIBLE
    assert Rank.PROVEN not in found.values()


def test_an_inherited_role_that_does_not_reach_the_runtime_is_suggested_for_the_branch(world: World) -> None:
    world.amplify.control.set_questions(app_role_at_runtime="ignored")
    app = deployed(world, computeRoleArn=world.make_role("compute"))

    diagnosis = diagnosis_of_runtime(world, app)

    assert Rank.PROVEN not in ranks(diagnosis).values()
    assert any("the same ARN set on the branch" in check.detail for check in diagnosis.checks)


def test_ssr_code_that_is_denied_as_the_compute_role_lacks_a_permission(world: World) -> None:
    app = deployed(world, computeRoleArn=world.make_role("compute"))
    world.amplify.control.set_runtime_need(app, "main", "dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/orders")

    diagnosis = diagnosis_of_runtime(world, app)

    assert top(diagnosis) == ("permission_missing_identity", Rank.POSSIBLE)
    assert "compute_role_trust_wrong" not in ranks(diagnosis)


def test_permissions_put_on_the_logging_role_do_not_reach_ssr_code(world: World) -> None:
    app = deployed(world, iamServiceRoleArn=world.make_role("AmplifySSRLoggingRole-1b2c"))

    found = ranks(diagnosis_of_runtime(world, app))

    assert found["permissions_on_logging_role"] is Rank.POSSIBLE


# --- the rendered text


def test_a_missing_trust_statement_is_shown_and_never_applied(world: World) -> None:
    app = world.make_app(
        tags={"amplify-medic:auto-fix": "fix"}, iamServiceRoleArn=world.make_role("service", NOT_AMPLIFY)
    )
    world.deliver(world.build(app))

    (email,) = world.emails()
    assert f"apps/{app}/*" in email
    assert "aws iam update-assume-role-policy --role-name service" in email
    stored = world.client("iam").get_role(RoleName="service")["Role"]["AssumeRolePolicyDocument"]
    assert stored == NOT_AMPLIFY


def test_a_missing_permission_statement_is_shown_and_never_applied(world: World) -> None:
    app = world.make_app(tags={"amplify-medic:auto-fix": "fix"}, iamServiceRoleArn=world.make_role("service"))
    world.deliver(world.build(app, outcome="access_denied"))

    (email,) = world.emails()
    assert '"Action": "cloudformation:DescribeStacks"' in email
    assert "put-role-policy" not in email, "it would be granted on every resource"
    assert world.client("iam").list_role_policies(RoleName="service")["PolicyNames"] == []
