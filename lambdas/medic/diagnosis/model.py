"""The words diagnosis speaks in: labels, findings, checks, causes. Made by this room, read by the later ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a text was printed; the same words mean different things in different phases."""

    BUILD = "build"
    DEPLOY = "deploy"
    RUNTIME = "runtime"
    API = "api"


class Label(StrEnum):
    """What a text shows, as far as the text itself goes. A label names the failure, never its cause."""

    SERVICE_ROLE_UNASSUMABLE = "service_role_unassumable"
    COMPUTE_ROLE_UNASSUMABLE = "compute_role_unassumable"
    CREDENTIALS_MISSING_BUILD = "credentials_missing_build"
    CREDENTIALS_MISSING_RUNTIME = "credentials_missing_runtime"
    ACCESS_DENIED_IDENTITY = "access_denied_identity"
    ACCESS_DENIED_BOUNDARY = "access_denied_boundary"
    ACCESS_DENIED_SCP = "access_denied_scp"
    PASS_ROLE_DENIED = "pass_role_denied"
    ACCESS_DENIED_OTHER = "access_denied_other"
    EXPIRED_OR_INVALID_TOKEN = "expired_or_invalid_token"
    NOT_IAM = "not_iam"


class Confidence(StrEnum):
    """How sure a finding's label is. Low: the text is too short to decide alone, and says what to check."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Identity(StrEnum):
    """Whose credentials a message is about. The principal in the text decides, not the keywords around it."""

    SERVICE_ROLE = "service_role"
    COMPUTE_ROLE = "compute_role"
    AMPLIFY_OWN = "amplify_own"
    """Amplify's own CodeBuild role in an AWS-owned account: the app has no service role."""
    STUDIO = "studio"
    COGNITO_USER = "cognito_user"
    USER = "user"
    """An IAM user or role of a person or another tool, not one of Amplify's two."""
    NOBODY = "nobody"
    UNKNOWN = "unknown"


class PolicyType(StrEnum):
    """The policy type an access-denied message names.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SCP = "service control policy"
    RCP = "resource control policy"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    VPC_ENDPOINT = "VPC endpoint policy"
    TRUST = "role trust policy"


@dataclass(frozen=True, slots=True)
class Denial:
    """One parsed access-denied message; what the text does not name is None."""

    principal: str | None
    """The principal ARN as printed."""
    account: str | None
    role_name: str | None
    session_name: str | None
    action: str | None
    """`service:Action`, stray punctuation removed."""
    resource: str | None
    policy_type: PolicyType | None
    explicit: bool | None
    """True: an explicit deny. False: nothing allows it. None: the text does not say."""
    policy_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One signature found in a log."""

    signature: str
    """The id of the knowledge-base entry that fired."""
    label: Label
    confidence: Confidence
    first_line: int
    """1-based, inclusive."""
    last_line: int
    excerpt: str
    """The log lines, redacted and bounded."""
    identity: Identity
    denial: Denial | None = None


@dataclass(frozen=True, slots=True)
class LogReading:
    """What the scanner saw in one log: findings, most decisive first, and the structure around them."""

    findings: tuple[Finding, ...]
    lines: int
    size: int
    """Bytes read, after decompression."""
    truncated: bool
    """True if the log went on past the reading limit."""
    cloned: bool
    """True if `# Cloning repository` was seen: the build got past the repository connection."""
    commands_executed: bool
    """True if an `# Executing command` line was seen."""

    @property
    def label(self) -> Label:
        """The first finding's label; no finding is `not_iam`."""
        return self.findings[0].label if self.findings else Label.NOT_IAM


class CheckResult(StrEnum):
    """A check's answer. Unknown is an answer: it says the check could not be made."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and what was seen."""

    id: str
    result: CheckResult
    detail: str
    """A sentence: what was seen, or why it could not be looked at."""


class Rank(StrEnum):
    """How far a cause is established. What no API can show is never PROVEN."""

    PROVEN = "proven"
    LIKELY = "likely"
    POSSIBLE = "possible"
    RULED_OUT = "ruled_out"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The least IAM statement that would remove a cause: shown to people, never applied."""

    fix: str
    """The id of the knowledge-base fix that it spells out."""
    holder: str
    """Whose policy it belongs into: a role's or user's ARN, or its name where no more is known."""
    role_name: str | None
    """The role to edit, as IAM's API calls it; None if the holder is no role of the app's account."""
    statement: str
    """Compact JSON."""
    notes: tuple[str, ...] = ()
    """Sentences: what to mind before adding it."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One candidate cause with the checks that speak for or against it."""

    id: str
    """The id of the knowledge-base entry that explains the cause and its fixes."""
    title: str
    rank: Rank
    because: str
    supporting: tuple[str, ...] = ()
    """Ids of checks that support it."""
    against: tuple[str, ...] = ()
    """Ids of checks that speak against it."""
    unseen: tuple[str, ...] = ()
    """Ids of checks that could not be made."""
    proposal: Proposal | None = None
    """What would remove it, where one statement would."""


class Assumable(StrEnum):
    """May Amplify assume this role, as far as can be known? Only MISSING and (once settled) DENIED are unusable."""

    ALLOWED = "allowed"
    CONTESTED = "contested"
    """Allowed on paper, but by source conditions that Amplify was seen to refuse on compute roles."""
    CONDITIONAL = "conditional"
    DENIED = "denied"
    MISSING = "missing"
    """IAM has no such role."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class RoleVerdict:
    """What is known of one role's fitness for one purpose."""

    arn: str
    assumable: Assumable
    settled: bool
    """False while the role is younger than five minutes: IAM may not have told everybody yet."""
    explanation: tuple[str, ...] = ()
    pinned_to: tuple[str, ...] = ()
    """What aws:SourceArn or aws:SourceAccount ask for, where nothing else keeps Amplify out."""
    proposal: Proposal | None = None
    """The statement that would let Amplify in; None if it is let in, or if no statement would."""

    @property
    def usable(self) -> bool | None:
        """True, False, or None where it cannot be known (conditional, unreadable, or denied but not settled)."""
        match self.assumable:
            case Assumable.ALLOWED | Assumable.CONTESTED:
                return True
            case Assumable.MISSING:
                return False
            case Assumable.DENIED:
                return False if self.settled else None
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong, as far as it is proven, and what else it may be, in order."""

    label: Label
    phase: Phase
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    causes: tuple[Cause, ...]
    service: RoleVerdict | None = None
    """The app's service role; None if none is set."""
    compute: RoleVerdict | None = None
    """R of the decision table: the branch's compute role, else the app's; None if neither is set."""
    candidate: RoleVerdict | None = None
    """The paired compute role the bot would attach; None if there is none."""
