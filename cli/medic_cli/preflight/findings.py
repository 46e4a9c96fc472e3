"""Findings on what is about to be deployed. They are those of `medic scan`, from the same functions.

Unknown values never make a finding: a scan of the same app with that value unread would not make one either.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medic.arns import name_of
from medic.evidence import App, Branch, EnvironmentVariable, Present, Role
from medic.plan.optin import AUTO_FIX
from medic.redaction import looks_like
from medic.text import bare, listed
from medic_cli.preflight.model import Gap, Place, Planned, PlannedApp, PlannedBranch, PlannedRole, Unknown
from medic_cli.preflight.permissive import most_permissive
from medic_cli.preflight.symbols import (
    Json,
    Kind,
    filled,
    filled_deep,
    filled_loosely,
    is_plain,
    symbols_in,
    unknown,
    why_unknown,
)
from medic_cli.preflight.worlds import World, branch_symbol, readable, worlds
from medic_cli.scan.exposure import environment_findings, exposure_findings
from medic_cli.scan.facts import AppFacts
from medic_cli.scan.model import FindingKind, ScanFinding, Severity
from medic_cli.scan.roles import RoleUsage, role_findings, role_uses

if TYPE_CHECKING:
    from medic.evidence import Item

_NOT_HERE = "not-in-these-files"
"""The name of a role of which nothing is known."""
_KEY_NAMES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
_CHANGES = {"fix", "ask"}

_PROVEN = {FindingKind.SERVICE_ROLE_UNASSUMABLE, FindingKind.COMPUTE_ROLE_UNASSUMABLE}
_OTHER_TRUST = {
    FindingKind.SERVICE_ROLE_CONDITIONAL,
    FindingKind.COMPUTE_ROLE_CONDITIONAL,
    FindingKind.COMPUTE_ROLE_CONTESTED,
}
_ON_TRUST = {*_PROVEN, *_OTHER_TRUST, FindingKind.SHARED_ROLE_LIMITED_BY_SOURCE}
_ON_PLATFORM = {
    FindingKind.COMPUTE_ROLE_NOT_SET,
    FindingKind.COMPUTE_ROLE_UNUSED,
    FindingKind.PREVIEW_EXPOSED,
    FindingKind.AUTO_BRANCH_EXPOSED,
}
_ON_WORLD = {*_ON_TRUST, FindingKind.SERVICE_ROLE_OTHER_ACCOUNT, FindingKind.COMPUTE_ROLE_OTHER_ACCOUNT}
"""Kinds that the values in a world can make."""
_ON_APP = {*_ON_PLATFORM, FindingKind.SERVICE_ROLE_NOT_SET}


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    finding: ScanFinding
    place: Place


@dataclass(frozen=True, slots=True)
class Preflight:
    """The whole result."""

    files: Mapping[str, str]
    """Each file that was read, and its format."""
    apps: int
    branches: int
    findings: tuple[PlacedFinding, ...]
    """The most severe first."""
    unknowns: tuple[Unknown, ...]
    gaps: tuple[Gap, ...]

    @property
    def partial(self) -> bool:
        """True if a file was not read."""
        return bool(self.gaps)

    @property
    def totals(self) -> Mapping[Severity, int]:
        counts = Counter(each.finding.severity for each in self.findings)
        return {severity: counts[severity] for severity in Severity}


@dataclass(frozen=True, slots=True)
class _Key:
    """What a finding is about, the same in every world."""

    kind: FindingKind
    place: Place
    branches: frozenset[Place]
    about: str
    """The role's address, or the text on variables."""


def preflight(planned: Planned, now: datetime) -> Preflight:
    """What the files show, and what they leave open."""
    planned = replace(planned, roles=_used_roles(planned))
    apps = _with_undeclared(planned)
    unknowns = [*planned.unknowns, *_unknown_values(planned, apps)]
    tried, all_tried = worlds(planned, apps)
    found = [dict(_World(planned, apps, world, now).findings()) for world in tried]
    certain = {key: value for key, value in found[0].items() if all(key in each for each in found)}
    if not all_tried:
        certain = {key: value for key, value in certain.items() if key.kind not in _ON_WORLD}
    possible = {key: value for each in reversed(found) for key, value in each.items()}
    unknowns += [_open_question(value) for key, value in possible.items() if key not in certain]
    findings = [*certain.values(), *_removals(planned), *_taken_off(planned, apps)]
    return Preflight(
        files=planned.files,
        apps=len(planned.apps),
        branches=len(planned.branches),
        findings=tuple(sorted(findings, key=lambda each: (each.finding.sort_key, each.place.file, each.place.address))),
        unknowns=tuple(dict.fromkeys(unknowns)),
        gaps=planned.gaps,
    )


