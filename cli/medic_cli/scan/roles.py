"""Service and compute roles: deleted, another account's, not assumable, contested, or not set at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.arns import RoleArn
from medic.diagnosis.model import Assumable, RoleVerdict
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence.model import Present
from medic_cli.scan.facts import is_preview
from medic_cli.scan.model import Kind, Severity

if TYPE_CHECKING:
    from medic.evidence.model import Branch, Evidence
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.model import Finding


@dataclass(frozen=True, slots=True)
class Purpose:
    """One of Amplify's two roles."""

    words: str
    verdict: Callable[[Evidence, str | None], RoleVerdict | None]
    other_account: Kind
    unassumable: Kind
    kinds: Mapping[Assumable, tuple[Kind, Severity]]


SERVICE = Purpose(
    "service role",
    service_role_verdict,
    Kind.SERVICE_ROLE_OTHER_ACCOUNT,
    Kind.SERVICE_ROLE_UNASSUMABLE,
    {
        Assumable.MISSING: (Kind.SERVICE_ROLE_DELETED, Severity.ERROR),
        Assumable.DENIED: (Kind.SERVICE_ROLE_UNASSUMABLE, Severity.ERROR),
        Assumable.CONDITIONAL: (Kind.SERVICE_ROLE_CONDITIONAL, Severity.WARNING),
        Assumable.UNREADABLE: (Kind.SERVICE_ROLE_CONDITIONAL, Severity.WARNING),
    },
)
COMPUTE = Purpose(
    "compute role",
    compute_role_verdict,
    Kind.COMPUTE_ROLE_OTHER_ACCOUNT,
    Kind.COMPUTE_ROLE_UNASSUMABLE,
    {
        Assumable.MISSING: (Kind.COMPUTE_ROLE_DELETED, Severity.ERROR),
        Assumable.DENIED: (Kind.COMPUTE_ROLE_UNASSUMABLE, Severity.ERROR),
        Assumable.CONDITIONAL: (Kind.COMPUTE_ROLE_CONDITIONAL, Severity.WARNING),
        Assumable.UNREADABLE: (Kind.COMPUTE_ROLE_CONDITIONAL, Severity.WARNING),
        Assumable.CONTESTED: (Kind.COMPUTE_ROLE_CONTESTED, Severity.WARNING),
    },
)


@dataclass(frozen=True, slots=True)
class Judged:
    """One role in one use: what holds for these branches alike."""

    purpose: Purpose
    arn: str
    branches: tuple[Branch, ...]
    verdict: RoleVerdict | None
    """None if the ARN alone settles it: another account's, or no role's."""


def role_arns(facts: AppFacts) -> tuple[str, ...]:
    """Every role that the app names and that its own account's IAM must be asked about, once each."""
    named = [facts.app.service_role_arn]
    if facts.ssr:
        named += [facts.app.compute_role_arn, *(branch.compute_role_arn for branch in facts.branches)]
    return tuple(dict.fromkeys(arn for arn in named if arn and is_own(facts, arn)))


def judged(facts: AppFacts) -> tuple[Judged, ...]:
    """Every use of a role in the app, with the verdict; branches with the same verdict stand together."""
    uses = []
    if facts.app.service_role_arn:
        uses += _judged(facts, SERVICE, facts.app.service_role_arn, facts.branches)
    if facts.ssr:
        for arn, branches in _compute_roles(facts).items():
            uses += _judged(facts, COMPUTE, arn, branches)
    return tuple(uses)


def role_findings(facts: AppFacts, uses: tuple[Judged, ...]) -> Iterator[Finding]:
    """What is wrong with the app's roles."""
    if not facts.app.service_role_arn:
        yield facts.finding(Kind.SERVICE_ROLE_NOT_SET, Severity.NOTE, "The app has no service role.")
    for use in uses:
        yield from _finding(facts, use)
    yield from _without_compute_role(facts)


