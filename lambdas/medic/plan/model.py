"""The plan: its actions, how far each may go, and every guardrail's answer. A refusal is data, not an error."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from medic.labels import ActionKind  # noqa: TC001 - codec.py reads the types of stored fields
from medic.records import replace

SSR = "WEB_COMPUTE"
"""The only platform that runs code with a compute role."""


class Disposition(StrEnum):
    """How far an action may go."""

    DO = "do"
    ASK_FIRST = "ask_first"
    """Wait for approval."""
    ADVISE = "advise"
    """Only say what would help, because the effective mode is report."""
    REFUSE = "refuse"
    """A guardrail forbids it."""

    @property
    def may_change(self) -> bool:
        """True if the action changes something, now or after approval."""
        return self in (Disposition.DO, Disposition.ASK_FIRST)


class RebuildTag(StrEnum):
    AUTO = "auto"
    YES = "yes"
    NO = "no"


class GuardrailAnswer(Struct, frozen=True):
    rule: str
    """The guardrail's name."""
    allows: bool | None
    """None if it could not look at what it needs: then it refuses too."""
    detail: str


class Action(Struct, frozen=True):
    kind: ActionKind
    disposition: Disposition
    target: str
    """The ARN of the branch or app to change."""
    role_arn: str | None
    """The role to set; None if settings and tags choose none."""
    previous_arn: str | None
    """The role that is set now, on the branch or app itself."""
    reason: str
    """Why this disposition: what the guardrail that refused says, else the opt-in note."""
    rule: str = ""
    """The name of the guardrail that refused; empty if none did."""
    answers: tuple[GuardrailAnswer, ...] = ()
    unknown: Mapping[str, object] = field(default_factory=dict)
    """Fields that a newer release stored. They are written back as they are."""

    @property
    def gist(self) -> tuple[str | None, ...]:
        """A repeated failure causes a new alert only if an action has another gist."""
        return self.kind, self.role_arn, self.disposition, self.rule

    @property
    def explanation(self) -> str:
        """The reason, after the name of the guardrail if one refused."""
        return f"{self.rule}: {self.reason}" if self.rule else self.reason


class Rebuild(Struct, frozen=True):
    """Whether to retry the failed job after the actions, and the reason for either answer."""

    wanted: bool
    reason: str


class Plan(Struct, frozen=True):
    """What to do about a diagnosis. It has at most two actions, one of each kind."""

    actions: tuple[Action, ...]
    effect: str
    """What the actions will do, and what they will not do."""
    rebuild: Rebuild

    @property
    def refused_by(self) -> frozenset[str]:
        """The names of the guardrails that refused an action."""
        return frozenset(answer.rule for action in self.actions for answer in action.answers if not answer.allows)

    def hash_for(self, incident_id: str) -> str:
        """A SHA-256 hash over the incident and each action's kind, target, new and previous role.

        An approval carries this hash, so that it can't approve another plan.
        """
        parts = [incident_id]
        for action in self.actions:
            parts += [action.kind, action.target, action.role_arn or "", action.previous_arn or ""]
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()

    def with_disposition(self, disposition: Disposition) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.disposition is disposition)

    def refused(self, rule: str, detail: str) -> Plan:
        """The same plan with every action refused that might have changed something."""
        answer = GuardrailAnswer(rule, allows=False, detail=detail)
        actions = tuple(
            replace(a, disposition=Disposition.REFUSE, reason=detail, rule=rule, answers=(*a.answers, answer))
            if a.disposition.may_change
            else a
            for a in self.actions
        )
        return replace(self, actions=actions, rebuild=Rebuild(wanted=False, reason="nothing is changed"))
