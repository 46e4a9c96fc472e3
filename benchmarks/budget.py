"""A budget and what was measured against it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the report."""

    what: str
    budget: str
    """The limit in words; empty where a figure is only informative."""
    seen: str
    met: bool | None
    """None where there is no budget."""
    note: str = ""
    """What holds it back, or how to read it."""

    @property
    def verdict(self) -> str:
        """Met, MISSED, or nothing to meet."""
        return {None: "–", True: "met", False: "**MISSED**"}[self.met]


def ratio(over: Sequence[float], under: Sequence[float]) -> tuple[float, str]:
    """The ratio of two medians, and how far the pairs of one round lie apart, in words."""
    pairs = sorted(a / b for a, b in zip(over, under, strict=True))
    median = statistics.median(over) / statistics.median(under)
    return median, f"{median:.2f} (rounds {pairs[0]:.2f} to {pairs[-1]:.2f})"


def milliseconds(seconds: Sequence[float]) -> str:
    """A median with its quartiles."""
    low, middle, high = (value * 1000 for value in statistics.quantiles(seconds, n=4))
    return f"{middle:.1f} ms ({low:.1f} to {high:.1f})"
