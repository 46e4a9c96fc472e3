"""The actor's session policy allows one branch and one role, and nothing else."""

from __future__ import annotations

from medic.arns import RoleArn, branch_resources, can_be_named_in_a_policy
from medic.aws.clients import ActorScope, session_policy

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
