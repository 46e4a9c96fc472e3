"""The types of the commands' `--json` answers. The commands never import this module.

`python -m tests.schemas` generates docs/schemas from them and from the answers modules of scan/ and snapshot/.
`Annotated` adds keywords of JSON Schema to a type, or the enumeration that holds its values.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, NotRequired, TypedDict

from medic.alerts.json_types import (
    Account,
    AppJson,
    BotJson,
    BranchJson,
    CauseJson,
    CheckJson,
    Count,
    FindingJson,
    Keywords,
    RolesJson,
    Text,
    Time,
)
from medic.events import RequestKind
from medic.incidents.model import ChangeState, IncidentState
from medic.knowledge.entry import EntryKind
from medic.labels import ActionKind, Label, Phase, RoleKind, Trigger
from medic.plan.model import Disposition
from medic.trust import FixKind, Outcome
from medic.trust.document import Effect

Number = Annotated[int, Keywords(minimum=0)]
Url = Annotated[str, Keywords(format="uri")]
DeadLetterQueue = Literal["undelivered", "failed-runs"]
Ternary = Literal["true", "false", "unknown"]
BotTags = Annotated[dict[str, str], Keywords(propertyNames={"pattern": "^amplify-medic:[a-z-]+$"})]


class LineError(TypedDict):
    """The answer for a line of a batch that can't be understood."""

    id: str | None
    line: Count
    """The number of the line."""
    error: Text


class ClassifyAnswer(TypedDict):
    id: str | None
    """The case's id; null outside a batch."""
    label: Annotated[str | None, Label]
    """The label of the first finding that ended the build (runtime, api: of the first finding). Without one: not_iam,
    or null if the text was not read to its end."""
    findings: list[FindingJson]
    """What ended the build first; then the most decisive."""
    unread: str | None
    """Why the text was not read to its end; null if it was."""


class ChosenJobJson(TypedDict):
    id: str | None
    """null: the branch has no deployment."""
    chosen: str
    """Why this job."""
    status: str | None
    commit: str | None
    message: str | None


class WrittenFixJson(TypedDict):
    title: str
    steps: list[str]
    """What to do after what the title says. Only a fix that is no text to paste has some."""
    console: str | None
    cli: str | None
    """Null if no command may be printed: then `console` holds the statement. Any form is null if a name is unknown."""
    cdk: str | None
    terraform: str | None


class LinkJson(TypedDict):
    text: str
    url: Url


class DiagnoseAnswer(TypedDict):
    schema: Literal[1]
    offline: bool
    """True: made from files alone, without a call to AWS."""
    partition: str
    account: Account
    region: str
    app: AppJson
    branch: BranchJson
    job: ChosenJobJson
    headline: Text
    label: Annotated[str | None, Label]
    """null: there was no log to read, so the failure is unknown."""
    phase: Annotated[str | None, Phase]
    role: Annotated[str | None, RoleKind]
    """Which of Amplify's two roles the failure is about."""
    findings: list[FindingJson]
    """The most decisive first."""
    roles: RolesJson | None
    checks: list[CheckJson]
    causes: list[CauseJson]
    """The most likely first."""
    fixes: list[WrittenFixJson]
    """For the likely causes; if no cause is likely, for the possible ones."""
    bot: BotJson | None
    """What the bot may do; null without an IAM failure, or if the app or branch could not be read."""
    links: list[LinkJson]
    notes: list[Text]


class LookJson(TypedDict):
    id: str
    sentence: str


class FixJson(TypedDict):
    id: str
    title: str
    expect: str
    """What changes once it is done, and what does not."""
    console: str
    cli: str
    cdk: str
    terraform: str
    cloudformation: str


class EntryJson(TypedDict):
    id: Annotated[str, Keywords(pattern="^[a-z][a-z0-9_]+$")]
    kind: Annotated[str, EntryKind]
    title: Text
    explanation: Text
    label: str | None
    identity: str | None
    phases: list[Annotated[str, Phase]]
    checks: list[LookJson]
    steps: list[Text]
    fixes: list[FixJson]
    related: list[Text]
    sources: Annotated[list[Url], Keywords(minItems=1)]


class EntriesJson(TypedDict):
    entries: list[EntryJson]


_FromJson = TypedDict("_FromJson", {"from": str | None})


class RoleChangeJson(_FromJson):
    kind: Annotated[str, ActionKind]
    target: str
    to: str
    state: Annotated[str, ChangeState]
    intended_at: Time
    applied_at: str | None
    note: str


class PlannedActionJson(TypedDict):
    kind: Annotated[str, ActionKind]
    disposition: Annotated[str, Disposition]
    target: str
    role: str | None
    previous: str | None
    rule: str | None
    """The guardrail that refused; null if none did."""
    reason: str


