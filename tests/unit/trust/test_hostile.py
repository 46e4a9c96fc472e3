"""Documents built to exhaust the parser. The time-out of the test limits the time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from medic.trust import Malformed, Outcome, evaluate, explain, known_key, propose_fix
from medic.trust.patterns import Pattern
from tests.unit.trust.support import document, request, statement

if TYPE_CHECKING:
    from collections.abc import Callable


def _conditioned(condition: Any) -> str:
    return json.dumps(document(statement(Condition=condition)))


HOSTILE: dict[str, Callable[[], str]] = {
    "ten million characters": lambda: "x" * 10_000_000,
    "a string of ten million characters": lambda: json.dumps("x" * 10_000_000),
    "deep lists": lambda: "[" * 100_000,
    "deep objects": lambda: '{"Statement":' * 20_000,
    "a number of a hundred thousand digits": lambda: "1" * 100_000,
    "a huge number as a value": lambda: '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Condition":'
    '{"NumericEquals":{"a":' + "9" * 4000 + "}}}]}",
    "an infinite number": lambda: '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Condition":'
    '{"NumericEquals":{"a":1e999}}}]}',
    "not a number": lambda: '{"Statement": NaN}',
    "percent signs": lambda: "%22" * 120_000,
    "a broken percent-encoding": lambda: "%7B%22%FF%22%7D",
    "a lone surrogate": lambda: '"\\ud800"',
    "stars": lambda: _conditioned({"StringLike": {"aws:SourceArn": "*a" * 60_000 + "b"}}),
    "question marks": lambda: _conditioned({"StringLike": {"aws:SourceArn": "*" + "?" * 120_000}}),
    "many patterns": lambda: _conditioned({"ArnLike": {"aws:SourceArn": ["*a" * 20 + "b"] * 2500}}),
    "many values": lambda: _conditioned({"ForAllValues:StringEquals": {"aws:TagKeys": [*map(str, range(15_000))]}}),
    "many dates": lambda: _conditioned({"DateEquals": {"aws:CurrentTime": ["2020-01-01"] * 8000}}),
    "many broken variables": lambda: _conditioned({"StringLike": {"aws:TagKeys": "${a, '" * 20_000}}),
    "many denies": lambda: json.dumps({"Statement": [{"Effect": "Deny", "Principal": {}, "Action": "a:b"}] * 2000}),
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.timeout(30)
def test_a_hostile_document_gets_a_short_answer_and_no_access(text: Callable[[], str]) -> None:
    asked = request(
        source_arn="arn:aws:amplify:us-east-1:111122223333:apps/" + "a" * 1900,
        states={"aws:TagKeys": known_key(*["a" * 30] * 60)},
    )
    decision = evaluate(text(), asked)

    assert decision.outcome is not Outcome.ALLOWED
    assert sum(len(sentence) for sentence in explain(decision)) < 5000
    assert propose_fix(decision).outcome_after in Outcome


def test_a_wildcard_pattern_never_backtracks() -> None:
    assert not Pattern.glob("*a" * 500 + "b").matches("a" * 5000)
    assert Pattern.glob("*a" * 500).matches("a" * 5000)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [("", "", True), ("", "a", False), ("*", "", True), ("**", "abc", True), ("?", "", False), ("?", "a", True),
     ("a*", "a", True), ("*a", "ba", True), ("a*b*c", "axxbxxc", True), ("a*b*c", "axxcxxb", False),
     ("a?c", "abc", True), ("a?c", "ac", False), ("*?", "", False), ("*?", "x", True), ("ab", "abc", False),
     ("[a]", "a", False), ("a.c", "abc", False), ("é*", "été", True), ("t*", "été", False)],
)  # fmt: skip
def test_wildcards_match_whole_texts(pattern: str, text: str, matches: bool) -> None:  # noqa: FBT001
    assert Pattern.glob(pattern).matches(text) is matches


def test_values_too_long_to_compare_count_as_present_and_unknown() -> None:
    policy = document(statement(Condition={"StringEquals": {"aws:PrincipalTag/t": "x" * 5000}}))
    asked = request(states={"aws:PrincipalTag/t": known_key("x" * 5000)})

    assert evaluate(policy, asked).outcome is Outcome.CONDITIONAL


def test_nothing_from_a_document_reaches_a_sentence_unescaped() -> None:
    escape = "\x1b[31m\u202e\ud800"
    policy = document(
        statement(Sid=escape, Principal={escape: escape, "AWS": escape}, Action=escape),
        statement(Condition={"StringEquals": {f"aws:PrincipalTag/{escape}": f"${{{escape}}}"}}),
    )
    sentences = " ".join(explain(evaluate(policy, request(principal=escape, role_arn=escape))))
    sentences += " ".join(explain(evaluate(policy, request())))
    sentences += " ".join(explain(evaluate({escape: 1}, request())))

    assert sentences.isprintable()


def test_the_path_of_a_mistake_is_named() -> None:
    decision = evaluate(document(statement(), statement(Effect="allow")), request())

    assert decision.document == Malformed("Statement[1].Effect", "must be exactly Allow or Deny")
