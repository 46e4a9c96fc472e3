"""The actor role is assumed for one scope; a role's ARN is parsed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from medic.arns import RoleArn
from medic.aws.clients import assume_actor
from medic.aws.errors import AwsRejectedError, DeniedError
from medic.events import Scope
from medic.plan.session import ActorScope, session_policy

ACTOR = "arn:aws:iam::111122223333:role/actor"
SCOPE = ActorScope("3bcf", Scope("aws", "111122223333", "eu-central-1", "d1abc", "main"), "")


class FakeSession:
    """A session whose STS answers each AssumeRole with this error code."""

    def __init__(self, code: str) -> None:
        self._code = code
        self.asked: dict[str, Any] = {}

    def client(self, _name: str, **_: Any) -> FakeSession:
        return self

    def assume_role(self, **asked: Any) -> None:
        self.asked = asked
        raise ClientError({"Error": {"Code": self._code, "Message": "Packed size: 113%"}}, "AssumeRole")


def refused(code: str) -> tuple[Exception, FakeSession]:
    session: Any = FakeSession(code)
    with pytest.raises((AwsRejectedError, DeniedError)) as caught:
        assume_actor(session, ACTOR, SCOPE)
    return caught.value, session


def test_a_policy_that_sts_calls_too_large_is_refused_by_the_rule_on_branch_names() -> None:
    error, session = refused("PackedPolicyTooLarge")

    assert isinstance(error, AwsRejectedError)
    assert "by the rule branch_name" in error.message
    assert "113%" in error.message
    assert session.asked["Policy"] == session_policy(SCOPE)


@pytest.mark.parametrize("code", ["MalformedPolicyDocument", "AccessDenied"])
def test_any_other_refusal_keeps_its_own_words(code: str) -> None:
    error, _ = refused(code)

    assert "branch_name" not in str(error)


def test_a_role_arn_is_parsed() -> None:
    role = RoleArn.parse("arn:aws-us-gov:iam::111122223333:role/a/b/name")
    assert role is not None
    assert (role.partition, role.account, role.path, role.name) == ("aws-us-gov", "111122223333", "/a/b/", "name")
    assert RoleArn.parse("arn:aws:iam::111122223333:user/x") is None
    assert RoleArn.parse("arn:aws:iam::111122223333:role/") is None
