from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from medic.evidence import Item, Present, RolePolicies, Unreadable
from medic_cli.scan.model import FindingKind, ScanFinding, Severity
from medic_cli.scan.roles import RoleUsage, permissions_beyond_logging, role_uses
from tests.unit.cli.scan.support import APP_ID, app, arn, branch, facts, role, trust_limited_to

if TYPE_CHECKING:
    from medic_cli.scan.facts import AppFacts

OTHER = "d2other"
LOGGING = arn("AmplifySSRLoggingRole-1234")


def role_usage(*apps: AppFacts) -> RoleUsage:
    usage = RoleUsage()
    for each in apps:
        usage.add(each, role_uses(each))
    return usage


def other_app(given: AppFacts) -> AppFacts:
    """The same app under another id, so that a role limited to the first app refuses it."""
    moved = app(id=OTHER, name="blog", arn=given.app.arn.replace(APP_ID, OTHER))
    branches = tuple(branch(each.name, arn=each.arn.replace(APP_ID, OTHER)) for each in given.branches)
    return replace(given, app=moved, branches=branches)


def policies(*actions: str, attached: tuple[str, ...] = (), **statement: Any) -> Item[RolePolicies]:
    document = {"Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*", **statement}}
    return Present(RolePolicies(attached, (document,)))


def logging_findings(item: Item[RolePolicies], *apps: AppFacts) -> list[ScanFinding]:
    return list(role_usage(*(apps or (facts(),))).logging_role_findings({LOGGING: item}))


def test_the_finding_on_a_shared_role_limited_to_one_app_names_both_apps() -> None:
    first = facts(roles={"service": role("service", trust_limited_to())})
    (finding,) = role_usage(first, other_app(first)).shared_role_findings()
    assert (finding.kind, finding.severity, finding.app_id) == (
        FindingKind.SHARED_ROLE_LIMITED_BY_SOURCE,
        Severity.WARNING,
        None,
    )
    assert finding.role == arn("service")
    assert f"keeps out blog ({OTHER}, eu-central-1)" in finding.detail
    assert f"It lets in shop ({APP_ID}, eu-central-1)" in finding.detail


def test_a_shared_role_that_every_app_can_assume_is_not_a_finding() -> None:
    first = facts()
    assert list(role_usage(first, other_app(first)).shared_role_findings()) == []


def test_a_role_of_one_app_is_not_shared() -> None:
    lonely = facts(branch("main"), branch("dev"), roles={"service": role("service", trust_limited_to(OTHER))})
    assert list(role_usage(lonely).shared_role_findings()) == []


@pytest.mark.parametrize(
    ("item", "beyond"),
    [
        (policies("logs:PutLogEvents", "logs:Create*"), ()),
        (policies("dynamodb:PutItem", "logs:*"), ("dynamodb:PutItem",)),
        (policies("*"), ("*",)),
        (policies("s3:*", Effect="Deny"), ()),
        (
            Present(RolePolicies((), ({"Statement": [{"Effect": "Allow", "NotAction": "iam:*"}]},))),
            ("everything but iam:*",),
        ),
        (policies(attached=("arn:aws:iam::aws:policy/AmazonS3FullAccess",)), ("AmazonS3FullAccess",)),
        (policies(attached=("arn:aws:iam::aws:policy/CloudWatchLogsFullAccess",)), ()),
    ],
)
def test_what_a_logging_role_allows_besides_logging(item: Present[RolePolicies], beyond: tuple[str, ...]) -> None:
    assert permissions_beyond_logging(item.value) == beyond


def test_permissions_on_the_logging_role_are_reported() -> None:
    (finding,) = logging_findings(policies("logs:*", "dynamodb:*"))
    assert (finding.kind, finding.severity, finding.role) == (
        FindingKind.LOGGING_ROLE_PERMISSIONS,
        Severity.WARNING,
        LOGGING,
    )
    assert "dynamodb:*" in finding.detail


def test_the_finding_says_if_the_logging_role_is_also_a_service_role() -> None:
    using = facts(service_role_arn=LOGGING, roles={"AmplifySSRLoggingRole-1234": role("AmplifySSRLoggingRole-1234")})
    (finding,) = logging_findings(policies("s3:*"), using)
    assert "As service role of shop" in finding.detail


def test_a_logging_role_that_is_also_a_compute_role_is_not_a_finding() -> None:
    using = facts(compute_role_arn=LOGGING, roles={"AmplifySSRLoggingRole-1234": role("AmplifySSRLoggingRole-1234")})
    assert logging_findings(policies("s3:*"), using) == []


def test_a_logging_role_that_only_logs_or_cannot_be_read_is_not_a_finding() -> None:
    assert logging_findings(policies("logs:*")) == []
    assert logging_findings(Unreadable("no")) == []
