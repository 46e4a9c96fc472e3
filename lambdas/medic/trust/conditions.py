"""Evaluates one condition of a policy for one call, in three-valued logic.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.trust import logic
from medic.trust.keys import holds_several, type_mismatch
from medic.trust.logic import Verdict
from medic.trust.operators import SetQualifier, with_documented_case
from medic.trust.request import Context, KeyPresence, KeyState

if TYPE_CHECKING:
    from medic.trust.document import Condition


def condition_holds(
    condition: Condition, state: KeyState, variables: Context | None, if_undocumented: Verdict
) -> Verdict:
    """Whether a condition is met.

    Args:
        condition: One key under one operator.
        state: The state of the key.
        variables: Resolves policy variables; None if the policy's version has none.
        if_undocumented: The verdict where AWS documents none: for a value of another type than the operator's, an
            operator of another type than the key's, and several values without a set operator.
    """
    if condition.operator.comparison is None:
        return _null_holds(condition, state, if_undocumented)
    match state:
        case KeyPresence.ABSENT | ():
            return _holds_without_key(condition)
        case KeyPresence.PRESENT:
            return _holds_with_key(condition, None, variables, if_undocumented)
        case KeyPresence.UNKNOWN:
            if_present = _holds_with_key(condition, None, variables, if_undocumented)
            return logic.same_or_unknown(_holds_without_key(condition), if_present)
        case values:
            return _holds_with_key(condition, values, variables, if_undocumented)


def _null_holds(condition: Condition, state: KeyState, if_undocumented: Verdict) -> Verdict:
    qualifier = condition.operator.qualifier
    if qualifier is SetQualifier.FOR_ANY_VALUE:
        return Verdict.FALSE
    if qualifier is SetQualifier.FOR_ALL_VALUES or not condition.values:
        return Verdict.TRUE
    absent = logic.of(holds=state in {KeyPresence.ABSENT, ()})
    if state is KeyPresence.UNKNOWN:
        absent = Verdict.UNKNOWN
    verdicts = {"true": absent, "false": logic.negate(absent)}
    return logic.any_of(
        with_documented_case(value, verdicts[value.lower()]) if value.lower() in verdicts else if_undocumented
        for value in condition.values
    )


def _holds_without_key(condition: Condition) -> Verdict:
    operator = condition.operator
    if operator.qualifier is SetQualifier.FOR_ANY_VALUE:
        # ForAnyValue is false without the key, IfExists is true; AWS does not document the two together.
        return Verdict.UNKNOWN if operator.if_exists else Verdict.FALSE
    if operator.if_exists or operator.qualifier is SetQualifier.FOR_ALL_VALUES:
        return Verdict.TRUE
    return logic.of(holds=operator.negated or not condition.values)


def _holds_with_key(
    condition: Condition, values: tuple[str, ...] | None, variables: Context | None, if_undocumented: Verdict
) -> Verdict:
    """The verdict if the call carries the key; `values` is None if they are unknown."""
    operator = condition.operator
    if operator.comparison is None or not condition.values:
        return logic.of(holds=operator.qualifier is None and not operator.if_exists)
    tests = [operator.comparison(written, variables) for written in dict.fromkeys(condition.values)]
    matches = []
    for value in values or (None,):
        results = (test(value) for test in tests)
        matched = logic.any_of(if_undocumented if result is None else result for result in results)
        matches.append(logic.negate(matched) if operator.negated else matched)
    undocumented = type_mismatch(condition.key, operator.name) is not None
    match operator.qualifier:
        case SetQualifier.FOR_ALL_VALUES:
            verdict, if_no_value = logic.all_of(matches), Verdict.TRUE
        case SetQualifier.FOR_ANY_VALUE:
            verdict, if_no_value = logic.any_of(matches), Verdict.FALSE
        case _:
            verdict = if_no_value = logic.same_or_unknown(logic.all_of(matches), logic.any_of(matches))
            undocumented |= len(matches) > 1 or holds_several(condition.key)
    if values in {None, ("",)}:  # some AWS pages count an empty string as no value
        verdict = logic.same_or_unknown(verdict, if_no_value)
    return logic.same_or_unknown(verdict, if_undocumented) if undocumented else verdict
