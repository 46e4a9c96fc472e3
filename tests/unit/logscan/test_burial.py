"""What is around a sample failure in a log changes no label, and no deleted line makes a finding stronger."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from medic.labels import Confidence, Label, Phase
from tests.unit.diagnosis.support import cases, reading_of
from tests.unit.logscan.test_ending import NOISE, OTHER_FAILURES, PASSED_ON, START, VERDICT

if TYPE_CHECKING:
    from medic.logscan.model import LogReading

_STAMP = "2026-03-04T10:11:12.345Z"
_FILES = ("cases", "cases_2", "own_cases", "public_cases", "unseen_cases", "third_cases", "fourth_cases", "messages")
_FAILURES = [case for name in _FILES for case in cases(f"{name}.jsonl") if case["label"] != Label.NOT_IAM]
_AMPLIFYS_LINES = ("[INFO]", "[WARNING]", "[ERROR]", "# ", "!!!")
_ORDER = [Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH]


def _as_entry(case: dict[str, Any]) -> str:
    """The sample as Amplify prints what a command printed: one stamped line, and its continuation."""
    first, *following = case["log_excerpt"].split("\n")
    return f"{_STAMP} [WARNING]: {first}\n" + "".join(f"{'':33}{line}\n" for line in following)


def _buried(case: dict[str, Any], before: str = "", after: str = "", later: str = "") -> LogReading:
    phase = Phase(case["phase"])
    is_build = phase in {Phase.BUILD, Phase.DEPLOY}
    begin, end = (START, VERDICT) if is_build else ("", "")
    return reading_of(begin + before + _as_entry(case) + after + end + later, phase)


@cache
def _of_commands() -> list[dict[str, Any]]:
    return [
        case
        for case in _FAILURES
        if not any(each in case["log_excerpt"] for each in _AMPLIFYS_LINES)
        and _buried(case).label == case["label"]  # else the sample is several entries, or Amplify's own verdict
    ]


@cache
def _found() -> list[dict[str, Any]]:
    return [case for case in _FAILURES if reading_of(case["log_excerpt"], Phase(case["phase"])).label == case["label"]]


_any_of_commands = st.deferred(lambda: st.sampled_from(_of_commands()))
_any_found = st.deferred(lambda: st.sampled_from(_found()))
_noise = st.lists(st.sampled_from(NOISE), max_size=12).map("".join)
_unrelated = st.lists(st.sampled_from(NOISE + OTHER_FAILURES), max_size=12).map("".join)
_passed_on = st.lists(st.sampled_from(NOISE + PASSED_ON), max_size=6).map("".join)


def test_nearly_every_sample_can_be_buried() -> None:
    assert len(_of_commands()) > 400


@given(_any_of_commands, _unrelated, _passed_on, _unrelated)
@settings(deadline=None, max_examples=200)
def test_what_is_before_and_after_a_failure_changes_no_label(
    case: dict[str, Any], before: str, after: str, later: str
) -> None:
    assert _buried(case, before, after, later).label == case["label"]


@given(_any_of_commands, _any_of_commands, _unrelated, _noise)
@settings(deadline=None, max_examples=100)
def test_of_two_failures_with_noise_between_one_gives_the_label(
    first: dict[str, Any], last: dict[str, Any], before: str, between: str
) -> None:
    text = START + before + _as_entry(first) + between + _as_entry(last) + VERDICT

    label = reading_of(text, Phase.BUILD).label
    assert label in {reading_of(START + _as_entry(case) + VERDICT, Phase.BUILD).label for case in (first, last)}


def _strength(reading: LogReading) -> tuple[int, int]:
    counted = [each for each in reading.findings if each.ended_build is not False]
    return (
        max((each.decisiveness for each in counted), default=0),
        max((_ORDER.index(each.confidence) for each in counted), default=-1),
    )


@given(_any_found, st.integers(0, 60))
@settings(deadline=None, max_examples=200)
def test_a_log_without_one_of_its_lines_shows_nothing_stronger(case: dict[str, Any], number: int) -> None:
    lines = case["log_excerpt"].split("\n")
    phase, at = Phase(case["phase"]), number % len(lines)

    fewer = reading_of("\n".join(lines[:at] + lines[at + 1 :]), phase)

    assert _strength(fewer) <= _strength(reading_of(case["log_excerpt"], phase))


@given(_any_found)
@settings(deadline=None, max_examples=200)
def test_a_log_without_the_lines_of_its_finding_shows_nothing_stronger(case: dict[str, Any]) -> None:
    lines, phase = case["log_excerpt"].split("\n"), Phase(case["phase"])
    reading = reading_of(case["log_excerpt"], phase)
    first = reading.findings[0]

    fewer = reading_of("\n".join(lines[: first.first_line - 1] + lines[first.last_line :]), phase)

    assert _strength(fewer) <= _strength(reading)
