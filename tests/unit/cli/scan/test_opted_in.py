from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from medic.evidence import Item, Present, RolePolicies
from medic.plan.guardrails import ATTACH_GUARDRAILS, REPAIR_GUARDRAILS
from medic.settings import Settings
from medic_cli.scan.model import FindingKind, ScanFinding, Severity
from medic_cli.scan.opted_in import (
    STATIC_ATTACH,
    STATIC_REPAIR,
    OptInTerms,
    candidates,
    opt_in_findings,
    roles_to_weigh,
)
from tests.unit.cli.scan.support import APP_ID, GONE, arn, branch, facts, pinned, role, trust

if TYPE_CHECKING:
    from medic_cli.scan.facts import AppFacts

FIX, ASK = {"amplify-medic:auto-fix": "fix"}, {"amplify-medic:auto-fix": "ask"}
HARMLESS: Item[RolePolicies] = Present(RolePolicies((), ()))
ADMIN: Item[RolePolicies] = Present(RolePolicies(("arn:aws:iam::aws:policy/AdministratorAccess",), ()))


def terms(*, default: str | None = None, **settings: Any) -> OptInTerms:
    return OptInTerms(Settings.parse({"compute_roles": {arn("web"): [APP_ID]}, **settings}), default)


def lacking(*branches: Any, **fields: Any) -> AppFacts:
    """An app whose branches have no compute role, and a role that is paired with it."""
    roles = {"web": fields.pop("web", role("web")), **fields.pop("roles", {})}
    return facts(*(branches or (branch(tags=FIX),)), roles=roles, **{"compute_role_arn": None, **fields})


def found(given: AppFacts, by: OptInTerms, **policies: Item[RolePolicies]) -> list[ScanFinding]:
    return list(opt_in_findings(given, by, {"web": HARMLESS, **policies}))


def refused(given: AppFacts, by: OptInTerms | None = None, **policies: Item[RolePolicies]) -> str:
    (finding,) = found(given, by or terms(), **policies)
    assert (finding.kind, finding.severity) == (FindingKind.FIX_REFUSED, Severity.WARNING)
    return finding.detail


def test_every_guardrail_is_asked_but_those_that_depend_on_the_past() -> None:
    past = ["fresh", "no_storm", "not_muted", "not_tried_before", "cool_down"]
    assert [each.name for each in ATTACH_GUARDRAILS if each not in STATIC_ATTACH] == past
    assert [each.name for each in REPAIR_GUARDRAILS if each not in STATIC_REPAIR] == past


def test_a_branch_without_the_tag_is_nobody_s_business() -> None:
    assert found(lacking(branch()), terms()) == []


@pytest.mark.parametrize("value", ["report", "ignore"])
def test_who_wants_no_fix_gets_no_answer(value: str) -> None:
    assert found(lacking(branch(tags={"amplify-medic:auto-fix": value})), terms()) == []


def test_an_unknown_value_is_named() -> None:
    (finding,) = found(lacking(branch(tags={"amplify-medic:auto-fix": "Fix"})), terms())
    assert finding.kind is FindingKind.OPT_IN_UNKNOWN
    assert "'Fix'" in finding.detail


def test_a_fix_is_possible_with_the_paired_role() -> None:
    (finding,) = found(lacking(branch("a", tags=FIX), branch("b", tags=FIX)), terms())
    assert (finding.kind, finding.severity, finding.branches) == (FindingKind.FIX_POSSIBLE, Severity.NOTE, ("a", "b"))
    assert finding.role == arn("web")
    assert "by itself" in finding.detail


def test_who_asks_first_is_asked() -> None:
    (finding,) = found(lacking(branch(tags=ASK)), terms())
    assert "after somebody approves" in finding.detail


def test_a_usable_role_needs_no_fix() -> None:
    (finding,) = found(facts(branch(tags=FIX), roles={"web": role("web")}), terms())
    assert (finding.kind, finding.role) == (FindingKind.FIX_NOT_NEEDED, arn("compute"))


def test_a_deleted_role_may_be_replaced() -> None:
    (finding,) = found(lacking(compute_role_arn=arn("gone"), roles={"gone": GONE}), terms())
    assert finding.kind is FindingKind.FIX_POSSIBLE


