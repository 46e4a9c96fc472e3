"""The condition operators: what each compares, whether it is negated, and how it reads the policy's values.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from medic.trust import comparisons as compare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.trust.comparisons import Comparison

_IF_EXISTS = "IfExists"


class SetQualifier(StrEnum):
    """How the values of a multivalued key are taken together."""

    FOR_ALL_VALUES = "ForAllValues"
    FOR_ANY_VALUE = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class Operator:
    """One condition operator without qualifier and suffix."""

    name: str
    comparison: Comparison | None
    """None for Null, which compares presence and no value."""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class OperatorUse:
    """An operator as a policy writes it, such as `ForAnyValue:StringLikeIfExists`."""

    written: str
    operator: Operator
    qualifier: SetQualifier | None
    if_exists: bool


def operator_named(written: str) -> OperatorUse | None:
    """The operator with this name; None if IAM has none."""
    prefix, colon, rest = written.rpartition(":")
    try:
        qualifier = SetQualifier(prefix) if colon else None
    except ValueError:
        return None
    operator = _OPERATORS.get(rest)
    if operator is not None:
        return OperatorUse(written, operator, qualifier, if_exists=False)
    operator = _OPERATORS.get(rest.removesuffix(_IF_EXISTS))
    if operator is None or operator is NULL:  # IfExists cannot be added to Null
        return None
    return OperatorUse(written, operator, qualifier, if_exists=True)


NULL = Operator("Null", None)


def _operators() -> Mapping[str, Operator]:
    pairs: tuple[tuple[str, str | None, Comparison], ...] = (
        ("StringEquals", "StringNotEquals", compare.text),
        ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", compare.text_ignoring_case),
        ("StringLike", "StringNotLike", compare.text_with_wildcards),
        ("NumericEquals", "NumericNotEquals", compare.numbers(lambda number, bound: number == bound)),
        ("NumericLessThan", None, compare.numbers(lambda number, bound: number < bound)),
        ("NumericLessThanEquals", None, compare.numbers(lambda number, bound: number <= bound)),
        ("NumericGreaterThan", None, compare.numbers(lambda number, bound: number > bound)),
        ("NumericGreaterThanEquals", None, compare.numbers(lambda number, bound: number >= bound)),
        ("DateEquals", "DateNotEquals", compare.dates(lambda instant, bound: instant == bound)),
        ("DateLessThan", None, compare.dates(lambda instant, bound: instant < bound)),
        ("DateLessThanEquals", None, compare.dates(lambda instant, bound: instant <= bound)),
        ("DateGreaterThan", None, compare.dates(lambda instant, bound: instant > bound)),
        ("DateGreaterThanEquals", None, compare.dates(lambda instant, bound: instant >= bound)),
        ("Bool", None, compare.booleans),
        ("BinaryEquals", None, compare.binary),
        ("IpAddress", "NotIpAddress", compare.addresses),
        ("ArnEquals", "ArnNotEquals", compare.arns),
        ("ArnLike", "ArnNotLike", compare.arns),
    )
    table = {NULL.name: NULL}
    for name, negation, comparison in pairs:
        table[name] = Operator(name, comparison)
        if negation:
            table[negation] = Operator(negation, comparison, negated=True)
    return MappingProxyType(table)


_OPERATORS = _operators()
