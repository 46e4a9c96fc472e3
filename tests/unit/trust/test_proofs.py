"""What a proposed fix grants, proved for every call with an SMT solver, and that an independent linter accepts it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import z3

from medic.trust import FixForm, FixKind, TrustFix, evaluate, propose_fix
from medic_cli.commands.trust import read_request
from tests.unit.trust.solver import (
    ACTION,
    PRINCIPAL,
    SEGMENTS,
    SOURCE_ACCOUNT,
    WITH_ACCOUNT,
    WITH_ARN,
    allowed,
    applies,
    counterexample,
)
from tests.unit.trust.support import (
    ACCOUNT,
    AMPLIFY,
    APP_ID,
    BRANCH_ARN,
    NOW,
    Json,
    document,
    lines,
    request,
    statement,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER_ACCOUNT, OTHER_APP = "444455556666", "d9z9z9z9z9z9z9"
EC2, ANN = {"Service": "ec2.amazonaws.com"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:user/Ann"}
APP_ARN = f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/{APP_ID}"


def conditioned(**operators: dict[str, Any]) -> Json:
    return statement(Condition=operators)


SURROUNDINGS = {
    "one other": [statement(Principal=EC2)],
    "several others": [
        statement(Principal=EC2, Sid="AllowAmplifyHosting"),
        statement(Principal=ANN),
        statement(Principal=ANN, Effect="Deny", Condition={"StringEquals": {"aws:SourceAccount": OTHER_ACCOUNT}}),
        statement(Principal=EC2, Condition={"StringEquals": {"aws:SourceAccount": [ACCOUNT, OTHER_ACCOUNT]}}),
    ],
}
ELSEWHERE = {
    "another app": conditioned(ArnLike={"aws:SourceArn": APP_ARN.replace(APP_ID, OTHER_APP) + "/*"}),
    "another region": conditioned(
        StringEquals={"aws:SourceAccount": ACCOUNT},
        ArnLike={"aws:SourceArn": f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/*"},
    ),
    "another account": conditioned(StringEquals={"aws:SourceAccount": OTHER_ACCOUNT}),
    "another account and app": conditioned(
        StringEquals={"aws:SourceAccount": OTHER_ACCOUNT},
        ArnLike={"aws:SourceArn": f"arn:aws:amplify:us-east-1:{OTHER_ACCOUNT}:apps/{OTHER_APP}/*"},
    ),
    "one branch, exactly": conditioned(StringEquals={"aws:SourceArn": f"{APP_ARN}/branches/dev"}),
    "one branch, by ARN": conditioned(ArnEquals={"aws:SourceArn": f"{APP_ARN}/branches/dev"}),
    "branches as text": conditioned(StringLike={"aws:SourceArn": f"{APP_ARN}/branches/dev*"}),
}
UNSTORABLE = {
    "under AWS": statement(Principal={"AWS": "amplify.amazonaws.com"}),
    "with a wildcard": statement(Principal={"Service": "amplify.*.amazonaws.com"}),
    "with conditions": statement(
        Principal={"AWS": "amplify.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    ),
}
REQUESTS: dict[str, Json] = {
    "a branch": {},
    "an app": {"source_arn": None},
    "an account": {"source_arn": None, "app_id": None},
    "no account": {"source_arn": None, "app_id": None, "account_id": None},
    "another service": {"principal": "codebuild.amazonaws.com", "source_arn": None, "app_id": None},
    "a user": {"principal": f"arn:aws:iam::{ACCOUNT}:user/Bob", "source_arn": None, "app_id": None},
}


def _fixed(policy: Json, form: FixForm = FixForm.CONDITIONED, **facts: Any) -> tuple[TrustFix, Any]:
    fix = propose_fix(evaluate(policy, request(**facts)), form)
    assert fix.document is not None, fix.reason
    return fix, allowed(json.loads(fix.document))


def _from(*, account: str | None = None, app: str | None = None, region: str = "us-east-1") -> Any:
    """The calls that carry a source in this account, and below this app's ARN or at it."""
    said = [z3.And(WITH_ACCOUNT, account == SOURCE_ACCOUNT)] if account else []
    if app is not None:
        parts = [segment == text for segment, text in zip(SEGMENTS, ["arn", "aws", "amplify", region], strict=False)]
        resource = z3.Or(SEGMENTS[5] == f"apps/{app}", z3.PrefixOf(f"apps/{app}/", SEGMENTS[5]))
        said.append(z3.And(WITH_ARN, *parts, SEGMENTS[4] == (account or ACCOUNT), resource))
    return z3.And(*said)