def _used_roles(planned: Planned) -> tuple[PlannedRole, ...]:
    """The roles that an app or branch names, by reference or by their name."""
    named = [role for app in planned.apps for role in (app.service_role, app.compute_role)]
    named += [branch.compute_role for branch in planned.branches]
    arns = set(filter(None, named))
    names = {name_of(arn) for arn in arns}
    return tuple(role for role in planned.roles if role.arn in arns or role.name in names)


def _open_question(possible: PlacedFinding) -> Unknown:
    reason = "it depends on the account, region or app id: give --account, --region or --app-id"
    return Unknown(possible.place, possible.finding.kind.value.replace("_", " "), reason)


def _with_undeclared(planned: Planned) -> tuple[PlannedApp, ...]:
    """The apps, and one of which nothing is known for each app that only a branch names."""
    known = {app.id for app in planned.apps}
    others = {branch.app: branch for branch in planned.branches if branch.app not in known}
    return (*planned.apps, *(_undeclared(branch) for branch in others.values()))


def _undeclared(branch: PlannedBranch) -> PlannedApp:
    return PlannedApp(
        branch.place,
        id=branch.app,
        platform=unknown("the app is not in these files"),
        service_role=unknown("the app is not in these files"),
        account=branch.account,
        region=branch.region,
        declared=False,
    )


