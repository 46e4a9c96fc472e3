"""The condition operators: how each parses a policy's value and compares it with a value of the call.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec import Struct

from medic.trust import logic
from medic.trust.logic import Verdict
from medic.trust.patterns import arn_segments
from medic.trust.request import Context, Unresolved, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


ValueTest: TypeAlias = "Callable[[str | None], Verdict | None]"
"""Compares one value of a policy with a value of the call, None if that is unknown.

The result is None if either value cannot be parsed as the operator's type.
"""

Comparison: TypeAlias = "Callable[[str, Context | None], ValueTest]"
"""Takes the policy's value, and the context that resolves its variables (None if the policy version has none)."""

T = TypeVar("T")


class SetQualifier(StrEnum):
    """How a condition treats the several values of a multivalued key."""

    FOR_ALL_VALUES = "ForAllValues"
    FOR_ANY_VALUE = "ForAnyValue"


class ConditionOperator(Struct, frozen=True):
    """An operator as a policy writes it, such as `ForAnyValue:StringLikeIfExists`."""

    written: str
    name: str
    """Without qualifier and suffix."""
    comparison: Comparison | None
    """None for Null, which tests whether the key is present."""
    negated: bool
    qualifier: SetQualifier | None
    if_exists: bool


def operator_named(written: str) -> ConditionOperator | None:
    """The operator with this name; None if IAM has no such operator."""
    prefix, colon, name = written.rpartition(":")
    if colon and prefix not in list(SetQualifier):
        return None
    if_exists = name not in _OPERATORS
    name = name.removesuffix("IfExists") if if_exists else name
    if name not in _OPERATORS or (if_exists and name == "Null"):  # IfExists cannot be added to Null
        return None
    comparison, negated = _OPERATORS[name]
    return ConditionOperator(written, name, comparison, negated, SetQualifier(prefix) if colon else None, if_exists)


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

_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def _always(verdict: Verdict | None) -> ValueTest:
    return lambda _: verdict


_UNREADABLE = _always(None)
_UNKNOWN = _always(Verdict.UNKNOWN)
_UNRESOLVED = {Unresolved.NO_VALUE: _always(Verdict.FALSE), Unresolved.UNKNOWN: _UNKNOWN}


def _strings(normal: Callable[[str], str]) -> Comparison:
    """Compares texts after `normal`; `*` and `?` are plain characters."""

    def comparison(written: str, context: Context | None) -> ValueTest:
        pattern = resolve(written, context, wildcards=False)
        if isinstance(pattern, Unresolved):
            return _UNRESOLVED[pattern]
        expected = normal("".join(str(token) for token in pattern.tokens))
        return lambda value: Verdict.UNKNOWN if value is None else logic.of(holds=normal(value) == expected)

    return comparison


def _strings_with_wildcards(written: str, context: Context | None) -> ValueTest:
    pattern = resolve(written, context, wildcards=True)
    if isinstance(pattern, Unresolved):
        return _UNRESOLVED[pattern]
    matches = pattern.matcher()
    if_unknown = Verdict.TRUE if pattern.matches_everything else Verdict.UNKNOWN
    return lambda value: if_unknown if value is None else logic.of(holds=matches(value))


def _arns(written: str, context: Context | None) -> ValueTest:
    """Compares each of the six segments separately, with wildcards, after resolving variables."""
    pattern = resolve(written, context, wildcards=True)
    if isinstance(pattern, Unresolved):
        return _UNRESOLVED[pattern]
    segments = pattern.segments()

    def test(value: str | None) -> Verdict | None:
        if value is None:
            return Verdict.UNKNOWN
        actual = arn_segments(value)
        if actual is None:
            return None
        if segments is None:
            # AWS does not document a pattern of fewer segments. It may match as one string, or never.
            return logic.same_or_unknown(logic.of(holds=pattern.matches(value)), Verdict.FALSE)
        return logic.of(holds=all(each.matches(part) for each, part in zip(segments, actual, strict=True)))

    return test


