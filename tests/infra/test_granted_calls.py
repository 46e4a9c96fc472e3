"""What the functions are granted between them: each call that the code makes, and no other."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from tests.infra.stacks import EVERYTHING, actor, allowed, operator, reader, statements, template, watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

LAMBDAS = Path(__file__).parents[2] / "lambdas"
# Transactions are authorised by the actions they are made of.
AUTHORISED_AS = {"dynamodb:TransactWriteItems": "dynamodb:UpdateItem"}
# What the Lambda service does in a function's name.
CALLED_BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}


def calls_in_the_code() -> Iterator[str]:
    """The gateways name each call they make: `with translated("amplify:GetApp")`."""
    for path in LAMBDAS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name("translated"), args=[ast.Constant(str(action)), *_]):
                    yield AUTHORISED_AS.get(action, action)


def test_what_is_granted_is_what_the_code_calls() -> None:
    slack = allowed(statements(template(**EVERYTHING), "SlackInteractivityRole"))
    granted = allowed(reader(**EVERYTHING)) | allowed(actor(**EVERYTHING)) | allowed(watcher(**EVERYTHING)) | slack

    # PassRole is never called: UpdateBranch and UpdateApp ask for it.
    assert granted - CALLED_BY_LAMBDA - {"iam:PassRole"} == set(calls_in_the_code())


def test_requests_are_written_by_those_who_may_ask_and_not_by_the_functions_that_act_on_them() -> None:
    assert "dynamodb:PutItem" in allowed(operator(**EVERYTHING))
    assert "dynamodb:PutItem" not in allowed(reader(**EVERYTHING)) | allowed(watcher(**EVERYTHING))


def test_the_functions_share_what_they_read_and_write_items_of_their_own() -> None:
    remediator = allowed(reader(**EVERYTHING)) | allowed(actor(**EVERYTHING))
    shared = {"amplify:ListBranches", "logs:FilterLogEvents", "dynamodb:GetItem", "dynamodb:UpdateItem"}

    assert remediator & allowed(watcher(**EVERYTHING)) == CALLED_BY_LAMBDA | shared
    condition = watcher(**EVERYTHING)["KeepCursors"]["Condition"]
    assert condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "cursor#*"}}
