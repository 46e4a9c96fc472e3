"""What a diagnosis consists of: checks, ranked causes, verdicts on roles, and proposed IAM statements."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.labels import Identity, Label, Phase, RoleKind

if TYPE_CHECKING:
    from medic.logscan.model import Finding

_SERVICE_LABELS = frozenset({Label.SERVICE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_BUILD})
_COMPUTE_LABELS = frozenset({Label.COMPUTE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_RUNTIME})
_ROLE_OF_IDENTITY = {Identity.SERVICE_ROLE: RoleKind.SERVICE, Identity.COMPUTE_ROLE: RoleKind.COMPUTE}


class CheckResult(StrEnum):
    """The result of a check. UNKNOWN means that the check could not be made."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Check(Struct, frozen=True):
    id: str
    result: CheckResult
    detail: str
    """Text for people: what was found, or why the check could not be made."""


class Rank(StrEnum):
    """How certain a cause is. A cause that no API and no AWS message can show is never PROVEN."""

    PROVEN = "proven"
    LIKELY = "likely"
    POSSIBLE = "possible"
    RULED_OUT = "ruled_out"


class Proposal(Struct, frozen=True):
    """The smallest IAM statement that would remove a cause. The bot shows it to people and never applies it."""

    fix: str
    """The id of the knowledge-base fix that the statement implements."""
    principal: str
    """The role or user whose policy needs the statement: an ARN, or a name where the ARN is not known."""
    role_name: str | None
    """The name of the role to edit, as the IAM API takes it; None if it is not a role in the app's account."""
    statement: str
    """Compact JSON."""
    replaces: int | None = None
    """The position of the trust statement that it replaces; None if it is added beside what is there."""
    notes: tuple[str, ...] = ()
    """Sentences: what to know before adding the statement."""
    user_name: str | None = None
    """The name of the IAM user to edit, if the caller is a user of the app's account."""
    as_command: bool = True
    """Whether commands that add the statement may be printed. Otherwise only the statement is shown."""


class Cause(Struct, frozen=True):
    """One candidate cause with the checks that support or contradict it."""

    id: str
    """The id of the knowledge-base entry that explains the cause and its fixes."""
    title: str
    rank: Rank
    reason: str
    """The end of a sentence: lower case, no full stop."""
    supporting: tuple[str, ...] = ()
    """Ids of checks that support the cause."""
    against: tuple[str, ...] = ()
    """Ids of checks that contradict the cause."""
    unseen: tuple[str, ...] = ()
    """Ids of relevant checks that could not be made."""
    proposal: Proposal | None = None
    """The statement that would remove the cause; None if no single statement would."""


class Assumable(StrEnum):
    """Whether Amplify can assume a role, judged by its trust policy.

    Only MISSING and DENIED make a role unusable, DENIED only after IAM has propagated the role.
    """

    ALLOWED = "allowed"
    CONTESTED = "contested"
    """The trust policy allows it under source conditions, which Amplify has sometimes refused on compute roles."""
    CONDITIONAL = "conditional"
    """The result depends on condition values that are not known here."""
    DENIED = "denied"
    MISSING = "missing"
    """IAM has no such role."""
    UNREADABLE = "unreadable"


class RoleVerdict(Struct, frozen=True):
    """Whether a role can serve as a branch's compute role or an app's service role."""

    arn: str
    assumable: Assumable
    propagated: bool
    """False while the role is younger than five minutes, because some AWS services may not see it yet."""
    explanation: tuple[str, ...] = ()
    """Sentences; the first is the most important one."""
    required_source: tuple[str, ...] = ()
    """The aws:SourceArn and aws:SourceAccount values the trust demands; empty unless only they keep Amplify out."""
    proposal: Proposal | None = None
    """The statement that would let Amplify in; None if Amplify is let in already, or if no statement would do it."""

    @property
    def usable(self) -> bool | None:
        """True, False, or None if unknown (conditional, unreadable, or denied but not yet propagated)."""
        match self.assumable:
            case Assumable.ALLOWED | Assumable.CONTESTED:
                return True
            case Assumable.MISSING:
                return False
            case Assumable.DENIED:
                return False if self.propagated else None
            case _:
                return None


class Diagnosis(Struct, frozen=True):
    """The possible causes of one failure, most certain first, with the findings and checks behind them."""

    label: Label
    phase: Phase
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    causes: tuple[Cause, ...]
    service: RoleVerdict | None = None
    """The app's service role; None if none is set or the app could not be read."""
    compute: RoleVerdict | None = None
    """R of the decision table: the branch's compute role, else the app's; None if neither is known."""
    candidate: RoleVerdict | None = None
    """The paired compute role that the bot would attach; None if there is none."""
    repair: RoleVerdict | None = None
    """The paired service role that the bot would set on the app; None if there is none."""

    @property
    def likeliest(self) -> str:
        """The id of the most likely cause, or `none`."""
        return self.causes[0].id if self.causes else "none"

    @property
    def only_possible(self) -> bool:
        """True if there are causes, and none is proven or likely."""
        return bool(self.causes) and self.causes[0].rank is Rank.POSSIBLE

    @property
    def best_ranks(self) -> tuple[Rank, ...]:
        """The ranks of the causes whose fixes are shown."""
        return (Rank.POSSIBLE,) if self.only_possible else (Rank.PROVEN, Rank.LIKELY)

    @property
    def lacks_usable_role(self) -> bool:
        """True if the effective compute role is missing, or known to be unusable."""
        return self.compute is None or self.compute.usable is False

    @property
    def role_kind(self) -> RoleKind:
        """The role that the failure is about: given by the label, else by who was denied. Needs a finding."""
        if self.label in _SERVICE_LABELS:
            return RoleKind.SERVICE
        if self.label in _COMPUTE_LABELS:
            return RoleKind.COMPUTE
        return _ROLE_OF_IDENTITY.get(self.findings[0].identity, RoleKind.NONE)
