"""From Amplify's event to the function, and where what fails on the way is kept."""

from __future__ import annotations

import pytest

from infra.intrinsics import flatten
from medic.settings import Mode, Runtime
from tests.infra.stacks import APP, OTHER_APP, of_type, template, the


def test_the_rule_passes_final_statuses_of_every_app() -> None:
    assert the(template(), "AWS::Events::Rule")["EventPattern"] == {
        "source": ["aws.amplify"],
        "detail-type": ["Amplify Deployment Status Change"],
        "detail": {"jobStatus": ["FAILED", "SUCCEED", "CANCELLED"]},
    }


def test_the_rule_passes_listed_apps_only() -> None:
    pattern = the(template(apps=[APP, OTHER_APP]), "AWS::Events::Rule")["EventPattern"]

    assert pattern["detail"]["appId"] == [APP, OTHER_APP]


def test_deliveries_are_retried_for_an_hour_and_then_kept() -> None:
    (target,) = the(template(), "AWS::Events::Rule")["Targets"]

    assert flatten(target["Arn"]).startswith("<RemediatorFunction")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
    assert flatten(target["DeadLetterConfig"]["Arn"]).startswith("<DeploymentEventsUndelivered")


def test_runs_are_retried_for_an_hour_and_then_kept() -> None:
    invoke = the(template(), "AWS::Lambda::EventInvokeConfig")

    assert (invoke["MaximumEventAgeInSeconds"], invoke["MaximumRetryAttempts"]) == (3600, 2)
    assert flatten(invoke["DestinationConfig"]["OnFailure"]["Destination"]).startswith("<RemediatorFailedRuns")


def test_failed_deliveries_and_failed_runs_are_kept_apart() -> None:
    assert len(of_type(template(), "AWS::SQS::Queue")) == 2


@pytest.mark.parametrize("queue", ["DeploymentEventsUndelivered", "RemediatorFailedRuns"])
def test_queues_are_encrypted_take_tls_only_and_keep_for_14_days(queue: str) -> None:
    properties = the(template(), "AWS::SQS::Queue", queue)
    first, *_ = the(template(), "AWS::SQS::QueuePolicy", queue)["PolicyDocument"]["Statement"]

    assert properties == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 24 * 3600}
    assert (first["Effect"], first["Action"], first["Principal"]) == ("Deny", "sqs:*", {"AWS": "*"})
    assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_this_rule_may_leave_undelivered_events() -> None:
    policy = the(template(), "AWS::SQS::QueuePolicy", "DeploymentEventsUndelivered")["PolicyDocument"]["Statement"]
    (statement,) = [s for s in policy if s["Effect"] == "Allow"]

    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert flatten(statement["Condition"]["ArnEquals"]["aws:SourceArn"]).startswith("<DeploymentEventsRule")


def test_only_this_rule_may_invoke_the_function() -> None:
    permission = the(template(), "AWS::Lambda::Permission")

    assert permission["Principal"] == "events.amazonaws.com"
    assert flatten(permission["SourceArn"]).startswith("<DeploymentEventsRule")


def test_the_function_runs_as_agreed() -> None:
    function = the(template(), "AWS::Lambda::Function")

    assert function["Handler"] == "remediator.handler.handler"
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert (function["MemorySize"], function["Timeout"]) == (512, 90)
    assert "ReservedConcurrentExecutions" not in function


def test_the_function_waits_for_its_permissions() -> None:
    (function,) = of_type(template(), "AWS::Lambda::Function").values()
    (policy,) = [n for n in of_type(template(), "AWS::IAM::Policy") if n.startswith("RemediatorRole")]

    assert policy in function["DependsOn"]


def test_the_log_lies_outside_amplifys_and_goes_after_three_months() -> None:
    group = the(template(), "AWS::Logs::LogGroup")
    logging = the(template(), "AWS::Lambda::Function")["LoggingConfig"]

    assert group == {"LogGroupName": "/amplify-medic/remediator", "RetentionInDays": 90}
    assert flatten(logging["LogGroup"]).startswith("<RemediatorLogs")


@pytest.mark.parametrize("mode", Mode)
def test_the_function_understands_its_environment(mode: Mode) -> None:
    variables = the(template(mode=mode, apps=[APP]), "AWS::Lambda::Function")["Environment"]["Variables"]
    as_deployed = {name: flatten(value) for name, value in variables.items()}

    runtime = Runtime.from_environment({**as_deployed, "AWS_REGION": "eu-central-1"})

    assert runtime.settings.apps == (APP,)
    assert (runtime.account, runtime.partition) == ("<AWS::AccountId>", "<AWS::Partition>")
    assert runtime.table.startswith("<IncidentsTable")
    assert runtime.topic_arn.startswith("<AlertsTopic")
    assert runtime.default_role_arn.startswith("<DefaultComputeRole")
    assert bool(runtime.actor_role_arn) is (mode is not Mode.REPORT)


def test_the_function_gets_the_settings_as_given_and_compact() -> None:
    variables = the(template(mode="ask", apps=[APP]), "AWS::Lambda::Function")["Environment"]["Variables"]

    assert variables["AMPLIFY_MEDIC_SETTINGS"] == f'{{"mode":"ask","apps":["{APP}"]}}'
    assert variables["POWERTOOLS_SERVICE_NAME"] == "remediator"
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "AmplifyMedic"