def is_own(facts: AppFacts, arn: str) -> bool:
    """True for the ARN of a role in the app's own account: only that one can be looked up, and be used."""
    role = RoleArn.parse(arn)
    return role is not None and (role.partition, role.account) == (facts.partition, facts.account)


def _compute_roles(facts: AppFacts) -> Mapping[str, tuple[Branch, ...]]:
    """The branches by their effective compute role; a role that only the app has, before it has branches, as well."""
    grouped: dict[str, tuple[Branch, ...]] = {}
    for branch in facts.branches:
        if arn := facts.compute_role_of(branch):
            grouped[arn] = (*grouped.get(arn, ()), branch)
    if facts.app.compute_role_arn and not facts.branches:
        grouped[facts.app.compute_role_arn] = ()
    return grouped


def _judged(facts: AppFacts, purpose: Purpose, arn: str, branches: tuple[Branch, ...]) -> list[Judged]:
    if not is_own(facts, arn):
        return [Judged(purpose, arn, branches, None)]
    if not branches or not _can_differ(facts, arn):
        return [Judged(purpose, arn, branches, purpose.verdict(facts.evidence(next(iter(branches), None)), arn))]
    grouped: dict[tuple[object, ...], list[Branch]] = {}
    verdicts: dict[tuple[object, ...], RoleVerdict | None] = {}
    for branch in branches:
        verdict = purpose.verdict(facts.evidence(branch), arn)
        alike = (verdict.assumable, verdict.settled, verdict.pinned_to) if verdict else ()
        grouped.setdefault(alike, []).append(branch)
        verdicts.setdefault(alike, verdict)
    return [Judged(purpose, arn, tuple(members), verdicts[alike]) for alike, members in grouped.items()]


def _can_differ(facts: AppFacts, arn: str) -> bool:
    """Without a condition a trust policy says the same of every branch."""
    item = facts.roles.get(arn)
    return isinstance(item, Present) and "condition" in item.value.trust_policy.lower()


def _finding(facts: AppFacts, use: Judged) -> Iterator[Finding]:
    branches, words = facts.named(use.branches), use.purpose.words
    if use.verdict is None:
        role = RoleArn.parse(use.arn)
        if role is None:
            said = f"What is set as {words} is not the ARN of a role, so nobody can assume it."
            yield facts.finding(use.purpose.unassumable, Severity.ERROR, said, branches=branches, role=use.arn)
        else:
            said = f"The {words} is in {role.partition}:{role.account}, the app in {facts.partition}:{facts.account}."
            yield facts.finding(use.purpose.other_account, Severity.ERROR, said, branches=branches, role=use.arn)
        return
    if use.verdict.assumable not in use.purpose.kinds or _not_read(facts, use):
        return
    kind, severity = use.purpose.kinds[use.verdict.assumable]
    said = " ".join(use.verdict.explanation)
    if not use.verdict.settled:
        severity = max(severity, Severity.WARNING, key=lambda each: each.rank)
        said += " The role is younger than five minutes: IAM may not have told every service yet."
    statement = use.verdict.proposal.statement if use.verdict.proposal else None
    yield facts.finding(kind, severity, said, branches=branches, role=use.arn, statement=statement)


def _not_read(facts: AppFacts, use: Judged) -> bool:
    """True where IAM would not tell: that is a gap of the scan, not a fault of the role."""
    unreadable = use.verdict is not None and use.verdict.assumable is Assumable.UNREADABLE
    return unreadable and not isinstance(facts.roles.get(use.arn), Present)


def _without_compute_role(facts: AppFacts) -> Iterator[Finding]:
    """Previews are left out: they are better off without."""
    if facts.app.platform != "WEB_COMPUTE":
        return
    without = tuple(b for b in facts.branches if facts.compute_role_of(b) is None and not is_preview(b))
    if without:
        said = "Neither the branch nor the app has a compute role."
        yield facts.finding(Kind.COMPUTE_ROLE_NOT_SET, Severity.WARNING, said, branches=facts.named(without))
