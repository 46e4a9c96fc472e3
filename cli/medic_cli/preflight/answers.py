"""The type of the answer of `medic preflight --json`, which docs/schemas/preflight.schema.json is generated from."""

from typing import Annotated, Literal, TypedDict

from medic.alerts.json_types import Keywords, Text
from medic_cli.answers import Number
from medic_cli.scan.answers import FindingJson, TotalsJson

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


class PreflightFindingJson(FindingJson):
    """A finding in a file."""

    place: PlaceJson
    app: str | None
    """The app's name, or its logical id."""


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
