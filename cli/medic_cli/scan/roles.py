"""Service and compute roles: deleted, another account's, not assumable, contested, or not set at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medic.arns import RoleArn, name_of
from medic.diagnosis.facts import is_logging_role
from medic.diagnosis.model import Assumable, RoleVerdict
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence import Item, Present, RolePolicies
from medic.redaction import redact
from medic.text import bare, listed
from medic_cli.scan.facts import is_preview
from medic_cli.scan.model import FindingKind, ScanFinding, Severity

if TYPE_CHECKING:
    from medic.evidence import Branch, Evidence
    from medic_cli.scan.facts import AppFacts


@dataclass(frozen=True, slots=True)
class Purpose:
    """One of Amplify's two roles."""

    words: str
    verdict: Callable[[Evidence, str | None], RoleVerdict | None]
    other_account: FindingKind
    unassumable: FindingKind
    kinds: Mapping[Assumable, tuple[FindingKind, Severity]]


SERVICE = Purpose(
    "service role",
    service_role_verdict,
    FindingKind.SERVICE_ROLE_OTHER_ACCOUNT,
    FindingKind.SERVICE_ROLE_UNASSUMABLE,
    {
        Assumable.MISSING: (FindingKind.SERVICE_ROLE_DELETED, Severity.ERROR),
        Assumable.DENIED: (FindingKind.SERVICE_ROLE_UNASSUMABLE, Severity.ERROR),
        Assumable.CONDITIONAL: (FindingKind.SERVICE_ROLE_CONDITIONAL, Severity.WARNING),
        Assumable.UNREADABLE: (FindingKind.SERVICE_ROLE_CONDITIONAL, Severity.WARNING),
    },
)
COMPUTE = Purpose(
    "compute role",
    compute_role_verdict,
    FindingKind.COMPUTE_ROLE_OTHER_ACCOUNT,
    FindingKind.COMPUTE_ROLE_UNASSUMABLE,
    {
        Assumable.MISSING: (FindingKind.COMPUTE_ROLE_DELETED, Severity.ERROR),
        Assumable.DENIED: (FindingKind.COMPUTE_ROLE_UNASSUMABLE, Severity.ERROR),
        Assumable.CONDITIONAL: (FindingKind.COMPUTE_ROLE_CONDITIONAL, Severity.WARNING),
        Assumable.UNREADABLE: (FindingKind.COMPUTE_ROLE_CONDITIONAL, Severity.WARNING),
        Assumable.CONTESTED: (FindingKind.COMPUTE_ROLE_CONTESTED, Severity.WARNING),
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


def role_findings(facts: AppFacts, uses: tuple[Judged, ...]) -> Iterator[ScanFinding]:
    """What is wrong with the app's roles."""
    if not facts.app.service_role_arn:
        yield facts.finding(FindingKind.SERVICE_ROLE_NOT_SET, Severity.NOTE, "The app has no service role.")
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
        alike = (verdict.assumable, verdict.settled, verdict.required_source) if verdict else ()
        grouped.setdefault(alike, []).append(branch)
        verdicts.setdefault(alike, verdict)
    return [Judged(purpose, arn, tuple(members), verdicts[alike]) for alike, members in grouped.items()]


def _can_differ(facts: AppFacts, arn: str) -> bool:
    """Without a condition a trust policy says the same of every branch."""
    item = facts.roles.get(arn)
    return isinstance(item, Present) and "condition" in item.value.trust_policy.lower()


def _finding(facts: AppFacts, use: Judged) -> Iterator[ScanFinding]:
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


def _without_compute_role(facts: AppFacts) -> Iterator[ScanFinding]:
    """Previews are left out: they are better off without."""
    if facts.app.platform != "WEB_COMPUTE":
        return
    without = tuple(b for b in facts.branches if facts.compute_role_of(b) is None and not is_preview(b))
    if without:
        said = "Neither the branch nor the app has a compute role."
        yield facts.finding(FindingKind.COMPUTE_ROLE_NOT_SET, Severity.WARNING, said, branches=facts.named(without))


_LOG_POLICIES = frozenset({"CloudWatchLogsFullAccess", "CloudWatchLogsReadOnlyAccess"})


@dataclass(slots=True)
class _Users:
    """Who uses one role: of each app its name for people, nothing more."""

    words: str
    apps: list[str] = field(default_factory=list)
    let_in: list[str] = field(default_factory=list)
    kept_out: list[str] = field(default_factory=list)
    required_sources: list[str] = field(default_factory=list)

    @property
    def shortest_required_sources(self) -> list[str]:
        """Seen from another region, a pin to an app is one to that region too: the shorter of the two says enough."""
        return [
            pin
            for pin in self.required_sources
            if not any(pin != other and pin.startswith(other) for other in self.required_sources)
        ]


class RoleUsage:
    """Collects, app by app, what is known of each role's uses. It grows with roles and apps, never with branches."""

    def __init__(self) -> None:
        self._users: dict[str, _Users] = {}
        self._compute_roles: set[str] = set()

    @property
    def roles(self) -> tuple[str, ...]:
        """The ARNs of all roles in use that IAM was asked about."""
        return tuple(self._users)

    def add(self, facts: AppFacts, uses: tuple[Judged, ...]) -> None:
        """One app's uses of roles."""
        name = f"{bare(facts.app.name)} ({facts.app.id}, {facts.region})"
        for use in uses:
            if use.purpose is COMPUTE:
                self._compute_roles.add(use.arn)
            if use.verdict is None:
                continue
            users = self._users.setdefault(use.arn, _Users(use.purpose.words))
            _add(users.apps, name)
            if use.verdict.assumable is Assumable.DENIED and use.verdict.required_source:
                _add(users.required_sources, *use.verdict.required_source)
                _add(users.kept_out, name)
            elif use.verdict.usable:
                _add(users.let_in, name)

    def shared_role_findings(self) -> Iterator[ScanFinding]:
        """Roles that several apps use, and whose conditions on the source keep some of them out."""
        for arn, users in self._users.items():
            if len(users.apps) > 1 and users.kept_out:
                let_in = f" It lets in {listed(users.let_in)}." if users.let_in else ""
                sources = listed(users.shortest_required_sources)
                said = (
                    f"{len(users.apps)} apps use it as {users.words}, but its trust pins {sources}, which keeps out "
                    f"{listed(users.kept_out)}.{let_in}"
                )
                yield ScanFinding(FindingKind.SHARED_ROLE_LIMITED_BY_SOURCE, Severity.WARNING, redact(said), role=arn)

    def logging_role_findings(self, logging_roles: Mapping[str, Item[RolePolicies]]) -> Iterator[ScanFinding]:
        """Permissions on logging roles that server code never gets.

        Args:
            logging_roles: the policies of each role with a logging role's name, by its ARN.
        """
        for arn, item in logging_roles.items():
            if not isinstance(item, Present) or arn in self._compute_roles:
                continue
            if beyond := beyond_logging(item.value):
                users = self._users.get(arn)
                builds = f" As service role of {listed(users.apps)} it serves builds alone." if users else ""
                said = (
                    f"No app that was looked at has {bare(name_of(arn))} as compute role, so server code gets nothing "
                    f"of what it allows: {listed(beyond)}.{builds}"
                )
                yield ScanFinding(FindingKind.LOGGING_ROLE_PERMISSIONS, Severity.WARNING, redact(said), role=arn)


def _add(names: list[str], *more: str) -> None:
    names += (name for name in more if name not in names)


def is_logging_role_arn(arn: str) -> bool:
    """True for a role with the name that Amplify gives to the role that writes SSR logs."""
    return is_logging_role(name_of(arn))


def beyond_logging(policies: RolePolicies) -> tuple[str, ...]:
    """What the policies allow besides writing logs: actions, and the names of AWS's own policies."""
    managed = (arn.rpartition("/")[2] for arn in policies.attached if ":iam::aws:policy/" in arn)
    beyond = [name for name in managed if name not in _LOG_POLICIES]
    for document in policies.documents:
        beyond += _allowed_beyond_logging(document)
    return tuple(dict.fromkeys(beyond))


def _allowed_beyond_logging(document: Mapping[str, object]) -> Iterator[str]:
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
            continue
        for action in _texts(statement.get("NotAction")):
            yield f"everything but {bare(action)}"
        for action in _texts(statement.get("Action")):
            if not action.lower().startswith("logs:"):
                yield bare(action)


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
