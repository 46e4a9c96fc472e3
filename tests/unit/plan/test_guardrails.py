"""Each guardrail refuses its own cases. It fails closed: what it cannot evaluate, it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.diagnosis.model import Assumable
from medic.evidence import Absent, Present, RolePolicies, Unreadable
from medic.labels import Trigger
from medic.plan.guardrails import ATTACH_GUARDRAILS, REPAIR_GUARDRAILS, Question, ask_all
from medic.plan.optin import RoleChoice
from medic.records import replace
from medic.settings import Settings
from tests.unit.plan.aws_managed import attached
from tests.unit.plan.facts import ACCOUNT, NOW, OTHER_ROLE, ROLE, app, branch, diagnosis, job, question, role, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
FOREIGN = "arn:aws:iam::999999999999:role/app/compute"
CHINESE = f"arn:aws-cn:iam::{ACCOUNT}:role/app/compute"
LINKED = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/amplify.amazonaws.com/AWSServiceRoleForAmplify"


def current(assumable: Assumable, *, propagated: bool = True, arn: str = OTHER_ROLE) -> dict[str, Any]:
    the_diagnosis = replace(diagnosis(), compute=verdict(arn, assumable, propagated=propagated))
    return {"diagnosis": the_diagnosis, "branch": branch(compute_role_arn=arn)}


def candidate(assumable: Assumable) -> dict[str, Any]:
    return {"diagnosis": replace(diagnosis(), candidate=verdict(assumable=assumable))}


def boundary_required(boundary: str | None) -> dict[str, Any]:
    return {
        "settings": Settings(required_permissions_boundary=BOUNDARY),
        "roles": {ROLE: Present(role(permissions_boundary=boundary))},
    }


AT_RUNTIME: dict[str, Any] = {"trigger": Trigger.RUNTIME}

REFUSED_CASES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "a job that ended half an hour ago": ("fresh", {"job": job(ended_at=NOW - timedelta(minutes=31))}),
    "a job without an end": ("fresh", {"job": job(ended_at=None)}),
    "a newer job that succeeded": ("fresh", {"jobs": lambda: Present((job(id="10", status="SUCCEED"), job(id="7")))}),
    "jobs that can't be listed": ("fresh", {"jobs": lambda: Unreadable("denied")}),
    "an empty list of jobs": ("fresh", {"jobs": lambda: Present(())}),
    "a list without the failed job": ("fresh", {"jobs": lambda: Present((job(id="6"),))}),
    "an expired approval": ("fresh", {"approved": True, "allowed_until": NOW - timedelta(seconds=1)}),
    "a log line of yesterday": ("fresh", {**AT_RUNTIME, "seen_at": NOW - timedelta(hours=24, minutes=1)}),
    "a branch of stage PULL_REQUEST": ("not_a_preview", {"branch": branch(stage="PULL_REQUEST")}),
    "a preview's source branch": ("not_a_preview", {"branch": branch(source_branch="feature")}),
    "a preview's destination branch": ("not_a_preview", {"branch": branch(destination_branch="main")}),
    "a job that ends in the future": ("fresh", {"job": job(ended_at=NOW + timedelta(minutes=6))}),
    "a log line of the future": ("fresh", {**AT_RUNTIME, "seen_at": NOW + timedelta(minutes=6)}),
    "a storm": ("no_storm", {"storm": True}),
    "a muted branch": ("not_muted", {"muted": True}),
    "a change that did not help": ("not_tried_before", {"tried_before": True}),
    "a cool-down": ("cool_down", {"cooling_until": NOW + timedelta(minutes=1)}),
    "a static app": ("platform", {"app": app(platform="WEB")}),
    "the older SSR platform": ("platform", {"app": app(platform="WEB_DYNAMIC")}),
    "a branch name that is a pattern": ("branch_name", {"branch": branch(name="rel*")}),
    "a branch name that is a variable": ("branch_name", {"branch": branch(name="a${aws:username}")}),
    "no paired role": ("role_paired", {"compute_choice": RoleChoice(None, "none is paired")}),
    "an auto-created branch": (
        "not_auto_created",
        {"app": app(auto_branch_creation=True, auto_branch_patterns=("ma*",))},
    ),
    "auto-creation without patterns": ("not_auto_created", {"app": app(auto_branch_creation=True)}),
    "a usable role somebody set": ("usable_role_stays", current(Assumable.ALLOWED)),
    "a contested role somebody set": ("usable_role_stays", current(Assumable.CONTESTED)),
    "a conditional role somebody set": ("usable_role_stays", current(Assumable.CONDITIONAL)),
    "an unreadable role somebody set": ("usable_role_stays", current(Assumable.UNREADABLE)),
    "a denied role made moments ago": ("usable_role_stays", current(Assumable.DENIED, propagated=False)),
    "a role of another account": ("same_account", {"compute_choice": RoleChoice(FOREIGN, "")}),
    "a role of another partition": ("same_account", {"compute_choice": RoleChoice(CHINESE, "")}),
    "a service-linked role": ("not_service_linked", {"compute_choice": RoleChoice(LINKED, "")}),
    "a role that is gone": ("role_exists", {"roles": {ROLE: Absent("no such role")}}),
    "a role that can't be read": ("role_exists", {"roles": {ROLE: Unreadable("denied")}}),
    "a role nobody looked up": ("role_exists", {"roles": {}}),
    "a role whose trust denies": ("trust", candidate(Assumable.DENIED)),
    "a role whose trust is conditional": ("trust", candidate(Assumable.CONDITIONAL)),
    "a role whose trust is unread": ("trust", {"diagnosis": replace(diagnosis(), candidate=None)}),
    "a missing boundary": ("permissions_boundary", boundary_required(None)),
    "another boundary": ("permissions_boundary", boundary_required(f"{BOUNDARY}-other")),
    "an administrator": (
        "not_admin",
        {"policies": lambda _: Present(attached("AdministratorAccess"))},
    ),
    "policies that can't be read": ("not_admin", {"policies": lambda _: Unreadable("denied")}),
    "a role that vanished": ("not_admin", {"policies": lambda _: Absent("gone")}),
}


def refused_by(asked: Question) -> list[str]:
    return [answer.rule for answer in ask_all(ATTACH_GUARDRAILS, asked) if not answer.allows]


def test_every_guardrail_allows_a_change_without_an_objection() -> None:
    answers = ask_all(ATTACH_GUARDRAILS, question())
    assert [answer.rule for answer in answers] == [guardrail.__name__ for guardrail in ATTACH_GUARDRAILS]
    assert all(answer.allows for answer in answers)


@pytest.mark.parametrize("pattern", ["**/*", "**/main", "main/**", "{main,next}", "!(next)", "next,main*", "[m]ain"])
def test_a_pattern_that_may_match_in_another_kind_of_glob_refuses(pattern: str) -> None:
    """AWS does not say which kind of glob Amplify's patterns are."""
    creating = app(auto_branch_creation=True, auto_branch_patterns=(pattern,))
    assert refused_by(question(app=creating)) == ["not_auto_created"]


