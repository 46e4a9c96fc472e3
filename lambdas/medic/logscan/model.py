"""What the log scanner returns: findings, denials, and how far the build got."""

from __future__ import annotations

from dataclasses import dataclass

from medic.labels import Confidence, Identity, Label, PolicyType


@dataclass(frozen=True, slots=True)
class Denial:
    """One parsed access-denied message. A field is None if the text does not name it."""

    principal: str | None = None
    """The principal as printed: an ARN, possibly cut short, or `anonymous`."""
    account: str | None = None
    role_name: str | None = None
    """Without path, as GetRole takes it; an assumed role's ARN never has the path."""
    session_name: str | None = None
    identity: Identity = Identity.UNKNOWN
    """Whose credentials were used."""
    action: str | None = None
    """`service:Action`, stray punctuation removed."""
    resource: str | None = None
    policy_type: PolicyType | None = None
    explicit: bool | None = None
    """True: an explicit deny. False: no policy allows the call. None: the text does not say."""
    policy_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One signature found in a log."""

    signature: str
    """The id of its knowledge-base entry."""
    label: Label
    confidence: Confidence
    first_line: int
    """1-based, inclusive."""
    last_line: int
    excerpt: str
    """The log lines, redacted and bounded."""
    identity: Identity
    decisiveness: int
    """3 names the failure itself; 2 wraps or hints at it; 1 is a bare word."""
    denial: Denial | None = None


@dataclass(frozen=True, slots=True)
class LogReading:
    """What the scanner found in one log."""

    findings: tuple[Finding, ...]
    """Most decisive first."""
    lines: int
    size: int
    """Bytes read, after decompression."""
    truncated: bool
    """True if the log is longer than the reading limit."""
    cloned: bool
    """True if the log has `# Cloning repository`: the build could reach the repository."""
    commands_executed: bool
    """True if the log has an `# Executing command` line."""

    @property
    def label(self) -> Label:
        """The first finding's label; `not_iam` without findings."""
        return self.findings[0].label if self.findings else Label.NOT_IAM
