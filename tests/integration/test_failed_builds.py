"""From a FAILED event to alerts, and on opted-in branches to a changed role: the whole remediator under moto."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.amplify import AmplifyReader
from medic.evidence import Present
from medic.records import replace

if TYPE_CHECKING:
    from tests.integration.conftest import World

OPTED_IN = {"amplify-medic:auto-fix": "fix"}
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def the_alert(world: World) -> str:
    """The only message that Slack got, as its readers see it."""
    (alert,) = world.alerts()
    return alert


def test_a_lost_repository_connection_is_named_first_if_the_trust_policy_is_proven_correct(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    alert = the_alert(world)
    assert "its trust was checked and is right" in alert
    assert "Likely cause: " in alert
    assert "roven" not in alert
    assert world.calls("UpdateBranch") == []
    assert len(world.emails()) == 1


def test_a_lost_repository_connection_is_named_first_without_a_service_role(world: World) -> None:
    app = world.make_app()
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert "no service role is set, so no role is to blame" in the_alert(world)


def test_a_wrong_trust_policy_is_proven_and_named(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service", LAMBDA_TRUST))
    world.deliver(world.build(app))
    alert = the_alert(world)
    assert "Proven" in alert
    assert "trust" in alert


def test_a_deleted_service_role_is_proven_and_named(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.client("iam").delete_role(RoleName="service")
    world.deliver(world.build(app))
    assert "Proven" in the_alert(world)


def test_a_non_iam_failure_sends_no_alert_and_costs_three_calls(world: World) -> None:
    app = world.make_app(tags=OPTED_IN)
    event = world.build(app, outcome="npm_failure")
    world.amplify.control.forget_calls()
    world.deliver(event)
    assert world.slack.posts == []
    assert world.emails() == []
    assert sorted(call["operation"] for call in world.amplify.control.recorded_calls()) == [
        "GetApp",
        "GetBranch",
        "GetJob",
    ]


def test_an_error_phrase_echoed_by_a_command_is_not_a_finding(world: World) -> None:
    app = world.make_app(tags=OPTED_IN)
    world.deliver(world.build(app, outcome="echoed_phrase"))
    assert world.slack.posts == []


@pytest.mark.parametrize("answer", ["plain", "gzip", "gzip_encoded"])
def test_a_log_is_read_with_and_without_compression(world: World, answer: str) -> None:
    world.amplify.control.set_questions(log_body=answer)
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert "Unable to assume specified IAM Role" in the_alert(world)


def test_a_missing_log_is_replaced_by_the_status_reason_of_the_step(world: World) -> None:
    world.amplify.control.set_questions(log_url="absent", status_reason="present")
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert "Unable to assume specified IAM Role" in the_alert(world)


# --- attaching


def test_an_opted_in_branch_gets_the_paired_role_in_one_field_and_the_alert_states_its_limits(world: World) -> None:
    role = world.make_role("compute")
    app = world.make_app(tags=OPTED_IN)
    world.settings["compute_roles"] = {role: [app]}
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    (call,) = world.calls("UpdateBranch")
    assert call["body"] == {"computeRoleArn": role}
    assert world.compute_role(app) == role
    alert = the_alert(world)
    assert "(read back)" in alert
    assert "It never changes a build" in alert


def test_repeated_deliveries_make_one_change_and_one_alert(world: World) -> None:
    app = world.make_app(tags=OPTED_IN)
    world.amplify.control.set_connection(app, "lost")
    event = world.build(app)
    for _ in range(4):
        world.deliver(event)
    assert len(world.calls("UpdateBranch")) == 1
    assert len(world.slack.posts) == 1
    assert len(world.emails()) == 1


@pytest.mark.parametrize(
    ("tags", "mode"),
    [
        ({}, "fix"),
        ({"amplify-medic:auto-fix": "report"}, "fix"),
        ({"amplify-medic:auto-fix": "FIX"}, "fix"),
        (OPTED_IN, "report"),
    ],
    ids=["no tag", "report", "unknown value", "stack reports"],
)
def test_without_an_opt_in_nothing_is_changed(world: World, tags: dict[str, str], mode: str) -> None:
    world.settings["mode"] = mode
    app = world.make_app(tags=tags)
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert world.calls("UpdateBranch") == []
    assert "Bot: No change: " in the_alert(world)


def test_an_ignored_branch_sends_no_alert(world: World) -> None:
    app = world.make_app(tags={"amplify-medic:auto-fix": "ignore"})
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert world.slack.posts == []


def test_a_branch_in_ask_mode_is_not_changed_and_the_alert_shows_the_command(world: World) -> None:
    app = world.make_app(tags={"amplify-medic:auto-fix": "ask"})
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert world.calls("UpdateBranch") == []
    assert f"update-branch --app-id {app} --branch-name main --compute-role-arn {world.default_role_arn}" in the_alert(
        world
    )


def test_an_admin_role_is_refused_and_the_guardrail_is_named(world: World) -> None:
    role = world.make_role("compute")
    world.client("iam").put_role_policy(
        RoleName="compute",
        PolicyName="all",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    )
    app = world.make_app(tags=OPTED_IN)
    world.settings["compute_roles"] = {role: [app]}
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert world.calls("UpdateBranch") == []
    assert "not_admin" in the_alert(world)


@pytest.mark.parametrize(("policy", "refused"), [("AWSLambda_FullAccess", True), ("AmazonDynamoDBFullAccess", False)])
def test_an_aws_managed_policy_is_judged_by_what_it_allows(world: World, policy: str, refused: bool) -> None:  # noqa: FBT001
    role = world.make_role("compute")
    world.attach_aws_managed("compute", policy)
    app = world.make_app(tags=OPTED_IN)
    world.settings["compute_roles"] = {role: [app]}
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert len(world.calls("UpdateBranch")) == (0 if refused else 1)
    assert (f"the AWS-managed policy {policy} allows lambda:" in the_alert(world)) is refused


def test_a_branch_that_changed_since_the_diagnosis_is_left_alone(world: World) -> None:
    app = world.make_app(tags=OPTED_IN)
    world.amplify.control.set_connection(app, "lost")
    event = world.build(app)
    amplify = world.client("amplify")
    arn = amplify.get_branch(appId=app, branchName="main")["branch"]["branchArn"]

    def opt_out(_: str) -> Any:
        amplify.untag_resource(resourceArn=arn, tagKeys=["amplify-medic:auto-fix"])
        return read_policies(_)

    services = world.services()
    read_policies = services.iam.policies
    vars(services.iam)["policies"] = opt_out
    world.deliver(event, services)
    assert world.calls("UpdateBranch") == []
    assert "since the diagnosis" in the_alert(world)


def test_the_bot_waits_for_a_new_compute_role(world: World) -> None:
    app = world.make_app(tags=OPTED_IN)
    world.amplify.control.set_connection(app, "lost")
    event = world.build(app)
    role = world.make_role("compute", age=0)
    world.settings["compute_roles"] = {role: [app]}
    world.deliver(event)
    assert world.compute_role(app) == role
    assert sum(world.waited) > 0


# --- rebuilding and settling

REBUILDING = {**OPTED_IN, "amplify-medic:rebuild": "yes"}


def test_a_successful_rebuild_resolves_the_incident_and_is_not_credited_to_the_compute_role(world: World) -> None:
    app = world.make_app(tags=REBUILDING, iamServiceRoleArn=world.make_role("service", age=1))
    failed = world.build(app)
    world.amplify.control.advance(60)
    world.deliver(failed)
    (started,) = world.calls("StartJob")[1:]
    assert started["body"]["jobType"] == "RETRY"
    succeeded = world.amplify.events[-1]
    assert succeeded["detail"]["jobStatus"] == "SUCCEED"
    world.deliver(dict(succeeded))
    report, recovered = world.alerts()
    assert report.index("Likely") < report.index("moments before")
    assert "Recovered" in recovered
    assert "Builds never use a compute role" in recovered
    world.deliver(dict(succeeded))
    assert len(world.slack.posts) == 2


def test_a_rebuild_with_the_same_failure_is_reported_and_nothing_more_is_tried(world: World) -> None:
    app = world.make_app(tags=REBUILDING)
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    world.amplify.control.advance(10)
    world.deliver(dict(world.amplify.events[-1]))
    assert len(world.calls("UpdateBranch")) == 1
    assert len(world.calls("StartJob")) == 2
    assert "Still failing" in world.alerts()[-1]


def test_a_superseded_job_is_not_rebuilt(world: World) -> None:
    app = world.make_app(tags=REBUILDING)
    world.amplify.control.set_connection(app, "lost")
    failed = world.build(app)
    world.build(app)
    world.amplify.control.forget_calls()
    world.deliver(failed)
    assert world.calls("StartJob") == []
    assert "superseded by job 2" in the_alert(world)


# --- delivery and faults


def test_only_the_failed_channel_is_retried(world: World) -> None:
    app = world.make_app()
    world.amplify.control.set_connection(app, "lost")
    event = world.build(app)
    world.slack.fail(times=2)
    world.deliver(event)
    assert len(world.emails()) == 1
    world.deliver(event)
    assert len(world.emails()) == 0
    assert len(world.alerts()) == 1


@pytest.mark.parametrize("fault", ["throttle", "server_error", "timeout_before_effect", "timeout_after_effect"])
def test_a_failed_update_is_completed_once_by_the_next_delivery(world: World, fault: str) -> None:
    app = world.make_app(tags=OPTED_IN)
    world.amplify.control.set_connection(app, "lost")
    event = world.build(app)
    world.amplify.control.fail_call("UpdateBranch", fault)  # type: ignore[arg-type]
    for _ in range(2):
        try:
            world.deliver(event)
        except Exception:  # noqa: BLE001, S112 - Lambda would deliver it again
            continue
    assert world.compute_role(app) == world.default_role_arn
    assert len(world.slack.posts) == 1


def test_a_forged_failure_of_a_successful_job_changes_nothing_and_sends_no_alert(world: World) -> None:
    app = world.make_app(tags=OPTED_IN)
    event = world.build(app)
    event["detail"] = {**event["detail"], "jobStatus": "FAILED"}
    world.deliver(event)
    assert world.slack.posts == []
    assert world.calls("UpdateBranch") == []


def test_a_forged_failure_of_a_successful_job_that_printed_the_error_has_no_effect(world: World) -> None:
    line = "ERROR CredentialsProviderError: Could not load credentials from any providers"
    app = world.make_app(tags=OPTED_IN)
    event = world.build(app, outcome="lines", lines=[line], exit_code=0)
    assert event["detail"]["jobStatus"] == "SUCCEED"
    world.deliver({**event, "detail": {**event["detail"], "jobStatus": "FAILED"}})
    assert world.slack.posts == []
    assert world.calls("UpdateBranch") == []


def test_a_forged_failure_of_a_job_that_getjob_shows_as_successful_has_no_effect_whatever_its_log_shows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, real = world.make_app(tags=OPTED_IN), AmplifyReader.job
    world.amplify.control.set_connection(app, "lost")
    event = world.build(app)

    def succeeded(self: AmplifyReader, *args: str) -> Any:
        found = real(self, *args)
        assert isinstance(found, Present)
        return Present(replace(found.value, job=replace(found.value.job, status="SUCCEED")))

    monkeypatch.setattr(AmplifyReader, "job", succeeded)
    world.deliver(event)
    assert world.alerts() == []
    assert world.calls("UpdateBranch") == []


def test_secrets_in_the_log_never_reach_an_alert_or_the_table(world: World) -> None:
    token, key = "ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3hJ6", "AKIAQYLPMN5HHHFPZAM2"
    lines = [
        f"ERROR CredentialsProviderError: Could not load credentials from any providers, tried {key} and {token}",
        f"ERROR     at fetch (https://x-access-token:{token}@github.com/acme/shop) with {key}",
    ]
    world.deliver(world.build(world.make_app(tags=OPTED_IN), outcome="lines", lines=lines))
    said = the_alert(world) + json.dumps(world.emails())
    assert "CredentialsProviderError" in said
    assert "[redacted" in said
    stored = json.dumps(world.client("dynamodb").scan(TableName="incidents")["Items"])
    assert not any(secret in text for secret in (token, key) for text in (said, stored))


def test_secrets_of_the_app_never_reach_an_alert_or_the_table(world: World) -> None:
    canary = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY0"
    app = world.make_app(
        tags=OPTED_IN,
        environmentVariables={"IAM_SECRET_ACCESS_KEY": canary},
        basicAuthCredentials="Y2FuYXJ5OmJhc2lj",
        buildSpec=f"version: 1 # {canary}",
    )
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    said = the_alert(world) + json.dumps(world.emails())
    stored = json.dumps(world.client("dynamodb").scan(TableName="incidents")["Items"])
    for secret in (canary, "Y2FuYXJ5OmJhc2lj", "X-Amz-Signature"):
        assert secret not in said
        assert secret not in stored


@pytest.mark.parametrize("numbering", ["new", "same"])
def test_a_rebuild_is_followed_whether_it_gets_a_new_id_or_keeps_the_old_one(world: World, numbering: str) -> None:
    world.amplify.control.set_questions(retry_job_id=numbering)
    app = world.make_app(tags=REBUILDING)
    world.amplify.control.set_connection(app, "lost")
    world.amplify.control.set_build_time(30)
    for _ in range(2):
        if not world.calls("StartJob"):
            world.client("amplify").start_job(appId=app, branchName="main", jobType="RELEASE")
        world.amplify.control.advance(30)
        world.deliver(dict(world.amplify.events[-1]))
    assert len(world.calls("StartJob")) == 2
    assert len(world.calls("UpdateBranch")) == 1
    assert "Still failing" in world.alerts()[-1]


def counts(world: World) -> list[int]:
    items = world.client("dynamodb").scan(TableName="incidents")["Items"]
    return [each["count"] for item in items if "incidents" in item for each in json.loads(item["incidents"]["S"])]


def test_a_later_job_with_the_same_failure_is_counted_without_a_new_alert(world: World) -> None:
    app = world.make_app()
    world.amplify.control.set_connection(app, "lost")
    for _ in range(3):
        world.deliver(world.build(app))
        world.amplify.control.advance(60)
    assert counts(world) == [3]
    assert len(world.alerts()) == 1


def test_a_later_job_is_planned_again_and_alerted_if_the_plan_changed(world: World) -> None:
    app = world.make_app()
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    arn = world.client("amplify").get_branch(appId=app, branchName="main")["branch"]["branchArn"]
    world.client("amplify").tag_resource(resourceArn=arn, tags=OPTED_IN)
    world.amplify.control.advance(60)
    world.deliver(world.build(app))
    assert world.compute_role(app) == world.default_role_arn
    assert len(world.alerts()) == 2
    assert "Seen: 2 times" in world.alerts()[-1]
