from __future__ import annotations

import json
from collections import UserList
from typing import Any

import pytest

from medic.trust import FixForm, FixKind, Outcome, TrustFix, evaluate, propose_fix
from medic_cli.commands.trust import fix_as_diff
from tests.unit.trust.support import ACCOUNT, AMPLIFY, APP_ID, BRANCH_ARN, Json, document, request, statement

APP_ARN = f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/{APP_ID}"
ELSEWHERE = {"Service": "ec2.amazonaws.com"}
DENIED = document(statement(Principal=ELSEWHERE))


def _fix(policy: Any, form: FixForm = FixForm.CONDITIONED, **facts: Any) -> TrustFix:
    return propose_fix(evaluate(policy, request(**facts)), form)


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


def guarded(**elements: Any) -> Json:
    """The trust of a service role as the console makes it: for every app of one region."""
    condition = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/*"},
    }
    return document(statement(**{"Condition": condition, **elements}))


@pytest.mark.parametrize("form", FixForm)
@pytest.mark.parametrize("facts", [{}, {"account_id": None}, {"region": None, "app_id": None}])
def test_no_statement_is_appended_beside_conditions_that_may_be_met(form: FixForm, facts: Json) -> None:
    fix = _fix(guarded(), form, **{"source_arn": None, **facts})

    assert fix.kind is FixKind.REFUSE
    assert "Give the branch's ARN (--branch-arn)" in fix.reason


def test_the_missing_argument_of_any_other_condition_is_named() -> None:
    fix = _fix(document(statement(Condition={"StringEquals": {"aws:SourceOrgID": "o-a1b2c3d4e5"}})))

    assert fix.kind is FixKind.REFUSE
    assert "Say what the call carries (--context aws:SourceOrgID=VALUE, or --absent aws:SourceOrgID)" in fix.reason


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"StringEquals": {"sts:ExternalId": "k"}},
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "DateLessThan": {"aws:CurrentTime": "2020-01-01"}},
        {"ArnNotLike": {"aws:SourceArn": f"{APP_ARN}/*"}},
        {"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:amplify:eu-west-1:1:apps/*"}},
        {"StringEquals": {"aws:SourceAccountId": ACCOUNT}},
    ],
)
@pytest.mark.parametrize("form", FixForm)
def test_a_condition_that_fails_is_named_and_left_alone(condition: Json, form: FixForm) -> None:
    fix = _fix(document(statement(Condition=condition)), form)

    assert (fix.kind, fix.statement, fix.document) == (FixKind.REFUSE, None, None)
    assert "names amplify.amazonaws.com under conditions" in fix.reason
    assert "change them there: its condition" in fix.reason
    assert fix.outcome_after is Outcome.ALLOWED


def test_source_conditions_for_another_source_get_this_one_added() -> None:
    fix = _fix(guarded(Sid="Console"))

    assert (fix.kind, fix.outcome_after) == (FixKind.REPLACE, Outcome.ALLOWED)
    assert fix.statement == {
        "Effect": "Allow",
        "Principal": AMPLIFY,
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": [f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/*", APP_ARN, f"{APP_ARN}/*"]},
        },
        "Sid": "Console",
    }


def test_an_operator_without_wildcards_gets_the_exact_source() -> None:
    fix = _fix(document(statement(Condition={"StringEquals": {"aws:SourceArn": f"{APP_ARN}/branches/*"}})))

    assert fix.statement is not None
    assert fix.statement["Condition"] == {"StringEquals": {"aws:SourceArn": [f"{APP_ARN}/branches/*", BRANCH_ARN]}}


def test_a_compute_roles_conditions_are_never_widened() -> None:
    assert _fix(guarded(), FixForm.PLAIN).kind is FixKind.REFUSE


def test_conditions_that_another_principal_shares_are_left_alone() -> None:
    assert _fix(guarded(Principal={**AMPLIFY, "AWS": ACCOUNT})).kind is FixKind.REFUSE


def test_everybody_under_conditions_does_not_name_one_service() -> None:
    everybody = document(statement(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}))
    assert _fix(everybody).kind is FixKind.APPEND


@pytest.mark.parametrize(
    ("elements", "problem"),
    [
        ({"Principal": {"AWS": "amplify.amazonaws.com"}}, 'under another key than "Service"'),
        ({"Principal": {"service": "amplify.amazonaws.com"}}, 'under another key than "Service"'),
        ({"Principal": {"Service": "amplify.*.amazonaws.com"}}, "has a wildcard"),
        ({"Principal": {"Service": "amplify.amazonaws.com "}}, "is no name of a service"),
        ({"Principal": {"Service": "amplify.amazonaws"}}, "is no name of a service"),
        ({"Action": "sts: AssumeRole"}, "may only name actions of sts"),
    ],
)
def test_a_statement_that_iam_would_not_store_is_replaced(elements: Json, problem: str) -> None:
    other = statement(Principal=ELSEWHERE, Sid="Other")
    fix = _fix(document(statement(**elements), other))

    assert (fix.kind, fix.outcome_after) == (FixKind.REPLACE, Outcome.ALLOWED)
    assert problem in fix.reason
    assert fix.document is not None
    assert json.loads(fix.document)["Statement"] == [_fix(DENIED).statement, other]


def test_the_conditions_of_a_replaced_statement_are_kept() -> None:
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    fix = _fix(document(statement(Principal={"AWS": "amplify.amazonaws.com"}, Condition=condition)))

    assert fix.statement is not None
    assert fix.statement["Condition"] == condition


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (statement(Principal={"AWS": "AROAEXAMPLEEXAMPLE123"}), "id of a deleted user or role"),
        (statement(Principal={"AWS": "amplifyuibuilder.amazonaws.com"}), 'under another key than "Service"'),
        (statement(Principal=ELSEWHERE, Sid="no letters!"), "other characters than letters and digits"),
        (statement(Principal=ELSEWHERE, Resource="*"), "has no Resource element"),
        (statement(Principal={"Service": "*"}), "has a wildcard"),
        (statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}), "has a wildcard in a name"),
        (statement(Principal={"AWS": "<account>"}), "is no account, user or role"),
        (statement(Principal=ELSEWHERE, Action="s3:GetObject"), "may only name actions of sts"),
        (statement(Principal={"CanonicalUser": "79a59df900b949e5"}), "exactly AWS, Service and Federated"),
    ],
)
def test_what_iam_would_not_store_because_of_another_statement_is_refused(other: Json, problem: str) -> None:
    fix = _fix(document(other))

    assert fix.kind is FixKind.REFUSE
    assert fix.reason.startswith("IAM would not store the document. Statement[0]: ")
    assert problem in fix.reason


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


@pytest.mark.parametrize(
    ("statements", "kind", "risk"),
    [
        (4, FixKind.APPEND, ""),
        (16, FixKind.APPEND, "near its quota"),
        (28, FixKind.APPEND, "over IAM's default quota of 2,048"),
        (74, FixKind.APPEND, "at most 8,192"),
        (80, FixKind.REFUSE, ""),
    ],
)
def test_a_document_may_be_as_large_as_an_account_can_ask_for(statements: int, kind: FixKind, risk: str) -> None:
    fix = _fix(document(*(statement(Principal=ELSEWHERE, Sid=f"S{n}") for n in range(statements))))

    assert fix.kind is kind
    assert any("quota" in each for each in fix.risks) is bool(risk)
    assert risk in " ".join(fix.risks)
    assert ("at most 8,192" in fix.reason) is (kind is FixKind.REFUSE)


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
    assert "--context sts:ExternalId=VALUE" in fix.reason


def test_a_role_that_the_policy_spells_in_another_case_is_not_added_beside_it() -> None:
    named = document(statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/Web"}))
    fix = _fix(named, principal=f"arn:aws:iam::{ACCOUNT}:role/web")

    assert fix.kind is FixKind.REFUSE
    assert "role/Web, and case counts" in fix.reason


def test_no_statement_is_proposed_for_an_identity_provider() -> None:
    assert _fix(DENIED, principal="accounts.google.com", action="sts:AssumeRoleWithWebIdentity").kind is FixKind.REFUSE
