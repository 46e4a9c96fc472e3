"""The filter for CloudWatch Logs, and how the events that it returns are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medic.evidence import RuntimeLine
from medic.knowledge import ENTRIES
from medic.knowledge.entry import EntryKind, Signature
from medic.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.labels import Label, Phase
from medic.logscan.runtime import read_runtime_log, runtime_filter
from tests.emulator.log_pattern import matcher
from tests.tables import table
from tests.unit.diagnosis.support import reading_of, samples
from tests.unit.logscan.test_cases import DISAGREEMENTS, OWN, SAMPLE

NOW = datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)
NO_CREDENTIALS = (
    "⨯ Error [CredentialsProviderError]: Could not load credentials from any providers\n    at async x (1.js)"
)
RUNTIME_CASES = [case for case in SAMPLE + OWN if case["phase"] == Phase.RUNTIME]
SAMPLES = samples()
RUNTIME_ENTRIES = [
    entry
    for entry in ENTRIES
    if entry.kind is EntryKind.SIGNATURE and (not entry.phases or Phase.RUNTIME in entry.phases)
]


def lines(*messages: str) -> tuple[RuntimeLine, ...]:
    return tuple(
        RuntimeLine(str(index), NOW + timedelta(seconds=index), "stream", message)
        for index, message in enumerate(messages)
    )


def test_the_filter_fits_the_limit_of_cloudwatch() -> None:
    terms = runtime_filter().split(' ?"')

    assert len(runtime_filter()) <= 1024
    assert len(terms) == len(set(terms)) > 10


@table("entry", [each for each in SIGNATURES if not each.phases or Phase.RUNTIME in each.phases], ids=lambda e: e.id)
def test_the_filter_passes_every_word_without_which_no_pattern_is_tried(entry: Signature) -> None:
    passes = matcher(runtime_filter())

    assert all(passes(word) for word in (*entry.words, *DENIAL_LITERALS))


@table("entry", RUNTIME_ENTRIES, ids=lambda entry: str(entry.id))
def test_the_filter_passes_every_positive_of_every_signature_of_the_runtime(entry: Any) -> None:
    passes = matcher(runtime_filter())
    seen = [text for text in SAMPLES[entry.id]["positives"] if reading_of(text, Phase.RUNTIME).findings]

    assert all(passes(text) for text in seen)


FOUND = [case for case in RUNTIME_CASES if case["label"] != Label.NOT_IAM and case["id"] not in DISAGREEMENTS]


@table("case", FOUND, ids=lambda case: str(case["id"]))
def test_the_filter_passes_every_case_of_the_runtime(case: dict[str, Any]) -> None:
    assert matcher(runtime_filter())(case["log_excerpt"])


@table("case", RUNTIME_CASES, ids=lambda case: str(case["id"]))
def test_an_event_is_read_like_any_other_text(case: dict[str, Any]) -> None:
    alone = read_runtime_log(lines(case["log_excerpt"])).reading

    assert alone.label == reading_of(case["log_excerpt"], Phase.RUNTIME).label


@pytest.mark.parametrize("line", ["GET / 200 in 41ms", "POST /api/cart 201 in 12ms", "[500] GET /orders TypeError: x"])
def test_the_filter_does_not_pass_ordinary_lines(line: str) -> None:
    assert not matcher(runtime_filter())(line)


def test_a_finding_leads_back_to_its_event() -> None:
    events = lines("Access is Denied, says the form\nand goes on", NO_CREDENTIALS, NO_CREDENTIALS)
    reading = read_runtime_log(events)
    (finding,) = reading.reading.findings

    assert reading.line_of(finding) is events[1]
    assert reading.first is events[1]


def test_two_events_are_never_read_as_one() -> None:
    halves = ("User: arn:aws:sts::111122223333:assumed-role/x/AmplifyHostingCompute-app=d1", "is not authorized to eat")

    assert read_runtime_log(lines(*halves)).reading.findings == ()


def test_an_event_with_its_own_timestamp_is_left_unchanged() -> None:
    stamped = f"2026-03-04T10:11:12.345Z\t2b1c9a2e-1111-4222-8333-abcdefabcdef\tERROR\t{NO_CREDENTIALS}"
    (finding,) = read_runtime_log(lines(stamped)).reading.findings

    assert finding.excerpt.startswith("2026-03-04T10:11:12.345Z")


def test_without_a_finding_there_is_no_first_event() -> None:
    assert read_runtime_log(()).first is None
    assert read_runtime_log(lines("[auth] CredentialsSignin: wrong password")).first is None
