from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from medic.records import replace
from medic.trust import (
    AssumeRoleRequest,
    FixForm,
    FixKind,
    KeyPresence,
    KeyState,
    Outcome,
    evaluate,
    explain,
    parse,
    propose_fix,
)
from tests.unit.trust.support import ACCOUNT, BRANCH_ARN, Json, document, request

if TYPE_CHECKING:
    import random

# The same examples in every run. No deadline, because a loaded machine is not a defect.
steady = settings(derandomize=True, deadline=None, database=None, max_examples=200)

KEYS = [
    "aws:SourceArn",
    "aws:SourceAccount",
    "aws:TagKeys",
    "aws:SourceIp",
    "aws:PrincipalTag/t",
    "sts:RoleSessionName",
]
VALUES = [
    *("*", "", "a", "a*", "?", ACCOUNT, BRANCH_ARN, "arn:aws:amplify:*:*:apps/*", "true", "false", "5", "2026-11-22"),
    *("203.0.113.0/24", "${aws:SourceAccount}", "${aws:PrincipalTag/t}", "${aws:TagKeys, 'a'}"),
]
OPERATORS = [
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike"),
    *("NumericEquals", "NumericNotEquals", "NumericLessThan", "DateEquals", "DateGreaterThan", "DateNotEquals"),
    *("Bool", "IpAddress", "NotIpAddress", "ArnLike", "ArnNotEquals", "BinaryEquals"),
]

operators = st.builds(
    lambda qualifier, operator, suffix: f"{qualifier}{operator}{suffix}",
    st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]),
    st.sampled_from(OPERATORS),
    st.sampled_from(["", "", "IfExists"]),
) | st.sampled_from(["Null", "ForAllValues:Null", "ForAnyValue:Null"])
conditions = st.dictionaries(
    operators,
    st.dictionaries(st.sampled_from(KEYS), st.lists(st.sampled_from(VALUES), max_size=3), max_size=2),
    max_size=2,
)
principals = st.sampled_from(
    [
        "*",
        {},
        {"AWS": "*"},
        {"Service": "amplify.amazonaws.com"},
        {"Service": ["ec2.amazonaws.com"]},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        {"service": "amplify.amazonaws.com"},
    ]
)


def _statement(effect: str, principal: Any, negated: tuple[bool, bool], actions: list[str], condition: Json) -> Json:
    return {
        "Effect": effect,
        "NotPrincipal" if negated[0] else "Principal": principal,
        "NotAction" if negated[1] else "Action": actions,
        "Condition": condition,
    }


def statements(effect: str) -> st.SearchStrategy[Json]:
    return st.builds(
        _statement,
        st.just(effect),
        principals,
        st.tuples(st.sampled_from([False, False, True]), st.sampled_from([False, False, True])),
        st.lists(
            st.sampled_from(["sts:AssumeRole", "sts:*", "STS:assume?ole", "s*:AssumeRole", "sts:TagSession"]),
            max_size=2,
        ),
        conditions,
    )


states = st.one_of(
    st.lists(st.sampled_from(["", "a", "b", ACCOUNT, BRANCH_ARN, "203.0.113.7", "5"]), max_size=3).map(tuple),
    st.sampled_from(KeyPresence),
)
contexts = st.dictionaries(st.sampled_from([key.lower() for key in KEYS]), states)
policies = st.lists(statements("Allow") | statements("Deny"), max_size=4)
requests = contexts.map(lambda known_states: request(states=known_states))


def _with_state(asked: AssumeRoleRequest, key: str, state: KeyState) -> AssumeRoleRequest:
    return replace(asked, states={**asked.states, key.lower(): state})


def _outcome(policy: list[Json], asked: AssumeRoleRequest) -> Outcome:
    return evaluate(document(*policy), asked).outcome


@steady
@given(policies, statements("Deny"), requests)
def test_another_deny_never_allows_more(policy: list[Json], deny: Json, asked: AssumeRoleRequest) -> None:
    order = [Outcome.DENIED, Outcome.CONDITIONAL, Outcome.ALLOWED]

    assert order.index(_outcome([*policy, deny], asked)) <= order.index(_outcome(policy, asked))


