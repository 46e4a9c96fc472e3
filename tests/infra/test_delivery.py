"""How an event gets from Amplify to the remediator, and which queues keep failed events."""

from __future__ import annotations

import pytest

from infra.iam import flatten
from tests.infra.stacks import APP, OTHER_APP, of_type, properties_of, template

QUEUES = ("DeploymentEventsUndelivered", "RemediatorFailedRuns", "WatcherFailedRuns")


def test_the_rule_passes_final_statuses_of_every_app() -> None:
    assert properties_of(template(), "AWS::Events::Rule", "DeploymentEvents")["EventPattern"] == {
        "source": ["aws.amplify"],
        "detail-type": ["Amplify Deployment Status Change"],
        "detail": {"jobStatus": ["FAILED", "SUCCEED", "CANCELLED"]},
    }


def test_the_rule_passes_listed_apps_only() -> None:
    pattern = properties_of(template(apps=[APP, OTHER_APP]), "AWS::Events::Rule", "DeploymentEvents")["EventPattern"]

    assert pattern["detail"]["appId"] == [APP, OTHER_APP]


def test_deliveries_are_retried_for_an_hour_and_then_kept() -> None:
    (target,) = properties_of(template(), "AWS::Events::Rule", "DeploymentEvents")["Targets"]

    assert flatten(target["Arn"]).startswith("<RemediatorFunction")
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
    assert flatten(target["DeadLetterConfig"]["Arn"]).startswith("<DeploymentEventsUndelivered")


def test_failed_deliveries_and_each_functions_failed_runs_have_separate_queues() -> None:
    assert len(of_type(template(), "AWS::SQS::Queue")) == len(QUEUES)


@pytest.mark.parametrize("queue", QUEUES)
def test_queues_are_encrypted_require_tls_and_keep_messages_for_14_days(queue: str) -> None:
    properties = properties_of(template(), "AWS::SQS::Queue", queue)
    first, *_ = properties_of(template(), "AWS::SQS::QueuePolicy", queue)["PolicyDocument"]["Statement"]

    assert properties == {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 24 * 3600}
    assert (first["Effect"], first["Action"], first["Principal"]) == ("Deny", "sqs:*", {"AWS": "*"})
    assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_this_rule_may_send_undelivered_events() -> None:
    policy = properties_of(template(), "AWS::SQS::QueuePolicy", "DeploymentEventsUndelivered")["PolicyDocument"][
        "Statement"
    ]
    (statement,) = [s for s in policy if s["Effect"] == "Allow"]

    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert flatten(statement["Condition"]["ArnEquals"]["aws:SourceArn"]).startswith("<DeploymentEventsRule")
