"""The condition operators: what each compares, whether it is negated, and how it reads the policy's values.

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
class Test:
    """One value of a condition, ready to be held against values of the call."""

    holds: Callable[[str], Verdict | None]
    """None where one of the two cannot be read as the operator's type."""
    of_any_value: Verdict | None = Verdict.UNKNOWN
    """What can be said without knowing the call's value."""


Comparison: TypeAlias = Callable[[str, "Context | None"], Test]
"""Takes the policy's value, and the context for its variables (None if its version has none)."""

_UNREADABLE = Test(lambda _: None, None)

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


def text(written: str, context: Context | None) -> Test:
    """Exact, case-sensitive; `*` and `?` are plain characters."""
    return _text_test(resolve(written, context, wildcards=False), lambda value: value)


def text_ignoring_case(written: str, context: Context | None) -> Test:
    """Exact but for case."""
    return _text_test(resolve(written, context, wildcards=False), str.lower)


def text_with_wildcards(written: str, context: Context | None) -> Test:
    """Case-sensitive, `*` and `?` anywhere."""
    pattern = resolve(written, context, wildcards=True)
    if isinstance(pattern, Unresolved):
        return _unresolved(pattern)
    matches = pattern.matcher()
    of_any_value = Verdict.TRUE if pattern.matches_everything else Verdict.UNKNOWN
    return Test(lambda value: logic.of(holds=matches(value)), of_any_value)


def arns(written: str, context: Context | None) -> Test:
    """Each of the six colon-delimited components by itself, with wildcards; variables are put in first."""
    pattern = resolve(written, context, wildcards=True)
    if isinstance(pattern, Unresolved):
        return _unresolved(pattern)
    segments = pattern.segments()
    return Test(lambda value: _arn_matches(pattern, segments, value))


def booleans(written: str, context: Context | None) -> Test:
    """`true` or `false`."""
    if context is not None and "${" in written:  # one page supports variables here, another refuses them
        return _unresolved(Unresolved.UNKNOWN)
    if written.lower() not in {"true", "false"}:
        return _UNREADABLE

    def holds(value: str) -> Verdict | None:
        if value.lower() not in {"true", "false"}:
            return None
        same = logic.of(holds=value.lower() == written.lower())
        return same if written.islower() else logic.agreed(same, Verdict.FALSE)

    return Test(holds)


def binary(written: str, _context: Context | None) -> Test:
    """Byte for byte; both sides in base64, the only form in which text can carry them."""
    expected = _decoded(written)
    if expected is None:
        return _UNREADABLE

    def holds(value: str) -> Verdict | None:
        actual = _decoded(value)
        return None if actual is None else logic.of(holds=actual == expected)

    return Test(holds)


def addresses(written: str, _context: Context | None) -> Test:
    """An IPv4 or IPv6 address or CIDR range; bits after the mask are ignored, no prefix means one address."""
    network = _network(written)
    if network is None:
        return _UNREADABLE

    def holds(value: str) -> Verdict | None:
        address = _network(value)
        if address is None or address.prefixlen != address.max_prefixlen:
            return None
        return logic.of(holds=address.network_address in network)

    return Test(holds)


def numbers(relation: Callable[[Decimal, Decimal], bool]) -> Comparison:
    """Integers and decimals, by a relation of the call's number to the policy's."""

    def comparison(written: str, _context: Context | None) -> Test:
        bound = _number(written)
        if bound is None:
            return _UNREADABLE

        def holds(value: str) -> Verdict | None:
            number = _number(value)
            return None if number is None else logic.of(holds=relation(number, bound))

        return Test(holds)

    return comparison


def dates(relation: Callable[[Decimal, Decimal], bool]) -> Comparison:
    """Instants in a W3C form of ISO 8601 or as epoch seconds, by a relation of the call's to the policy's."""

    def comparison(written: str, _context: Context | None) -> Test:
        bounds = _instants(written)
        if not bounds:
            return _UNREADABLE

        def holds(value: str) -> Verdict | None:
            instants = _instants(value)
            if not instants:
                return None
            readings = {
                instant is not None and bound is not None and relation(instant, bound)
                for instant in instants
                for bound in bounds
            }
            return logic.of(holds=readings.pop()) if len(readings) == 1 else Verdict.UNKNOWN

        return Test(holds)

    return comparison


def _text_test(pattern: Pattern | Unresolved, normal: Callable[[str], str]) -> Test:
    if isinstance(pattern, Unresolved):
        return _unresolved(pattern)
    expected = normal("".join(str(token) for token in pattern.tokens))
    return Test(lambda value: logic.of(holds=normal(value) == expected))