@steady
@given(policies, statements("Allow"), requests)
def test_another_allow_never_denies_more(policy: list[Json], allow: Json, asked: AssumeRoleRequest) -> None:
    order = [Outcome.DENIED, Outcome.CONDITIONAL, Outcome.ALLOWED]

    assert order.index(_outcome([*policy, allow], asked)) >= order.index(_outcome(policy, asked))


@steady
@given(policies, requests, st.sampled_from(KEYS), states)
def test_learning_the_state_of_a_key_only_refines_the_answer(
    policy: list[Json], asked: AssumeRoleRequest, key: str, state: KeyState
) -> None:
    before = _outcome(policy, _with_state(asked, key, KeyPresence.UNKNOWN))
    after = _outcome(policy, _with_state(asked, key, state))

    assert before in {Outcome.CONDITIONAL, after}


@steady
@given(policies, requests, st.sampled_from(KEYS), st.lists(st.sampled_from(VALUES), min_size=1, max_size=2))
def test_learning_the_value_of_a_key_that_is_there_only_refines_the_answer(
    policy: list[Json], asked: AssumeRoleRequest, key: str, values: list[str]
) -> None:
    before = _outcome(policy, _with_state(asked, key, KeyPresence.PRESENT))
    after = _outcome(policy, _with_state(asked, key, tuple(values)))

    assert before in {Outcome.CONDITIONAL, after}


@steady
@given(policies, requests, st.randoms(use_true_random=False))
def test_the_order_of_statements_does_not_matter(
    policy: list[Json], asked: AssumeRoleRequest, chance: random.Random
) -> None:
    shuffled = chance.sample(policy, len(policy))

    assert _outcome(shuffled, asked) is _outcome(policy, asked)


@steady
@given(policies, requests)
def test_a_list_of_one_is_the_same_as_its_element(policy: list[Json], asked: AssumeRoleRequest) -> None:
    assert evaluate(_unlisted(document(*policy)), asked).outcome is _outcome(policy, asked)


def _unlisted(value: Any) -> Any:
    match value:
        case dict():
            return {key: _unlisted(each) for key, each in value.items()}
        case [single]:
            return _unlisted(single)
        case list():
            return [_unlisted(each) for each in value]
        case _:
            return value


@steady
@given(policies, requests)
def test_the_case_of_key_names_does_not_matter(policy: list[Json], asked: AssumeRoleRequest) -> None:
    upper = [
        {
            **each,
            "Condition": {op: {key.upper(): v for key, v in keys.items()} for op, keys in each["Condition"].items()},
        }
        for each in policy
    ]

    assert _outcome(upper, asked) is _outcome(policy, asked)


@steady
@given(policies, requests, st.sampled_from(FixForm))
def test_a_fix_is_well_formed_improves_the_outcome_and_affects_no_other_caller(
    policy: list[Json], asked: AssumeRoleRequest, form: FixForm
) -> None:
    decision = evaluate(document(*policy), asked)
    fix = propose_fix(decision, form)

    if fix.kind in {FixKind.NONE, FixKind.REFUSE}:
        assert (fix.statement, fix.document) == (None, None)
        return
    assert fix.document is not None
    assert evaluate(fix.document, asked).outcome is fix.outcome_after is not decision.outcome
    for other in ("ec2.amazonaws.com", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/Ann", "amplifyuibuilder.amazonaws.com"):
        elsewhere = request(principal=other, states=asked.states)
        assert evaluate(fix.document, elsewhere).outcome is _outcome(policy, elsewhere)


elements = st.sampled_from(["Statement", "Version", "Effect", "Principal", "Action", "Condition"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda of: st.lists(of) | st.dictionaries(st.text() | elements, of), max_leaves=20)


@steady
@given(values)
def test_no_value_raises_or_is_allowed(value: Any) -> None:
    decision = evaluate(value, request())

    assert decision.outcome is Outcome.DENIED
    assert explain(decision)
    assert propose_fix(decision).outcome_after in Outcome


@steady
@given(policies)
def test_parsing_the_same_document_again_gives_the_same_result(policy: list[Json]) -> None:
    parsed = parse(document(*policy))

    assert parse(document(*policy)) == parsed