class HistoryIncidentJson(TypedDict):
    id: str
    account: Account
    region: str
    app: str
    app_name: str
    branch: str
    label: str
    role: Annotated[str, RoleKind]
    state: Annotated[str, IncidentState]
    trigger: Annotated[str, Trigger]
    job: str
    count: Count
    opened_at: Time
    updated_at: Time
    reason: str
    plan: list[PlannedActionJson]
    """The planned actions of the last alert."""
    changes: list[RoleChangeJson]
    rebuild_job: str | None
    approved_by: str | None
    """null: no approval was needed."""
    undo_asked_by: str | None
    note: str


class HistoryAnswer(TypedDict):
    schema: Literal[1]
    incidents: list[HistoryIncidentJson]
    unreadable: list[str]
    """The keys of the table's items that could not be read, or not whole. Their incidents are missing."""


class ShowAnswer(TypedDict):
    schema: Literal[1]
    incident: HistoryIncidentJson


class OptAnswer(TypedDict):
    schema: Literal[1]
    branch_arn: str
    sets: BotTags
    """The tags that get another value."""
    removes: list[str]
    before: BotTags
    """The bot's tags before the change."""
    allows: list[Text]
    """What the bot may do on the branch afterwards."""
    done: bool
    """False: nothing had to change, --dry-run, or the user said no."""


class PauseAnswer(TypedDict):
    schema: Literal[1]
    state: str
    """The state of Lambda's event source mapping: Enabled, Enabling, Disabled, Disabling, Updating or Creating."""
    changed: bool
    waiting: Number
    """About how many messages wait in the queue."""


class ReplayAnswer(TypedDict):
    schema: Literal[1]
    waiting: Number
    """About how many messages the dead-letter queue held before."""
    replayed: bool
    """True if SQS moves them to the remediator's queue."""


class RequestAnswerJson(TypedDict):
    schema: Literal[1]
    kind: Annotated[str, RequestKind]
    account: Account
    region: str
    app: str
    branch: str
    """* means the whole app."""
    incident: str | None
    until: Annotated[str | None, Keywords(format="date-time")]
    """The end of a mute."""
    who: str
    """`session:NAME` of an operator's role session, or `slack:TEAM/USER`: who asked for it first."""
    request: str | None
    """The request's id; null: no request was sent."""
    answer: str | None
    """null: no answer yet, or no request was sent."""
    refused: bool


class ChannelJson(TypedDict):
    name: str
    ok: bool
    detail: str


class SubscriptionsJson(TypedDict):
    confirmed: Number
    pending: Number
    """Those that nobody has confirmed yet. They get no alert."""


class SendTestAlertAnswer(TypedDict):
    schema: Literal[1]
    channels: list[ChannelJson]
    subscriptions: SubscriptionsJson
    """Of the alert topic."""
    reached: bool
    """Whether anybody gets alerts: another channel than SNS accepted it, or the topic has a confirmed subscription."""


class ActualJson(TypedDict):
    state: Literal["known", "present", "absent", "unknown"]
    values: NotRequired[list[str]]


class ConditionJson(TypedDict):
    operator: str
    key: str
    expected: list[str]
    actual: ActualJson
    holds: Ternary


class StatementJson(TypedDict):
    index: Number
    sid: str | None
    effect: Annotated[str, Effect]
    applies: Ternary
    principal: Ternary
    action: Ternary
    conditions: list[ConditionJson]
    explanation: Text


class TrustFixJson(TypedDict):
    kind: Annotated[str, FixKind]
    reason: Text
    statement: Annotated[Mapping[str, object], Keywords(required=["Effect", "Principal"])] | None
    """What to append, or to put in place of the one statement that was meant for the caller; else null."""
    outcome_after: Annotated[str, Outcome]
    """The outcome with the change; without one, with the usual statement appended."""
    document: str | None
    """The whole new trust policy as compact JSON: the text that was evaluated."""
    size: Number
    """Its characters without white space."""
    risks: list[str]


class TrustAnswer(TypedDict):
    id: str | None
    """The case's id; null outside a batch."""
    outcome: Annotated[str, Outcome]
    likely: Annotated[str | None, Outcome]
    """For a conditional outcome: the likelier side, if there is one."""
    reason: Text
    """The outcome in one sentence."""
    notes: list[str]
    """What else to know, a sentence each."""
    depends_on_source_conditions: bool
    """Whether the outcome would differ if the call had neither aws:SourceArn nor aws:SourceAccount."""
    statements: list[StatementJson]
    fix: Annotated[
        TrustFixJson,
        Keywords(
            **{
                "if": {"properties": {"kind": {"enum": ["append", "replace"]}}},
                "then": {"properties": {"statement": {"type": "object"}, "document": {"type": "string"}}},
                "else": {"properties": {"statement": {"type": "null"}, "document": {"type": "null"}}},
            }
        ),
    ]


class RoleUserJson(TypedDict):
    app: Text
    app_name: str
    branch: str | None
    """null: the role is set on the app, and every branch without its own role uses it."""


class UninstallAnswer(TypedDict):
    schema: Literal[1]
    region: Text
    role: Text
    """The ARN of the default compute role."""
    used_by: list[RoleUserJson]