def test_a_role_of_unknown_fitness_stays() -> None:
    odd = role("odd", trust(StringEquals={"aws:SourceOrgID": "o-1"}))
    assert "refused by usable_role_stays: " in refused(lacking(compute_role_arn=arn("odd"), roles={"odd": odd}))


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (lacking(branch("pr-1", tags=FIX, stage="PULL_REQUEST")), "not_a_preview"),
        (lacking(platform="WEB"), "platform"),
        (lacking(branch("a*", tags=FIX)), "branch_name"),
        (lacking(auto_branch_creation=True), "not_auto_created"),
        (lacking(web=GONE), "role_exists"),
        (lacking(web=role("web", pinned("d0other"))), "trust"),
    ],
)
def test_the_guardrail_that_refuses_is_named(given: AppFacts, rule: str) -> None:
    assert refused(given).startswith(f"Attaching a compute role would be refused by {rule}: ")


def test_an_administrator_is_refused_and_one_that_was_not_weighed_as_well() -> None:
    assert "not_admin: the role has the managed policy" in refused(lacking(), web=ADMIN)
    assert next(iter(opt_in_findings(lacking(), terms(), {}))).kind is FindingKind.FIX_REFUSED


def test_only_roles_that_pass_every_other_guardrail_are_weighed() -> None:
    assert roles_to_weigh(lacking(), terms()) == ("web",)
    assert roles_to_weigh(lacking(platform="WEB"), terms()) == ()
    assert roles_to_weigh(lacking(branch()), terms()) == ()
    assert roles_to_weigh(lacking(), terms(admin_roles_allowed=[arn("web")])) == ()


def test_the_stack_s_mode_and_its_list_of_apps_hold() -> None:
    assert "the stack's mode is report" in refused(lacking(), terms(mode="report"))
    assert "this one is not among them" in refused(lacking(), terms(apps=["d0other"]))
    assert candidates(lacking(), terms(apps=["d0other"])) == ()


def test_without_a_paired_role_it_is_the_stack_s_default_one_if_that_is_known() -> None:
    (unknown,) = found(lacking(), OptInTerms(Settings(), None))
    assert (unknown.kind, unknown.role) == (FindingKind.FIX_POSSIBLE, None)
    assert "--default-role" in unknown.detail
    known = OptInTerms(Settings(), arn("web"))
    assert candidates(lacking(), known) == (arn("web"),)
    (finding,) = found(lacking(), known)
    assert finding.role == arn("web")
    assert "platform: " in refused(lacking(platform="WEB"), OptInTerms(Settings(), None))


REPAIR: dict[str, Any] = {"service_roles": {arn("builder"): [APP_ID]}}
WISHES_REPAIR = {"amplify-medic:service-role": "builder"}


def broken_service_role(**fields: Any) -> AppFacts:
    """An app whose service role is gone, tagged for the repair with another one."""
    roles = {"service": GONE, "builder": fields.pop("builder", role("builder"))}
    return facts(branch(tags=FIX), roles=roles, **{"tags": WISHES_REPAIR, **fields})


def test_a_service_role_proven_unusable_may_be_repaired_by_the_one_the_app_s_tag_names() -> None:
    given = broken_service_role()
    by = terms(**REPAIR)
    assert candidates(given, by) == (arn("web"), arn("builder"))
    assert roles_to_weigh(given, by) == ("builder",)
    needless, repair = found(given, by, builder=HARMLESS)
    assert needless.kind is FindingKind.FIX_NOT_NEEDED
    assert (repair.kind, repair.role) == (FindingKind.FIX_POSSIBLE, arn("builder"))
    assert repair.detail.startswith("Repairing the service role would be done by itself")


@pytest.mark.parametrize(
    ("given", "by"),
    [
        (broken_service_role(), terms()),
        (broken_service_role(builder=role("builder", trust("lambda.amazonaws.com"))), terms(**REPAIR)),
    ],
    ids=["not paired", "unusable too"],
)
def test_a_repair_that_would_be_refused_says_why(given: AppFacts, by: OptInTerms) -> None:
    refusal = found(given, by, builder=HARMLESS)[-1]
    assert refusal.kind is FindingKind.FIX_REFUSED
    assert refusal.detail.startswith("Repairing the service role would be refused by ")


def test_a_service_role_that_works_or_an_app_without_the_tag_is_no_case_for_a_repair() -> None:
    for given in (broken_service_role(tags={}), facts(branch(tags=FIX), tags=WISHES_REPAIR)):
        assert [finding.kind for finding in found(given, terms(**REPAIR))] == [FindingKind.FIX_NOT_NEEDED]
