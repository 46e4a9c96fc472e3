"""The actor's session policy allows one branch and one role, in a text that STS takes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.events import Scope
from medic.plan.session import MOST_CHARACTERS, ActorScope, session_policy, why_no_session
from medic.records import replace

SCOPE = Scope("aws", "111122223333", "ap-northeast-1", "d1a2b3c4d5e6f7", "main")
APP = "arn:aws:amplify:ap-northeast-1:111122223333:apps/d1a2b3c4d5e6f7"
ROLE = f"arn:aws:iam::111122223333:role/app/{'x' * 64}"
"""A role with a name of the greatest length."""


def actor(branch: str = "main", role: str = ROLE, *, repairs_app: bool = False) -> ActorScope:
    return ActorScope("inc", replace(SCOPE, branch=branch), role, repairs_app)


def allowed(scope: ActorScope) -> dict[str, object]:
    return {each["Action"]: each["Resource"] for each in json.loads(session_policy(scope))["Statement"]}


def test_an_attach_may_update_its_branch_by_raw_and_encoded_name_and_pass_its_role() -> None:
    branches = [f"{APP}/branches/feature/x", f"{APP}/branches/feature%2Fx"]
    assert allowed(actor("feature/x")) == {
        "amplify:UpdateBranch": branches,
        "amplify:StartJob": [f"{branch}/jobs/*" for branch in branches],
        "iam:PassRole": ROLE,
    }


@pytest.mark.parametrize(("approved", "modes"), [(False, ["fix"]), (True, ["fix", "ask"])])
def test_a_branch_that_is_tagged_ask_is_only_updated_after_an_approval(*, approved: bool, modes: list[str]) -> None:
    statements = json.loads(session_policy(replace(actor(), approved=approved)))["Statement"]
    (condition,) = [each["Condition"] for each in statements if each["Action"] == "amplify:UpdateBranch"]
    assert condition == {"StringEquals": {"aws:ResourceTag/amplify-medic:auto-fix": modes}}


def test_a_repair_may_update_its_app_but_no_branch() -> None:
    may = allowed(actor(repairs_app=True))
    assert may["amplify:UpdateApp"] == APP
    assert "amplify:UpdateBranch" not in may


def test_a_session_that_only_detaches_passes_no_role() -> None:
    assert "iam:PassRole" not in allowed(actor(role=""))


@pytest.mark.parametrize(
    ("wanted", "covered"),
    [
        (actor(), True),
        (actor(role=""), True),
        (actor(role=f"{ROLE}2"), False),
        (actor("other"), False),
        (actor(repairs_app=True), False),
        (replace(actor(), approved=True), False),
        (replace(actor(), reference="another"), False),
    ],
)
def test_a_session_serves_later_steps_of_its_incident_that_need_no_more(wanted: ActorScope, *, covered: bool) -> None:
    assert actor().covers(wanted) is covered


def test_a_session_of_a_repair_does_not_serve_the_rebuild_of_a_branch() -> None:
    assert not actor(repairs_app=True).covers(actor(role=""))
    assert replace(actor(), approved=True).covers(actor(role=""))


def test_a_name_that_is_the_same_when_encoded_is_listed_once() -> None:
    assert allowed(actor("main"))["amplify:UpdateBranch"] == [f"{APP}/branches/main"]


def test_sixty_japanese_characters_fit_without_the_encoded_form() -> None:
    branch = "機能" * 30
    assert why_no_session(actor(branch)) is None
    assert allowed(actor(branch))["amplify:UpdateBranch"] == [f"{APP}/branches/{branch}"]


def test_a_letter_that_sts_takes_is_not_escaped() -> None:
    assert "größe" in session_policy(actor("größe"))
    assert "\\u6a5f" in session_policy(actor("機"))
    assert "\\ud83d\\ude80" in session_policy(actor("🚀"))


@given(st.text(max_size=255))
def test_every_policy_is_in_characters_that_sts_takes_and_names_exactly_this_branch(branch: str) -> None:
    text = session_policy(actor(branch))

    assert all(character in "\t\n\r" or " " <= character <= "\xff" for character in text)
    updated = allowed(actor(branch))["amplify:UpdateBranch"]
    assert isinstance(updated, list)
    assert updated[0] == f"{APP}/branches/{branch}"
    assert all("*" not in each.removeprefix(updated[0]) for each in updated)


@pytest.mark.parametrize("repairs_app", [False, True])
@pytest.mark.parametrize("branch", ["a*", "a?", "a${aws:username}", "🚀" * 200])
def test_a_branch_that_no_session_can_be_limited_to_is_refused(branch: str, repairs_app: bool) -> None:  # noqa: FBT001
    assert why_no_session(actor(branch, repairs_app=repairs_app))


def test_a_repair_names_the_branch_only_to_rebuild_it() -> None:
    assert why_no_session(actor("機" * 255))
    assert why_no_session(actor("機" * 255, repairs_app=True)) is None


@pytest.mark.parametrize("branch", ["main", "feature/x#1 ü$", "a" * 255, "$ {x}"])
def test_an_ordinary_name_is_not_refused(branch: str) -> None:
    assert why_no_session(actor(branch)) is None
    assert len(session_policy(actor(branch))) <= MOST_CHARACTERS


def test_the_reason_says_how_long_the_policy_is() -> None:
    reason = why_no_session(actor("機" * 255)) or ""
    assert f"{len(session_policy(actor('機' * 255))):,} characters of 2,048" in reason
