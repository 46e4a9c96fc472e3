"""Long-lived keys and other secrets in environment variables: their names and kinds, never their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.trust.wording import bare, listed
from medic_cli.scan.model import Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.evidence.model import EnvironmentVariable
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.model import Finding

_AWS_KEYS = frozenset({"access key id", "secret access key", "session token"})
_HARMLESS_ALONE = frozenset({"access key id"})

_Secrets = tuple["EnvironmentVariable", ...]


def environment_findings(facts: AppFacts) -> Iterator[Finding]:
    """Variables of the app and of each branch; branches with the same ones stand together."""
    yield from _findings(facts, _secrets(facts.app.environment), "app", ())
    grouped: dict[_Secrets, list[str]] = {}
    for branch in facts.branches:
        grouped.setdefault(_secrets(branch.environment), []).append(branch.name)
    for secrets, names in grouped.items():
        yield from _findings(facts, secrets, "branch", tuple(names))


def _secrets(variables: _Secrets) -> _Secrets:
    return tuple(variable for variable in variables if variable.looks_like)


def _findings(facts: AppFacts, secrets: _Secrets, level: str, branches: tuple[str, ...]) -> Iterator[Finding]:
    keys = tuple(each for each in secrets if each.looks_like in _AWS_KEYS)
    others = tuple(each for each in secrets if each.looks_like not in _AWS_KEYS)
    if keys:
        alone = all(each.looks_like in _HARMLESS_ALONE for each in keys)
        severity = Severity.WARNING if alone else Severity.ERROR
        yield facts.finding(Kind.LONG_LIVED_KEYS, severity, _said(keys, level), branches=branches)
    if others:
        yield facts.finding(Kind.SECRET_IN_VARIABLES, Severity.NOTE, _said(others, level), branches=branches)


def _said(variables: _Secrets, level: str) -> str:
    named = listed(f"{bare(each.name)} ({each.looks_like})" for each in variables)
    return f"Set on the {level}: {named}."
