"""What a scan finds, and what it could not look at. Frozen facts, made by the pure rooms, shown by the renderers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from medic_cli.aws import explanation
from medic_cli.errors import COULD_NOT_LOOK, SOMETHING_WRONG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from medic.aws.errors import AwsError


class Severity(StrEnum):
    """How bad it is: errors are proven, warnings are likely or dangerous, notes are good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class FindingKind(StrEnum):
    """What can be found."""

    SERVICE_ROLE_NOT_SET = "service_role_not_set"
    SERVICE_ROLE_DELETED = "service_role_deleted"
    SERVICE_ROLE_OTHER_ACCOUNT = "service_role_other_account"
    SERVICE_ROLE_UNASSUMABLE = "service_role_unassumable"
    SERVICE_ROLE_CONDITIONAL = "service_role_conditional"
    COMPUTE_ROLE_NOT_SET = "compute_role_not_set"
    COMPUTE_ROLE_DELETED = "compute_role_deleted"
    COMPUTE_ROLE_OTHER_ACCOUNT = "compute_role_other_account"
    COMPUTE_ROLE_UNASSUMABLE = "compute_role_unassumable"
    COMPUTE_ROLE_CONDITIONAL = "compute_role_conditional"
    COMPUTE_ROLE_CONTESTED = "compute_role_contested"
    SHARED_ROLE_LIMITED_BY_SOURCE = "shared_role_limited_by_source"
    LOGGING_ROLE_PERMISSIONS = "logging_role_permissions"
    LONG_LIVED_KEYS = "long_lived_keys"
    SECRET_IN_VARIABLES = "secret_in_variables"  # noqa: S105 - the name of a finding
    PREVIEW_EXPOSED = "preview_exposed"
    AUTO_BRANCH_EXPOSED = "auto_branch_exposed"
    FIX_POSSIBLE = "fix_possible"
    FIX_REFUSED = "fix_refused"
    FIX_NOT_NEEDED = "fix_not_needed"
    OPT_IN_UNKNOWN = "opt_in_unknown"


@dataclass(frozen=True, slots=True)
class ScanFinding:
    """One thing found, in one place. Every text in it is redacted."""

    kind: FindingKind
    severity: Severity
    detail: str
    """What was seen, in sentences."""
    region: str | None = None
    """None for what concerns the account's IAM."""
    app_id: str | None = None
    app_name: str | None = None
    branches: tuple[str, ...] = ()
    """Empty: the app as a whole, or no app at all."""
    role: str | None = None
    """The ARN of the role it is about."""
    statement: str | None = None
    """The IAM statement, as compact JSON, that would mend it; to be judged by a person."""

    @property
    def order(self) -> tuple[int, int, str, str, str, tuple[str, ...]]:
        """Sorts the worst first, then by kind and place."""
        place = (self.region or "", self.app_name or "", self.app_id or "")
        return (self.severity.rank, list(FindingKind).index(self.kind), *place, self.branches)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be looked at: what it would have shown is missing from the answer."""

    action: str
    """The IAM action that lacks, or that failed."""
    reason: str
    """In a sentence, with what to do about it."""
    region: str | None = None
    app_ids: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegionSeen:
    """How much of one region was seen."""

    name: str
    found: int
    """Apps that are to be looked at."""
    apps: int
    """Apps that were looked at to their end."""
    branches: int
    listed: bool
    """False if not even the apps could be listed."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The whole answer."""

    partition: str
    account: str | None
    """None if no app was seen: it is read off the apps' ARNs."""
    started_at: datetime
    seconds: float
    regions: tuple[RegionSeen, ...]
    findings: tuple[ScanFinding, ...]
    """The worst first."""
    gaps: tuple[Gap, ...]
    interrupted: bool
    calls: Mapping[str, int]
    """Requests sent, by `service:Operation`."""
    throttles: int
    settings_from: str | None
    """Where the settings were read: a file, or the deployed stack; None: the defaults."""

    @property
    def partial(self) -> bool:
        """True if something is missing: nothing may be concluded from its silence."""
        return self.interrupted or bool(self.gaps)

    @property
    def totals(self) -> Mapping[Severity, int]:
        """Findings by severity."""
        counted = Counter(finding.severity for finding in self.findings)
        return {severity: counted[severity] for severity in Severity}

    @property
    def apps(self) -> int:
        """Apps looked at."""
        return sum(region.apps for region in self.regions)

    @property
    def branches(self) -> int:
        """Branches looked at."""
        return sum(region.branches for region in self.regions)


class FailOn(StrEnum):
    """From which severity on a finding fails the scan."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


def exit_code(scan: Scan, fail_on: FailOn) -> int:
    """1 if there is a finding that bad; else 3 if something could not be looked at, for it may be there; else 0."""
    if fail_on is not FailOn.NEVER:
        least = Severity(fail_on)
        if any(finding.severity.rank <= least.rank for finding in scan.findings):
            return SOMETHING_WRONG
    return COULD_NOT_LOOK if scan.partial else 0


class Gaps:
    """Collects gaps."""

    def __init__(self) -> None:
        self._gaps: dict[tuple[str, str, str | None], Gap] = {}
        self.first: AwsError | None = None
        """The first error that made one."""

    def add(
        self, error: AwsError, *, region: str | None = None, app: str | None = None, role: str | None = None
    ) -> None:
        """Note that a call failed.

        Args:
            error: what AWS answered, or why it did not.
            region: where; None for IAM.
            app: the id of the app it was asked for.
            role: the ARN of the role it was asked for.
        """
        self.first = self.first or error
        key = (error.operation, error.code, region)
        known = self._gaps.get(key) or Gap(error.operation, explanation(error), region)
        apps, roles = (*known.app_ids, *filter(None, [app])), (*known.roles, *filter(None, [role]))
        self._gaps[key] = replace(known, app_ids=tuple(dict.fromkeys(apps)), roles=tuple(dict.fromkeys(roles)))

    def note(self, gap: Gap) -> None:
        """Note a gap that no failed call made."""
        self._gaps[gap.action, gap.reason, gap.region] = gap

    def all(self) -> tuple[Gap, ...]:
        """Every gap, in the order they were met."""
        return tuple(self._gaps.values())


@dataclass(frozen=True, slots=True)
class FindingText:
    """A kind in words."""

    title: str
    advice: str
    entry: str
    """The knowledge base's entry: `medic explain ENTRY`."""


