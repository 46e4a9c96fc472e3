"""The words diagnosis speaks in: labels, findings, checks, causes. Made by this room, read by the later ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from medic.labels import Identity, Label, RoleKind

if TYPE_CHECKING:
    from medic.labels import Phase
    from medic.logscan.model import Finding

_SERVICE_LABELS = frozenset({Label.SERVICE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_BUILD})
_COMPUTE_LABELS = frozenset({Label.COMPUTE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_RUNTIME})
_ROLE_OF_IDENTITY = {Identity.SERVICE_ROLE: RoleKind.SERVICE, Identity.COMPUTE_ROLE: RoleKind.COMPUTE}


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
    reason: str
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
    required_source: tuple[str, ...] = ()
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

    @property
    def role_kind(self) -> RoleKind:
        """Which of Amplify's two roles it is about: by the label, else by who was denied."""
        if self.label in _SERVICE_LABELS:
            return RoleKind.SERVICE
        if self.label in _COMPUTE_LABELS:
            return RoleKind.COMPUTE
        return _ROLE_OF_IDENTITY.get(self.findings[0].identity, RoleKind.NONE)
