"""The function behind Slack's buttons: deployed only if somebody may approve, and able only to send requests."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.iam import flatten
from medic.settings import Mode, Runtime
from tests.infra.stacks import EVERYTHING, actions, of_type, properties_of, statements, template

SLACK: dict[str, Any] = dict(EVERYTHING["slack"])  # type: ignore[call-overload]


def granted() -> dict[str, Any]:
    return dict(statements(template(**EVERYTHING), "SlackInteractivityRole"))


@pytest.mark.parametrize(
    "slack",
    [
        {},
        {"webhook_secret": "amplify-medic/slack"},
        {"bot_token_secret": "amplify-medic/slack", "channel": "C0123456789"},
    ],
)
def test_without_approvers_there_is_no_function_url(slack: dict[str, Any]) -> None:
    stack = template(slack=slack)

    assert of_type(stack, "AWS::Lambda::Url") == {}
    assert "SlackRequestUrl" not in stack["Outputs"]
    assert not [name for name in stack["Resources"] if name.startswith("Slack")]


@pytest.mark.parametrize("mode", Mode)
def test_slack_has_both_permissions_that_a_function_url_needs(mode: Mode) -> None:
    stack = template(**{**EVERYTHING, "mode": mode})
    permissions = [
        resource["Properties"]
        for name, resource in of_type(stack, "AWS::Lambda::Permission").items()
        if name.startswith("SlackInteractivity")
    ]

    assert properties_of(stack, "AWS::Lambda::Url")["AuthType"] == "NONE"
    assert {permission["Action"] for permission in permissions} == {
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    }
    assert flatten(stack["Outputs"]["SlackRequestUrl"]["Value"]).startswith("<SlackInteractivityFunction")


@pytest.mark.parametrize(
    ("sid", "rights", "resource"),
    [
        ("ReadSigningSecret", ["secretsmanager:GetSecretValue"], r"arn:.*:secret:amplify-medic/signing-\?{6}"),
        ("SendToTheQueue", ["sqs:SendMessage"], r"<Queue[0-9A-F]{8}\.Arn>"),
        ("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], r"<SlackInteractivityLogs\w+\.Arn>"),
    ],
)
def test_each_permission_is_for_exactly_one_resource(sid: str, rights: list[str], resource: str) -> None:
    statement = granted()[sid]

    assert (statement["Effect"], actions(statement)) == ("Allow", rights)
    assert re.fullmatch(resource, flatten(statement["Resource"]))


def test_there_is_no_other_permission() -> None:
    assert granted().keys() == {"ReadSigningSecret", "SendToTheQueue", "WriteOwnLog"}


def test_the_remediator_may_not_read_the_signing_secret() -> None:
    secrets = statements(template(**EVERYTHING), "RemediatorRole")["ReadSlackSecrets"]["Resource"]

    assert "signing" not in json.dumps(secrets)


def test_the_function_can_read_its_environment() -> None:
    function = properties_of(template(**EVERYTHING), "AWS::Lambda::Function", "SlackInteractivity")
    given = {name: flatten(value) for name, value in function["Environment"]["Variables"].items()}
    runtime = Runtime.of_slack({**given, "AWS_REGION": "eu-central-1"})

    assert function["Handler"] == "slack_interactivity.handler.handler"
    assert runtime.settings.slack.approvers == ("T0123456789/U0123456789",)
    assert re.fullmatch(r"<Queue[0-9A-F]{8}>", runtime.queue_url)