def _parsed(parse: Callable[[str], T | None], compare: Callable[[T, T], Verdict | None]) -> Comparison:
    """Compares values of a type; `compare` takes the call's value and the policy's."""

    def comparison(written: str, _context: Context | None) -> ValueTest:
        expected = parse(written)
        if expected is None:
            return _UNREADABLE

        def test(value: str | None) -> Verdict | None:
            if value is None:
                return Verdict.UNKNOWN
            actual = parse(value)
            return None if actual is None else compare(actual, expected)

        return test

    return comparison


def _booleans(written: str, context: Context | None) -> ValueTest:
    if context is not None and "${" in written:  # AWS's pages disagree on whether Bool supports variables
        return _UNKNOWN
    return _BOOLEANS(written, context)


def with_documented_case(written: str, same: Verdict) -> Verdict:
    """The verdict on a boolean of the policy. AWS does not document one with capitals: it may never match."""
    return same if written.islower() else logic.same_or_unknown(same, Verdict.FALSE)


def _same_boolean(value: str, written: str) -> Verdict:
    return with_documented_case(written, logic.of(holds=value.lower() == written.lower()))


_BOOLEANS = _parsed(lambda text: text if text.lower() in {"true", "false"} else None, _same_boolean)


def _addresses(written: str, _context: Context | None) -> ValueTest:
    network = _network(written)
    if network is None:
        return _UNREADABLE

    def test(value: str | None) -> Verdict | None:
        if value is None:
            return Verdict.UNKNOWN
        address = _network(value)
        if address is None or address.prefixlen != address.max_prefixlen:
            return None
        return logic.of(holds=address.network_address in network)

    return test


def _values(parse: Callable[[str], T | None], relation: Callable[[T, T], bool]) -> Comparison:
    return _parsed(parse, lambda actual, expected: logic.of(holds=relation(actual, expected)))


def _dates(relation: Callable[[Decimal, Decimal], bool]) -> Comparison:
    """Compares instants, given in a W3C form of ISO 8601 or as epoch seconds."""

    def compare(instants: list[Decimal | None], bounds: list[Decimal | None]) -> Verdict:
        results = {
            instant is not None and bound is not None and relation(instant, bound)
            for instant in instants
            for bound in bounds
        }
        return logic.of(holds=results.pop()) if len(results) == 1 else Verdict.UNKNOWN

    return _parsed(lambda text: _instants(text) or None, compare)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _network(text: str) -> _Network | None:
    """An IPv4 or IPv6 address or CIDR range, without the bits after the prefix length."""
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


def _operators() -> Mapping[str, tuple[Comparison | None, bool]]:
    pairs: tuple[tuple[str, str | None, Comparison], ...] = (
        ("StringEquals", "StringNotEquals", _strings(str)),
        ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _strings(str.lower)),
        ("StringLike", "StringNotLike", _strings_with_wildcards),
        ("NumericEquals", "NumericNotEquals", _values(_number, operator.eq)),
        ("NumericLessThan", None, _values(_number, operator.lt)),
        ("NumericLessThanEquals", None, _values(_number, operator.le)),
        ("NumericGreaterThan", None, _values(_number, operator.gt)),
        ("NumericGreaterThanEquals", None, _values(_number, operator.ge)),
        ("DateEquals", "DateNotEquals", _dates(operator.eq)),
        ("DateLessThan", None, _dates(operator.lt)),
        ("DateLessThanEquals", None, _dates(operator.le)),
        ("DateGreaterThan", None, _dates(operator.gt)),
        ("DateGreaterThanEquals", None, _dates(operator.ge)),
        ("Bool", None, _booleans),
        ("BinaryEquals", None, _values(_decoded, operator.eq)),
        ("IpAddress", "NotIpAddress", _addresses),
        ("ArnEquals", "ArnNotEquals", _arns),
        ("ArnLike", "ArnNotLike", _arns),
    )
    table: dict[str, tuple[Comparison | None, bool]] = {"Null": (None, False)}
    for name, negation, comparison in pairs:
        table[name] = (comparison, False)
        if negation:
            table[negation] = (comparison, True)
    return table


_OPERATORS = _operators()
"""The comparison of each operator, and whether it is negated."""
