"""Kleene's three-valued logic: what holds, what does not, and what cannot be known from here."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(Enum):
    """The truth of one test. UNKNOWN never turns into an answer by itself."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


def of(*, holds: bool) -> Verdict:
    """The verdict of a test that has a plain answer."""
    return Verdict.TRUE if holds else Verdict.FALSE


def negate(verdict: Verdict) -> Verdict:
    """NOT."""
    match verdict:
        case Verdict.TRUE:
            return Verdict.FALSE
        case Verdict.FALSE:
            return Verdict.TRUE
        case _:
            return Verdict.UNKNOWN


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """AND; true of nothing at all."""
    outcome = Verdict.TRUE
    for verdict in verdicts:
        if verdict is Verdict.FALSE:
            return Verdict.FALSE
        if verdict is Verdict.UNKNOWN:
            outcome = Verdict.UNKNOWN
    return outcome


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """OR; false of nothing at all."""
    outcome = Verdict.FALSE
    for verdict in verdicts:
        if verdict is Verdict.TRUE:
            return Verdict.TRUE
        if verdict is Verdict.UNKNOWN:
            outcome = Verdict.UNKNOWN
    return outcome


def agreed(one: Verdict, other: Verdict) -> Verdict:
    """What two possible worlds, or two readings of an unclear rule, agree on."""
    return one if one is other else Verdict.UNKNOWN
