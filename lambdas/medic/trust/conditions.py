"""Whether one condition holds: operators, set qualifiers, IfExists, Null, missing keys and several values together.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
and, for empty value lists and Null with a qualifier,
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.trust import verdict
from medic.trust.context import Absent, Known, Present, State, Unknown
from medic.trust.operators import SetQualifier
from medic.trust.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medic.trust.comparisons import Comparison, Test
    from medic.trust.context import Context
    from medic.trust.document import Condition


def holds(condition: Condition, context: Context, *, variables: bool, allows: bool) -> Verdict:
    """Whether a condition is met.

    Args:
        condition: one key under one operator.
        context: the state of every key.
        variables: whether the policy's version knows policy variables.
        allows: whether the statement allows. A value that cannot be read never helps an Allow, and never lifts a Deny.
    """
    comparison = condition.operator.operator.comparison
    state = context.state(condition.key)
    if comparison is None:
        return _null_check(condition, state, unreadable=_unreadable(negated=False, allows=allows))
    test = _ValueTest(condition, comparison, context if variables else None, allows=allows)
    return test.given(state)


def _unreadable(*, negated: bool, allows: bool) -> Verdict:
    """What a comparison of unlike types counts as; documented only as "does not match", for plain operators."""
    return Verdict.FALSE if allows and not negated else Verdict.UNKNOWN


def _null_check(condition: Condition, state: State, unreadable: Verdict) -> Verdict:
    match condition.operator.qualifier:
        case SetQualifier.FOR_ALL_VALUES:
            return Verdict.TRUE
        case SetQualifier.FOR_ANY_VALUE:
            return Verdict.FALSE
    if not condition.values:
        return Verdict.TRUE
    match state:
        case Absent() | Known(()):
            missing = Verdict.TRUE
        case Known() | Present():
            missing = Verdict.FALSE
        case Unknown():
            missing = Verdict.UNKNOWN
    meanings = {"true": missing, "false": verdict.negate(missing)}
    return verdict.any_of(meanings.get(value, unreadable) for value in condition.values)


class _ValueTest:
    """A condition that compares values, with the policy's side already read."""

    def __init__(
        self, condition: Condition, comparison: Comparison, variables: Context | None, *, allows: bool
    ) -> None:
        self._use = condition.operator
        self._negated = condition.operator.operator.negated
        self._tests: Sequence[Test] = [comparison(value, variables) for value in dict.fromkeys(condition.values)]
        self._unreadable = _unreadable(negated=self._negated, allows=allows)

    def given(self, state: State) -> Verdict:
        match state:
            case Absent() | Known(()):
                return self._if_missing()
            case Known(values):
                return self._if_carried(values)
            case Present():
                return self._if_carried(None)
            case Unknown():
                return verdict.agreed(self._if_missing(), self._if_carried(None))

    def _if_missing(self) -> Verdict:
        if self._use.if_exists or self._use.qualifier is SetQualifier.FOR_ALL_VALUES:
            return Verdict.TRUE
        if self._use.qualifier is SetQualifier.FOR_ANY_VALUE:
            return Verdict.FALSE
        return verdict.of(holds=self._negated or not self._tests)

    def _if_carried(self, values: tuple[str, ...] | None) -> Verdict:
        """With the key in the call; None for values that cannot be known."""
        if not self._tests:
            return verdict.of(holds=self._use.qualifier is None and not self._use.if_exists)
        matches = [self._matches(value) for value in values or (None,)]
        match self._use.qualifier:
            case SetQualifier.FOR_ALL_VALUES:
                outcome, of_nothing = verdict.all_of(matches), Verdict.TRUE
            case SetQualifier.FOR_ANY_VALUE:
                outcome, of_nothing = verdict.any_of(matches), Verdict.FALSE
            case _:
                # Several values without a qualifier: IAM leaves open which of them must match.
                return verdict.agreed(verdict.all_of(matches), verdict.any_of(matches))
        # An empty string is, by some pages, no value at all.
        return verdict.agreed(outcome, of_nothing) if values in {None, ("",)} else outcome

    def _matches(self, value: str | None) -> Verdict:
        matched = verdict.any_of(self._one(test, value) for test in self._tests)
        return verdict.negate(matched) if self._negated else matched

    def _one(self, test: Test, value: str | None) -> Verdict:
        outcome = test.of_any_value if value is None else test.holds(value)
        return self._unreadable if outcome is None else outcome
