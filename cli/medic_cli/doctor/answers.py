"""The type of the answer of `medic doctor --json`, which docs/schemas/doctor.schema.json is generated from."""

from typing import Annotated, Literal, TypedDict

from medic.alerts.json_types import Account, Keywords, Text, Time
from medic_cli.answers import Number
from medic_cli.doctor.model import Status

TotalsJson = TypedDict("TotalsJson", {"fail": Number, "unknown": Number, "pass": Number})


class DoctorCheckJson(TypedDict):
    id: Annotated[str, Keywords(pattern="^[a-z-]+(:.+)?$")]
    """`kind` or `kind:subject`."""
    promise: Text
    status: Annotated[str, Status]
    evidence: Text
    """What was seen. Never a secret, or the value of an environment variable."""
    repair: str | None
    """Commands for a shell that make the check pass."""
    advice: str | None
    """What a person does."""
    permission: str | None
    """The IAM action whose permission would decide an unknown."""


class DoctorAnswer(TypedDict):
    schema: Literal[1]
    account: Account
    region: Text
    stack: Text
    read_at: Time
    seconds: float
    totals: TotalsJson
    checks: list[DoctorCheckJson]
    not_checked: list[Text]
    """What no check can tell."""
