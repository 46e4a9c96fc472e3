"""What a function does before its first event: it imports, creates clients, and then lets the garbage collector run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LAMBDAS = Path(__file__).parents[2] / "lambdas"
SLACK = {
    "bot_token_secret": "token",
    "channel": "C0123456789",
    "signing_secret": "signing",
    "app_id": "A0123456789",
    "approvers": ["T0123456789/U0123456789"],
}
ENVIRONMENT = {
    "AMPLIFY_MEDIC_SETTINGS": json.dumps({"slack": SLACK}),
    "MEDIC_ACCOUNT": "111122223333",
    "MEDIC_PARTITION": "aws",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "INCIDENTS_TABLE": "incidents",
    "QUEUE_URL": "queue",
    "OPERATOR_ROLE_ID": "AROA",
    "ALERT_TOPIC_ARN": "arn:aws:sns:eu-central-1:111122223333:alerts",
    "DEFAULT_COMPUTE_ROLE_ARN": "arn:aws:iam::111122223333:role/default",
    "POWERTOOLS_METRICS_NAMESPACE": "test",
    "POWERTOOLS_SERVICE_NAME": "test",
}
CREATED = """
import gc, importlib, json, sys
from botocore.client import ClientCreator
made, create = [], ClientCreator.create_client
def noted(self, **arguments):
    made.append(arguments["service_name"])
    return create(self, **arguments)
ClientCreator.create_client = noted
importlib.import_module(sys.argv[1])
print(json.dumps([made, gc.isenabled(), gc.get_freeze_count() > 0]))
"""


def start(function: str, **variables: str) -> tuple[set[str], bool, bool]:
    """Import a handler in a fresh process.

    Returns:
        The services that got a client; whether the collector runs; and whether it ignores what was imported.
    """
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAMBDAS), **ENVIRONMENT, **variables}
    command = [sys.executable, "-c", CREATED, f"{function}.handler"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    made, collects, frozen = json.loads(done.stdout)
    return set(made), collects, frozen


@pytest.mark.parametrize(
    ("function", "clients"),
    [
        ("remediator", {"amplify", "dynamodb"}),
        ("watcher", {"amplify", "dynamodb", "logs", "sqs"}),
        ("slack_interactivity", {"secretsmanager", "sqs"}),
    ],
)
def test_lambda_starts_a_function_with_the_clients_that_each_event_needs(function: str, clients: set[str]) -> None:
    made, collects, frozen = start(function, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")

    assert made == clients
    assert (collects, frozen) == (True, True)


def test_outside_lambda_an_import_creates_no_client() -> None:
    made, collects, _ = start("remediator")

    assert not made
    assert collects
