"""The operator role may ask, read, pause and replay. It has no permission on Amplify or IAM, in any mode."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.iam import flatten
from tests.infra.stacks import EVERYTHING, actions, allowed, operator, properties_of, template

KEYS = "dynamodb:LeadingKeys"
ACCOUNT = "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"


def trust(**settings: object) -> dict[str, dict[str, Any]]:
    """The statements of the role's trust policy, by action."""
    document = properties_of(template(**settings), "AWS::IAM::Role", "OperatorRole")["AssumeRolePolicyDocument"]
    return {action: statement for statement in document["Statement"] for action in actions(statement)}


@pytest.mark.parametrize("settings", [{}, EVERYTHING, {"mode": "report"}])
def test_an_operator_can_ask_read_pause_and_replay_and_nothing_else(settings: dict[str, object]) -> None:
    assert allowed(operator(**settings)) == {
        *("dynamodb:GetItem", "dynamodb:Scan", "lambda:InvokeFunction", "sqs:SendMessage", "sns:GetTopicAttributes"),
        *("lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"),
        *("sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    }


def test_only_requests_and_incidents_are_read_one_by_one() -> None:
    statement = operator()["ReadAnswers"]

    assert statement["Condition"]["ForAllValues:StringLike"] == {KEYS: ["request#*", "branch#*"]}


def test_the_accounts_own_policies_decide_who_is_an_operator() -> None:
    statement = trust()["sts:AssumeRole"]

    assert flatten(statement["Principal"]["AWS"]) == ACCOUNT
    assert "Condition" not in statement


def test_a_session_may_pass_on_the_source_identity_that_it_has() -> None:
    statement = trust()["sts:SetSourceIdentity"]

    assert flatten(statement["Principal"]["AWS"]) == ACCOUNT
    assert statement["Effect"] == "Allow"


def test_a_deployer_may_require_a_source_identity() -> None:
    statement = trust(operator={"require_source_identity": True})["sts:AssumeRole"]

    assert statement["Condition"] == {"StringLike": {"sts:SourceIdentity": "?*"}}


@pytest.mark.parametrize(
    ("sid", "rights", "resource"),
    [
        ("SendToTheQueue", ["sqs:GetQueueAttributes", "sqs:SendMessage"], r"<Queue[0-9A-F]{8}\.Arn>"),
        (
            "ReplayDeadLetters",
            ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask"],
            r"<QueueDeadLetters\w+\.Arn>",
        ),
        (
            "PauseAndResume",
            ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"],
            r"arn:.*:lambda:.*:event-source-mapping:<RemediatorFunctionMessages\w+>",
        ),
        ("CountSubscribers", ["sns:GetTopicAttributes"], r"<AlertsTopic[0-9A-F]{8}>"),
        ("SendTestAlerts", ["lambda:InvokeFunction"], r"<RemediatorFunction[0-9A-F]{8}\.Arn>"),
    ],
)
def test_each_permission_is_for_exactly_one_resource(sid: str, rights: list[str], resource: str) -> None:
    statement = operator()[sid]

    assert actions(statement) == rights
    assert re.fullmatch(resource, flatten(statement["Resource"]))