KINDS: Mapping[FindingKind, FindingText] = {
    FindingKind.SERVICE_ROLE_NOT_SET: FindingText(
        "No service role",
        "Fine as long as no build calls AWS: builds run as a role of Amplify's own. Set a service role if they do.",
        "service_role_not_set",
    ),
    FindingKind.SERVICE_ROLE_DELETED: FindingText(
        "The service role does not exist",
        "Make the role again under this very ARN, or set another one on the app: until then its builds fail.",
        "service_role_missing",
    ),
    FindingKind.SERVICE_ROLE_OTHER_ACCOUNT: FindingText(
        "The service role belongs to another account",
        "Set a role of the app's own account: a role can't be passed to a service across accounts.",
        "service_role_other_account",
    ),
    FindingKind.SERVICE_ROLE_UNASSUMABLE: FindingText(
        "Amplify can't assume the service role",
        "Correct the role's trust policy: until then the builds stop before they clone the repository.",
        "service_role_trust_wrong",
    ),
    FindingKind.SERVICE_ROLE_CONDITIONAL: FindingText(
        "It can't be known whether Amplify may assume the service role",
        "Compare the trust policy with the documented one; a build is the test.",
        "service_role_trust_wrong",
    ),
    FindingKind.COMPUTE_ROLE_NOT_SET: FindingText(
        "SSR branches without a compute role",
        "If server code calls AWS, give the branch a compute role: without one it finds no credentials at runtime. "
        "If it calls nothing, all is well.",
        "compute_role_not_set",
    ),
    FindingKind.COMPUTE_ROLE_DELETED: FindingText(
        "The compute role does not exist",
        "Make the role again under this very ARN, or set another one: server code finds no credentials.",
        "compute_role_missing",
    ),
    FindingKind.COMPUTE_ROLE_OTHER_ACCOUNT: FindingText(
        "The compute role belongs to another account",
        "Set a role of the app's own account, and let that one assume the other if it must.",
        "compute_role_missing",
    ),
    FindingKind.COMPUTE_ROLE_UNASSUMABLE: FindingText(
        "Amplify can't assume the compute role",
        "Correct the role's trust policy: until then server code finds no credentials.",
        "compute_role_trust_wrong",
    ),
    FindingKind.COMPUTE_ROLE_CONDITIONAL: FindingText(
        "It can't be known whether Amplify may assume the compute role",
        "Use the plain trust statement that AWS documents.",
        "compute_role_trust_wrong",
    ),
    FindingKind.COMPUTE_ROLE_CONTESTED: FindingText(
        "The compute role's trust has conditions that Amplify was seen to refuse",
        "It works on paper, and reports disagree. The plain statement is what AWS documents.",
        "compute_role_conditions_contested",
    ),
    FindingKind.SHARED_ROLE_LIMITED_BY_SOURCE: FindingText(
        "A role shared by apps lets only some of them in",
        "Give each app a role of its own, or name every app in the condition.",
        "service_role_source_condition",
    ),
    FindingKind.LOGGING_ROLE_PERMISSIONS: FindingText(
        "App permissions on the SSR logging role",
        "Put them on the compute role: server code never acts as the role that writes its logs.",
        "permissions_on_logging_role",
    ),
    FindingKind.LONG_LIVED_KEYS: FindingText(
        "AWS keys in environment variables",
        "Give the branch a compute role (or the app a service role, for builds), then delete the variables and the "
        "keys: everybody who may read the app reads them too.",
        "long_lived_keys_in_variables",
    ),
    FindingKind.SECRET_IN_VARIABLES: FindingText(
        "Variables that look like secrets",
        "Keep secrets in Amplify's secrets or in Secrets Manager: variables are shown to all who may read the app.",
        "long_lived_keys_in_variables",
    ),
    FindingKind.PREVIEW_EXPOSED: FindingText(
        "Pull-request previews run with a compute role",
        "Set the role on the branches that need it, not on the app; for a public repository, switch previews off.",
        "two_roles",
    ),
    FindingKind.AUTO_BRANCH_EXPOSED: FindingText(
        "Branches created by a push run with a compute role",
        "Set the role on the branches that need it, not on the app.",
        "two_roles",
    ),
    FindingKind.FIX_POSSIBLE: FindingText(
        "Opted in: a fix would be possible",
        "Nothing to do. What depends on the failure itself (its age, cool-down, storms) is asked when it happens.",
        "compute_role_not_set",
    ),
    FindingKind.FIX_REFUSED: FindingText(
        "Opted in, and yet a fix would be refused",
        "Change what the guardrail names, or take the tag off.",
        "compute_role_not_set",
    ),
    FindingKind.FIX_NOT_NEEDED: FindingText(
        "Opted in: the compute role is usable",
        "Nothing to do: a usable role that somebody set is never replaced.",
        "two_roles",
    ),
    FindingKind.OPT_IN_UNKNOWN: FindingText(
        "The opt-in tag has an unknown value",
        "Use fix, ask, report or ignore, exactly so: anything else is taken as report.",
        "two_roles",
    ),
}
