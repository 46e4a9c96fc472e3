"""Findings on service, compute and SSR logging roles, for each app and for roles that several apps share.

A role can be missing, deleted, in another account, not assumable, or trusted under contested conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medic.arns import RoleArn, name_of
from medic.diagnosis.facts import is_logging_role
from medic.diagnosis.model import Assumable, RoleVerdict
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence import Item, Present, RolePolicies
from medic.policies import allow_statements, texts
from medic.redaction import redact
from medic.text import bare, listed
from medic_cli.scan.model import FindingKind, ScanFinding, Severity

if TYPE_CHECKING:
    from medic.evidence import Branch, Evidence
    from medic_cli.scan.facts import AppFacts

_LOG_POLICIES = frozenset({"CloudWatchLogsFullAccess", "CloudWatchLogsReadOnlyAccess"})


@dataclass(frozen=True, slots=True)
class Purpose:
    """One of the two uses that Amplify has for a role."""

    name: str
    verdict: Callable[[Evidence, str | None], RoleVerdict | None]
    other_account: FindingKind
    kinds: Mapping[Assumable, tuple[FindingKind, Severity]]


SERVICE = Purpose(
    "service role",
    service_role_verdict,
    FindingKind.SERVICE_ROLE_OTHER_ACCOUNT,
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
    {
        Assumable.MISSING: (FindingKind.COMPUTE_ROLE_DELETED, Severity.ERROR),
        Assumable.DENIED: (FindingKind.COMPUTE_ROLE_UNASSUMABLE, Severity.ERROR),
        Assumable.CONDITIONAL: (FindingKind.COMPUTE_ROLE_CONDITIONAL, Severity.WARNING),
        Assumable.UNREADABLE: (FindingKind.COMPUTE_ROLE_CONDITIONAL, Severity.WARNING),
        Assumable.CONTESTED: (FindingKind.COMPUTE_ROLE_CONTESTED, Severity.WARNING),
    },
)


@dataclass(frozen=True, slots=True)
class RoleUse:
    """One role with one purpose, on branches that share the verdict."""

    purpose: Purpose
    arn: str
    branches: tuple[Branch, ...]
    verdict: RoleVerdict | None
    """None if the ARN alone decides: it is of another account, or not a role ARN."""


def role_arns(facts: AppFacts) -> tuple[str, ...]:
    """Roles of the app's own account that the app or its branches name, each once. The scan reads these from IAM."""
    named = [facts.app.service_role_arn]
    if facts.ssr:
        named += [facts.app.compute_role_arn, *(branch.compute_role_arn for branch in facts.branches)]
    return tuple(dict.fromkeys(arn for arn in named if arn and in_own_account(facts, arn)))


def role_uses(facts: AppFacts) -> tuple[RoleUse, ...]:
    """Every use of a role in the app. Branches with the same verdict share an entry."""
    uses = []
    if facts.app.service_role_arn:
        uses += _uses_by_verdict(facts, SERVICE, facts.app.service_role_arn, facts.branches)
    if facts.ssr:
        for arn, branches in _compute_roles(facts).items():
            uses += _uses_by_verdict(facts, COMPUTE, arn, branches)
    return tuple(uses)


def role_findings(facts: AppFacts, uses: tuple[RoleUse, ...]) -> Iterator[ScanFinding]:
    if not facts.app.service_role_arn:
        yield facts.finding(FindingKind.SERVICE_ROLE_NOT_SET, Severity.NOTE, "The app has no service role.")
    elif is_logging_role_arn(facts.app.service_role_arn):
        detail = "Amplify made this role to write SSR logs. Builds that call AWS are denied with it."
        kind, arn = FindingKind.LOGGING_ROLE_AS_SERVICE_ROLE, facts.app.service_role_arn
        yield facts.finding(kind, Severity.WARNING, detail, role=arn)
    for use in uses:
        yield from _finding(facts, use)
    yield from _without_compute_role(facts)
    yield from _unused_compute_roles(facts)


def in_own_account(facts: AppFacts, arn: str) -> bool:
    """True for a role ARN of the app's own account. The scan can read only these, and Amplify can use only these."""
    role = RoleArn.parse(arn)
    return role is not None and (role.partition, role.account) == (facts.partition, facts.account)


