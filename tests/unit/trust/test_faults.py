"""Faults that were found in answers on trust policies, each with the answer that was wanted."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from click.testing import CliRunner

from medic.trust import evaluate
from medic_cli.commands.trust import command, read_request
from tests.unit.trust.support import ACCOUNT, BRANCH_ARN, NOW, Json, document, lines, statement

FAULTS = {fault["id"]: fault for fault in lines("faults.jsonl")}
"""Beside these it holds faults in reading denials, which are tested there."""
OTHER_BRANCH = BRANCH_ARN.replace("/main", "/dev")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/web"


def answered(policy: Json, *arguments: str) -> Any:
    return json.loads(CliRunner().invoke(command, ["--json", *arguments], input=json.dumps(policy)).stdout)


@pytest.mark.parametrize("arguments", [(), ("--role", "compute"), ("--account", ACCOUNT)])
def test_f1a_no_statement_without_conditions_beside_the_consoles_own_trust(arguments: tuple[str, ...]) -> None:
    answer = answered(FAULTS["F1a"]["policy"], *arguments)

    assert answer["outcome"] == "conditional"
    assert (answer["fix"]["kind"], answer["fix"]["statement"]) == ("refuse", None)
    assert "--branch-arn" in answer["fix"]["reason"]


def test_f1b_another_branch_is_not_let_in_by_a_statement_without_conditions() -> None:
    policy = FAULTS["F1b"]["policy"]
    compute = answered(policy, "--branch-arn", OTHER_BRANCH, "--role", "compute")
    service = answered(policy, "--branch-arn", OTHER_BRANCH)

    assert compute["fix"]["kind"] == "refuse"
    assert service["fix"]["statement"]["Condition"]["ArnLike"]["aws:SourceArn"][0] == BRANCH_ARN
    assert service["fix"]["outcome_after"] == "allowed"


@pytest.mark.parametrize("arguments", [(), ("--role", "compute"), ("--branch-arn", BRANCH_ARN)])
def test_f2_a_statement_that_iam_would_not_store_is_replaced(arguments: tuple[str, ...]) -> None:
    fix = answered(FAULTS["F2"]["policy"], *arguments)["fix"]

    assert (fix["kind"], fix["outcome_after"]) == ("replace", "allowed")
    assert len(json.loads(fix["document"])["Statement"]) == 1


def test_f3_document_diff_and_command_are_printed_whole_and_are_the_same() -> None:
    branch = "arn:aws-us-gov:amplify:us-gov-west-1:111122223333:apps/d1a2b3c4d5e6f7/branches/main"
    lambda_only = document(statement(Principal={"Service": "lambda.amazonaws.com"}))
    arguments = ["--branch-arn", branch, "--role-arn", ROLE.replace("aws", "aws-us-gov", 1)]
    printed = CliRunner().invoke(command, arguments, input=json.dumps(lambda_only)).stdout.splitlines()
    fixed = answered(lambda_only, *arguments)["fix"]["document"]

    assert any(line.endswith('apps/d1a2b3c4d5e6f7/*"') for line in printed if line.startswith("+"))
    assert fixed in printed
    assert shlex.split(printed[-1]) == [
        *("aws", "iam", "update-assume-role-policy", "--role-name", "web", "--policy-document"),
        fixed,
    ]


@pytest.mark.parametrize("id_", ["E1", "E2", "E3", "E4", "E5"])
def test_what_aws_does_not_document_is_not_answered_definitely(id_: str) -> None:
    fault = FAULTS[id_]
    context = {"source_arn": BRANCH_ARN, "account_id": ACCOUNT} | fault.get("context", {})
    outcome = evaluate(fault["policy"], read_request(context, NOW)).outcome

    assert outcome in fault["want"].split()


def test_e5_the_reason_says_what_is_wanted() -> None:
    answer = answered(FAULTS["E5"]["policy"], "--branch-arn", BRANCH_ARN)

    assert "wants aws:SourceArn to be present" in answer["reason"]


@pytest.mark.parametrize(("wanted", "code"), [("allowed", 1), ("conditional", 0), ("denied", 1)])
def test_a_pipeline_can_expect_an_outcome(wanted: str, code: int) -> None:
    policy = json.dumps(FAULTS["F1a"]["policy"])

    assert CliRunner().invoke(command, ["--expect", wanted], input=policy).exit_code == code
    assert CliRunner().invoke(command, ["--expect", wanted, "--batch", "-"], input=policy).exit_code == 2