class _World:
    """The findings under one choice of the values that deploying decides."""

    def __init__(self, planned: Planned, apps: tuple[PlannedApp, ...], world: World, now: datetime) -> None:
        self._planned = planned
        self._apps = apps
        self._world = world
        self._now = now
        self._incomplete: set[str] = set()
        self._by_arn: dict[str, PlannedRole] = {}
        self._roles: dict[str, Item[Role]] = dict(self._read_roles())

    def findings(self) -> Iterator[tuple[_Key, PlacedFinding]]:
        usage = RoleUsage()
        for app in self._apps:
            branches = [branch for branch in self._planned.branches if branch.app == app.id]
            facts = self._facts(app, branches)
            uses = role_uses(facts)
            if app.declared:
                usage.add(facts, uses)
            found = (*role_findings(facts, uses), *environment_findings(facts), *exposure_findings(facts))
            for finding in (*found, *_keys_by_name(facts, app, branches)):
                if self._counts(finding, app):
                    yield self._placed(finding, app, branches)
        for finding in usage.shared_role_findings():
            role = self._by_arn.get(finding.role or "")
            if role is not None and finding.role not in self._incomplete:
                key = _Key(finding.kind, role.place, frozenset(), "")
                yield key, self._shown(finding, role.place)

    def _read_roles(self) -> Iterator[tuple[str, Item[Role]]]:
        for planned in self._planned.roles:
            arn, reading = filled(planned.arn, self._world), most_permissive(planned.trust)
            if arn is None or reading is None:
                continue
            self._by_arn[arn] = planned
            if not reading.complete:
                self._incomplete.add(arn)
            document = json.dumps(filled_deep(reading.document, self._world))
            # Old enough that nothing is put down to IAM's propagation.
            created = self._now - timedelta(days=1)
            yield arn, Present(Role(arn, name_of(arn), "/", created, document, None, 3600))

    def _facts(self, app: PlannedApp, branches: list[PlannedBranch]) -> AppFacts:
        account, region, partition = (self._text(each) for each in (app.account, app.region, app.partition))
        app_id = self._text(app.id)
        arn = f"arn:{partition}:amplify:{region}:{account}:apps/{app_id}"
        not_here = f"arn:{partition}:iam::{account}:role/{_NOT_HERE}"
        takes_role = any(branch.compute_role for branch in branches) or app.compute_role
        unsure = why_unknown(app.platform) is not None
        return AppFacts(
            partition=partition,
            account=account,
            region=region,
            read_at=self._now,
            app=App(
                id=app_id,
                arn=arn,
                name=filled_loosely(app.name, self._world) if app.name else app.place.address,
                platform=app.platform if not unsure else "WEB_COMPUTE" if takes_role else "WEB",
                repository=self._repository(app.repository),
                service_role_arn=self._role(app.service_role, not_here),
                compute_role_arn=self._role(app.compute_role, not_here),
                tags={},
                environment=_variables(app.environment),
                auto_branch_creation=_is_true(app.auto_branch_creation) and not why_unknown(app.auto_branch_patterns),
                auto_branch_patterns=_patterns(app.auto_branch_patterns),
                clone_method=None,
            ),
            branches=tuple(self._branch(arn, branch, not_here) for branch in branches),
            roles=self._roles,
        )

    def _branch(self, app_arn: str, branch: PlannedBranch, not_here: str) -> Branch:
        name = self._branch_name(branch)
        return Branch(
            name=name,
            arn=f"{app_arn}/branches/{name}",
            stage=branch.stage if is_plain(branch.stage) else "NONE",
            framework=None,
            compute_role_arn=self._role(branch.compute_role, not_here),
            tags={},
            environment=_variables(branch.environment),
            source_branch=None,
            destination_branch=None,
            active_job_id=None,
            pull_request_previews=_is_true(branch.pull_request_previews),
        )

    def _branch_name(self, branch: PlannedBranch) -> str:
        return branch.name if is_plain(branch.name) else self._world[branch_symbol(branch.place.address)]

    def _text(self, text: str) -> str:
        """A text that is known in this world, or a name that no policy can hold."""
        return filled(text, self._world) or "unknown"

    def _repository(self, url: str | None) -> str | None:
        """The URL with … for what is not known in it."""
        return "the repository" if url and url.startswith(unknown("")[:1]) else url and filled_loosely(url, self._world)

    def _role(self, text: str | None, not_here: str) -> str | None:
        return None if text is None else filled(text, self._world) or not_here

    def _counts(self, finding: ScanFinding, app: PlannedApp) -> bool:
        """False for what rests on an unknown value."""
        if finding.role is not None and finding.role.endswith(f"/{_NOT_HERE}"):
            return False
        if finding.role in self._incomplete and finding.kind in _OTHER_TRUST:
            return False
        if not app.declared:
            return finding.kind not in _ON_APP
        return why_unknown(app.platform) is None or finding.kind not in _ON_PLATFORM

    def _placed(
        self, finding: ScanFinding, app: PlannedApp, branches: list[PlannedBranch]
    ) -> tuple[_Key, PlacedFinding]:
        """A finding with its place, and with a key that is the same in every world."""
        places = {self._branch_name(branch): branch.place for branch in branches}
        on = frozenset(places[name] for name in finding.branches)
        role = self._by_arn.get(finding.role or "")
        if role is not None and finding.kind in _ON_TRUST:
            place = role.place
        else:
            place = next(iter(on)) if len(on) == 1 else app.place
        about = role.place.address if role else readable(finding.role or finding.detail, self._world)
        return _Key(finding.kind, app.place, on, about), self._shown(finding, place)

    def _shown(self, finding: ScanFinding, place: Place) -> PlacedFinding:
        """The finding without the values that were made up for this world."""

        def show(text: str | None) -> str | None:
            return None if text is None else readable(text, self._world)

        return PlacedFinding(
            replace(
                finding,
                detail=readable(finding.detail, self._world),
                region=show(finding.region),
                app_id=show(finding.app_id),
                branches=tuple(readable(name, self._world) for name in finding.branches),
                role=show(finding.role),
                statement=show(finding.statement),
            ),
            place,
        )


def _is_true(value: Json) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _patterns(value: Json) -> tuple[str, ...]:
    given = value if isinstance(value, list) else ()
    return tuple(each for each in given if isinstance(each, str) and is_plain(each))


def _variables(environment: Json) -> tuple[EnvironmentVariable, ...]:
    """The variables with what each value looks like. Values do not leave this function."""
    if not isinstance(environment, Mapping):
        return ()
    return tuple(EnvironmentVariable(name, _looks_like(name, value)) for name, value in sorted(environment.items()))


def _looks_like(name: str, value: Json) -> str | None:
    key = next((symbol.name for symbol in symbols_in(value) if symbol.kind is Kind.KEY), None)
    if key is not None:
        return key
    return looks_like(value, name) if isinstance(value, str) and is_plain(value) else None


