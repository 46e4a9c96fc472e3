"""What a scan finds, and what it could not look at. Frozen facts, made by the pure rooms, shown by the renderers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is: errors are proven, warnings are likely or dangerous, notes are good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Kind(StrEnum):
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
    SHARED_ROLE_PINNED = "shared_role_pinned"
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
class Finding:
    """One thing found, in one place. Every text in it is redacted."""

    kind: Kind
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
        return (self.severity.rank, list(Kind).index(self.kind), *place, self.branches)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be looked at: what it would have shown is missing from the answer."""

    action: str
    """The IAM action that lacks, or that failed."""
    because: str
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
    findings: tuple[Finding, ...]
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
