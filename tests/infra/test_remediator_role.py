"""The remediator's own role: reading, its own table, topic and queue; nothing more than the code calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.intrinsics import flatten
from tests.infra.stacks import APP, EVERYTHING, actions, actor, reader

LAMBDAS = Path(__file__).parents[2] / "lambdas"
AMPLIFY = "arn:<AWS::Partition>:amplify:<AWS::Region>:<AWS::AccountId>"
SECRET = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret"
# Transactions are authorised by the actions they are made of.
AUTHORISED_AS = {"dynamodb:TransactWriteItems": "dynamodb:UpdateItem"}
# What the Lambda service does in the function's name.
CALLED_BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}


def calls_in_the_code() -> Iterator[str]:
    """The gateways name each call they make: `with translated("amplify:GetApp")`."""
    for path in LAMBDAS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name("translated"), args=[ast.Constant(str(action)), *_]):
                    yield AUTHORISED_AS.get(action, action)


def test_what_is_granted_is_what_the_code_calls() -> None:
    granted = [*reader(**EVERYTHING).values(), *actor(**EVERYTHING).values()]
    allowed = {a for statement in granted if statement["Effect"] == "Allow" for a in actions(statement)}

    # PassRole is never called: UpdateBranch and UpdateApp ask for it.
    assert allowed - CALLED_BY_LAMBDA - {"iam:PassRole"} == set(calls_in_the_code())


def test_all_apps_are_read_unless_some_are_listed() -> None:
    assert flatten(reader()["ReadApps"]["Resource"]) == f"{AMPLIFY}:apps/*"

    listed = reader(apps=[APP])["ReadApps"]["Resource"]
    assert isinstance(listed, list)
    assert [flatten(arn) for arn in listed] == [f"{AMPLIFY}:apps/{APP}", f"{AMPLIFY}:apps/{APP}/*"]


@pytest.mark.parametrize(
    ("secret", "resource"),
    [
        ("medic/slack", f"{SECRET}:medic/slack-??????"),
        (
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:medic/slack-AbCdEf",
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:medic/slack-AbCdEf",
        ),
    ],
)
def test_only_the_named_secrets_are_read(secret: str, resource: str) -> None:
    statement = reader(slack={"webhook_secret": secret, "channels": {"again": secret}})["ReadSlackWebhooks"]

    assert actions(statement) == ["secretsmanager:GetSecretValue"]
    assert flatten(statement["Resource"]) == resource


def test_without_slack_no_secret_is_read() -> None:
    assert "ReadSlackWebhooks" not in reader()


def test_no_statement_covers_every_resource() -> None:
    assert "*" not in [flatten(statement["Resource"]) for statement in reader(**EVERYTHING).values()]


@pytest.mark.parametrize(
    ("sid", "resource"),
    [
        ("KeepIncidents", "<IncidentsTable"),
        ("SendAlerts", "<AlertsTopic"),
        ("KeepFailedRuns", "<RemediatorFailedRuns"),
        ("WriteOwnLog", "<RemediatorLogs"),
        ("BecomeActor", "<RemediatorActorRole"),
    ],
)
def test_the_bots_own_resources_are_named_exactly(sid: str, resource: str) -> None:
    assert flatten(reader()[sid]["Resource"]).startswith(resource)
