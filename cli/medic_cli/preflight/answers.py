"""The type of the answer of `medic preflight --json`, which docs/schemas/preflight.schema.json is generated from."""

from typing import Annotated, Literal, TypedDict

from medic.alerts.json_types import Keywords, Text
from medic_cli.answers import Number
from medic_cli.scan.answers import TotalsJson
from medic_cli.scan.model import FindingKind, Severity

_LINE = Keywords(minimum=1)


class FileJson(TypedDict):
    path: str
    format: Literal["cloudformation", "terraform"]


class PlaceJson(TypedDict):
    file: str
    line: Annotated[int | None, _LINE]
    """null where the format has no lines, as in a plan."""
    address: str
    """The logical id, or Terraform's address."""


class PreflightFindingJson(TypedDict):
    kind: Annotated[str, FindingKind]
    severity: Annotated[str, Severity]
    title: Text
    place: PlaceJson
    app: str | None
    """The app's name, or its logical id."""
    branches: list[str]
    """Empty: all branches of the app, or the app itself."""
    role: str | None
    """A role ARN. What only the deployment decides stands in angle brackets."""
    detail: Text
    """What the files show, in sentences."""
    advice: Text
    """What to do, in sentences."""
    statement: dict[str, object] | None
    """The statement that would fix the role's trust policy. A person has to review it."""
    explain: str
    """The entry of the knowledge base: `medic explain ENTRY`."""


class UnknownJson(TypedDict):
    place: PlaceJson
    what: str
    """What a check needed."""
    reason: str
    """Why the files do not tell it."""


class UnreadJson(TypedDict):
    file: str
    reason: Text


class PreflightAnswer(TypedDict):
    schema: Literal[1]
    partial: bool
    """True if a file was not read: see gaps. A missing finding then proves nothing."""
    files: list[FileJson]
    apps: Number
    branches: Number
    totals: TotalsJson
    findings: list[PreflightFindingJson]
    """The most severe first."""
    unknown: list[UnknownJson]
    """What the files do not tell. It is checked by a scan once it is deployed."""
    gaps: list[UnreadJson]
