"""The results of a scan: findings, gaps, totals and the exit code. Also the texts for each kind of finding."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from medic_cli.aws import explanation
from medic_cli.errors import COULD_NOT_LOOK, SOMETHING_WRONG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from medic.aws.errors import AwsError


class Severity(StrEnum):
    """Errors are proven, warnings are likely or risky, notes are for information."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 is the most severe."""
        return list(Severity).index(self)


class FindingKind(StrEnum):
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
    COMPUTE_ROLE_UNUSED = "compute_role_unused"
    ROLE_TAKEN_OFF = "role_taken_off"
    SHARED_ROLE_LIMITED_BY_SOURCE = "shared_role_limited_by_source"
    LOGGING_ROLE_AS_SERVICE_ROLE = "logging_role_as_service_role"
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
    """One finding in one place. All its texts are redacted."""

    kind: FindingKind
    severity: Severity
    detail: str
    """What the scan saw, in sentences."""
    region: str | None = None
    """None for a finding on the account's IAM."""
    app_id: str | None = None
    app_name: str | None = None
    branches: tuple[str, ...] = ()
    """Empty: the whole app, or no app at all."""
    role: str | None = None
    """A role ARN."""
    statement: str | None = None
    """An IAM statement as compact JSON that would fix the trust policy. A person has to review it."""

    @property
    def sort_key(self) -> tuple[int, int, str, str, str, tuple[str, ...]]:
        """The most severe first, then by kind and place."""
        place = (self.region or "", self.app_name or "", self.app_id or "")
        return (self.severity.rank, list(FindingKind).index(self.kind), *place, self.branches)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the scan could not read. Findings may be missing because of it."""

    action: str
    """The IAM action that is not allowed, or that failed."""
    reason: str
    """One sentence with what to do about it."""
    region: str | None = None
    app_ids: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


class Gaps:
    """Collects gaps. Failed calls with the same action, error code and region make one gap."""

    def __init__(self) -> None:
        self._gaps: dict[tuple[str, str, str | None], Gap] = {}
        self.first_error: AwsError | None = None

    def add(
        self, error: AwsError, *, region: str | None = None, app: str | None = None, role: str | None = None
    ) -> None:
        """Record a failed call.

        Args:
            error: the failure.
            region: where; None for IAM.
            app: the id of the app that the call was about.
            role: the ARN of the role that the call was about.
        """
        self.first_error = self.first_error or error
        key = (error.operation, error.code, region)
        known = self._gaps.get(key) or Gap(error.operation, explanation(error), region)
        apps, roles = (*known.app_ids, *filter(None, [app])), (*known.roles, *filter(None, [role]))
        self._gaps[key] = replace(known, app_ids=tuple(dict.fromkeys(apps)), roles=tuple(dict.fromkeys(roles)))

    def note(self, gap: Gap) -> None:
        """Record a gap that does not come from a failed call."""
        self._gaps[gap.action, gap.reason, gap.region] = gap

    def all(self) -> tuple[Gap, ...]:
        return tuple(self._gaps.values())


@dataclass(slots=True)
class RegionSummary:
    """How much of one region was scanned, so far or in the end."""

    name: str
    apps_found: int = 0
    apps: int = 0
    """Apps that were scanned completely."""
    branches: int = 0
    listed: bool = False
    """False if the region's apps could not be listed."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The whole result."""

    partition: str
    account: str | None
    """From the apps' ARNs; None if no app was found."""
    started_at: datetime
    seconds: float
    regions: tuple[RegionSummary, ...]
    findings: tuple[ScanFinding, ...]
    """The most severe first."""
    gaps: tuple[Gap, ...]
    interrupted: bool
    calls: Mapping[str, int]
    """Requests sent, by `service:Operation`."""
    throttles: int
    settings_from: str | None
    """The settings file or the deployed stack. None: the default settings."""

    @property
    def partial(self) -> bool:
        """True if something was not checked. A missing finding then proves nothing."""
        return self.interrupted or bool(self.gaps)

    @property
    def totals(self) -> Mapping[Severity, int]:
        """Findings by severity."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in Severity}

    @property
    def apps(self) -> int:
        """Apps that were scanned completely."""
        return sum(region.apps for region in self.regions)

    @property
    def branches(self) -> int:
        return sum(region.branches for region in self.regions)


class FailOn(StrEnum):
    """The lowest severity that makes the command fail."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


def exit_code(findings: Iterable[ScanFinding], fail_on: FailOn, *, partial: bool) -> int:
    """1 for a finding of at least that severity, else 3 if something was not read, else 0."""
    if fail_on is not FailOn.NEVER:
        threshold = Severity(fail_on)
        if any(finding.severity.rank <= threshold.rank for finding in findings):
            return SOMETHING_WRONG
    return COULD_NOT_LOOK if partial else 0


@dataclass(frozen=True, slots=True)
class FindingText:
    """What people read about one kind of finding."""

    title: str
    advice: str
    entry: str
    """The entry of the knowledge base: `medic explain ENTRY`."""