@pytest.mark.parametrize("case", REFUSED_CASES)
def test_exactly_the_expected_guardrail_refuses(case: str) -> None:
    rule, changes = REFUSED_CASES[case]
    assert refused_by(question(**changes)) == [rule]


def test_every_guardrail_has_a_case_that_it_refuses() -> None:
    assert {rule for rule, _ in REFUSED_CASES.values()} == {guardrail.__name__ for guardrail in ATTACH_GUARDRAILS}


def test_no_policy_is_read_once_a_cheaper_guardrail_refused() -> None:
    def unasked(_: str) -> Present[RolePolicies]:
        raise AssertionError

    assert refused_by(question(storm=True, policies=unasked)) == ["no_storm"]


@pytest.mark.parametrize(
    "changes",
    [
        {"diagnosis": replace(diagnosis(), candidate=verdict(assumable=Assumable.CONTESTED))},
        current(Assumable.MISSING),
        current(Assumable.DENIED),
        {"cooling_until": NOW},
        boundary_required(BOUNDARY),
        {"app": app(auto_branch_creation=True, auto_branch_patterns=("feature/*",))},
        {"jobs": lambda: Present((job(id="8"), job(), job(id="6", status="SUCCEED")))},
        {"job": job(ended_at=NOW - timedelta(days=2)), "approved": True, "allowed_until": NOW},
        {**AT_RUNTIME, "seen_at": NOW - timedelta(hours=23), "jobs": lambda: Unreadable("not asked")},
        {
            "app": app(auto_branch_creation=True),
            "compute_choice": RoleChoice(ROLE, "paired", branch_paired=True),
        },
    ],
    ids=[
        "contested",
        "replaces missing",
        "replaces denied",
        "cooled",
        "bounded",
        "no match",
        "later failure",
        "approved",
        "line",
        "branch paired",
    ],
)
def test_an_allowed_case_passes_every_guardrail(changes: dict[str, Any]) -> None:
    assert refused_by(question(**changes)) == []


def test_the_settings_may_permit_an_administrator() -> None:
    admin = Present(attached("AdministratorAccess"))
    asked = question(settings=Settings(admin_roles_allowed=(ROLE,)), policies=lambda _: admin)
    assert refused_by(asked) == []


def test_a_repair_has_no_weaker_guardrails_than_an_attach_where_both_apply() -> None:
    only_for_branches = {"platform", "usable_role_stays"}
    attach = {guardrail.__name__ for guardrail in ATTACH_GUARDRAILS}
    assert {guardrail.__name__ for guardrail in REPAIR_GUARDRAILS} == attach - only_for_branches
