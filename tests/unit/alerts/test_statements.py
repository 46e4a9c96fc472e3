"""Proposed statements and filled-in fixes: exact, safe to paste, and about the right role."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from medic.alerts.fixes import fixes_for, proposal_snippets
from medic.diagnosis.model import Proposal, Rank
from medic.evidence import Absent, Present, RolePolicies, Unreadable
from medic.labels import Phase
from tests.unit.alerts.pasting import Pasted
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    APP_ID,
    BUILD_SESSION,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    REFUSED,
    SERVICE_ROLE,
    UNASSUMABLE,
    app,
    branch,
    denial,
    diagnosed,
    evidence,
    role,
    trust,
)

if TYPE_CHECKING:
    from pathlib import Path

    from medic.alerts.model import Section

STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${x}%{y}'$(touch /tmp/x)`id`"}


def proposal(**changes: Any) -> Proposal:
    fields: dict[str, Any] = {
        "fix": "grant_action",
        "principal": SERVICE_ROLE,
        "role_name": "service",
        "statement": json.dumps(STATEMENT),
        "notes": ("Narrow it.",),
        **changes,
    }
    return Proposal(**fields)


def snippets(of: Proposal) -> dict[str, str]:
    return {snippet.name.lower().removeprefix("aws "): snippet.text for snippet in proposal_snippets(of)}


def fixes(text: str, phase: Phase = Phase.BUILD, **changes: Any) -> dict[str, Section]:
    shown = fixes_for(evidence(**changes), diagnosed(text, phase, **changes))
    return {fix.heading: fix for fix in shown}


def test_the_cli_snippet_passes_the_statement_unchanged() -> None:
    words = shlex.split(snippets(proposal())["cli"])

    assert words[words.index("--role-name") + 1] == "service"
    assert json.loads(words[words.index("--policy-document") + 1])["Statement"] == [STATEMENT]


def test_two_statements_do_not_overwrite_each_other() -> None:
    one, other = (
        shlex.split(snippets(proposal(statement=json.dumps({**STATEMENT, "Action": action})))["cli"])
        for action in ("s3:GetObject", "s3:PutObject")
    )

    assert one[one.index("--policy-name") + 1] != other[other.index("--policy-name") + 1]


def test_the_cli_snippet_appends_to_the_trust_policy_that_is_set_when_it_runs(tmp_path: Path) -> None:
    of = proposal(fix="trust_service_role")
    pasted = Pasted(snippets(of)["cli"], tmp_path, answers={"get-role": {"Statement": {"Sid": "Other"}}})
    get, put = pasted.run()

    assert get[:4] == ["iam", "get-role", "--role-name", "service"]
    assert put == [
        "iam",
        "update-assume-role-policy",
        "--role-name",
        "service",
        "--policy-document",
        "file://trust.json",
    ]
    assert json.loads((tmp_path / "trust.json").read_text()) == {"Statement": [{"Sid": "Other"}, STATEMENT]}
    assert json.loads((tmp_path / "trust-backup.json").read_text()) == {"Statement": {"Sid": "Other"}}
    assert "assumeRolePolicy?.addStatements" in snippets(of)["cdk"]


def test_a_statement_that_replaces_another_is_not_added_beside_it(tmp_path: Path) -> None:
    texts = snippets(proposal(fix="trust_service_role", replaces=1))
    Pasted(texts["cli"], tmp_path, answers={"get-role": {"Statement": [{"Sid": "One"}, {"Sid": "Two"}]}}).run()

    assert json.loads((tmp_path / "trust.json").read_text()) == {"Statement": [{"Sid": "One"}, STATEMENT]}
    assert "replace Statement[1] by" in texts["console"]
    assert texts["cdk"].startswith("// in place of Statement[1] of the role's trust policy:\n")
    assert "in place of Statement[1]" in texts["terraform"]
    assert not any("beside" in text or "one more" in text for text in texts.values())


def test_a_caller_that_is_not_a_role_is_named_and_no_command_is_shown() -> None:
    texts = snippets(proposal(principal="arn:aws:iam::1:user/$(id)", role_name=None))

    assert "arn:aws:iam::1:user/$(id)" in texts["console"]
    assert "cli" not in texts
    assert texts["cdk"].startswith("caller.")


def test_a_users_policy_is_put_on_the_user() -> None:
    of = proposal(role_name=None, user_name="mary major")
    words = shlex.split(snippets(of)["cli"])

    assert words[:3] == ["aws", "iam", "put-user-policy"]
    assert words[words.index("--user-name") + 1] == "mary major"
    assert snippets(of)["console"].startswith("IAM > Users > mary major >")


def test_terraform_template_markers_are_escaped() -> None:
    text = snippets(proposal())["terraform"]

    assert "$${x}%%{y}" in text


def test_the_console_snippet_shows_the_statement_and_its_notes() -> None:
    text = snippets(proposal())["console"]

    assert json.dumps(STATEMENT, indent=2) in text
    assert text.endswith("Narrow it.")


# --- specific fixes that replace general advice


def test_the_exact_statement_replaces_the_general_advice() -> None:
    lacks: Any = {SERVICE_ROLE: Present(RolePolicies((), ()))}
    shown = fixes(denial(BUILD_SESSION), policies=lacks)["Allow the one action on the one resource"]
    text = "\n".join(snippet.text for snippet in shown.snippets)

    assert "<action>" not in text
    assert "--role-name service" in text


def test_only_the_statement_is_shown_for_a_line_of_an_ssr_log() -> None:
    lacks: Any = {COMPUTE_ROLE: Present(RolePolicies((), ()))}
    shown = fixes(denial(COMPUTE_SESSION), Phase.RUNTIME, policies=lacks)["Allow the one action on the one resource"]
    (snippet,) = shown.snippets

    assert snippet.text.startswith("Add it only if your code is meant to do this.")
    assert "aws iam" not in snippet.text


def test_a_boundary_is_looked_up_on_the_role_that_was_refused() -> None:
    text = denial(COMPUTE_SESSION, "with an explicit deny in a permissions boundary")
    bounded = Present(role(COMPUTE_ROLE, permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/limits"))
    (shown,) = fixes(text, Phase.RUNTIME, compute=bounded).values()

    assert "--role-name compute" in shown.snippets[1].text


def test_no_statement_is_advised_if_a_deny_overrides_it() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    shown = fixes(UNASSUMABLE, service=Present(role(trust_policy=trust("amplify.amazonaws.com", None, deny))))

    assert "Let Amplify assume the service role" not in shown


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (Present(role(trust_policy=trust("lambda.amazonaws.com"))), f"amplify-service-{APP_ID}"),
        (Absent("IAM has no role service"), "service"),
    ],
    ids=["unfit", "gone"],
)
def test_a_new_service_role_gets_the_old_name_only_if_it_is_free(state: object, name: str) -> None:
    shown = fixes(UNASSUMABLE, service=state)
    create = shown["Create a service role and attach it to the app"]

    assert f"--role-name {name} " in create.snippets[1].text


def test_no_plain_statement_is_added_beside_the_conditions_of_a_contested_compute_role() -> None:
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    changes = {"compute": Present(role(COMPUTE_ROLE, trust_policy=trust(condition=condition)))}
    (shown,) = fixes(REFUSED, Phase.DEPLOY, **changes, branch=Present(branch())).values()

    assert shown.heading == "Create a compute role and attach it to the branch"


def test_a_denied_call_of_the_service_role_is_granted_to_the_service_role() -> None:
    lacks: Any = {SERVICE_ROLE: Present(RolePolicies((), ()))}
    (shown,) = fixes(denial(BUILD_SESSION), policies=lacks).values()

    assert "--role-name service" in shown.snippets[1].text


def test_a_role_that_nobody_named_gets_no_fix_of_its_trust() -> None:
    """Not even one that names the app's service role instead."""
    bare: dict[str, Any] = {
        "branch": Present(branch(compute_role_arn=None)),
        "app": Present(app(compute_role_arn=None)),
    }
    diagnosis = diagnosed(REFUSED, Phase.API, **bare)
    shown = fixes_for(evidence(**bare), diagnosis, tuple(Rank))

    assert diagnosis.compute is None
    assert [fix.heading for fix in shown if "Let Amplify assume" in fix.heading] == []


def test_a_line_of_a_visitor_gets_no_command_that_grants() -> None:
    text = denial(COMPUTE_SESSION, "because no identity-based policy allows it")
    unread: dict[str, Any] = {"roles": {COMPUTE_ROLE: Unreadable("GetRole is denied")}}
    for ranks in ((Rank.PROVEN, Rank.LIKELY), tuple(Rank)):
        for line in (text, "CredentialsProviderError: Could not load credentials from any providers"):
            diagnosis = diagnosed(line, Phase.RUNTIME, **unread)
            shown = fixes_for(evidence(**unread), diagnosis, ranks)
            texts = [snippet.text for fix in shown for snippet in fix.snippets]
            assert [each for each in texts if "-policy --role-name" in each] == []
