"""The types of the JSON on the event bus, parts of which `medic diagnose --json` and `medic classify --json` share.

`python -m tests.schemas` generates docs/schemas from them. The bot never imports this module. `Annotated` adds keywords
of JSON Schema to a type, or the enumeration that holds its values.
"""

from typing import Annotated, Literal, TypedDict

from medic.actions.outcome import ChangeResult
from medic.diagnosis.model import Assumable, CheckResult, Rank
from medic.incidents.model import ChangeState, IncidentState
from medic.labels import ActionKind, BotLabel, Confidence, Label, Phase, PolicyType, RoleKind, Source
from medic.plan.model import Disposition


class Keywords:
    """Keywords of JSON Schema that a Python type can't express."""

    def __init__(self, **keywords: object) -> None:
        self.keywords = keywords


Account = Annotated[str, Keywords(pattern="^[0-9]{12}$")]
Time = Annotated[str, Keywords(format="date-time")]
Text = Annotated[str, Keywords(minLength=1)]
Count = Annotated[int, Keywords(minimum=1)]
FailureLabel = Annotated[
    str, Keywords(enum=[*(label.value for label in Label if label is not Label.NOT_IAM), BotLabel.UNDIAGNOSED.value])
]


class AppJson(TypedDict):
    id: str
    name: str | None
    platform: str | None


class BranchJson(TypedDict):
    name: str
    """In an event, * means the whole app."""
    stage: str | None
    framework: str | None


class ChangeJson(TypedDict):
    kind: Annotated[str, ActionKind]
    target: str
    """The ARN of the branch or app."""
    role: str
    """The role that was set."""
    previous: str | None
    """The role before; null if none was set."""
    state: Annotated[str, ChangeState]


class IncidentJson(TypedDict):
    id: Annotated[str, Keywords(pattern="^[0-9a-f]{12}$")]
    """The same in every event and alert about the incident."""
    state: Annotated[str, IncidentState]
    count: Count
    """How often the failure was seen."""
    opened_at: Time
    approved_by: str | None
    """Who approved the change; null if the tag alone allowed it."""
    changes: list[ChangeJson]


class JobJson(TypedDict):
    id: str
    """The newest job that showed the failure; 0 if no job did."""
    status: str | None
    commit: str | None
    message: str | None


class FindingJson(TypedDict):
    signature: str
    """The id that `medic explain` knows."""
    label: Annotated[str, Label]
    confidence: Annotated[str, Confidence]
    source: Annotated[str, Source]
    """Who printed the line."""
    ended_build: bool | None
    """false: the build went on after it, so it is not why the build failed. null: outside a build."""
    lines: Annotated[list[Count], Keywords(minItems=2, maxItems=2)]
    """First and last line in the log, 1-based, inclusive."""
    principal: str | None
    """Who was refused, as printed."""
    action: str | None
    """service:Action."""
    resource: str | None
    denied_by: Annotated[str | None, PolicyType]
    """The policy type that the text names."""
    excerpt: Annotated[str, Keywords(maxLength=2000)]
    """The lines, without secrets."""


class VerdictJson(TypedDict):
    arn: str
    assumable: Annotated[str, Assumable]
    usable: bool | None
    """null: not known."""
    explanation: list[Text]


class ComputeVerdictJson(VerdictJson):
    level: Literal["branch", "app"]


class RolesJson(TypedDict):
    service: VerdictJson | None
    compute: ComputeVerdictJson | None


class CheckJson(TypedDict):
    id: str
    result: Annotated[str, CheckResult]
    detail: str


class CauseJson(TypedDict):
    id: str
    """The id that `medic explain` knows."""
    rank: Annotated[str, Rank]
    title: str
    reason: str
    supporting: list[Text]
    against: list[Text]
    unseen: list[Text]


class GuardrailJson(TypedDict):
    rule: str
    allows: bool
    detail: str


class ActionJson(TypedDict):
    kind: Annotated[str, ActionKind]
    disposition: Annotated[str, Disposition]
    target: str
    role: str | None
    previous: str | None
    reason: str
    guardrails: list[GuardrailJson]


class RebuildJson(TypedDict):
    wanted: bool
    reason: str


class BotJson(TypedDict):
    opt_in: str
    settings_read: bool
    """False: the deployed stack's settings were not read (--stack), so nothing is planned."""
    actions: list[ActionJson]
    effect: str | None
    rebuild: RebuildJson | None


class OutcomeJson(TypedDict):
    kind: Annotated[str, ActionKind]
    result: Annotated[str, ChangeResult]
    detail: str
    rebuild: str | None
    """Whether the failed job is retried next."""


class IncidentDetail(TypedDict):
    """What `incident_json` knows; with a diagnosis, app, branch and job hold more."""

    partition: str
    account: Account
    region: str
    incident: IncidentJson
    app: AppJson
    branch: BranchJson
    job: JobJson
    label: FailureLabel
    """The failure, as `medic classify` names it."""
    role: Annotated[str, RoleKind]
    """Which of Amplify's two roles the failure is about."""


class IncidentEvent(IncidentDetail):
    schema: Literal[1]
    """Increased when a reader of the old details could not read the new ones."""
    kind: str
    """What the alert reports."""


class UndiagnosedEvent(IncidentEvent):
    reason: str
    """Why the bot could not find out why the deployment failed."""


class DiagnosisEvent(IncidentEvent):
    phase: Annotated[str | None, Phase]
    findings: list[FindingJson]
    """The most decisive first."""
    roles: RolesJson | None
    checks: list[CheckJson]
    causes: list[CauseJson]
    """The most likely first."""
    bot: BotJson
    outcomes: list[OutcomeJson]
    """The result of each attempted change."""


class TruncatedEvent(IncidentEvent):
    """Replaces a detail that is too long for the bus."""

    truncated: Literal[True]