def _unresolved(reason: Unresolved) -> Test:
    outcome = Verdict.FALSE if reason is Unresolved.NO_VALUE else Verdict.UNKNOWN
    return Test(lambda _: outcome, outcome)


def _arn_matches(pattern: Pattern, segments: tuple[Pattern, ...] | None, value: str) -> Verdict | None:
    actual = arn_segments(value)
    if actual is None:
        return None
    if segments is None:
        # Nothing says how a pattern of fewer segments is read: as one string, or as never matching.
        return logic.agreed(logic.of(holds=pattern.matches(value)), Verdict.FALSE)
    return logic.of(holds=all(each.matches(part) for each, part in zip(segments, actual, strict=True)))


def _decoded(text_: str) -> bytes | None:
    try:
        return base64.b64decode(text_, validate=True)
    except (binascii.Error, ValueError):
        return None


def _network(text_: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    _, slash, prefix = text_.partition("/")
    if slash and not (prefix.isascii() and prefix.isdigit()):  # Python would take a netmask, which is not CIDR
        return None
    try:
        return ipaddress.ip_network(text_, strict=False)
    except ValueError:
        return None


def _number(text_: str) -> Decimal | None:
    return Decimal(text_) if _NUMBER.fullmatch(text_) else None


def _instants(text_: str) -> list[Decimal | None]:
    """The instants, in seconds since 1970, a text may stand for; None is "no date after all"; empty: certainly none."""
    if _YEAR.fullmatch(text_):
        return [_seconds(f"{text_}-01-01", ""), Decimal(text_)]
    if _EPOCH.fullmatch(text_):
        return [Decimal(text_)]
    date = _W3C_DATE.fullmatch(text_)
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
    # A time without its zone is no W3C form; whether IAM takes it as UTC is documented nowhere.
    return instants if date["time"] is None or date["zone"] else [*instants, None]


def _seconds(day: str, clock: str) -> Decimal | None:
    try:
        moment = datetime.fromisoformat(day + clock)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Decimal(int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()))


_IF_EXISTS = "IfExists"


class SetQualifier(StrEnum):
    """How the values of a multivalued key are taken together."""

    FOR_ALL_VALUES = "ForAllValues"
    FOR_ANY_VALUE = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class ConditionOperator:
    """One condition operator without qualifier and suffix."""

    name: str
    comparison: Comparison | None
    """None for Null, which compares presence and no value."""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class OperatorUse:
    """An operator as a policy writes it, such as `ForAnyValue:StringLikeIfExists`."""

    written: str
    operator: ConditionOperator
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


NULL = ConditionOperator("Null", None)


def _operators() -> Mapping[str, ConditionOperator]:
    pairs: tuple[tuple[str, str | None, Comparison], ...] = (
        ("StringEquals", "StringNotEquals", text),
        ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", text_ignoring_case),
        ("StringLike", "StringNotLike", text_with_wildcards),
        ("NumericEquals", "NumericNotEquals", numbers(lambda number, bound: number == bound)),
        ("NumericLessThan", None, numbers(lambda number, bound: number < bound)),
        ("NumericLessThanEquals", None, numbers(lambda number, bound: number <= bound)),
        ("NumericGreaterThan", None, numbers(lambda number, bound: number > bound)),
        ("NumericGreaterThanEquals", None, numbers(lambda number, bound: number >= bound)),
        ("DateEquals", "DateNotEquals", dates(lambda instant, bound: instant == bound)),
        ("DateLessThan", None, dates(lambda instant, bound: instant < bound)),
        ("DateLessThanEquals", None, dates(lambda instant, bound: instant <= bound)),
        ("DateGreaterThan", None, dates(lambda instant, bound: instant > bound)),
        ("DateGreaterThanEquals", None, dates(lambda instant, bound: instant >= bound)),
        ("Bool", None, booleans),
        ("BinaryEquals", None, binary),
        ("IpAddress", "NotIpAddress", addresses),
        ("ArnEquals", "ArnNotEquals", arns),
        ("ArnLike", "ArnNotLike", arns),
    )
    table = {NULL.name: NULL}
    for name, negation, comparison in pairs:
        table[name] = ConditionOperator(name, comparison)
        if negation:
            table[negation] = ConditionOperator(negation, comparison, negated=True)
    return MappingProxyType(table)


_OPERATORS = _operators()
