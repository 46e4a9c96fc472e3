"""The actor's session policy allows one branch and one role, and nothing else. Clients need a new enough botocore."""

from __future__ import annotations

import boto3
import pytest

from medic.arns import RoleArn, branch_resources, can_be_named_in_a_policy
from medic.aws.clients import ActorScope, OutdatedBotocoreError, require_compute_role_support, session_policy
from medic.gateways import Gateways

APP = "arn:aws:amplify:eu-central-1:111122223333:apps/d1abc"
ROLE = "arn:aws:iam::111122223333:role/app/compute"


def actions(policy: dict[str, object]) -> dict[str, object]:
    statements = policy["Statement"]
    if not isinstance(statements, list):
        raise TypeError(statements)
    return {statement["Action"]: statement["Resource"] for statement in statements}


def test_attach_may_update_its_branch_by_raw_and_encoded_name_and_pass_its_role() -> None:
    allowed = actions(session_policy(ActorScope("inc", f"{APP}/branches/feature/x", ROLE)))
    branches = [f"{APP}/branches/feature/x", f"{APP}/branches/feature%2Fx"]
    assert allowed == {
        "amplify:UpdateBranch": branches,
        "amplify:StartJob": [f"{branch}/jobs/*" for branch in branches],
        "iam:PassRole": ROLE,
    }


def test_repair_may_update_its_app_but_no_branch() -> None:
    allowed = actions(session_policy(ActorScope("inc", f"{APP}/branches/main", ROLE, APP)))
    assert allowed["amplify:UpdateApp"] == APP
    assert "amplify:UpdateBranch" not in allowed


def test_a_branch_name_without_special_characters_is_listed_once() -> None:
    assert branch_resources(f"{APP}/branches/main") == (f"{APP}/branches/main",)


def test_names_with_policy_wildcards_or_variables_cannot_be_named_in_a_policy() -> None:
    assert can_be_named_in_a_policy("feature/x#1 ü$")
    assert not any(can_be_named_in_a_policy(name) for name in ("a*", "a?", "a${aws:username}"))


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
