"""How benchmarks report a budget. No test checks the measured figures."""

from __future__ import annotations

import pytest

from benchmarks.measurement import Measured, interval, milliseconds, ratio
from benchmarks.report import line, page

MET = Measured("The zip", "≤ 3 MB", "2.8 MB", met=True)
MISSED = Measured("Cold start", "≤ 1.15", "1.40", met=False, note="held back by imports")
INFORMATIVE = Measured("Handler time", "", "4 ms", met=None)


def test_a_missed_budget_is_printed_as_missed_with_its_reason() -> None:
    assert line(MISSED) == "Cold start: 1.40. Budget ≤ 1.15: MISSED. (held back by imports)"


def test_a_figure_without_a_budget_claims_nothing() -> None:
    assert line(INFORMATIVE) == "Handler time: 4 ms."


def test_the_page_counts_what_is_met_and_names_what_is_not() -> None:
    written = page([MET, MISSED, INFORMATIVE], {"processor": "some processor, 2 cores"})

    assert "**1 of 2 budgets are met**; missed: Cold start." in written
    assert "| Cold start | ≤ 1.15 | 1.40 | **MISSED** | held back by imports |" in written
    assert "- processor: some processor, 2 cores" in written


def test_a_ratio_is_the_median_of_the_rounds_with_its_interval() -> None:
    value, words = ratio([2.0, 3.0, 10.0], [1.0, 2.0, 2.0])

    assert value == pytest.approx(2.0)
    assert words == "2.00 (1.50 to 5.00)"


@pytest.mark.parametrize(("number", "inner"), [(5, (0, 4)), (6, (0, 5)), (9, (1, 7)), (11, (1, 9)), (15, (3, 11))])
def test_an_interval_leaves_out_as_many_values_as_95_percent_confidence_allows(
    number: int, inner: tuple[int, int]
) -> None:
    assert interval([float(value) for value in reversed(range(number))]) == inner


def test_times_are_shown_with_their_interval() -> None:
    assert milliseconds([0.001, 0.002, 0.003]) == "2.0 ms (1.0 to 3.0)"
