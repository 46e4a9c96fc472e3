"""Proposed statements and filled-in fixes: exact, safe to paste, and about the right role."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from medic.alerts.fixes import fixes_for, written_out
from medic.diagnosis.model import Proposal
from medic.evidence import Absent, Present
from medic.labels import Phase
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    BUILD_SESSION,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    REFUSED,
    SERVICE_ROLE,
    UNASSUMABLE,
    branch,
    denial,
    diagnosed,
    evidence,
    role,
    trust,
)

if TYPE_CHECKING:
    from medic.alerts.model import AlertFix

STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${x}%{y}'$(touch /tmp/x)`id`"}


def proposal(**changes: Any) -> Proposal:
    fields: dict[str, Any] = {
        "fix": "grant_action",
        "holder": SERVICE_ROLE,
        "role_name": "service",
        "statement": json.dumps(STATEMENT),
        "notes": ("Narrow it.",),
        **changes,
    }
    return Proposal(**fields)


def snippets(of: Proposal) -> dict[str, str]:
    return {snippet.dialect.lower().removeprefix("aws "): snippet.text for snippet in written_out(of)}


def fixes(text: str, phase: Phase = Phase.BUILD, **changes: Any) -> dict[str, AlertFix]:
    shown = fixes_for(evidence(**changes), diagnosed(text, phase, **changes))
    return {fix.title: fix for fix in shown}


def test_the_command_line_hands_the_statement_over_letter_by_letter() -> None:
    words = shlex.split(snippets(proposal())["cli"])

    assert words[words.index("--role-name") + 1] == "service"
    assert json.loads(words[words.index("--policy-document") + 1])["Statement"] == [STATEMENT]


def test_two_statements_do_not_overwrite_each_other() -> None:
    one, other = (
        shlex.split(snippets(proposal(statement=json.dumps({**STATEMENT, "Action": action})))["cli"])
        for action in ("s3:GetObject", "s3:PutObject")
    )

    assert one[one.index("--policy-name") + 1] != other[other.index("--policy-name") + 1]


def test_a_trust_statement_is_appended_to_what_stands_there_when_the_command_runs() -> None:
    of = proposal(fix="trust_service_role")
    get, append, put = snippets(of)["cli"].splitlines()

    assert get.startswith("aws iam get-role --role-name service")
    assert json.loads(shlex.split(append)[3]) == STATEMENT
    assert shlex.split(append)[4] == ".Statement = ([.Statement] | flatten) + [$new]"
    assert put.endswith("--role-name service --policy-document file://fixed.json")
    assert "assumeRolePolicy?.addStatements" in snippets(of)["cdk"]


def test_a_caller_that_is_no_role_is_named_and_nothing_runs_when_pasted() -> None:
    text = snippets(proposal(holder="arn:aws:iam::1:user/$(id)", role_name=None))["cli"]
    comment, assignment = text.splitlines()

    assert "'arn:aws:iam::1:user/$(id)'" in comment
    assert shlex.split(assignment) == [f"statement={json.dumps(STATEMENT)}"]
    assert snippets(proposal(role_name=None))["cdk"].startswith("caller.")


def test_terraform_takes_no_template_from_it() -> None:
    text = snippets(proposal())["terraform"]

    assert "$${x}%%{y}" in text


def test_the_console_shows_the_statement_and_what_to_mind() -> None:
    text = snippets(proposal())["console"]

    assert json.dumps(STATEMENT, indent=2) in text
    assert text.endswith("Narrow it.")


# --- in place of the general texts


def test_the_very_statement_replaces_the_general_advice() -> None:
    shown = fixes(denial(COMPUTE_SESSION), Phase.RUNTIME)["Allow the one action on the one resource"]
    text = "\n".join(snippet.text for snippet in shown.snippets)

    assert "<action>" not in text
    assert "--role-name compute" in text, "the role that was refused, not the service role"


def test_a_boundary_is_looked_up_on_the_role_that_was_refused() -> None:
    (shown,) = fixes(denial(COMPUTE_SESSION, "with an explicit deny in a permissions boundary"), Phase.RUNTIME).values()

    assert "--role-name compute" in shown.snippets[1].text


def test_no_statement_is_advised_where_a_deny_stands_in_the_way() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    shown = fixes(UNASSUMABLE, service=Present(role(trust_policy=trust("amplify.amazonaws.com", None, deny))))

    assert "Let Amplify assume the service role" not in shown


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (Present(role(trust_policy=trust("lambda.amazonaws.com"))), "amplify-service-role"),
        (Absent("IAM has no role service"), "service"),
    ],
    ids=["unfit", "gone"],
)
def test_a_new_service_role_bears_the_old_name_only_where_that_is_free(state: object, name: str) -> None:
    shown = fixes(UNASSUMABLE, service=state)
    attach = shown["Point the app at an existing service role"]

    assert attach.snippets[1].text.splitlines()[0].endswith(f"/{name}")


def test_a_contested_compute_role_is_named_itself() -> None:
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    changes = {"compute": Present(role(COMPUTE_ROLE, trust_policy=trust(condition=condition)))}
    (shown,) = fixes(REFUSED, Phase.DEPLOY, **changes, branch=Present(branch())).values()

    assert "--role-name compute" in shown.snippets[1].text


def test_a_call_of_the_service_role_is_granted_to_that() -> None:
    (shown,) = fixes(denial(BUILD_SESSION)).values()

    assert "--role-name service" in shown.snippets[1].text
