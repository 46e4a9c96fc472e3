from __future__ import annotations

import pytest

from medic_cli.scan.exposure import environment_findings, exposure_findings
from medic_cli.scan.model import FindingKind, Severity
from tests.unit.cli.scan.support import GITHUB, app, arn, branch, facts, variable

ID, SECRET = variable("IAM_KEY", "access key id"), variable("IAM_SECRET", "secret access key")
CODECOMMIT = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop"


def test_ordinary_variables_are_no_finding() -> None:
    assert list(environment_findings(facts(branch(environment=(variable("A"),)), environment=(variable("B"),)))) == []


def test_access_keys_on_the_app_are_reported_with_their_kinds() -> None:
    (finding,) = environment_findings(facts(environment=(ID, SECRET, variable("STAGE"))))
    assert (finding.kind, finding.severity, finding.branches) == (FindingKind.LONG_LIVED_KEYS, Severity.ERROR, ())
    assert finding.detail == "Set on the app: IAM_KEY (access key id) and IAM_SECRET (secret access key)."


def test_branches_with_the_same_keys_share_one_finding() -> None:
    branches = (branch("a", environment=(SECRET,)), branch("b"), branch("c", environment=(SECRET,)))
    (finding,) = environment_findings(facts(*branches))
    assert finding.branches == ("a", "c")


def test_an_access_key_id_alone_is_a_warning() -> None:
    (finding,) = environment_findings(facts(environment=(ID,)))
    assert finding.severity is Severity.WARNING


def test_other_secrets_are_a_note_in_addition_to_the_keys() -> None:
    found = list(environment_findings(facts(environment=(SECRET, variable("DB", "connection string")))))
    assert [(finding.kind, finding.severity) for finding in found] == [
        (FindingKind.LONG_LIVED_KEYS, Severity.ERROR),
        (FindingKind.SECRET_IN_VARIABLES, Severity.NOTE),
    ]


PREVIEWS = [
    branch("pr-1", stage="PULL_REQUEST"),
    branch("pr-1", source_branch="x"),
    branch("pr-1", destination_branch="main"),
]


@pytest.mark.parametrize("preview", PREVIEWS, ids=["stage", "source", "destination"])
def test_a_preview_with_a_role_is_exposed(preview: object) -> None:
    (finding,) = exposure_findings(facts(branch("main"), preview))  # type: ignore[arg-type]
    assert (finding.kind, finding.severity, finding.branches) == (
        FindingKind.PREVIEW_EXPOSED,
        Severity.WARNING,
        ("pr-1",),
    )
    assert finding.role == arn("compute")
    assert "inherits the app's compute role" in finding.detail


def test_a_preview_without_a_role_is_not_exposed() -> None:
    assert list(exposure_findings(facts(PREVIEWS[0], compute_role_arn=None))) == []


def test_a_role_on_the_app_exposes_future_previews() -> None:
    (finding,) = exposure_findings(facts(branch("main", pull_request_previews=True), branch("dev")))
    assert (finding.kind, finding.branches) == (FindingKind.PREVIEW_EXPOSED, ("main",))
    assert "gets a preview" in finding.detail
    own = branch("main", pull_request_previews=True, compute_role_arn=arn("compute"))
    assert list(exposure_findings(facts(own, compute_role_arn=None))) == []


def test_a_branch_that_a_push_may_have_created_is_exposed_if_it_inherits_the_role() -> None:
    pushed, own = branch("feature/a", stage="NONE"), branch("feature/b", stage="NONE", compute_role_arn=arn("compute"))
    given = facts(branch("main"), pushed, own, auto_branch_creation=True, auto_branch_patterns=("feature/*",))
    (finding,) = exposure_findings(given)
    assert (finding.kind, finding.severity) == (FindingKind.AUTO_BRANCH_EXPOSED, Severity.WARNING)
    assert finding.branches == ("feature/a",)


def test_a_role_on_the_app_exposes_future_branches() -> None:
    (finding,) = exposure_findings(facts(auto_branch_creation=True, auto_branch_patterns=("feature/*",)))
    assert finding.branches == ()
    assert 'A push to any branch that matches "feature/*" creates the branch here' in finding.detail


@pytest.mark.parametrize(
    ("repository", "severity", "text"),
    [
        (GITHUB, Severity.WARNING, "No AWS API says whether github.com/acme/shop is public"),
        (CODECOMMIT, Severity.NOTE, "CodeCommit, which has no public repositories"),
        (None, Severity.NOTE, "has no repository"),
        (
            "https://x:ghp_abcdefghijklmnopqrstuvwxyz0123456789@github.com/a/b",
            Severity.WARNING,
            "whether github.com/a/b is public",
        ),
        ("https://[broken", Severity.WARNING, "whether the repository is public"),
    ],
)
def test_the_repository_decides_the_severity(repository: str | None, severity: Severity, text: str) -> None:
    (finding,) = exposure_findings(facts(PREVIEWS[0], repository=repository))
    assert finding.severity is severity
    assert text in finding.detail
    assert "ghp_" not in finding.detail


def test_a_static_app_has_no_exposure_finding() -> None:
    assert list(exposure_findings(facts(PREVIEWS[0], platform="WEB"))) == []
    assert app(platform="WEB").compute_role_arn
