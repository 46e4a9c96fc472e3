"""What the log scanner returns: findings, denials, and how far the build got."""

from __future__ import annotations

from msgspec import Struct

from medic.labels import Confidence, Identity, Label, PolicyType, Source


class Denial(Struct, frozen=True):
    """One parsed access-denied message. A field is None if the text does not name it."""

    principal: str | None = None
    """The principal as printed: an ARN, possibly cut short, a service, or `anonymous`."""
    account: str | None = None
    role_name: str | None = None
    """Without path, as GetRole takes it; an assumed role's ARN never has the path."""
    session_name: str | None = None
    user_name: str | None = None
    """Set if the caller is an IAM user."""
    identity: Identity = Identity.UNKNOWN
    """Whose credentials were used."""
    action: str | None = None
    """`service:Action`, stray punctuation removed."""
    resource: str | None = None
    policy_type: PolicyType | None = None
    explicit: bool | None = None
    """True: an explicit deny. False: no policy allows the call. None: the text does not say."""
    policy_arn: str | None = None
    reason: str | None = None
    """What follows `because`, if it names no policy type: a block, a mode or a setting that refuses the call."""
    called: str | None = None
    """The API operation or service that refused, as printed: `CreateFunction`, `Lambda`."""

    @property
    def service(self) -> str | None:
        """The prefix of the action."""
        return self.action.partition(":")[0].lower() if self.action else None

    @property
    def names_arn(self) -> bool:
        """True if the principal is an ARN with its account, which prose seldom quotes."""
        return self.account is not None and self.principal is not None and self.principal.startswith("arn:")


class Finding(Struct, frozen=True):
    """One signature found in a log."""

    signature: str
    """The id of its knowledge-base entry."""
    label: Label
    confidence: Confidence
    source: Source
    ended_build: bool | None
    """True if the build ended with it. False if the build went on after it, or another error ended the build: then it
    never gives the label. None outside a build."""
    first_line: int
    """1-based, inclusive."""
    last_line: int
    excerpt: str
    """The log lines, redacted and bounded."""
    identity: Identity
    decisiveness: int
    """3 names the failure itself; 2 wraps or hints at it; 1 is a bare word."""
    denial: Denial | None = None


class Ending(Struct, frozen=True):
    """How a build ended that IAM did not end, redacted and bounded."""

    place: str = ""
    """The phase and the command that ran last. Empty if the log names none."""
    errors: tuple[str, ...] = ()
    """The last error lines that name a failure of their own."""


class LogReading(Struct, frozen=True):
    """What the scanner found in one log."""

    findings: tuple[Finding, ...] = ()
    """What ended the build first; then the most decisive."""
    lines: int = 0
    size: int = 0
    """Bytes read, after decompression."""
    unread: str | None = None
    """Why the log was not read to its end; None if it was."""
    verdict: bool = False
    """True if a line of Amplify's says how the build ended. It prints one in every build that fails."""
    lacks_verdict: bool = False
    """True if it was read whole and should have such a line. So it may still be written."""
    cloned: bool = False
    """True if the log has `# Cloning repository`, or a command that was executed: the build reached the repository."""
    commands_executed: bool = False
    """True if the log has an `# Executing command` line."""
    ending: Ending = Ending()
    """How the build ended. Empty if a finding ended it, or outside a build."""

    @property
    def complete(self) -> bool:
        return self.unread is None

    @property
    def label(self) -> Label | None:
        """The first finding's label, unless the build went on after it.

        Without such a finding: `not_iam` if the log was read whole, else None, because what was not read may show an
        IAM failure.
        """
        deciding = next((finding for finding in self.findings if finding.ended_build is not False), None)
        if deciding is not None:
            return deciding.label
        return Label.NOT_IAM if self.complete else None
