"""The permissions of all functions together: every call that the code makes, and no other."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from tests.infra.stacks import EVERYTHING, ITEM_WRITES, actor, allowed, operator, reader, statements, template, watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

LAMBDAS = Path(__file__).parents[2] / "lambdas"
# IAM authorises a transaction by the actions in it, and a batch of messages like one message.
AUTHORISED_AS = {"dynamodb:TransactWriteItems": "dynamodb:UpdateItem", "sqs:SendMessageBatch": "sqs:SendMessage"}
# Only the command line lists every incident, with the operator's role.
CALLED_BY_OPERATORS = {"dynamodb:Scan"}
# Calls that the Lambda service makes with the role of a function.
WRITES_ITS_LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
CALLED_BY_LAMBDA = WRITES_ITS_LOG | {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}


def calls_in_the_code() -> Iterator[str]:
    """The calls that the gateways make. A gateway names each one to `translated` or `read_item`."""
    for path in LAMBDAS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name("translated" | "read_item"), args=[ast.Constant(str(action)), *_]):
                    yield AUTHORISED_AS.get(action, action)


def test_the_granted_actions_are_exactly_those_that_the_code_calls() -> None:
    slack = allowed(statements(template(**EVERYTHING), "SlackInteractivityRole"))
    parameter = allowed(reader(slack={"webhook_secret": "ssm:/amplify-medic/slack"}))
    granted = allowed(reader(**EVERYTHING)) | allowed(actor(**EVERYTHING)) | allowed(watcher(**EVERYTHING)) | slack

    # These two are never called: UpdateBranch and UpdateApp require PassRole, and GetParameter may decrypt.
    required = {"iam:PassRole", "kms:Decrypt"}
    called = set(calls_in_the_code()) - CALLED_BY_OPERATORS
    assert (granted | parameter) - CALLED_BY_LAMBDA - required == called
    assert allowed(operator(**EVERYTHING)) >= CALLED_BY_OPERATORS


def test_only_the_remediator_and_the_watcher_may_write_to_the_table() -> None:
    slack = statements(template(**EVERYTHING), "SlackInteractivityRole")

    for others in (allowed(operator(**EVERYTHING)), allowed(actor(**EVERYTHING)), allowed(slack)):
        assert not others & ITEM_WRITES


def test_the_functions_share_read_actions_and_write_only_their_own_items() -> None:
    remediator = allowed(reader(**EVERYTHING)) | allowed(actor(**EVERYTHING))
    reads = {"amplify:ListBranches", "amplify:ListJobs", "logs:FilterLogEvents"}
    shared = reads | {"dynamodb:GetItem", "dynamodb:UpdateItem"}

    assert remediator & allowed(watcher(**EVERYTHING)) == WRITES_ITS_LOG | shared
    condition = watcher(**EVERYTHING)["KeepCursors"]["Condition"]
    assert condition["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": "cursor#*"}
