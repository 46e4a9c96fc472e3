"""The facts that were read from AWS for one diagnosis. Each says how it was read: not looked at is never "no".

Of environment variables, only the names are kept and what kind of secret a value looks like, never the values.
`basicAuthCredentials`, `buildSpec` and `logUrl` are not kept at all.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.events import Scope

T = TypeVar("T")


class Present(Struct, Generic[T], frozen=True):
    value: T


class Absent(Struct, frozen=True):
    """AWS says that the resource does not exist."""

    reason: str


class Unreadable(Struct, frozen=True):
    """The resource could not be read. Do not conclude that it exists, or that it does not."""

    reason: str


class Partial(Struct, Generic[T], frozen=True):
    """Only a part was read. What is not in it may exist all the same."""

    value: T
    reason: str


Item: TypeAlias = Present[T] | Absent | Unreadable
"""What one call reads whole or not at all."""
Read: TypeAlias = Item[T] | Partial[T]
"""What is read in parts, such as a log or a list. Mypy demands that a `match` handles all four (exhaustive-match)."""


def value_of(item: Read[T] | None) -> T | None:
    """The value if it was read whole."""
    return item.value if isinstance(item, Present) else None


class EnvironmentVariable(Struct, frozen=True):
    name: str
    looks_like: str | None
    """The kind of secret, such as `access key id`; None for an ordinary value."""


class BuildSettings(Struct, frozen=True):
    """How builds run. What may hold secrets is kept only as a hash, which is enough to see a difference."""

    image: str | None = None
    """The name of one of Amplify's own images, or the hash of a custom image's name; None for the default image."""
    spec: str | None = None
    """The hash of the stored build specification; None if there is none, and the repository's amplify.yml is used."""
    compute: str | None = None
    """STANDARD_8GB, LARGE_16GB, …"""


class App(Struct, frozen=True):
    """The fields of GetApp that the bot uses."""

    id: str
    arn: str
    name: str
    platform: str
    """WEB, WEB_COMPUTE or WEB_DYNAMIC."""
    repository: str | None
    service_role_arn: str | None
    compute_role_arn: str | None
    tags: Mapping[str, str]
    environment: tuple[EnvironmentVariable, ...]
    auto_branch_creation: bool
    auto_branch_patterns: tuple[str, ...]
    clone_method: str | None
    build: BuildSettings = BuildSettings()


class Branch(Struct, frozen=True):
    """The fields of GetBranch that the bot uses."""

    name: str
    arn: str
    stage: str
    framework: str | None
    compute_role_arn: str | None
    tags: Mapping[str, str]
    environment: tuple[EnvironmentVariable, ...]
    source_branch: str | None
    destination_branch: str | None
    active_job_id: str | None
    created_at: datetime | None = None
    """It tells a branch from a deleted one of the same name."""
    pull_request_previews: bool = False
    """True if each pull request into this branch gets a preview, which Amplify creates as another branch."""
    build: BuildSettings = BuildSettings()
    """Set where the branch overrides the app's build settings."""
    jobs_total: str | None = None
    """How many jobs Amplify says the branch had. It is not documented which jobs count."""
    updated_at: datetime | None = None

    @property
    def is_preview(self) -> bool:
        """True for the branch that Amplify creates for a pull request. One sign is enough: the stage can be edited."""
        return bool(self.stage == "PULL_REQUEST" or self.source_branch or self.destination_branch)

    def supersedes(self, job_id: str) -> bool:
        """True if a newer job is the deployed one."""
        return int(self.active_job_id or 0) > int(job_id)


class Step(Struct, frozen=True):
    """One step of a job (BUILD, DEPLOY, VERIFY)."""

    name: str
    status: str
    reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    has_log: bool


_ENDED = frozenset({"SUCCEED", "FAILED", "CANCELLED"})
"""Statuses of a job that has ended. A status that this release does not know may be followed by one of these."""


