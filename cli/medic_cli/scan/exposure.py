"""Findings on exposed credentials: keys in environment variables, and compute roles that unreviewed code can use.

Unreviewed code runs in pull-request previews and in branches that a push creates. SSR code can read the credentials of
its compute role. AWS advises against a role on the app if the repository is public:
https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from medic.diagnosis.facts import STATIC_KEYS
from medic.text import bare, listed, shown
from medic_cli.scan.facts import may_be_auto_created
from medic_cli.scan.model import FindingKind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.evidence import Branch, EnvironmentVariable
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.model import ScanFinding

_HARMLESS_ALONE = frozenset({"access key id"})

_Variables = tuple["EnvironmentVariable", ...]


def environment_findings(facts: AppFacts) -> Iterator[ScanFinding]:
    """Secrets in variables of the app and of each branch. Branches with the same secrets share a finding."""
    yield from _secret_findings(facts, _secrets(facts.app.environment), "app", ())
    grouped: dict[_Variables, list[str]] = {}
    for branch in facts.branches:
        grouped.setdefault(_secrets(branch.environment), []).append(branch.name)
    for secrets, names in grouped.items():
        yield from _secret_findings(facts, secrets, "branch", tuple(names))


def _secrets(variables: _Variables) -> _Variables:
    return tuple(variable for variable in variables if variable.looks_like)


def _secret_findings(
    facts: AppFacts, secrets: _Variables, level: str, branches: tuple[str, ...]
) -> Iterator[ScanFinding]:
    keys = tuple(each for each in secrets if each.looks_like in STATIC_KEYS)
    others = tuple(each for each in secrets if each.looks_like not in STATIC_KEYS)
    if keys:
        harmless = all(each.looks_like in _HARMLESS_ALONE for each in keys)
        severity = Severity.WARNING if harmless else Severity.ERROR
        yield facts.finding(FindingKind.LONG_LIVED_KEYS, severity, _set_on(level, keys), branches=branches)
    if others:
        yield facts.finding(FindingKind.SECRET_IN_VARIABLES, Severity.NOTE, _set_on(level, others), branches=branches)


def _set_on(level: str, variables: _Variables) -> str:
    names = listed(f"{bare(each.name)} ({each.looks_like})" for each in variables)
    return f"Set on the {level}: {names}."


def exposure_findings(facts: AppFacts) -> Iterator[ScanFinding]:
    """Compute roles that unreviewed code runs with now, or will run with in the next preview or pushed branch."""
    if not facts.ssr:
        return
    previews = tuple(branch for branch in facts.branches if branch.is_preview)
    yield from _exposed_now(facts, FindingKind.PREVIEW_EXPOSED, previews, "The branch is a pull-request preview")
    pushed = tuple(branch for branch in facts.branches if _is_pushed_and_inherits(facts, branch))
    yield from _exposed_now(facts, FindingKind.AUTO_BRANCH_EXPOSED, pushed, "A push may have created the branch")
    yield from _exposed_later(facts, previews, pushed)


def _is_pushed_and_inherits(facts: AppFacts, branch: Branch) -> bool:
    """True if a push may have created the branch and nobody chose its role.

    Someone chose the production branch, and someone chose a role that is set on the branch itself.
    """
    chosen = branch.compute_role_arn is not None or branch.stage == "PRODUCTION"
    return not chosen and not branch.is_preview and may_be_auto_created(facts.app, branch)


def _exposed_now(facts: AppFacts, kind: FindingKind, branches: tuple[Branch, ...], what: str) -> Iterator[ScanFinding]:
    severity, repository = _repository_risk(facts)
    grouped: dict[str, list[Branch]] = {}
    for branch in branches:
        if arn := facts.compute_role_of(branch):
            grouped.setdefault(arn, []).append(branch)
    for arn, members in grouped.items():
        inherited = all(branch.compute_role_arn is None for branch in members)
        level = "inherits the app's compute role" if inherited else "has a compute role"
        names = tuple(branch.name for branch in members)
        yield facts.finding(kind, severity, f"{what}, and it {level}. {repository}", branches=names, role=arn)


def _exposed_later(facts: AppFacts, previews: tuple[Branch, ...], pushed: tuple[Branch, ...]) -> Iterator[ScanFinding]:
    """The next preview or pushed branch inherits the app's role, even if there is none today."""
    arn = facts.app.compute_role_arn
    if arn is None:
        return
    severity, repository = _repository_risk(facts)
    targets = tuple(branch.name for branch in facts.branches if branch.pull_request_previews)
    if targets and not previews:
        detail = (
            f"Each pull request into the branch gets a preview, which inherits the app's compute role. {repository}"
        )
        yield facts.finding(FindingKind.PREVIEW_EXPOSED, severity, detail, branches=targets, role=arn)
    if facts.app.auto_branch_creation and not pushed:
        patterns = listed(shown(pattern) for pattern in facts.app.auto_branch_patterns)
        which = f" that matches {patterns}" if patterns else ""
        detail = (
            f"A push to any branch{which} creates the branch here, and it inherits the app's compute role. {repository}"
        )
        yield facts.finding(FindingKind.AUTO_BRANCH_EXPOSED, severity, detail, role=arn)


def _repository_risk(facts: AppFacts) -> tuple[Severity, str]:
    """Who may be able to push code, and how severe that makes the finding."""
    url = facts.app.repository
    if url is None:
        return Severity.NOTE, "The app has no repository: it is deployed manually."
    host, path = _host_and_path(url)
    place = bare(f"{host}{path}")
    if host.startswith("git-codecommit."):
        return Severity.NOTE, f"The repository {place} is in CodeCommit, which has no public repositories."
    return Severity.WARNING, (
        f"No AWS API says whether {place} is public. If it is, anyone's pull request or push can read the role's "
        "credentials."
    )


def _host_and_path(url: str) -> tuple[str, str]:
    """Leaves out a user and password in the URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "the repository"
    return parts.hostname or "", parts.path
