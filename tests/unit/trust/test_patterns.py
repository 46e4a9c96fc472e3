"""Whether two patterns share a text, and whether one covers the other, against trying every text."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.trust.patterns import Pattern

TEXTS = ["".join(each) for length in range(9) for each in product("ab", repeat=length)]
"""Long enough: two patterns of four characters that share a text share one of eight."""
PATTERNS = st.text("ab*?", max_size=4)


def matched(pattern: str) -> set[str]:
    matches = Pattern.glob(pattern).matcher()
    return {text for text in TEXTS if matches(text)}


@given(PATTERNS, PATTERNS)
def test_two_patterns_intersect_exactly_if_a_text_matches_both(one: str, other: str) -> None:
    assert Pattern.glob(one).intersects(Pattern.glob(other)) is bool(matched(one) & matched(other))


@given(PATTERNS, PATTERNS)
def test_a_pattern_that_covers_another_matches_all_that_the_other_matches(one: str, other: str) -> None:
    if Pattern.glob(one).covers(Pattern.glob(other)):
        assert matched(one) >= matched(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("*", "a*b"), ("role/*", "role/app/*"), ("a?c*", "a?c"), ("*x*", "axb"), ("**", "*"), ("a*", "a*b?"), ("", "")],
)
def test_the_usual_cases_of_covering_are_recognised(one: str, other: str) -> None:
    assert Pattern.glob(one).covers(Pattern.glob(other))


def test_hostile_patterns_cost_no_time() -> None:
    long, other = Pattern.glob("*a" * 3000 + "b"), Pattern.glob("?*" * 3000)

    assert long.intersects(other)
    assert not long.covers(other)
