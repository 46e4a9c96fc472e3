"""Evidence: the facts one deployment's diagnosis rests on, each present, absent, or unreadable because.

Environment variables keep their names and the kind their values look like, never the values. `basicAuthCredentials`,
`buildSpec` and `logUrl` never get here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Present(Generic[T]):
    """The thing was read."""

    value: T


@dataclass(frozen=True, slots=True)
class Absent:
    """AWS says that there is no such thing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It could not be looked at: neither its presence nor its absence may be concluded."""

    reason: str


Item: TypeAlias = Present[T] | Absent | Unreadable


@dataclass(frozen=True, slots=True)
class EnvironmentVariable:
    """An environment variable's name and what its value looks like; never the value."""

    name: str
    looks_like: str | None
    """`access key id`, `secret access key`, … or None for an ordinary value."""


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What builds run on and by; of what may hold secrets, a fingerprint."""

    image: str | None = None
    """The name of one of Amplify's own images, or a custom image's fingerprint; None for the default one."""
    spec: str | None = None
    """The stored build specification's fingerprint; None where the repository's amplify.yml counts."""
    compute: str | None = None
    """STANDARD_8GB, LARGE_16GB, …"""


@dataclass(frozen=True, slots=True)
class App:
    """The fields of GetApp that matter here."""

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


@dataclass(frozen=True, slots=True)
class Branch:
    """The fields of GetBranch that matter here."""

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
    pull_request_previews: bool = False
    """True if each pull request into this branch gets a preview, which is a branch of its own."""
    build: BuildSettings = BuildSettings()
    """What differs from the app's."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job (BUILD, DEPLOY, VERIFY)."""

    name: str
    status: str
    reason: str | None
    started_at: datetime | None
    ended_at: datetime | None
    has_log: bool


@dataclass(frozen=True, slots=True)
class Job:
    """The fields of GetJob that matter here."""

    id: str
    status: str
    type: str
    commit_id: str | None
    commit_message: str | None
    started_at: datetime | None
    ended_at: datetime | None
    steps: tuple[Step, ...]

    @property
    def failed_step(self) -> Step | None:
        """The first step that failed."""
        return next((step for step in self.steps if step.status == "FAILED"), None)


@dataclass(frozen=True, slots=True)
class Role:
    """The fields of GetRole that matter here."""

    arn: str
    name: str
    path: str
    created_at: datetime
    trust_policy: str
    """The trust document as JSON text."""
    permissions_boundary: str | None
    max_session_seconds: int
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RolePolicies:
    """Everything a role is permitted by: managed policies' ARNs, and the documents that are not AWS's own."""

    attached: tuple[str, ...]
    documents: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class BuildLog:
    """Which step's log was read, and how much of it; the text itself is read once and not kept."""

    step: str
    size: int


@dataclass(frozen=True, slots=True)
class RuntimeLine:
    """One event of an app's SSR log, which may hold several lines of text. Visitors can write here: it is a hint."""

    event_id: str
    at: datetime
    """When it happened, as the writer says."""
    stream: str
    message: str


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From one time to another, both included, to the millisecond."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class RuntimePage:
    """Some events of an SSR log, in the order of their times; `token` leads to the next page, empty on the last."""

    lines: tuple[RuntimeLine, ...]
    token: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything read about one deployment, with the time it was read."""

    partition: str
    account: str
    region: str
    app_id: str
    branch_name: str
    read_at: datetime
    app: Item[App]
    branch: Item[Branch]
    job: Item[Job]
    log: Item[BuildLog]
    roles: Mapping[str, Item[Role]]
    """Every role that was looked up, by the ARN it is known under."""
    candidate_role_arn: str | None = None
    """The paired compute role that the branch's tag (or the settings) chooses."""
    policies: Mapping[str, Item[RolePolicies]] = field(default_factory=dict)
    """Policies of roles that a permission may have been given to by mistake, by the role's ARN."""
    repair_role_arn: str | None = None
    """The paired service role that the app's tag chooses."""
