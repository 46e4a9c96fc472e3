"""A decision about a trust policy, with the trace of every statement that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from medic.trust import logic
from medic.trust.document import Effect
from medic.trust.logic import Verdict

if TYPE_CHECKING:
    from medic.trust.document import Condition, Document, Malformed, Statement
    from medic.trust.request import AssumeRoleRequest, KeyState


class Outcome(StrEnum):
    """The answer."""

    ALLOWED = "allowed"
    DENIED = "denied"
    CONDITIONAL = "conditional"
    """It depends on something about the call that cannot be known from here."""


class SessionLimit(StrEnum):
    """Why STS refuses the session asked for, whatever the trust policy says."""

    OUT_OF_RANGE = "out of range"
    ROLE_CHAINING = "role chaining"
    ROLE_MAXIMUM = "role maximum"


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """How one condition came out."""

    condition: Condition
    state: KeyState
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class StatementTrace:
    """How one statement came out, element by element."""

    statement: Statement
    principal: Verdict
    action: Verdict
    resource: Verdict
    conditions: tuple[ConditionTrace, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether the statement applies to the call."""
        tested = (trace.verdict for trace in self.conditions)
        return logic.all_of((self.principal, self.action, self.resource, *tested))


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer with everything that led to it."""

    request: AssumeRoleRequest
    outcome: Outcome
    document: Document | Malformed
    statements: tuple[StatementTrace, ...] = ()
    session_limit: SessionLimit | None = None
    depends_on_source_conditions: bool = False
    """Whether the answer would be another if the call carried neither aws:SourceArn nor aws:SourceAccount."""
    likely: Outcome | None = None
    """For a conditional answer: the side it leans to, if every undocumented key is as one would expect."""

    @property
    def blockers(self) -> tuple[StatementTrace, ...]:
        """What stands in the way: the Deny statements that apply, else the Allow statement that came nearest."""
        if self.outcome is Outcome.ALLOWED:
            return ()
        return self.denials or self.nearest

    @property
    def denials(self) -> tuple[StatementTrace, ...]:
        """The Deny statements that apply for certain."""
        return tuple(trace for trace in self._with(Effect.DENY) if trace.verdict is Verdict.TRUE)

    @property
    def possible_denials(self) -> tuple[StatementTrace, ...]:
        """The Deny statements of which it cannot be known."""
        return tuple(trace for trace in self._with(Effect.DENY) if trace.verdict is Verdict.UNKNOWN)

    @property
    def grants(self) -> tuple[StatementTrace, ...]:
        """The Allow statements that apply, those that apply for certain first."""
        applying = [trace for trace in self._with(Effect.ALLOW) if trace.verdict is not Verdict.FALSE]
        return tuple(sorted(applying, key=lambda trace: trace.verdict is not Verdict.TRUE))

    @property
    def nearest(self) -> tuple[StatementTrace, ...]:
        """The Allow statement that came nearest to letting the caller in: none or one."""
        return tuple(sorted(self._with(Effect.ALLOW), key=_distance)[:1])

    @property
    def assumptions(self) -> tuple[ConditionTrace, ...]:
        """The conditions that no one can decide from here, and on which the answer rests."""
        if self.outcome is not Outcome.CONDITIONAL:
            return ()
        open_ = (*self.grants, *self.possible_denials)
        return tuple(each for trace in open_ for each in trace.conditions if each.verdict is Verdict.UNKNOWN)

    def _with(self, effect: Effect) -> tuple[StatementTrace, ...]:
        return tuple(trace for trace in self.statements if trace.statement.effect is effect)


def _distance(trace: StatementTrace) -> tuple[int, ...]:
    """How far a statement is from applying: the principal counts most, then the action, then each condition."""
    cost = {Verdict.TRUE: 0, Verdict.UNKNOWN: 1, Verdict.FALSE: 2}
    return (
        cost[trace.principal],
        cost[trace.action],
        cost[trace.resource],
        sum(cost[each.verdict] for each in trace.conditions),
    )
