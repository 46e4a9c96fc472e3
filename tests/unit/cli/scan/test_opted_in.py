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
    candidate_roles,
    opt_in_findings,
    roles_needing_policies,
)
from tests.unit.cli.scan.support import APP_ID, GONE, arn, branch, facts, role, trust, trust_limited_to
from tests.unit.plan.aws_managed import attached

if TYPE_CHECKING:
    from medic_cli.scan.facts import AppFacts

FIX, ASK = {"amplify-medic:auto-fix": "fix"}, {"amplify-medic:auto-fix": "ask"}
HARMLESS: Item[RolePolicies] = Present(RolePolicies((), ()))
ADMIN: Item[RolePolicies] = Present(attached("AdministratorAccess"))


def terms(*, default: str | None = None, **settings: Any) -> OptInTerms:
    return OptInTerms(Settings.parse({"compute_roles": {arn("web"): [APP_ID]}, **settings}), default)


def app_without_role(*branches: Any, **fields: Any) -> AppFacts:
    """An app whose branches have no compute role, and a role `web` that is paired with the app."""
    roles = {"web": fields.pop("web", role("web")), **fields.pop("roles", {})}
    return facts(*(branches or (branch(tags=FIX),)), roles=roles, **{"compute_role_arn": None, **fields})


def found(given: AppFacts, by: OptInTerms, **policies: Item[RolePolicies]) -> list[ScanFinding]:
    return list(opt_in_findings(given, by, {"web": HARMLESS, **policies}))


def refused(given: AppFacts, by: OptInTerms | None = None, **policies: Item[RolePolicies]) -> str:
    (finding,) = found(given, by or terms(), **policies)
    assert (finding.kind, finding.severity) == (FindingKind.FIX_REFUSED, Severity.WARNING)
    return finding.detail


def test_every_guardrail_is_checked_except_those_that_depend_on_history() -> None:
    past = ["no_storm", "not_muted", "not_tried_before", "cool_down", "fresh"]
    assert [each.__name__ for each in ATTACH_GUARDRAILS if each not in STATIC_ATTACH] == past
    assert [each.__name__ for each in REPAIR_GUARDRAILS if each not in STATIC_REPAIR] == past


def test_a_branch_without_the_tag_has_no_finding() -> None:
    assert found(app_without_role(branch()), terms()) == []


@pytest.mark.parametrize("value", ["report", "ignore"])
def test_a_branch_tagged_report_or_ignore_has_no_finding(value: str) -> None:
    assert found(app_without_role(branch(tags={"amplify-medic:auto-fix": value})), terms()) == []


def test_an_unknown_tag_value_is_reported() -> None:
    (finding,) = found(app_without_role(branch(tags={"amplify-medic:auto-fix": "Fix"})), terms())
    assert finding.kind is FindingKind.OPT_IN_UNKNOWN
    assert "'Fix'" in finding.detail


def test_a_fix_is_possible_with_the_paired_role() -> None:
    (finding,) = found(app_without_role(branch("a", tags=FIX), branch("b", tags=FIX)), terms())
    assert (finding.kind, finding.severity, finding.branches) == (FindingKind.FIX_POSSIBLE, Severity.NOTE, ("a", "b"))
    assert finding.role == arn("web")
    assert "attach a compute role automatically" in finding.detail


def test_mode_ask_says_that_someone_must_approve_the_fix() -> None:
    (finding,) = found(app_without_role(branch(tags=ASK)), terms())
    assert "after someone approves it" in finding.detail


def test_a_usable_role_needs_no_fix() -> None:
    (finding,) = found(facts(branch(tags=FIX), roles={"web": role("web")}), terms())
    assert (finding.kind, finding.role) == (FindingKind.FIX_NOT_NEEDED, arn("compute"))


def test_a_deleted_role_may_be_replaced() -> None:
    (finding,) = found(app_without_role(compute_role_arn=arn("gone"), roles={"gone": GONE}), terms())
    assert finding.kind is FindingKind.FIX_POSSIBLE


