"""The condition operators: how each parses a policy's value and compares it with a value of the call.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from medic.trust import logic
from medic.trust.logic import Verdict
from medic.trust.patterns import Pattern, arn_segments
from medic.trust.request import Unresolved, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.trust.request import Context


@dataclass(frozen=True, slots=True)
class ValueTest:
    """One value of a condition, parsed, to compare with values of the call."""

    matches: Callable[[str], Verdict | None]
    """Takes the call's value. None if either value cannot be parsed as the operator's type."""
    if_unknown: Verdict | None = Verdict.UNKNOWN
    """The result if the call's value is unknown."""


Comparison: TypeAlias = Callable[[str, "Context | None"], ValueTest]
"""Takes the policy's value, and the context that resolves its variables (None if the policy version has none)."""


class SetQualifier(StrEnum):
    """How a condition treats the several values of a multivalued key."""

    FOR_ALL_VALUES = "ForAllValues"
    FOR_ANY_VALUE = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class ConditionOperator:
    """A condition operator without its qualifier and suffix."""

    name: str
    comparison: Comparison | None
    """None for Null, which tests whether the key is present."""
    negated: bool = False


NULL = ConditionOperator("Null", None)


@dataclass(frozen=True, slots=True)
class OperatorUse:
    """An operator as a policy writes it, such as `ForAnyValue:StringLikeIfExists`."""

    written: str
    operator: ConditionOperator
    qualifier: SetQualifier | None
    if_exists: bool


def operator_named(written: str) -> OperatorUse | None:
    """The operator with this name; None if IAM has no such operator."""
    prefix, colon, rest = written.rpartition(":")
    try:
        qualifier = SetQualifier(prefix) if colon else None
    except ValueError:
        return None
    operator = _OPERATORS.get(rest)
    if operator is not None:
        return OperatorUse(written, operator, qualifier, if_exists=False)
    operator = _OPERATORS.get(rest.removesuffix("IfExists"))
    if operator is None or operator is NULL:  # IfExists cannot be added to Null
        return None
    return OperatorUse(written, operator, qualifier, if_exists=True)


_UNREADABLE = ValueTest(lambda _: None, None)

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,100}(?:\.[0-9]{0,100})?|\.[0-9]{1,100})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_EPOCH = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
# https://www.w3.org/TR/NOTE-datetime
_W3C_DATE = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)"
    r"(?:T(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?P<fraction>\.[0-9]{1,9})?)?)(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)
_YEAR_AND_MONTH = 7


def _strings(written: str, context: Context | None) -> ValueTest:
    """Exact and case-sensitive; `*` and `?` are plain characters."""
    return _string_test(resolve(written, context, wildcards=False), lambda value: value)


def _strings_ignoring_case(written: str, context: Context | None) -> ValueTest:
    return _string_test(resolve(written, context, wildcards=False), str.lower)


def _strings_with_wildcards(written: str, context: Context | None) -> ValueTest:
    pattern = resolve(written, context, wildcards=True)
    if isinstance(pattern, Unresolved):
        return _unresolved(pattern)
    matches = pattern.matcher()
    if_unknown = Verdict.TRUE if pattern.matches_everything else Verdict.UNKNOWN
    return ValueTest(lambda value: logic.of(holds=matches(value)), if_unknown)


def _arns(written: str, context: Context | None) -> ValueTest:
    """Compares each of the six segments separately, with wildcards, after resolving variables."""
    pattern = resolve(written, context, wildcards=True)
    if isinstance(pattern, Unresolved):
        return _unresolved(pattern)
    segments = pattern.segments()
    return ValueTest(lambda value: _arn_matches(pattern, segments, value))


def _booleans(written: str, context: Context | None) -> ValueTest:
    if context is not None and "${" in written:  # AWS's pages disagree on whether Bool supports variables
        return _unresolved(Unresolved.UNKNOWN)
    if written.lower() not in {"true", "false"}:
        return _UNREADABLE

    def matches(value: str) -> Verdict | None:
        if value.lower() not in {"true", "false"}:
            return None
        same = logic.of(holds=value.lower() == written.lower())
        # AWS does not document a value with capitals in the policy. It may never match.
        return same if written.islower() else logic.same_or_unknown(same, Verdict.FALSE)

    return ValueTest(matches)


def _binary(written: str, _context: Context | None) -> ValueTest:
    """Compares bytes; both sides are base64."""
    expected = _decoded(written)
    if expected is None:
        return _UNREADABLE

    def matches(value: str) -> Verdict | None:
        actual = _decoded(value)
        return None if actual is None else logic.of(holds=actual == expected)

    return ValueTest(matches)


def _addresses(written: str, _context: Context | None) -> ValueTest:
    """Takes an IPv4 or IPv6 address or CIDR range; ignores bits after the prefix length."""
    network = _network(written)
    if network is None:
        return _UNREADABLE

    def matches(value: str) -> Verdict | None:
        address = _network(value)
        if address is None or address.prefixlen != address.max_prefixlen:
            return None
        return logic.of(holds=address.network_address in network)

    return ValueTest(matches)


