from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from medic.evidence import Item, Present, RolePolicies, Unreadable
from medic_cli.scan.model import FindingKind, ScanFinding, Severity
from medic_cli.scan.roles import RoleUsage, beyond_logging, judged
from tests.unit.cli.scan.support import APP_ID, app, arn, branch, facts, pinned, role

if TYPE_CHECKING:
    from medic_cli.scan.facts import AppFacts

OTHER = "d2other"
LOGGING = arn("AmplifySSRLoggingRole-1234")


def role_usage(*apps: AppFacts) -> RoleUsage:
    made = RoleUsage()
    for each in apps:
        made.add(each, judged(each))
    return made


def other_app(given: AppFacts) -> AppFacts:
    """The same app under another id, so that a pinned role does not let it in."""
    moved = app(id=OTHER, name="blog", arn=given.app.arn.replace(APP_ID, OTHER))
    branches = tuple(branch(each.name, arn=each.arn.replace(APP_ID, OTHER)) for each in given.branches)
    return replace(given, app=moved, branches=branches)


def policies(*actions: str, attached: tuple[str, ...] = (), **statement: Any) -> Item[RolePolicies]:
    document = {"Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*", **statement}}
    return Present(RolePolicies(attached, (document,)))


def logging_findings(item: Item[RolePolicies], *apps: AppFacts) -> list[ScanFinding]:
    return list(role_usage(*(apps or (facts(),))).logging_role_findings({LOGGING: item}))


def test_a_shared_role_that_is_pinned_to_one_app_names_both() -> None:
    first = facts(roles={"service": role("service", pinned())})
    (finding,) = role_usage(first, other_app(first)).shared_role_findings()
    assert (finding.kind, finding.severity, finding.app_id) == (
        FindingKind.SHARED_ROLE_LIMITED_BY_SOURCE,
        Severity.WARNING,
        None,
    )
    assert finding.role == arn("service")
    assert f"keeps out blog ({OTHER}, eu-central-1)" in finding.detail
    assert f"It lets in shop ({APP_ID}, eu-central-1)" in finding.detail


def test_a_shared_role_that_lets_everybody_in_is_no_finding() -> None:
    first = facts()
    assert list(role_usage(first, other_app(first)).shared_role_findings()) == []


def test_a_role_of_one_app_is_not_shared() -> None:
    lonely = facts(branch("main"), branch("dev"), roles={"service": role("service", pinned(OTHER))})
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
    assert beyond_logging(item.value) == beyond


def test_permissions_on_the_logging_role_are_told() -> None:
    (finding,) = logging_findings(policies("logs:*", "dynamodb:*"))
    assert (finding.kind, finding.severity, finding.role) == (
        FindingKind.LOGGING_ROLE_PERMISSIONS,
        Severity.WARNING,
        LOGGING,
    )
    assert "dynamodb:*" in finding.detail


def test_as_service_role_it_serves_builds() -> None:
    using = facts(service_role_arn=LOGGING, roles={"AmplifySSRLoggingRole-1234": role("AmplifySSRLoggingRole-1234")})
    (finding,) = logging_findings(policies("s3:*"), using)
    assert "As service role of shop" in finding.detail


def test_as_compute_role_its_permissions_do_reach_server_code() -> None:
    using = facts(compute_role_arn=LOGGING, roles={"AmplifySSRLoggingRole-1234": role("AmplifySSRLoggingRole-1234")})
    assert logging_findings(policies("s3:*"), using) == []


def test_a_logging_role_that_only_logs_or_can_not_be_read_is_no_finding() -> None:
    assert logging_findings(policies("logs:*")) == []
    assert logging_findings(Unreadable("no")) == []
