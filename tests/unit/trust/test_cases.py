from __future__ import annotations

import re

from medic.trust import FixKind, Outcome, TrustFix, evaluate, explain, propose_fix
from medic_cli.commands.trust import read_request
from tests.tables import table
from tests.unit.trust.support import NOW, Json, document, lines, request, statement

CASES = lines("cases.jsonl")
CONDITIONS = lines("conditions.jsonl")


_WHY_NOT_APPENDED = re.compile("under conditions, and a statement beside it would undo them|IAM would not store")


def _decided(case: Json) -> tuple[Outcome, TrustFix]:
    decision = evaluate(case["trust_policy"], read_request(case["context"], NOW))
    return decision.outcome, propose_fix(decision)


@table("case", [case for case in CASES if case["normative"]], ids=lambda case: case["id"])
def test_a_documented_case_is_decided_as_documented(case: Json) -> None:
    outcome, _ = _decided(case)

    assert outcome == case["expected"], case["reason"]


@table("case", [case for case in CASES if not case["normative"]], ids=lambda case: case["id"])
def test_an_undocumented_case_is_never_silently_allowed(case: Json) -> None:
    outcome, _ = _decided(case)

    assert outcome is not Outcome.ALLOWED


@table("case", CASES, ids=lambda case: case["id"])
def test_the_outcome_with_the_statement_appended_is_as_documented(case: Json) -> None:
    _, fix = _decided(case)

    match case.get("after_append"):
        case None:
            assert (fix.kind, fix.outcome_after) == (FixKind.NONE, Outcome.ALLOWED)
        case "malformed-input":
            assert (fix.kind, fix.outcome_after) == (FixKind.REFUSE, Outcome.DENIED)
        case after if fix.kind is FixKind.REPLACE:
            assert (fix.outcome_after, after) == (Outcome.ALLOWED, Outcome.ALLOWED)
        case after:
            assert fix.outcome_after == after
            appended = fix.kind is FixKind.APPEND
            assert appended is (after != case["expected"]) or _WHY_NOT_APPENDED.search(fix.reason)


@table("case", [case for case in CASES if case.get("likely")], ids=lambda case: case["id"])
def test_the_likely_outcome_of_a_conditional_decision_is_never_wrong(case: Json) -> None:
    decision = evaluate(case["trust_policy"], read_request(case["context"], NOW))

    assert decision.likely == (case["likely"] if case["normative"] else None)


@table("case", CASES, ids=lambda case: case["id"])
def test_every_answer_is_explained_in_whole_sentences(case: Json) -> None:
    sentences = explain(evaluate(case["trust_policy"], read_request(case["context"], NOW)))

    assert all(sentence[0].isalnum() and sentence.endswith(".") for sentence in sentences)
    assert len(set(sentences)) == len(sentences)


@table("case", CONDITIONS, ids=lambda case: case["name"])
def test_a_condition_is_read_as_the_user_guide_says(case: Json) -> None:
    conditioned = statement(Condition=case["condition"], Effect=case["effect"])
    policy = document(
        *([conditioned] if case["effect"] == "Allow" else [statement(), conditioned]), version=case["version"]
    )
    facts = {name: case.get(name) for name in ("keys", "absent", "unknown")}
    states = read_request(facts, NOW).states

    assert evaluate(policy, request(states=states)).outcome == case["expected"], case.get("why")
