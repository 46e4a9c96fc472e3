"""The actor's session policy allows one branch and one role, and nothing else."""

from __future__ import annotations

import pytest

from medic.arns import RoleArn, branch_resources, can_be_named_in_a_policy
from medic.aws.clients import ActorScope, session_policy

APP = "arn:aws:amplify:eu-central-1:111122223333:apps/d1abc"
ROLE = "arn:aws:iam::111122223333:role/app/compute"


def statements(policy: dict[str, object]) -> list[dict[str, object]]:
    found = policy["Statement"]
    if not isinstance(found, list):
        raise TypeError(found)
    return found


def actions(policy: dict[str, object]) -> dict[object, object]:
    return {statement["Action"]: statement["Resource"] for statement in statements(policy)}


def test_attach_may_update_its_branch_by_raw_and_encoded_name_and_pass_its_role() -> None:
    allowed = actions(session_policy(ActorScope("inc", f"{APP}/branches/feature/x", ROLE)))
    branches = [f"{APP}/branches/feature/x", f"{APP}/branches/feature%2Fx"]
    assert allowed == {
        "amplify:UpdateBranch": branches,
        "amplify:StartJob": [f"{branch}/jobs/*" for branch in branches],
        "iam:PassRole": ROLE,
    }


@pytest.mark.parametrize(("approved", "modes"), [(False, ["fix"]), (True, ["fix", "ask"])])
def test_a_branch_that_is_tagged_ask_is_only_updated_after_an_approval(*, approved: bool, modes: list[str]) -> None:
    policy = session_policy(ActorScope("inc", f"{APP}/branches/main", ROLE, approved))
    update = next(each for each in statements(policy) if each["Action"] == "amplify:UpdateBranch")
    assert update["Condition"] == {"StringEquals": {"aws:ResourceTag/amplify-medic:auto-fix": modes}}


def test_repair_may_update_its_app_but_no_branch() -> None:
    allowed = actions(session_policy(ActorScope("inc", f"{APP}/branches/main", ROLE, app_arn=APP)))
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