def test_a_role_not_known_to_be_unusable_is_not_replaced() -> None:
    odd = role("odd", trust(StringEquals={"aws:SourceOrgID": "o-1"}))
    assert "guardrail usable_role_stays would refuse" in refused(
        app_without_role(compute_role_arn=arn("odd"), roles={"odd": odd})
    )


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (app_without_role(branch("pr-1", tags=FIX, stage="PULL_REQUEST")), "not_a_preview"),
        (app_without_role(platform="WEB"), "platform"),
        (app_without_role(branch("a*", tags=FIX)), "branch_name"),
        (app_without_role(auto_branch_creation=True), "not_auto_created"),
        (app_without_role(web=GONE), "role_exists"),
        (app_without_role(web=role("web", trust_limited_to("d0other"))), "trust"),
    ],
)
def test_the_guardrail_that_refuses_is_named(given: AppFacts, rule: str) -> None:
    assert refused(given).startswith(f"The guardrail {rule} would refuse to attach a compute role: ")


def test_an_administrator_role_and_a_role_with_unread_policies_are_refused() -> None:
    assert "guardrail not_admin would refuse to attach a compute role: the AWS-managed policy" in refused(
        app_without_role(), web=ADMIN
    )
    assert next(iter(opt_in_findings(app_without_role(), terms(), {}))).kind is FindingKind.FIX_REFUSED


def test_policies_are_needed_only_of_roles_that_pass_every_other_guardrail() -> None:
    assert roles_needing_policies(app_without_role(), terms()) == ("web",)
    assert roles_needing_policies(app_without_role(platform="WEB"), terms()) == ()
    assert roles_needing_policies(app_without_role(branch()), terms()) == ()
    assert roles_needing_policies(app_without_role(), terms(admin_roles_allowed=[arn("web")])) == ()


def test_the_stacks_mode_and_list_of_apps_are_enforced() -> None:
    assert "the stack's mode is report" in refused(app_without_role(), terms(mode="report"))
    assert "this app is not one of them" in refused(app_without_role(), terms(apps=["d0other"]))
    assert candidate_roles(app_without_role(), terms(apps=["d0other"])) == ()


def test_without_a_paired_role_the_stacks_default_role_is_used_if_it_is_known() -> None:
    (unknown,) = found(app_without_role(), OptInTerms(Settings(), None))
    assert (unknown.kind, unknown.role) == (FindingKind.FIX_POSSIBLE, None)
    assert "--default-role" in unknown.detail
    known = OptInTerms(Settings(), arn("web"))
    assert candidate_roles(app_without_role(), known) == (arn("web"),)
    (finding,) = found(app_without_role(), known)
    assert finding.role == arn("web")
    assert "guardrail platform would" in refused(app_without_role(platform="WEB"), OptInTerms(Settings(), None))


REPAIR: dict[str, Any] = {"service_roles": {arn("builder"): [APP_ID]}}
REPAIR_TAG = {"amplify-medic:service-role": "builder"}


def broken_service_role(**fields: Any) -> AppFacts:
    """An app whose service role does not exist, with a tag that names the role `builder` for the repair."""
    roles = {"service": GONE, "builder": fields.pop("builder", role("builder"))}
    return facts(branch(tags=FIX), roles=roles, **{"tags": REPAIR_TAG, **fields})


def test_an_unusable_service_role_may_be_replaced_by_the_role_in_the_apps_tag() -> None:
    given = broken_service_role()
    by = terms(**REPAIR)
    assert candidate_roles(given, by) == (arn("web"), arn("builder"))
    assert roles_needing_policies(given, by) == ("builder",)
    needless, repair = found(given, by, builder=HARMLESS)
    assert needless.kind is FindingKind.FIX_NOT_NEEDED
    assert (repair.kind, repair.role) == (FindingKind.FIX_POSSIBLE, arn("builder"))
    assert repair.detail.startswith("The bot would repair the service role automatically")


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
    assert refusal.detail.startswith("The guardrail ")
    assert " would refuse to repair the service role: " in refusal.detail


def test_a_usable_service_role_or_an_app_without_the_tag_is_not_repaired() -> None:
    for given in (broken_service_role(tags={}), facts(branch(tags=FIX), tags=REPAIR_TAG)):
        assert [finding.kind for finding in found(given, terms(**REPAIR))] == [FindingKind.FIX_NOT_NEEDED]
