"""The documented examples of CloudWatch Logs.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import pytest

from tests.emulator.log_pattern import UnsupportedPatternError, matcher

LINES = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
    "[WARN] UNAUTHORIZED REQUEST",
    "[INFO] REQUEST FAILED",
]


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("ERROR", [0, 1, 2, 3]),
        ("error", []),
        ("ERROR ARGUMENTS", [2, 3]),
        ("ARGUMENTS ERROR", [2, 3]),
        ('"INVALID ARGUMENTS"', [3]),
        ('"ARGUMENTS INVALID"', []),
        ("?ERROR ?WARN", [0, 1, 2, 3, 4]),
        ('?"BAD REQUEST" ?"REQUEST FAILED"', [0, 5]),
        ("ERROR -ARGUMENTS", [0, 1]),
        ('-"ERROR 4" -WARN', [5]),
        ("?ERROR REQUEST", [0, 1, 4, 5]),
        (r"%4\d0%", [0, 3]),
        ('"[ERROR 400]"', [0]),
    ],
)
def test_text_patterns_match_as_documented(pattern: str, matched: list[int]) -> None:
    matches = matcher(pattern)

    assert [number for number, line in enumerate(LINES) if matches(line)] == matched


@pytest.mark.parametrize("pattern", ['{ $.level = "ERROR" }', "[ip, user, status=500]"])
def test_patterns_for_structured_events_are_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedPatternError):
        matcher(pattern)
