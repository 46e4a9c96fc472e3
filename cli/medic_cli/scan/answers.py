"""The type of the answer of `medic scan --json`, which docs/schemas/scan.schema.json is generated from."""

from typing import Annotated, Literal, TypedDict

from medic.alerts.json_types import Count, Keywords, Text, Time
from medic_cli.answers import Number
from medic_cli.scan.model import FindingKind, Severity


class RegionJson(TypedDict):
    name: str
    listed: bool
    """Whether the region's apps could be listed."""
    found: Number
    """Apps to scan."""
    apps: Number
    """Apps that were scanned completely."""
    branches: Number


class ScannedAppJson(TypedDict):
    id: str
    name: str


class FindingJson(TypedDict):
    """What a finding says, wherever it was found."""

    kind: Annotated[str, FindingKind]
    severity: Annotated[str, Severity]
    title: Text
    branches: list[str]
    """Empty: all branches of the app, or the app itself."""
    role: str | None
    """A role ARN. What only a deployment decides stands in angle brackets."""
    detail: Text
    """What was seen, in sentences."""
    advice: Text
    """What to do, in sentences."""
    statement: dict[str, object] | None
    """The statement that would fix the role's trust policy. A person has to review it."""
    explain: str
    """The entry of the knowledge base: `medic explain ENTRY`."""


class ScanFindingJson(FindingJson):
    """A finding in an account."""

    region: str | None
    """null for a finding on the account's IAM."""
    app: ScannedAppJson | None


class GapJson(TypedDict):
    action: Annotated[str, Keywords(pattern="^[a-z]+:[A-Za-z]+$")]
    """The action that is not allowed, or that failed."""
    region: str | None
    apps: list[str]
    roles: list[str]
    reason: Text


class TotalsJson(TypedDict):
    error: Number
    warning: Number
    note: Number


class ScanAnswer(TypedDict):
    schema: Literal[1]
    account: Annotated[str | None, Keywords(pattern="^[0-9]{12}$")]
    """null if no app was found."""
    partition: str
    started_at: Time
    seconds: Annotated[float, Keywords(minimum=0)]
    partial: bool
    """True if something could not be checked: see gaps. A missing finding then proves nothing."""
    interrupted: bool
    """True if the scan was stopped before its end."""
    settings_from: str | None
    """Where the settings for opted-in branches came from; null: the defaults."""
    totals: TotalsJson
    regions: list[RegionJson]
    findings: list[ScanFindingJson]
    """The most severe first."""
    gaps: list[GapJson]
    calls: dict[str, Count]
    """Requests sent, by `service:Operation`; a retry counts again."""
    throttles: Number
    """Answers that asked for fewer calls."""
