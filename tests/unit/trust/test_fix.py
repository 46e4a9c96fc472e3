from __future__ import annotations

import json
from collections import UserList
from typing import Any

import pytest

from medic.trust import FixForm, FixKind, Outcome, TrustFix, evaluate, propose_fix
from medic_cli.commands.trust import fix_as_diff
from tests.unit.trust.support import ACCOUNT, APP_ID, Json, document, request, statement

APP_ARN = f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/{APP_ID}"
ELSEWHERE = {"Service": "ec2.amazonaws.com"}
DENIED = document(statement(Principal=ELSEWHERE))


def _fix(policy: Any, form: FixForm = FixForm.CONDITIONED, quota: int = 2048, **facts: Any) -> TrustFix:
    return propose_fix(evaluate(policy, request(**facts)), form, quota)


def test_the_conditioned_form_names_account_app_and_everything_below_the_app() -> None:
    assert _fix(DENIED).statement == {
        "Sid": "AllowAmplifyHosting",
        "Effect": "Allow",
        "Principal": {"Service": "amplify.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": [APP_ARN, f"{APP_ARN}/*"]},
        },
    }


def test_the_plain_form_is_the_statement_amplify_documents_for_compute_roles() -> None:
    fix = _fix(DENIED, FixForm.PLAIN)

    assert fix.statement == {
        "Sid": "AllowAmplifyHosting",
        "Effect": "Allow",
        "Principal": {"Service": "amplify.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    assert "names no source" in fix.risks[0]


@pytest.mark.parametrize(
    ("facts", "condition"),
    [
        ({"app_id": None}, {"aws:SourceArn": [APP_ARN, f"{APP_ARN}/*"]}),
        ({"app_id": None, "source_arn": None}, {"aws:SourceArn": [f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/*"]}),
        (
            {"app_id": None, "source_arn": None, "region": None},
            {"aws:SourceArn": [f"arn:aws:amplify:*:{ACCOUNT}:apps/*"]},
        ),
        ({"app_id": "*", "region": "*"}, {"aws:SourceArn": [f"arn:aws:amplify:*:{ACCOUNT}:apps/*"]}),
        ({"partition": "*"}, None),
    ],
)
def test_the_source_is_as_narrow_as_what_is_known_and_never_wider_than_the_account(
    facts: Json, condition: Json | None
) -> None:
    statement_ = _fix(DENIED, **facts).statement

    assert statement_ is not None
    guard = statement_["Condition"]
    assert isinstance(guard, dict)
    assert guard["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert guard.get("ArnLike") == condition


@pytest.mark.parametrize("account", [None, "*", "11112222333"])
def test_without_an_account_no_condition_can_be_written(account: str | None) -> None:
    fix = _fix(DENIED, account_id=account)

    assert fix.statement is not None
    assert "Condition" not in fix.statement
    assert "names no source" in fix.risks[0]


def test_only_the_statement_is_added() -> None:
    policy = {"Version": "2008-10-17", "Id": "kept", "Statement": statement(Sid="Old", Principal=ELSEWHERE)}
    fix = _fix(policy)

    assert fix.document is not None
    assert json.loads(fix.document) == {**policy, "Statement": [policy["Statement"], fix.statement]}
    assert " " not in fix.document
    assert fix.size == len(fix.document)


def test_a_document_without_a_version_stays_without_one() -> None:
    fix = _fix(document(statement(Principal=ELSEWHERE), version=None))

    assert fix.document is not None
    assert "Version" not in json.loads(fix.document)


def test_the_new_sid_is_unique() -> None:
    policy = document(
        *(statement(Sid=sid, Principal=ELSEWHERE) for sid in ("AllowAmplifyHosting", "AllowAmplifyHosting2"))
    )
    fix = _fix(policy)

    assert fix.statement is not None
    assert fix.statement["Sid"] == "AllowAmplifyHosting3"


def test_a_condition_that_fails_is_left_alone() -> None:
    shared = statement(
        Principal={"Service": "amplify.amazonaws.com", "AWS": ACCOUNT},
        Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    )
    fix = _fix(document(shared))

    assert fix.kind is FixKind.APPEND
    assert fix.document is not None
    assert json.loads(fix.document)["Statement"][0] == shared


def test_an_allowed_call_needs_no_fix() -> None:
    decision = evaluate(document(statement()), request())
    fix = propose_fix(decision)

    assert (fix.kind, fix.statement, fix.document, fix_as_diff(decision, fix)) == (FixKind.NONE, None, None, "")


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("no json", "malformed"),
        (document(statement(Condition={"StringMatches": {"a": "b"}})), "malformed"),
        (document(statement(), statement(Effect="Deny", Principal="*")), "BoolIfExists"),
        (document(statement(Principal=None, NotPrincipal="*")), "NotPrincipal"),
        (
            document(statement(Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), statement(Effect="Deny")),
            "explicit Deny",
        ),
    ],
)
def test_a_policy_that_no_statement_can_fix_is_refused(policy: Any, reason: str) -> None:
    fix = _fix(policy)

    assert fix.kind is FixKind.REFUSE
    assert reason in fix.reason
    assert (fix.statement, fix.document) == (None, None)


def test_a_document_that_would_lose_a_statement_when_written_is_refused() -> None:
    fix = _fix({"Statement": UserList([statement(Principal=ELSEWHERE)])})

    assert fix.kind is FixKind.REFUSE
    assert "without changing what stands in it" in fix.reason


def test_the_same_statement_is_not_appended_again() -> None:
    fixed = _fix(DENIED, source_arn=None)
    again = _fix(fixed.document, source_arn=None)

    assert fixed.outcome_after is Outcome.CONDITIONAL
    assert (again.kind, again.outcome_after) == (FixKind.REFUSE, Outcome.CONDITIONAL)


def test_a_document_over_its_quota_is_refused_and_one_near_it_is_marked() -> None:
    size = _fix(DENIED).size

    assert _fix(DENIED, quota=size - 1).kind is FixKind.REFUSE
    assert _fix(DENIED, quota=size).kind is FixKind.APPEND
    assert any("near its quota" in risk for risk in _fix(DENIED, quota=size).risks)
    assert not any("near its quota" in risk for risk in _fix(DENIED, quota=2 * size).risks)


def test_a_document_already_over_the_default_quota_has_a_larger_quota() -> None:
    assert _fix(DENIED, quota=10).kind is FixKind.APPEND


def test_the_diff_adds_the_statement_and_removes_nothing_else() -> None:
    decision = evaluate(DENIED, request())
    diff = fix_as_diff(decision, propose_fix(decision, FixForm.PLAIN)).splitlines()

    assert diff[:2] == ["--- trust policy", "+++ trust policy, fixed"]
    assert '+      "Sid": "AllowAmplifyHosting",' in diff
    assert [line for line in diff[2:] if line.startswith("-")] == []


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("codebuild.amazonaws.com", {"Service": "codebuild.amazonaws.com"}),
        (f"arn:aws:iam::{ACCOUNT}:user/Ann", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/Ann"}),
        (ACCOUNT, {"AWS": ACCOUNT}),
    ],
)
def test_other_callers_get_a_statement_of_their_own(principal: str, expected: Json) -> None:
    fix = _fix(DENIED, principal=principal)

    assert fix.statement is not None
    assert fix.statement["Principal"] == expected
    assert fix.outcome_after is Outcome.ALLOWED


def test_a_condition_on_account_callers_is_never_bypassed() -> None:
    guarded = document(statement(Principal={"AWS": ACCOUNT}, Condition={"StringEquals": {"sts:ExternalId": "k"}}))
    fix = _fix(guarded, principal=f"arn:aws:iam::{ACCOUNT}:user/Ann")

    assert fix.kind is FixKind.REFUSE
    assert "meet them" in fix.reason


def test_no_statement_is_proposed_for_an_identity_provider() -> None:
    assert _fix(DENIED, principal="accounts.google.com", action="sts:AssumeRoleWithWebIdentity").kind is FixKind.REFUSE
