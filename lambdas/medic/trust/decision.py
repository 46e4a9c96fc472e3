"""The result of evaluating a trust policy: the outcome, and how each statement and condition was evaluated."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from medic.trust.document import Condition, Document, Effect, Malformed, Statement
from medic.trust.logic import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.trust.request import AssumeRoleRequest, KeyState


class Outcome(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"
    CONDITIONAL = "conditional"
    """It depends on an unknown fact of the call, or on behaviour that AWS does not document."""


class SessionLimit(StrEnum):
    """Why STS refuses the requested session duration, whatever the trust policy says."""

    OUT_OF_RANGE = "out of range"
    ROLE_CHAINING = "role chaining"
    ROLE_MAXIMUM = "role maximum"


class ConditionTrace(Struct, frozen=True):
    """How one condition was evaluated."""

    condition: Condition
    state: KeyState
    verdict: Verdict


class StatementTrace(Struct, frozen=True):
    """How one statement was evaluated, element by element."""

    statement: Statement
    principal: Verdict
    action: Verdict
    resource: Verdict
    conditions: tuple[ConditionTrace, ...]
    verdict: Verdict
    """Whether the statement applies to the call: all of the above."""


class Decision(Struct, frozen=True):
    """The outcome and everything that explains it."""

    request: AssumeRoleRequest
    outcome: Outcome
    document: Document | Malformed
    statements: tuple[StatementTrace, ...] = ()
    session_limit: SessionLimit | None = None
    depends_on_source_conditions: bool = False
    """Whether the outcome would change if the call carried neither aws:SourceArn nor aws:SourceAccount."""
    lacking: Mapping[str, Outcome] = field(default_factory=dict)
    """Further actions that the call needs and that are not surely allowed: sts:TagSession if it passes session tags."""
    likely: Outcome | None = None
    """For a conditional outcome: the probable one, if every undocumented key is as expected; else None."""

    @property
    def blockers(self) -> tuple[StatementTrace, ...]:
        """Why the call is not allowed: the Deny statements that apply, else the nearest Allow statement."""
        if self.outcome is Outcome.ALLOWED:
            return ()
        return self.denials or self.nearest

    @property
    def denials(self) -> tuple[StatementTrace, ...]:
        """The Deny statements that certainly apply."""
        return tuple(trace for trace in self._with(Effect.DENY) if trace.verdict is Verdict.TRUE)

    @property
    def possible_denials(self) -> tuple[StatementTrace, ...]:
        """The Deny statements that may apply."""
        return tuple(trace for trace in self._with(Effect.DENY) if trace.verdict is Verdict.UNKNOWN)

    @property
    def grants(self) -> tuple[StatementTrace, ...]:
        """The Allow statements that apply or may apply; those that certainly apply come first."""
        applying = [trace for trace in self._with(Effect.ALLOW) if trace.verdict is not Verdict.FALSE]
        return tuple(sorted(applying, key=lambda trace: trace.verdict is not Verdict.TRUE))

    @property
    def granted(self) -> bool:
        """Whether an Allow certainly applies and no Deny may, whatever else the call needs."""
        applies = any(trace.verdict is Verdict.TRUE for trace in self.grants)
        return applies and not (self.denials or self.possible_denials)

    @property
    def nearest(self) -> tuple[StatementTrace, ...]:
        """The Allow statement that is closest to allowing the call: none or one."""
        return tuple(sorted(self._with(Effect.ALLOW), key=_distance)[:1])

    @property
    def assumptions(self) -> tuple[ConditionTrace, ...]:
        """The undecidable conditions that a conditional outcome depends on."""
        if self.outcome is not Outcome.CONDITIONAL:
            return ()
        undecided = (*self.grants, *self.possible_denials)
        return tuple(each for trace in undecided for each in trace.conditions if each.verdict is Verdict.UNKNOWN)

    def _with(self, effect: Effect) -> tuple[StatementTrace, ...]:
        return tuple(trace for trace in self.statements if trace.statement.effect is effect)


def _distance(trace: StatementTrace) -> tuple[int, ...]:
    """How far a statement is from applying; the principal counts most, then action, resource and conditions."""
    cost = {Verdict.TRUE: 0, Verdict.UNKNOWN: 1, Verdict.FALSE: 2}
    return (
        cost[trace.principal],
        cost[trace.action],
        cost[trace.resource],
        sum(cost[each.verdict] for each in trace.conditions),
    )