def _compute_roles(facts: AppFacts) -> Mapping[str, tuple[Branch, ...]]:
    """Branches by their effective compute role. If the app has no branches yet, the app's own role with none."""
    grouped: dict[str, tuple[Branch, ...]] = {}
    for branch in facts.branches:
        if arn := facts.compute_role_of(branch):
            grouped[arn] = (*grouped.get(arn, ()), branch)
    if facts.app.compute_role_arn and not facts.branches:
        grouped[facts.app.compute_role_arn] = ()
    return grouped


def _uses_by_verdict(facts: AppFacts, purpose: Purpose, arn: str, branches: tuple[Branch, ...]) -> list[RoleUse]:
    if not in_own_account(facts, arn):
        return [RoleUse(purpose, arn, branches, None)]
    if not branches or not _can_differ(facts, arn):
        return [RoleUse(purpose, arn, branches, purpose.verdict(facts.evidence(next(iter(branches), None)), arn))]
    grouped: dict[tuple[object, ...], list[Branch]] = {}
    verdicts: dict[tuple[object, ...], RoleVerdict | None] = {}
    for branch in branches:
        verdict = purpose.verdict(facts.evidence(branch), arn)
        key = (verdict.assumable, verdict.propagated, verdict.required_source) if verdict else ()
        grouped.setdefault(key, []).append(branch)
        verdicts.setdefault(key, verdict)
    return [RoleUse(purpose, arn, tuple(members), verdicts[key]) for key, members in grouped.items()]


def _can_differ(facts: AppFacts, arn: str) -> bool:
    """True if the verdict can differ between branches. Without conditions, a trust policy treats all alike."""
    item = facts.roles.get(arn)
    return isinstance(item, Present) and "condition" in item.value.trust_policy.lower()


def _finding(facts: AppFacts, use: RoleUse) -> Iterator[ScanFinding]:
    branches, name = facts.names_unless_all(use.branches), use.purpose.name
    if use.verdict is None:
        role = RoleArn.parse(use.arn)
        if role is None:
            kind = use.purpose.kinds[Assumable.DENIED][0]
            detail = f"The value set as {name} is not a role ARN, so Amplify can't assume it."
        else:
            kind = use.purpose.other_account
            own = f"{facts.partition}:{facts.account}"
            detail = f"The {name} is in {role.partition}:{role.account}, but the app is in {own}."
        yield facts.finding(kind, Severity.ERROR, detail, branches=branches, role=use.arn)
        return
    if use.verdict.assumable not in use.purpose.kinds or _not_read(facts, use):
        return
    kind, severity = use.purpose.kinds[use.verdict.assumable]
    detail = " ".join(use.verdict.explanation)
    if not use.verdict.propagated:
        # Not proven until IAM has propagated, so an error becomes a warning.
        severity = max(severity, Severity.WARNING, key=lambda each: each.rank)
        detail += " The role is less than five minutes old, so the change may not have reached every service yet."
    statement = use.verdict.proposal.statement if use.verdict.proposal else None
    yield facts.finding(kind, severity, detail, branches=branches, role=use.arn, statement=statement)


def _not_read(facts: AppFacts, use: RoleUse) -> bool:
    """True if IAM did not return the role. That is a gap of the scan, not a fault of the role."""
    unreadable = use.verdict is not None and use.verdict.assumable is Assumable.UNREADABLE
    return unreadable and not isinstance(facts.roles.get(use.arn), Present)


def _without_compute_role(facts: AppFacts) -> Iterator[ScanFinding]:
    """Branches that need a compute role and have none. Previews are left out: they are safer without one."""
    if facts.app.platform != "WEB_COMPUTE":
        return
    without = tuple(b for b in facts.branches if facts.compute_role_of(b) is None and not b.is_preview)
    if without:
        detail = "No compute role is set on the branch or on the app."
        names = facts.names_unless_all(without)
        yield facts.finding(FindingKind.COMPUTE_ROLE_NOT_SET, Severity.WARNING, detail, branches=names)


def _unused_compute_roles(facts: AppFacts) -> Iterator[ScanFinding]:
    """Compute roles where the platform runs no server code. It is not documented whether Amplify refuses them."""
    if facts.app.platform != "WEB":
        return
    for arn, branches in _compute_roles(facts).items():
        detail = "The app's platform is WEB, which runs no server code."
        names = facts.names_unless_all(branches)
        yield facts.finding(FindingKind.COMPUTE_ROLE_UNUSED, Severity.WARNING, detail, branches=names, role=arn)