def _numbers(relation: Callable[[Decimal, Decimal], bool]) -> Comparison:
    """Compares numbers; `relation` takes the call's number and the policy's."""

    def comparison(written: str, _context: Context | None) -> ValueTest:
        bound = _number(written)
        if bound is None:
            return _UNREADABLE

        def matches(value: str) -> Verdict | None:
            number = _number(value)
            return None if number is None else logic.of(holds=relation(number, bound))

        return ValueTest(matches)

    return comparison


def _dates(relation: Callable[[Decimal, Decimal], bool]) -> Comparison:
    """Compares instants, given in a W3C form of ISO 8601 or as epoch seconds.

    `relation` takes the call's instant and the policy's.
    """

    def comparison(written: str, _context: Context | None) -> ValueTest:
        bounds = _instants(written)
        if not bounds:
            return _UNREADABLE

        def matches(value: str) -> Verdict | None:
            instants = _instants(value)
            if not instants:
                return None
            results = {
                instant is not None and bound is not None and relation(instant, bound)
                for instant in instants
                for bound in bounds
            }
            return logic.of(holds=results.pop()) if len(results) == 1 else Verdict.UNKNOWN

        return ValueTest(matches)

    return comparison


def _string_test(pattern: Pattern | Unresolved, normal: Callable[[str], str]) -> ValueTest:
    if isinstance(pattern, Unresolved):
        return _unresolved(pattern)
    expected = normal("".join(str(token) for token in pattern.tokens))
    return ValueTest(lambda value: logic.of(holds=normal(value) == expected))


def _unresolved(reason: Unresolved) -> ValueTest:
    outcome = Verdict.FALSE if reason is Unresolved.NO_VALUE else Verdict.UNKNOWN
    return ValueTest(lambda _: outcome, outcome)


def _arn_matches(pattern: Pattern, segments: tuple[Pattern, ...] | None, value: str) -> Verdict | None:
    actual = arn_segments(value)
    if actual is None:
        return None
    if segments is None:
        # AWS does not document a pattern of fewer segments. It may match as one string, or never.
        return logic.same_or_unknown(logic.of(holds=pattern.matches(value)), Verdict.FALSE)
    return logic.of(holds=all(each.matches(part) for each, part in zip(segments, actual, strict=True)))


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    _, slash, prefix = text.partition("/")
    if slash and not (prefix.isascii() and prefix.isdigit()):  # Python also accepts a netmask, which is not CIDR
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _instants(text: str) -> list[Decimal | None]:
    """Every instant, in seconds since 1970, that the text may mean. An item None means that IAM may reject the text.

    Empty if the text is certainly not a date.
    """
    if _YEAR.fullmatch(text):
        return [_seconds(f"{text}-01-01", ""), Decimal(text)]
    if _EPOCH.fullmatch(text):
        return [Decimal(text)]
    date = _W3C_DATE.fullmatch(text)
    if date is None:
        return []
    day = date["day"] if len(date["day"]) > _YEAR_AND_MONTH else f"{date['day']}-01"
    if date["time"] is None:
        instants = [_seconds(day, "")]
    else:
        clock = f"T{date['time'].partition('.')[0]}{date['zone'] or ''}"
        seconds = _seconds(day, clock)
        instants = [None if seconds is None else seconds + Decimal(date["fraction"] or 0)]
    if instants == [None]:
        return []
    # A time without a zone is not a W3C form. AWS does not document whether IAM takes it as UTC.
    return instants if date["time"] is None or date["zone"] else [*instants, None]


def _seconds(day: str, clock: str) -> Decimal | None:
    try:
        moment = datetime.fromisoformat(day + clock)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Decimal(int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()))


def _operators() -> Mapping[str, ConditionOperator]:
    pairs: tuple[tuple[str, str | None, Comparison], ...] = (
        ("StringEquals", "StringNotEquals", _strings),
        ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _strings_ignoring_case),
        ("StringLike", "StringNotLike", _strings_with_wildcards),
        ("NumericEquals", "NumericNotEquals", _numbers(lambda number, bound: number == bound)),
        ("NumericLessThan", None, _numbers(lambda number, bound: number < bound)),
        ("NumericLessThanEquals", None, _numbers(lambda number, bound: number <= bound)),
        ("NumericGreaterThan", None, _numbers(lambda number, bound: number > bound)),
        ("NumericGreaterThanEquals", None, _numbers(lambda number, bound: number >= bound)),
        ("DateEquals", "DateNotEquals", _dates(lambda instant, bound: instant == bound)),
        ("DateLessThan", None, _dates(lambda instant, bound: instant < bound)),
        ("DateLessThanEquals", None, _dates(lambda instant, bound: instant <= bound)),
        ("DateGreaterThan", None, _dates(lambda instant, bound: instant > bound)),
        ("DateGreaterThanEquals", None, _dates(lambda instant, bound: instant >= bound)),
        ("Bool", None, _booleans),
        ("BinaryEquals", None, _binary),
        ("IpAddress", "NotIpAddress", _addresses),
        ("ArnEquals", "ArnNotEquals", _arns),
        ("ArnLike", "ArnNotLike", _arns),
    )
    table = {NULL.name: NULL}
    for name, negation, comparison in pairs:
        table[name] = ConditionOperator(name, comparison)
        if negation:
            table[negation] = ConditionOperator(negation, comparison, negated=True)
    return MappingProxyType(table)


_OPERATORS = _operators()
