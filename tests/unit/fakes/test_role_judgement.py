from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.amplify.trust import may_assume, permits
from tests.unit.fakes.conftest import trust_policy

SENT = {
    "aws:SourceAccount": "123456789012",
    "aws:SourceArn": "arn:aws:amplify:eu-central-1:123456789012:apps/d1/branches/feature/x",
}
DENY = {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}


@pytest.mark.parametrize(
    ("trust", "allowed"),
    [
        (trust_policy(), True),
        (trust_policy("amplify.eu-central-1.amazonaws.com"), False),
        (trust_policy(conditions={"StringEquals": {"aws:SourceAccount": "123456789012"}}), True),
        (trust_policy(conditions={"StringEquals": {"AWS:sourceaccount": "123456789012"}}), True),
        (trust_policy(conditions={"StringEquals": {"aws:SourceAccount": "999999999999"}}), False),
        (trust_policy(conditions={"ArnLike": {"aws:SourceArn": "arn:aws:amplify:*:123456789012:apps/d1/*"}}), True),
        (trust_policy(conditions={"ArnLike": {"aws:SourceArn": "arn:aws:amplify:*:123456789012:apps/d2/*"}}), False),
        (trust_policy(conditions={"StringEquals": {"aws:SourceArn": "arn:aws:amplify:*"}}), False),
        (trust_policy(conditions={"StringEquals": {"sts:ExternalId": "x"}}), False),
        (trust_policy(conditions={"StringEqualsIfExists": {"sts:ExternalId": "x"}}), True),
        (trust_policy(conditions={"DateGreaterThan": {"aws:SourceAccount": "1"}}), False),
        ({"Statement": [*trust_policy()["Statement"], DENY]}, False),
        ({"Statement": {"Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole"]}}, True),
        ({}, False),
    ],
)
def test_a_trust_policy_is_evaluated_by_principal_action_and_conditions(
    trust: dict[str, Any], *, allowed: bool
) -> None:
    assert may_assume(trust, SENT) is allowed


def test_a_condition_on_a_missing_key_is_met_only_with_if_exists() -> None:
    assert not may_assume(trust_policy(conditions={"StringEquals": {"aws:SourceAccount": "1"}}), {})
    assert may_assume(trust_policy(conditions={"StringEqualsIfExists": {"aws:SourceAccount": "1"}}), {})


def test_an_explicit_deny_overrides_an_allow() -> None:
    allow = {"Statement": [{"Effect": "Allow", "Action": ["s3:Get*"], "Resource": "*"}]}
    deny = {"Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::private/*"}]}

    assert permits((allow, deny), "s3:GetObject", "arn:aws:s3:::public/x")
    assert not permits((allow, deny), "s3:GetObject", "arn:aws:s3:::private/x")
    assert not permits((allow,), "s3:PutObject", "arn:aws:s3:::public/x")
