"""How a value of the policy is compared with a value of the call, one function a family of operators.

A comparison reads the policy's value once and hands back a test for the call's values. Where the documentation allows
two readings, both are made: what they agree on is the answer, and otherwise it is UNKNOWN.

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
from typing import TYPE_CHECKING, TypeAlias

from medic.trust import verdict
from medic.trust.patterns import Pattern, arn_segments
from medic.trust.variables import Unresolved, resolve
from medic.trust.verdict import Verdict

if TYPE_CHECKING:
    from medic.trust.context import Context


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
    return Test(lambda value: verdict.of(holds=matches(value)), of_any_value)


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
        same = verdict.of(holds=value.lower() == written.lower())
        return same if written.islower() else verdict.agreed(same, Verdict.FALSE)

    return Test(holds)


def binary(written: str, _context: Context | None) -> Test:
    """Byte for byte; both sides in base64, the only form in which text can carry them."""
    expected = _decoded(written)
    if expected is None:
        return _UNREADABLE

    def holds(value: str) -> Verdict | None:
        actual = _decoded(value)
        return None if actual is None else verdict.of(holds=actual == expected)

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
        return verdict.of(holds=address.network_address in network)

    return Test(holds)


def numbers(relation: Callable[[Decimal, Decimal], bool]) -> Comparison:
    """Integers and decimals, by a relation of the call's number to the policy's."""

    def comparison(written: str, _context: Context | None) -> Test:
        bound = _number(written)
        if bound is None:
            return _UNREADABLE

        def holds(value: str) -> Verdict | None:
            number = _number(value)
            return None if number is None else verdict.of(holds=relation(number, bound))

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
            return verdict.of(holds=readings.pop()) if len(readings) == 1 else Verdict.UNKNOWN

        return Test(holds)

    return comparison


def _text_test(pattern: Pattern | Unresolved, normal: Callable[[str], str]) -> Test:
    if isinstance(pattern, Unresolved):
        return _unresolved(pattern)
    expected = normal("".join(str(token) for token in pattern.tokens))
    return Test(lambda value: verdict.of(holds=normal(value) == expected))


def _unresolved(reason: Unresolved) -> Test:
    outcome = Verdict.FALSE if reason is Unresolved.NO_VALUE else Verdict.UNKNOWN
    return Test(lambda _: outcome, outcome)


def _arn_matches(pattern: Pattern, segments: tuple[Pattern, ...] | None, value: str) -> Verdict | None:
    actual = arn_segments(value)
    if actual is None:
        return None
    if segments is None:
        # Nothing says how a pattern of fewer segments is read: as one string, or as never matching.
        return verdict.agreed(verdict.of(holds=pattern.matches(value)), Verdict.FALSE)
    return verdict.of(holds=all(each.matches(part) for each, part in zip(segments, actual, strict=True)))


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
