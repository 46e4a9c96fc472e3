"""Plans: what would be done, how far it may go, and every guardrail's answer. A refusal is data, not an error."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medic.labels import ActionKind


class Disposition(StrEnum):
    """How far an action may go."""

    DO = "do"
    ASK_FIRST = "ask_first"
    ADVISE = "advise"
    REFUSE = "refuse"


class RebuildTag(StrEnum):
    """The tag `amplify-medic:rebuild`; an unknown value is NO."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class GuardrailAnswer:
    """One guardrail's answer; what could not be evaluated does not allow."""

    rule: str
    allows: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Action:
    """One change: what is set, to what, and what stood there before."""

    kind: ActionKind
    disposition: Disposition
    target: str
    """The ARN of the branch or app that would change."""
    role_arn: str | None
    """The role that would be set; None where none could be chosen."""
    previous_arn: str | None
    reason: str
    """Why this disposition: the guardrail that refused, or the mode."""
    answers: tuple[GuardrailAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Whether to start the failed job again after the actions, and why or why not."""

    wanted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from a diagnosis: no, one or two actions."""

    actions: tuple[Action, ...]
    effect: str
    """What to expect of the actions, and what remains to be done by a person."""
    rebuild: Rebuild

    def hash_for(self, incident_id: str) -> str:
        """A fingerprint of exactly this plan for exactly this incident: what an approval is bound to."""
        parts = [incident_id]
        for action in self.actions:
            parts += [action.kind, action.target, action.role_arn or "", action.previous_arn or ""]
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()

    @property
    def gist(self) -> str:
        """What people are told of it: each action, how far it goes, and the rule that stopped it."""
        return "; ".join(f"{a.kind} {a.role_arn} {a.disposition} {a.reason.partition(':')[0]}" for a in self.actions)

    def refused(self, rule: str, detail: str) -> Plan:
        """The same plan, with everything refused that might have been done."""
        answer = GuardrailAnswer(rule, allows=False, detail=detail)
        acting = (Disposition.DO, Disposition.ASK_FIRST)
        actions = tuple(
            replace(a, disposition=Disposition.REFUSE, reason=f"{rule}: {detail}", answers=(*a.answers, answer))
            if a.disposition in acting
            else a
            for a in self.actions
        )
        return replace(self, actions=actions, rebuild=Rebuild(wanted=False, reason="nothing is changed"))

    @property
    def refusing(self) -> frozenset[str]:
        """The names of the rules that said no."""
        return frozenset(answer.rule for action in self.actions for answer in action.answers if not answer.allows)

    def expecting(self, denied: tuple[str, ...]) -> Plan:
        """The plan with what a log names already: the actions its role will have to be allowed."""
        if not (self.actions and denied):
            return self
        return replace(self, effect=f"{self.effect} The log already names {', '.join(denied)}.")

    def with_disposition(self, disposition: Disposition) -> tuple[Action, ...]:
        """The actions that may go exactly this far."""
        return tuple(action for action in self.actions if action.disposition is disposition)