def _says(form: FixForm, facts: Json) -> Any:
    """What the statement is meant to grant, put together from the request and not from the statement."""
    asked = request(**facts)
    call = z3.And(asked.principal == PRINCIPAL, ACTION == "sts:AssumeRole")
    if form is FixForm.PLAIN or asked.account_id is None or not asked.principal.endswith(".amazonaws.com"):
        return call
    if asked.principal != "amplify.amazonaws.com":
        return z3.And(call, _from(account=asked.account_id))
    if asked.app_id:
        return z3.And(call, _from(account=asked.account_id, app=asked.app_id))
    anywhere = z3.And(
        WITH_ARN, *(a == b for a, b in zip(SEGMENTS, ["arn", "aws", "amplify", "us-east-1", ACCOUNT], strict=False))
    )
    return z3.And(call, _from(account=asked.account_id), anywhere, z3.PrefixOf("apps/", SEGMENTS[5]))


@pytest.mark.parametrize("form", FixForm)
@pytest.mark.parametrize("facts", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_an_appended_statement_grants_what_it_says_and_nothing_beyond(
    surroundings: list[Json], facts: Json, form: FixForm
) -> None:
    before = document(*surroundings)
    fix, after = _fixed(before, form, **facts)

    assert fix.kind is FixKind.APPEND
    assert counterexample(after == z3.Or(allowed(before), _says(form, facts))) is None


@pytest.mark.parametrize("given", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_a_widened_statement_keeps_its_sources_and_adds_this_source_alone(
    surroundings: list[Json], given: Json
) -> None:
    before = document(given, *surroundings)
    fix, after = _fixed(before)
    unchanged = {key for keys in given["Condition"].values() for key in keys} - _widened_keys(fix, given)
    added = _from(
        account=ACCOUNT if "aws:SourceAccount" in _widened_keys(fix, given) else None,
        app=APP_ID if "aws:SourceArn" in _widened_keys(fix, given) else None,
    )
    call = z3.And(PRINCIPAL == "amplify.amazonaws.com", ACTION == "sts:AssumeRole")

    assert fix.kind is FixKind.REPLACE
    assert counterexample(z3.Implies(allowed(before), after)) is None
    assert counterexample(z3.Implies(after, z3.Or(allowed(before), z3.And(call, added)))) is None
    wanted = z3.And(call, _from(account=ACCOUNT, app=APP_ID), BRANCH_ARN.split(":", 5)[5] == SEGMENTS[5])
    assert counterexample(z3.Implies(wanted, after)) is None
    assert unchanged <= {"aws:SourceAccount"}


def _widened_keys(fix: TrustFix, given: Json) -> set[str]:
    assert fix.statement is not None
    new = fix.statement["Condition"]
    assert isinstance(new, dict)
    return {key for operator, keys in given["Condition"].items() for key in keys if new[operator][key] != keys[key]}


@pytest.mark.parametrize("form", FixForm)
@pytest.mark.parametrize("given", UNSTORABLE.values(), ids=UNSTORABLE)
@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_a_mended_statement_grants_amplify_what_it_says_and_nobody_else_anything(
    surroundings: list[Json], given: Json, form: FixForm
) -> None:
    fix, after = _fixed(document(given, *surroundings), form)
    own = [{**given, "Principal": AMPLIFY}] if "Condition" in given else []
    said = z3.Or(*map(applies, own)) if own else _says(form, {})

    assert fix.kind is FixKind.REPLACE
    assert counterexample(after == z3.Or(allowed(document(*surroundings)), said)) is None


def test_the_solver_tells_a_statement_that_grants_more_than_it_says() -> None:
    """Without this, a proof that can't fail would look like one that holds."""
    loose = document(*SURROUNDINGS["one other"], conditioned(StringLike={"aws:SourceArn": f"{APP_ARN}*"}))

    example = counterexample(
        z3.Implies(allowed(loose), z3.Or(allowed(document(*SURROUNDINGS["one other"])), _says(FixForm.CONDITIONED, {})))
    )
    assert example is not None


def _every_fix() -> Iterator[tuple[str, str]]:
    """The name and the new document of every fix for the documented cases and for the ones above."""
    for case in lines("cases.jsonl"):
        if case["iam_accepts"] == "unclear":  # an empty list that stays where it was, or is not stored at all
            continue
        for form in FixForm:
            fix = propose_fix(evaluate(case["trust_policy"], read_request(case["context"], NOW)), form)
            if fix.document is not None:
                yield f"{case['id']} {form}", fix.document
    for name, given in (ELSEWHERE | UNSTORABLE).items():
        yield name, _fixed(document(given))[0].document or ""


def test_an_independent_linter_finds_nothing_in_any_fixed_document() -> None:
    documents = dict(_every_fix())
    roles = {
        f"Role{number}": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": json.loads(text)},
        }
        for number, text in enumerate(documents.values())
    }
    from cfnlint.api import ManualArgs, lint  # noqa: PLC0415 - every process would wait seconds for SymPy

    found = lint(json.dumps({"Resources": roles}), config=ManualArgs(regions=["us-east-1"]))

    assert len(documents) > 40
    assert [(each.rule.id, each.message, each.path[1:]) for each in found] == []
