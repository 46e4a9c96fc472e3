"""What the log scanner returns: findings, denials, and the structure of the log around them."""

from __future__ import annotations

from dataclasses import dataclass

from medic.labels import Confidence, Identity, Label, PolicyType


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