def _keys_by_name(facts: AppFacts, app: PlannedApp, branches: list[PlannedBranch]) -> Iterator[ScanFinding]:
    """Variables with the name of an AWS key, whose values the files do not tell."""
    owners: list[tuple[Json, str, tuple[str, ...]]] = [(app.environment, "app", ())]
    owners += [
        (planned.environment, "branch", (read.name,)) for planned, read in zip(branches, facts.branches, strict=True)
    ]
    for environment, level, on in owners:
        given = environment if isinstance(environment, Mapping) else {}
        names = [name for name, value in given.items() if name in _KEY_NAMES and why_unknown(value) is not None]
        if names:
            detail = f"Set on the {level}: {listed(map(bare, names))}. The files do not hold the values."
            yield facts.finding(FindingKind.LONG_LIVED_KEYS, Severity.WARNING, detail, branches=on)


def _removals(planned: Planned) -> Iterator[PlacedFinding]:
    for removal in planned.removals:
        detail = f"The plan takes the {removal.what} off."
        finding = ScanFinding(FindingKind.ROLE_TAKEN_OFF, Severity.WARNING, detail, role=removal.role)
        yield PlacedFinding(finding, removal.place)


def _taken_off(planned: Planned, apps: tuple[PlannedApp, ...]) -> Iterator[PlacedFinding]:
    """Opted-in branches whose resource could name the role that the bot attaches, and names none."""
    by_id = {app.id: app for app in apps}
    for branch in planned.branches:
        app, tags = by_id[branch.app], branch.tags if isinstance(branch.tags, Mapping) else {}
        unset = branch.compute_role is None and app.compute_role is None and app.platform != "WEB"
        if branch.takes_compute_role and unset and tags.get(AUTO_FIX) in _CHANGES:
            detail = (
                "The branch is opted in, and its resource names no compute role. When the bot has attached one, a "
                "later deployment of this resource may take it off."
            )
            finding = ScanFinding(
                FindingKind.ROLE_TAKEN_OFF,
                Severity.WARNING,
                detail,
                app_name=app.name if app.name and is_plain(app.name) else None,
                branches=(branch.name,) if is_plain(branch.name) else (),
            )
            yield PlacedFinding(finding, branch.place)


def _unknown_values(planned: Planned, apps: tuple[PlannedApp, ...]) -> Iterator[Unknown]:
    """What a check needed and the files do not tell."""
    arns = {role.arn: role for role in planned.roles}
    used: list[tuple[Place, str, str | None]] = []
    for app in apps:
        if app.declared:
            used += [(app.place, "service role", app.service_role), (app.place, "compute role", app.compute_role)]
            yield from _unknown(app.place, "platform", app.platform)
            yield from _unknown(app.place, "auto branch creation", app.auto_branch_creation)
        else:
            yield Unknown(app.place, "app", why_unknown(app.id) or "the app is not in these files")
        if isinstance(app.environment, str):
            yield from _unknown(app.place, "environment variables", app.environment)
    for branch in planned.branches:
        used.append((branch.place, "compute role", branch.compute_role))
        yield from _unknown(branch.place, "pull-request previews", branch.pull_request_previews)
        yield from _unknown(branch.place, "tags", branch.tags if isinstance(branch.tags, str) else None)
        if isinstance(branch.environment, str):
            yield from _unknown(branch.place, "environment variables", branch.environment)
    for place, what, arn in used:
        yield from _unknown(place, what, arn)
        role = arns.get(arn or "")
        if role is not None:
            yield from _unknown(role.place, "trust policy", role.trust)
        elif arn is not None and why_unknown(arn) is None and not _named_role(planned, arn):
            yield Unknown(place, what, f"the role {bare(readable_name(arn))} is not in these files")


def _named_role(planned: Planned, arn: str) -> bool:
    """True if the ARN spells out the name of a role that is deployed here."""
    return any(role.name is not None and role.name == name_of(arn) for role in planned.roles)


def readable_name(arn: str) -> str:
    name = name_of(arn)
    return name if is_plain(name) else "that it names"


def _unknown(place: Place, what: str, value: Json) -> Iterator[Unknown]:
    reason = why_unknown(value)
    if reason is not None:
        yield Unknown(place, what, reason)
