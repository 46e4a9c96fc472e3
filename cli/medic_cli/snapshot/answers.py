"""The types of a snapshot and of the answer of `medic compare --json`, which their schemas are generated from."""

from typing import Annotated, Literal, TypedDict

from medic.alerts.json_types import Account, Keywords, Time
from medic.diagnosis.model import Assumable

Fingerprint = Annotated[str, Keywords(pattern="^sha256 [0-9a-f]{16}$")]


class BuildJson(TypedDict):
    image: str | None
    """One of Amplify's own, or a custom image's fingerprint; null for the default one."""
    spec: Fingerprint | None
    compute: str | None


class RepositoryJson(TypedDict):
    provider: str | None
    host: str
    path: str
    clone_method: str | None


class SnapshotAppJson(TypedDict):
    id: str
    arn: str
    name: str
    platform: str
    service_role: str | None
    compute_role: str | None
    repository: RepositoryJson | None
    auto_branch_creation: bool
    auto_branch_patterns: list[str]
    environment_variables: list[str]
    """Names."""
    build: BuildJson
    tags: dict[str, str]


class TrustVerdictJson(TypedDict):
    role: str
    assumable: Annotated[str, Assumable]
    explanation: list[str]


class BothVerdictsJson(TypedDict):
    service: TrustVerdictJson | None
    compute: TrustVerdictJson | None


class SnapshotBranchJson(TypedDict):
    name: str
    arn: str
    stage: str
    framework: str | None
    compute_role: str | None
    """The branch's own."""
    effective_compute_role: str | None
    """The branch's own, else the app's."""
    trust: BothVerdictsJson
    environment_variables: list[str]
    """Names."""
    build: BuildJson
    tags: dict[str, str]
    source_branch: str | None
    destination_branch: str | None
    pull_request_previews: bool
    active_job: str | None


class NotReadJson(TypedDict):
    status: Literal["absent", "unreadable"]
    why: str


class PoliciesJson(TypedDict):
    status: Literal["present"]
    inline: list[str]
    managed: list[str]
    """ARNs."""
    statements: list[str]
    """Of the inline and customer-managed policies, each as JSON with sorted keys."""


class SnapshotRoleJson(TypedDict):
    status: Literal["present"]
    created_at: Time
    permissions_boundary: str | None
    max_session_seconds: int
    trust: Fingerprint
    """Of the trust policy."""
    policies: PoliciesJson | NotReadJson


class SnapshotAnswer(TypedDict):
    schema: Literal[1]
    kind: Literal["amplify-medic snapshot"]
    taken_at: Time
    partition: str
    account: Account
    region: str
    app: SnapshotAppJson
    branches: list[SnapshotBranchJson]
    roles: dict[str, SnapshotRoleJson | NotReadJson]
    """By ARN."""


class SideJson(TypedDict):
    name: str
    taken_at: str


class UnknownJson(TypedDict):
    unknown: str


ValueJson = str | list[str] | UnknownJson | None


class DifferenceJson(TypedDict):
    id: str
    title: str
    why_it_matters: str
    """For IAM failures."""
    first: ValueJson
    """Of two lists, each side has what the other lacks."""
    second: ValueJson


class CompareAnswer(TypedDict):
    schema: Literal[1]
    first: SideJson
    second: SideJson
    differences: list[DifferenceJson]
    unknown: list[DifferenceJson]
    """What could not be read on one side or both."""
    same: list[str]
    """Ids of the settings that are the same."""