class Job(Struct, frozen=True):
    """The fields of GetJob that the bot uses. ListJobs gives them too, without the steps."""

    id: str
    status: str
    type: str
    """RELEASE, RETRY, MANUAL or WEB_HOOK."""
    commit_id: str | None
    commit_message: str | None
    started_at: datetime | None
    ended_at: datetime | None
    steps: tuple[Step, ...]

    @property
    def running(self) -> bool:
        return self.status not in _ENDED

    @property
    def ref(self) -> JobRef:
        return JobRef(self.id, self.started_at)

    @property
    def failed_step(self) -> Step | None:
        return next((step for step in self.steps if step.status == "FAILED"), None)


class JobRef(Struct, frozen=True):
    """The id and start of a job. Where no job showed a failure, the id is "0" and the time is the failure's own."""

    id: str
    """Counted per branch."""
    started_at: datetime | None

    def __str__(self) -> str:
        return f"{self.id}@{self.started_at.isoformat() if self.started_at else ''}"


class Role(Struct, frozen=True):
    """The fields of GetRole that the bot uses."""

    arn: str
    name: str
    path: str
    created_at: datetime
    trust_policy: str
    """The trust document as JSON text."""
    permissions_boundary: str | None
    max_session_seconds: int
    tags: Mapping[str, str] = field(default_factory=dict)


class RolePolicies(Struct, frozen=True):
    """A role's permission policies."""

    attached: tuple[str, ...]
    """The ARNs of all attached managed policies."""
    documents: tuple[Mapping[str, object], ...]
    """The documents of inline and customer-managed policies."""
    inline: tuple[str, ...] = ()
    """The names of all inline policies."""
    aws_managed: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """The documents of AWS-managed policies, by ARN."""


class BuildLog(Struct, frozen=True):
    """Which step's log was read, and how many bytes of it. The text is scanned once and not kept."""

    step: str
    size: int


def build_log(step: str, size: int, unread: str | None) -> Present[BuildLog] | Partial[BuildLog]:
    """A log of which something was read. `unread` says which part was not, if any."""
    log = BuildLog(step, size)
    return Present(log) if unread is None else Partial(log, unread)


class RuntimeLine(Struct, frozen=True):
    """One event of an app's SSR log; it may hold several lines. Visitors can write to the log, so it is only a hint."""

    event_id: str
    at: datetime
    """The event's time, as its writer gave it."""
    stream: str
    message: str
    late: timedelta = timedelta()
    """How long after `at` CloudWatch Logs ingested it. It is found only from then on."""


class TimeSpan(Struct, frozen=True):
    """The part of a log from `start` to `end`, both included, with millisecond precision."""

    start: datetime
    end: datetime
    token: str = ""
    """Set if a page of it was read, and leads to the next page."""


class RuntimePage(Struct, frozen=True):
    """Events of an SSR log, ordered by time. `token` requests the next page; it is empty on the last page."""

    lines: tuple[RuntimeLine, ...]
    token: str = ""


class TrailEvent(Struct, frozen=True):
    """A call that CloudTrail lists. Whoever made it chose parts of its texts."""

    name: str
    """The operation, such as `UpdateAssumeRolePolicy`."""
    at: datetime
    by: str
    """The ARN of the caller, and the AWS service through which it called, if any."""


class Trail(Struct, frozen=True):
    """The calls that CloudTrail lists."""

    events: tuple[TrailEvent, ...] = ()
    gap: str = ""
    """Why there may be more: the end of a sentence."""


class Evidence(Struct, frozen=True):
    """Everything that was read about one deployment."""

    scope: Scope
    """The branch. If the app has none that is known, a stand-in or the whole app."""
    read_at: datetime
    app: Item[App]
    branch: Item[Branch]
    job: Item[Job]
    log: Read[BuildLog]
    roles: Mapping[str, Item[Role]]
    """Every role that was looked up, by the ARN that it was looked up with."""
    candidate_role_arn: str | None = None
    """The paired compute role that the branch's tag or the settings choose."""
    policies: Mapping[str, Item[RolePolicies]] = field(default_factory=dict)
    """By role ARN: policies of roles that may have been given, by mistake, the permission that another role lacks."""
    repair_role_arn: str | None = None
    """The paired service role that the app's tag chooses."""

    @property
    def deployed_by_hand(self) -> bool:
        """True for a manual deployment, which uses no repository and can't be retried."""
        app, job = value_of(self.app), value_of(self.job)
        return (job is not None and job.type == "MANUAL") or (app is not None and not app.repository)
