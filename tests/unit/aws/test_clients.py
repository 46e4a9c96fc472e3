"""The actor role is assumed for one scope; a role's ARN is parsed. Clients need a new enough botocore."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from medic.arns import RoleArn
from medic.aws.clients import Clients, OutdatedBotocoreError, require_compute_role_support
from medic.aws.errors import AwsRejectedError, DeniedError
from medic.events import Scope
from medic.gateways import Gateways
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
        Clients(session).assume_actor(ACTOR, SCOPE)
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


@pytest.mark.parametrize("version", ["1.36.21", "1.9.0", "0.99.99"])
def test_an_old_botocore_is_refused_by_name_with_what_to_do(version: str) -> None:
    with pytest.raises(OutdatedBotocoreError, match=rf"^botocore {version} .* 1\.36\.22 or newer .*runtime updates"):
        require_compute_role_support(version)


@pytest.mark.parametrize("version", ["1.36.22", "1.37.0.dev1", "2.0.0"])
def test_a_botocore_with_compute_roles_is_accepted(version: str) -> None:
    require_compute_role_support(version)


def test_an_old_botocore_is_found_at_start_and_not_at_the_first_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    session = boto3.Session(region_name="eu-central-1")
    Gateways(session)
    monkeypatch.setattr(require_compute_role_support, "__defaults__", ("1.36.21",))
    with pytest.raises(OutdatedBotocoreError):
        Gateways(session)