@dataclass(slots=True)
class _RoleUsers:
    """The apps that use one role. It keeps only their display names, so that memory stays small."""

    purpose: str
    apps: list[str] = field(default_factory=list)
    let_in: list[str] = field(default_factory=list)
    kept_out: list[str] = field(default_factory=list)
    required_sources: list[str] = field(default_factory=list)

    @property
    def shortest_required_sources(self) -> list[str]:
        """Without the entries that only add a region: `… to app A` says enough if there is `… to app A in region R`."""
        return [
            source
            for source in self.required_sources
            if not any(source != other and source.startswith(other) for other in self.required_sources)
        ]


class RoleUsage:
    """Collects the uses of each role, app by app. Its size grows with roles and apps, not with branches."""

    def __init__(self) -> None:
        self._users: dict[str, _RoleUsers] = {}
        self._compute_roles: set[str] = set()

    @property
    def roles(self) -> tuple[str, ...]:
        """The ARNs of all roles in use, except those that the ARN alone rules out."""
        return tuple(self._users)

    def add(self, facts: AppFacts, uses: tuple[RoleUse, ...]) -> None:
        name = f"{bare(facts.app.name)} ({facts.app.id}, {facts.region})"
        for use in uses:
            if use.purpose is COMPUTE:
                self._compute_roles.add(use.arn)
            if use.verdict is None:
                continue
            users = self._users.setdefault(use.arn, _RoleUsers(use.purpose.name))
            _add_new(users.apps, name)
            if use.verdict.assumable is Assumable.DENIED and use.verdict.required_source:
                _add_new(users.required_sources, *use.verdict.required_source)
                _add_new(users.kept_out, name)
            elif use.verdict.usable:
                _add_new(users.let_in, name)

    def shared_role_findings(self) -> Iterator[ScanFinding]:
        """Roles that several apps use although a source condition keeps some of them out."""
        for arn, users in self._users.items():
            if len(users.apps) > 1 and users.kept_out:
                let_in = f" It lets in {listed(users.let_in)}." if users.let_in else ""
                sources = listed(users.shortest_required_sources)
                detail = (
                    f"{len(users.apps)} apps use the role as {users.purpose}, but its trust policy limits {sources}. "
                    f"This keeps out {listed(users.kept_out)}.{let_in}"
                )
                kind = FindingKind.SHARED_ROLE_LIMITED_BY_SOURCE
                yield ScanFinding(kind, Severity.WARNING, redact(detail), role=arn)

    def logging_role_findings(self, logging_roles: Mapping[str, Item[RolePolicies]]) -> Iterator[ScanFinding]:
        """Permissions on logging roles, which server code never gets.

        Args:
            logging_roles: the policies of each role with a logging role's name, by ARN.
        """
        for arn, item in logging_roles.items():
            if not isinstance(item, Present) or arn in self._compute_roles:
                continue
            if other := permissions_beyond_logging(item.value):
                users = self._users.get(arn)
                builds = f" As service role of {listed(users.apps)} it gives them only to builds." if users else ""
                detail = (
                    f"No scanned app uses {bare(name_of(arn))} as compute role, so server code does not get these "
                    f"permissions: {listed(other)}.{builds}"
                )
                yield ScanFinding(FindingKind.LOGGING_ROLE_PERMISSIONS, Severity.WARNING, redact(detail), role=arn)


def _add_new(names: list[str], *more: str) -> None:
    names += (name for name in more if name not in names)


def is_logging_role_arn(arn: str) -> bool:
    """True for a role with the name that Amplify gives to SSR logging roles."""
    return is_logging_role(name_of(arn))


def permissions_beyond_logging(policies: RolePolicies) -> tuple[str, ...]:
    """What the policies allow besides CloudWatch Logs: actions, and names of AWS managed policies."""
    managed = (name_of(arn) for arn in policies.attached if ":iam::aws:policy/" in arn)
    found = [name for name in managed if name not in _LOG_POLICIES]
    for statement in allow_statements(policies.documents):
        found += (f"everything but {bare(action)}" for action in texts(statement.get("NotAction")))
        actions = texts(statement.get("Action"))
        found += (bare(action) for action in actions if not action.lower().startswith("logs:"))
    return tuple(dict.fromkeys(found))
