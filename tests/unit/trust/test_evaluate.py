from __future__ import annotations

from datetime import datetime

import pytest

from medic.trust import AssumeRoleRequest, KeyPresence, Outcome, Verdict, evaluate, explain, reason
from tests.unit.trust.support import ACCOUNT, BRANCH_ARN, NOW, ROLE_ARN, Json, document, request, statement

SOURCE_ACCOUNT = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_for_amplify_asks_about_the_branch() -> None:
    asked = AssumeRoleRequest(
        partition="aws",
        region="us-east-1",
        account_id=ACCOUNT,
        source_arn=BRANCH_ARN,
        now=NOW,
        role_arn=ROLE_ARN,
        role_tags={"Team": "web"},
    )
    conditioned = statement(
        Condition={"StringEquals": {"aws:ResourceTag/team": "web"}, "ArnLike": {"aws:SourceArn": BRANCH_ARN}}
    )
    other_tag = statement(Condition={"StringEquals": {"iam:ResourceTag/stage": "prod"}})

    assert evaluate(document(conditioned), asked).outcome is Outcome.ALLOWED
    assert evaluate(document(other_tag), asked).outcome is Outcome.DENIED


@pytest.mark.parametrize(
    ("condition", "facts", "depends"),
    [
        (None, {}, False),
        (SOURCE_ACCOUNT, {}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:*:amplify:*:*:*"}}, {}, True),
        ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, {}, False),
        ({"StringEquals": {"aws:ResourceAccount": "${aws:SourceAccount}"}}, {}, True),
        (SOURCE_ACCOUNT, {"source_arn": None}, True),
        ({"StringEquals": {"aws:SourceAccount": "999988887777"}}, {}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, {}, False),
    ],
)
def test_the_decision_says_whether_it_depends_on_source_conditions(
    condition: Json | None,
    facts: Json,
    depends: bool,  # noqa: FBT001
) -> None:
    assert evaluate(document(statement(Condition=condition)), request(**facts)).depends_on_source_conditions is depends


def test_a_deny_of_calls_without_a_source_makes_the_decision_depend_on_it() -> None:
    deny = statement(Effect="Deny", Principal="*", Condition={"Null": {"aws:SourceArn": "true"}})

    assert evaluate(document(statement(), deny), request()).depends_on_source_conditions


def test_an_allow_without_conditions_removes_the_dependency_on_the_source() -> None:
    policy = document(statement(Condition=SOURCE_ACCOUNT), statement())

    assert not evaluate(policy, request()).depends_on_source_conditions


def test_the_nearest_statement_is_the_one_that_names_the_caller_and_the_action() -> None:
    decision = evaluate(
        document(
            statement(Principal={"Service": "ec2.amazonaws.com"}),
            statement(Action="sts:TagSession"),
            statement(Sid="Near", Condition={"StringEquals": {"aws:SourceAccount": "999988887777"}}),
        ),
        request(),
    )

    assert [trace.statement.sid for trace in decision.blockers] == ["Near"]
    assert reason(decision) == (
        f'amplify.amazonaws.com may not assume the role {ROLE_ARN}: Statement[2] (Sid "Near") comes nearest, but its'
        f' condition StringEquals aws:SourceAccount wants "999988887777", and the call carries "{ACCOUNT}".'
    )


def test_a_deny_that_applies_is_the_blocker_and_the_reason() -> None:
    deny = statement(
        Sid="NotHere", Effect="Deny", Principal="*", Condition={"StringNotEquals": {"aws:SourceAccount": "1"}}
    )
    decision = evaluate(document(statement(), deny), request())

    assert [trace.statement.sid for trace in decision.blockers] == ["NotHere"]
    assert 'Statement[1] (Sid "NotHere") denies it explicitly, since its condition' in reason(decision)
    assert 'wants anything but "1"' in reason(decision)


def test_the_assumptions_of_a_conditional_decision_are_listed() -> None:
    policy = document(statement(Condition=SOURCE_ACCOUNT | {"StringLike": {"sts:RoleSessionName": "a*"}}))
    decision = evaluate(policy, request(source_arn=None))

    assert [trace.condition.key for trace in decision.assumptions] == ["aws:SourceAccount", "sts:RoleSessionName"]
    assert all(trace.verdict is Verdict.UNKNOWN for trace in decision.assumptions)


def test_a_conditional_decision_names_the_likely_outcome_if_there_is_one() -> None:
    policy = document(statement(Condition=SOURCE_ACCOUNT))
    decision = evaluate(policy, request(source_arn=None))

    assert decision.likely is Outcome.ALLOWED
    assert "cannot be known from here, but it is likely allowed" in reason(decision)
    assert evaluate(policy, request(source_arn=None, account_id=None)).likely is None
    assert evaluate(policy, request(source_arn=None, account_id="999988887777")).likely is Outcome.DENIED


def test_a_policy_for_one_branch_has_no_likely_outcome_while_the_branch_is_unknown() -> None:
    one_branch = document(statement(Condition={"ArnLike": {"aws:SourceArn": BRANCH_ARN}}))

    assert evaluate(one_branch, request(source_arn=None)).likely is None


def test_a_given_state_of_a_key_overrides_the_default() -> None:
    policy = document(statement(Condition={"Bool": {"aws:PrincipalIsAWSService": "true"}}))

    assert evaluate(policy, request(states={"AWS:PrincipalIsAwsService": KeyPresence.ABSENT})).outcome is Outcome.DENIED
    assert (
        evaluate(policy, request(states={"aws:principalisawsservice": KeyPresence.UNKNOWN})).outcome
        is Outcome.CONDITIONAL
    )


def test_a_time_without_zone_is_taken_as_utc() -> None:
    policy = document(statement(Condition={"DateEquals": {"aws:CurrentTime": "2026-11-22T12:00:00Z"}}))

    assert evaluate(policy, request(now=datetime(2026, 11, 22, 12))).outcome is Outcome.ALLOWED  # noqa: DTZ001


def test_a_policy_without_any_allow_says_so() -> None:
    assert "the policy has no Allow statement" in explain(evaluate(document(), request()))[0]
