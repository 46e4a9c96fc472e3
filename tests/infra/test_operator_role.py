"""The operator role may ask, read and replay. It has no permission on Amplify or IAM, in any mode."""

from __future__ import annotations

import pytest

from infra.iam import flatten
from tests.infra.stacks import EVERYTHING, actions, allowed, operator, properties_of, template

KEYS = "dynamodb:LeadingKeys"


@pytest.mark.parametrize("settings", [{}, EVERYTHING, {"mode": "report"}])
def test_an_operator_can_ask_read_and_replay_and_nothing_else(settings: dict[str, object]) -> None:
    assert allowed(operator(**settings)) == {
        *("dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Scan", "lambda:InvokeFunction"),
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    }


def test_only_requests_can_be_written() -> None:
    statement = operator()["AskTheBot"]

    assert actions(statement) == ["dynamodb:PutItem"]
    assert statement["Condition"] == {"ForAllValues:StringLike": {KEYS: ["request#*"]}, "Null": {KEYS: "false"}}


def test_only_requests_and_incidents_are_read_one_by_one() -> None:
    statement = operator()["ReadAnswers"]

    assert statement["Condition"]["ForAllValues:StringLike"] == {KEYS: ["request#*", "branch#*"]}


def test_the_accounts_own_policies_decide_who_is_an_operator() -> None:
    role = properties_of(template(), "AWS::IAM::Role", "OperatorRole")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]

    assert flatten(statement["Principal"]["AWS"]) == "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"
    assert "Condition" not in statement


def test_messages_are_replayed_to_the_remediator_alone() -> None:
    granted = operator()

    assert flatten(granted["WakeTheRemediator"]["Resource"]).startswith("<RemediatorFunction")
    queues = granted["ReplayFailures"]["Resource"]
    assert isinstance(queues, list)
    assert [flatten(queue).split("Undelivered")[0].split("FailedRuns")[0] for queue in queues] == [
        "<DeploymentEvents",
        "<Remediator",
    ]
