from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medic_cli.scan.facts import AppFacts
from medic_cli.scan.model import FindingKind, ScanFinding, Severity
from medic_cli.scan.roles import role_arns, role_findings, role_uses
from tests.unit.cli.scan.support import ACCOUNT, APP_ID, DENIED, GONE, arn, branch, facts, role, trust, trust_limited_to

if TYPE_CHECKING:
    from medic.evidence import Item, Role

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def found(given: AppFacts) -> list[ScanFinding]:
    return list(role_findings(given, role_uses(given)))


def summary(given: AppFacts) -> list[tuple[FindingKind, Severity, tuple[str, ...]]]:
    return [(finding.kind, finding.severity, finding.branches) for finding in found(given)]


def test_a_healthy_app_has_no_finding() -> None:
    assert found(facts(branch("main"), branch("dev"))) == []


@pytest.mark.parametrize(
    ("item", "kind", "severity"),
    [
        (GONE, FindingKind.SERVICE_ROLE_DELETED, ERROR),
        (role("service", trust("lambda.amazonaws.com")), FindingKind.SERVICE_ROLE_UNASSUMABLE, ERROR),
        (role("service", trust_limited_to("d0other")), FindingKind.SERVICE_ROLE_UNASSUMABLE, ERROR),
        (role("service", trust(StringEquals={"aws:SourceVpc": "vpc-1"})), FindingKind.SERVICE_ROLE_UNASSUMABLE, ERROR),
        (
            role("service", trust(StringEquals={"aws:SourceOrgID": "o-1"})),
            FindingKind.SERVICE_ROLE_CONDITIONAL,
            WARNING,
        ),
        (role("service", "not a policy"), FindingKind.SERVICE_ROLE_CONDITIONAL, WARNING),
    ],
)
def test_service_roles(item: Item[Role], kind: FindingKind, severity: Severity) -> None:
    assert summary(facts(roles={"service": item})) == [(kind, severity, ())]


@pytest.mark.parametrize(
    ("item", "kind", "severity"),
    [
        (GONE, FindingKind.COMPUTE_ROLE_DELETED, ERROR),
        (role("compute", trust("lambda.amazonaws.com")), FindingKind.COMPUTE_ROLE_UNASSUMABLE, ERROR),
        (
            role("compute", trust(StringEquals={"aws:SourceOrgID": "o-1"})),
            FindingKind.COMPUTE_ROLE_CONDITIONAL,
            WARNING,
        ),
        (
            role("compute", trust(StringEquals={"aws:SourceAccount": ACCOUNT})),
            FindingKind.COMPUTE_ROLE_CONTESTED,
            WARNING,
        ),
        (role("compute", trust_limited_to()), FindingKind.COMPUTE_ROLE_CONTESTED, WARNING),
    ],
)
def test_compute_roles(item: Item[Role], kind: FindingKind, severity: Severity) -> None:
    assert summary(facts(roles={"compute": item})) == [(kind, severity, ())]


def test_a_role_that_cannot_be_read_is_not_a_finding() -> None:
    assert found(facts(roles={"service": DENIED, "compute": DENIED})) == []


def test_a_role_of_another_account_is_recognised_by_its_arn_and_never_read() -> None:
    foreign = arn("theirs", "999988887777")
    given = facts(service_role_arn=foreign, compute_role_arn=foreign.replace(":aws:", ":aws-cn:"))
    assert [finding.kind for finding in found(given)] == [
        FindingKind.SERVICE_ROLE_OTHER_ACCOUNT, FindingKind.COMPUTE_ROLE_OTHER_ACCOUNT,
    ]  # fmt: skip
    assert role_arns(given) == ()


def test_a_value_that_is_not_a_role_arn_cannot_be_assumed() -> None:
    given = facts(service_role_arn="service-role")
    assert summary(given) == [(FindingKind.SERVICE_ROLE_UNASSUMABLE, ERROR, ())]
    assert role_arns(given) == (arn("compute"),)


def test_a_role_created_moments_ago_is_only_a_warning() -> None:
    young = role("service", trust("lambda.amazonaws.com"), age=timedelta(minutes=1))
    (finding,) = found(facts(roles={"service": young}))
    assert finding.severity is WARNING
    assert "less than five minutes old" in finding.detail


def test_a_trust_policy_limited_to_one_branch_is_reported_for_the_other_branches() -> None:
    given = facts(
        branch("main"),
        branch("dev"),
        branch("test"),
        roles={"compute": role("compute", trust_limited_to(branch="main"))},
    )
    assert summary(given) == [
        (FindingKind.COMPUTE_ROLE_CONTESTED, WARNING, ("main",)),
        (FindingKind.COMPUTE_ROLE_UNASSUMABLE, ERROR, ("dev", "test")),
    ]


def test_the_branchs_role_takes_precedence_over_the_apps_role() -> None:
    given = facts(branch("main", compute_role_arn=arn("gone")), branch("dev"), roles={"gone": GONE})
    assert summary(given) == [(FindingKind.COMPUTE_ROLE_DELETED, ERROR, ("main",))]


def test_the_finding_on_an_unassumable_role_has_the_statement_that_fixes_it() -> None:
    (finding,) = found(facts(roles={"service": role("service", trust_limited_to("d0other"))}))
    assert finding.statement is not None
    assert APP_ID in finding.statement
    assert "d0other" in finding.detail


def test_ssr_branches_without_a_compute_role_share_one_finding() -> None:
    given = facts(branch("main", compute_role_arn=arn("compute")), branch("dev"), branch("x"), compute_role_arn=None)
    assert summary(given) == [(FindingKind.COMPUTE_ROLE_NOT_SET, WARNING, ("dev", "x"))]


def test_a_preview_without_a_role_is_not_a_finding() -> None:
    previews = (branch("pr-1", stage="PULL_REQUEST"), branch("pr-2", source_branch="a", destination_branch="main"))
    assert found(facts(*previews, compute_role_arn=None)) == []


def test_a_static_app_needs_no_compute_role_and_none_is_read() -> None:
    given = facts(platform="WEB", roles={"compute": GONE})
    assert summary(given) == [(FindingKind.COMPUTE_ROLE_UNUSED, WARNING, ())]
    assert role_arns(given) == (arn("service"),)


def test_the_logging_role_as_service_role_is_a_warning() -> None:
    logging_role = arn("AmplifySSRLoggingRole-0a1b2c3d")
    given = facts(service_role_arn=logging_role, roles={"AmplifySSRLoggingRole-0a1b2c3d": role("x")})
    assert summary(given) == [(FindingKind.LOGGING_ROLE_AS_SERVICE_ROLE, WARNING, ())]


def test_a_missing_service_role_is_a_note() -> None:
    assert summary(facts(service_role_arn=None)) == [(FindingKind.SERVICE_ROLE_NOT_SET, NOTE, ())]


def test_roles_of_an_app_without_branches_are_checked_too() -> None:
    given = facts(roles={"service": role("service", trust_limited_to("d0other")), "compute": GONE})
    bare = AppFacts(given.partition, given.account, given.region, given.read_at, given.app, (), given.roles)
    assert [finding.kind for finding in found(bare)] == [
        FindingKind.SERVICE_ROLE_UNASSUMABLE,
        FindingKind.COMPUTE_ROLE_DELETED,
    ]