FINDING_TEXTS: Mapping[FindingKind, FindingText] = {
    FindingKind.SERVICE_ROLE_NOT_SET: FindingText(
        "No service role",
        "If a build calls AWS, set a service role. If not, ignore this: builds then run with a role that Amplify owns.",
        "service_role_not_set",
    ),
    FindingKind.SERVICE_ROLE_DELETED: FindingText(
        "The service role does not exist",
        "Create the role again with this exact ARN, or set another role on the app. Until then its builds fail.",
        "service_role_missing",
    ),
    FindingKind.SERVICE_ROLE_OTHER_ACCOUNT: FindingText(
        "The service role belongs to another account",
        "Set a role of the app's own account. A role can't be passed to a service across accounts.",
        "service_role_other_account",
    ),
    FindingKind.SERVICE_ROLE_UNASSUMABLE: FindingText(
        "Amplify can't assume the service role",
        "Correct the role's trust policy. Until then builds stop before they clone the repository.",
        "service_role_trust_wrong",
    ),
    FindingKind.SERVICE_ROLE_CONDITIONAL: FindingText(
        "The scan can't tell whether Amplify can assume the service role",
        "Compare the trust policy with the one that AWS documents. Start a build to test it.",
        "service_role_trust_wrong",
    ),
    FindingKind.COMPUTE_ROLE_NOT_SET: FindingText(
        "SSR branches without a compute role",
        "If server code calls AWS, set a compute role on the branch: without one it finds no credentials at runtime. "
        "If it doesn't call AWS, ignore this.",
        "compute_role_not_set",
    ),
    FindingKind.COMPUTE_ROLE_DELETED: FindingText(
        "The compute role does not exist",
        "Create the role again with this exact ARN, or set another role. Until then server code finds no credentials.",
        "compute_role_missing",
    ),
    FindingKind.COMPUTE_ROLE_OTHER_ACCOUNT: FindingText(
        "The compute role belongs to another account",
        "Set a role of the app's own account. If needed, let that role assume the one in the other account.",
        "compute_role_missing",
    ),
    FindingKind.COMPUTE_ROLE_UNASSUMABLE: FindingText(
        "Amplify can't assume the compute role",
        "Correct the role's trust policy. Until then server code finds no credentials.",
        "compute_role_trust_wrong",
    ),
    FindingKind.COMPUTE_ROLE_CONDITIONAL: FindingText(
        "The scan can't tell whether Amplify can assume the compute role",
        "Use the plain trust statement that AWS documents.",
        "compute_role_trust_wrong",
    ),
    FindingKind.COMPUTE_ROLE_CONTESTED: FindingText(
        "The compute role's trust policy has conditions that Amplify reportedly rejects",
        "By IAM's rules the policy works, but reports disagree. Use the plain trust statement that AWS documents.",
        "compute_role_conditions_contested",
    ),
    FindingKind.COMPUTE_ROLE_UNUSED: FindingText(
        "A compute role on an app without server code",
        "If the app renders on the server, set its platform to WEB_COMPUTE. If not, take the role off.",
        "two_roles",
    ),
    FindingKind.ROLE_TAKEN_OFF: FindingText(
        "The deployment takes a role off",
        "Name the role in the code that owns the resource, so that a deployment keeps what the bot attached.",
        "compute_role_not_set",
    ),
    FindingKind.SHARED_ROLE_LIMITED_BY_SOURCE: FindingText(
        "The trust policy of a shared role lets in only some of its apps",
        "Give each app its own role, or list every app in the condition.",
        "service_role_source_condition",
    ),
    FindingKind.LOGGING_ROLE_AS_SERVICE_ROLE: FindingText(
        "The service role is the one for SSR logs",
        "Give the app a service role of its own. The logging role may write logs and nothing else.",
        "service_role_for_logs",
    ),
    FindingKind.LOGGING_ROLE_PERMISSIONS: FindingText(
        "App permissions on the SSR logging role",
        "Move them to the compute role. Server code never runs with the role that writes its logs.",
        "permissions_on_logging_role",
    ),
    FindingKind.LONG_LIVED_KEYS: FindingText(
        "AWS keys in environment variables",
        "Set a compute role on the branch (or, for builds, a service role on the app). Then delete the variables and "
        "the keys. Everyone who can read the app can read them.",
        "long_lived_keys_in_variables",
    ),
    FindingKind.SECRET_IN_VARIABLES: FindingText(
        "Variables that look like secrets",
        "Move them to Amplify's secrets or to Secrets Manager. Everyone who can read the app can read its variables.",
        "long_lived_keys_in_variables",
    ),
    FindingKind.PREVIEW_EXPOSED: FindingText(
        "Pull-request previews run with a compute role",
        "Set the role on the branches that need it, not on the app. For a public repository, turn previews off.",
        "two_roles",
    ),
    FindingKind.AUTO_BRANCH_EXPOSED: FindingText(
        "Branches created by a push run with a compute role",
        "Set the role on the branches that need it, not on the app.",
        "two_roles",
    ),
    FindingKind.FIX_POSSIBLE: FindingText(
        "Opted in: the bot could fix the branch",
        "No action needed. When a failure happens, the bot also checks its age, the cool-down and storms.",
        "compute_role_not_set",
    ),
    FindingKind.FIX_REFUSED: FindingText(
        "Opted in, but the bot would refuse a fix",
        "Correct what the guardrail reports, or remove the tag.",
        "compute_role_not_set",
    ),
    FindingKind.FIX_NOT_NEEDED: FindingText(
        "Opted in: the compute role is usable",
        "No action needed. The bot never replaces a usable role that someone set.",
        "two_roles",
    ),
    FindingKind.OPT_IN_UNKNOWN: FindingText(
        "The opt-in tag has an unknown value",
        "Use exactly fix, ask, report or ignore. The bot treats every other value as report.",
        "two_roles",
    ),
}
