"""Kleene's three-valued logic: true, false, and unknown for what AWS does not document or the call does not reveal."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(Enum):
    """The result of one test. Nothing treats UNKNOWN as true or false."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


def of(*, holds: bool) -> Verdict:
    """Turn a boolean into a verdict."""
    return Verdict.TRUE if holds else Verdict.FALSE


def negate(verdict: Verdict) -> Verdict:
    """NOT; unknown stays unknown."""
    if verdict is Verdict.UNKNOWN:
        return verdict
    return of(holds=verdict is Verdict.FALSE)


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """AND; TRUE for no verdicts."""
    outcome = Verdict.TRUE
    for verdict in verdicts:
        if verdict is Verdict.FALSE:
            return Verdict.FALSE
        if verdict is Verdict.UNKNOWN:
            outcome = Verdict.UNKNOWN
    return outcome


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """OR; FALSE for no verdicts."""
    return negate(all_of(map(negate, verdicts)))


def same_or_unknown(one: Verdict, other: Verdict) -> Verdict:
    """The verdict if both are the same, else UNKNOWN: for two possible calls, or two readings of an unclear rule."""
    return one if one is other else Verdict.UNKNOWN
