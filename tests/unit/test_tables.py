from __future__ import annotations

import pytest

from tests.tables import table


def test_a_failure_names_each_case_that_failed() -> None:
    @table("number", [1, 2, 3, 4], ids=lambda number: f"case {number}")
    def is_odd(number: int) -> None:
        assert number % 2, "even"

    with pytest.raises(ExceptionGroup, match="2 of 4 cases: case 2, case 4") as failure:
        is_odd()
    assert ["even" in str(error) for error in failure.value.exceptions] == [True, True]


def test_a_case_in_which_nothing_is_raised_fails() -> None:
    @table("text", ["1", "x"])
    def is_no_number(text: str) -> None:
        with pytest.raises(ValueError, match="invalid"):
            int(text)

    with pytest.raises(BaseExceptionGroup, match="1 of 2 cases: 1"):
        is_no_number()


def test_a_table_without_a_case_fails() -> None:
    @table("number", [])
    def nothing(number: int) -> None:
        raise AssertionError(number)

    with pytest.raises(AssertionError, match="empty"):
        nothing()


@table("number", range(3))
@pytest.mark.parametrize("factor", [2, 4])
def test_other_parameters_stay_parameters(number: int, factor: int) -> None:
    assert number * factor % 2 == 0
