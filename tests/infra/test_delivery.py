"""How an event gets from Amplify to the remediator's queue, and what happens to a message that fails every time."""

from __future__ import annotations

import pytest

from infra.iam import flatten
from tests.infra.stacks import APP, OTHER_APP, of_type, properties_of, template

FOURTEEN_DAYS = 14 * 24 * 3600
BOTH = pytest.mark.parametrize("name", ["Queue4", "QueueDeadLetters"])


def test_the_rule_passes_final_statuses_of_every_app() -> None:
    assert properties_of(template(), "AWS::Events::Rule", "QueueDeploymentEvents")["EventPattern"] == {
        "source": ["aws.amplify"],
        "detail-type": ["Amplify Deployment Status Change"],
        "detail": {"jobStatus": ["FAILED", "SUCCEED", "CANCELLED"]},
    }


def test_the_rule_passes_listed_apps_only() -> None:
    stack = template(apps=[APP, OTHER_APP])

    assert properties_of(stack, "AWS::Events::Rule", "QueueDeploymentEvents")["EventPattern"]["detail"]["appId"] == [
        APP,
        OTHER_APP,
    ]


def test_events_go_into_the_queue_and_if_that_fails_for_a_day_to_the_dead_letters() -> None:
    (target,) = properties_of(template(), "AWS::Events::Rule", "QueueDeploymentEvents")["Targets"]

    assert flatten(target["Arn"]).startswith("<Queue4")
    assert flatten(target["DeadLetterConfig"]["Arn"]).startswith("<QueueDeadLetters")
    assert "RetryPolicy" not in target  # then EventBridge retries for 24 hours


def test_there_is_one_queue_and_one_dead_letter_queue() -> None:
    assert len(of_type(template(), "AWS::SQS::Queue")) == 2


def test_events_wait_in_the_queue_before_an_update_changes_the_functions_code() -> None:
    functions = of_type(template(), "AWS::Lambda::Function")
    (depends,) = (each["DependsOn"] for name, each in functions.items() if name.startswith("RemediatorFunction"))

    for first in ("QueueDeploymentEvents", "QueuePolicy", "QueueDeadLettersPolicy"):
        assert any(name.startswith(first) for name in depends)


@BOTH
def test_queues_are_encrypted_and_keep_messages_for_14_days(name: str) -> None:
    queue = properties_of(template(), "AWS::SQS::Queue", name)

    assert (queue["SqsManagedSseEnabled"], queue["MessageRetentionPeriod"]) == (True, FOURTEEN_DAYS)
    assert "FifoQueue" not in queue


def test_a_message_stays_hidden_for_six_times_the_longest_run() -> None:
    function = properties_of(template(), "AWS::Lambda::Function", "Remediator")

    assert properties_of(template(), "AWS::SQS::Queue", "Queue4")["VisibilityTimeout"] == 6 * function["Timeout"] == 540


def test_a_message_becomes_a_dead_letter_after_thirty_receives() -> None:
    redrive = properties_of(template(), "AWS::SQS::Queue", "Queue4")["RedrivePolicy"]

    assert redrive["maxReceiveCount"] == 30
    assert flatten(redrive["deadLetterTargetArn"]).startswith("<QueueDeadLetters")


@BOTH
def test_a_queue_requires_tls_and_accepts_events_of_this_rule_and_account_only(name: str) -> None:
    policy = properties_of(template(), "AWS::SQS::QueuePolicy", name.replace("Queue4", "QueuePolicy"))
    tls, events = policy["PolicyDocument"]["Statement"]

    assert (tls["Effect"], tls["Action"], tls["Principal"]) == ("Deny", "sqs:*", {"AWS": "*"})
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (events["Effect"], events["Action"]) == ("Allow", "sqs:SendMessage")
    assert events["Principal"] == {"Service": "events.amazonaws.com"}
    assert events["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert flatten(events["Condition"]["ArnEquals"]["aws:SourceArn"]).startswith("<QueueDeploymentEvents")
