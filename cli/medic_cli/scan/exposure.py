"""Code that nobody reviewed yet, run with a compute role: previews of pull requests, and branches that a push creates.

SSR code can read the credentials of its compute role. AWS advises against a role on the app where the repository is
public: https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from medic.text import bare, listed, shown
from medic_cli.scan.facts import is_preview, may_be_auto_created
from medic_cli.scan.model import FindingKind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.evidence import Branch, EnvironmentVariable
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.model import ScanFinding

_AWS_KEYS = frozenset({"access key id", "secret access key", "session token"})
_HARMLESS_ALONE = frozenset({"access key id"})

_Secrets = tuple["EnvironmentVariable", ...]


def environment_findings(facts: AppFacts) -> Iterator[ScanFinding]:
    """Variables of the app and of each branch; branches with the same ones stand together."""
    yield from _findings(facts, _secrets(facts.app.environment), "app", ())
    grouped: dict[_Secrets, list[str]] = {}
    for branch in facts.branches:
        grouped.setdefault(_secrets(branch.environment), []).append(branch.name)
    for secrets, names in grouped.items():
        yield from _findings(facts, secrets, "branch", tuple(names))


def _secrets(variables: _Secrets) -> _Secrets:
    return tuple(variable for variable in variables if variable.looks_like)


def _findings(facts: AppFacts, secrets: _Secrets, level: str, branches: tuple[str, ...]) -> Iterator[ScanFinding]:
    keys = tuple(each for each in secrets if each.looks_like in _AWS_KEYS)
    others = tuple(each for each in secrets if each.looks_like not in _AWS_KEYS)
    if keys:
        alone = all(each.looks_like in _HARMLESS_ALONE for each in keys)
        severity = Severity.WARNING if alone else Severity.ERROR
        yield facts.finding(FindingKind.LONG_LIVED_KEYS, severity, _said(keys, level), branches=branches)
    if others:
        yield facts.finding(FindingKind.SECRET_IN_VARIABLES, Severity.NOTE, _said(others, level), branches=branches)


def _said(variables: _Secrets, level: str) -> str:
    named = listed(f"{bare(each.name)} ({each.looks_like})" for each in variables)
    return f"Set on the {level}: {named}."


def exposure_findings(facts: AppFacts) -> Iterator[ScanFinding]:
    """Which compute roles such branches run with, or would."""
    if not facts.ssr:
        return
    previews = tuple(branch for branch in facts.branches if is_preview(branch))
    yield from _exposed(facts, FindingKind.PREVIEW_EXPOSED, previews, "The branch is the preview of a pull request")
    pushed = tuple(branch for branch in facts.branches if _inherits_by_a_push(facts, branch))
    yield from _exposed(facts, FindingKind.AUTO_BRANCH_EXPOSED, pushed, "A push may have created the branch")
    yield from _will_be(facts, previews, pushed)


def _inherits_by_a_push(facts: AppFacts, branch: Branch) -> bool:
    """A role set on the branch itself was somebody's decision, and so was the production branch."""
    chosen = branch.compute_role_arn is not None or branch.stage == "PRODUCTION"
    return not chosen and not is_preview(branch) and may_be_auto_created(facts.app, branch)


def _exposed(facts: AppFacts, kind: FindingKind, branches: tuple[Branch, ...], what: str) -> Iterator[ScanFinding]:
    severity, repository = _repository(facts)
    grouped: dict[str, list[Branch]] = {}
    for branch in branches:
        if arn := facts.compute_role_of(branch):
            grouped.setdefault(arn, []).append(branch)
    for arn, members in grouped.items():
        inherited = all(branch.compute_role_arn is None for branch in members)
        level = "inherits the app's compute role" if inherited else "has a compute role"
        names = tuple(branch.name for branch in members)
        yield facts.finding(kind, severity, f"{what}, and it {level}. {repository}", branches=names, role=arn)


def _will_be(facts: AppFacts, previews: tuple[Branch, ...], pushed: tuple[Branch, ...]) -> Iterator[ScanFinding]:
    """The next preview or pushed branch inherits the app's role, even if there is none today."""
    arn = facts.app.compute_role_arn
    if arn is None:
        return
    severity, repository = _repository(facts)
    targets = tuple(branch.name for branch in facts.branches if branch.pull_request_previews)
    if targets and not previews:
        said = f"Each pull request into the branch gets a preview, which inherits the app's compute role. {repository}"
        yield facts.finding(FindingKind.PREVIEW_EXPOSED, severity, said, branches=targets, role=arn)
    if facts.app.auto_branch_creation and not pushed:
        patterns = listed(shown(pattern) for pattern in facts.app.auto_branch_patterns)
        which = f"that matches {patterns}" if patterns else "at all"
        said = f"A push of any branch {which} creates it here, and it inherits the app's compute role. {repository}"
        yield facts.finding(FindingKind.AUTO_BRANCH_EXPOSED, severity, said, role=arn)


def _repository(facts: AppFacts) -> tuple[Severity, str]:
    """What is known of who can push code there, and how much that matters."""
    url = facts.app.repository
    if url is None:
        return Severity.NOTE, "The app has no repository: it is deployed by hand."
    host, path = _host_and_path(url)
    place = bare(f"{host}{path}")
    if host.startswith("git-codecommit."):
        return Severity.NOTE, f"The repository {place} is in CodeCommit, which has no public ones."
    return Severity.WARNING, (
        f"Whether {place} is public no API of AWS says: if it is, anybody's pull request or push can read the role's "
        "credentials."
    )


def _host_and_path(url: str) -> tuple[str, str]:
    """Without the user and password that a URL may hold."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "the repository"
    return parts.hostname or "", parts.path
