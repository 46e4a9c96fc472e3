from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from medic.labels import Label, Phase
from tests.tables import table
from tests.unit.diagnosis.support import cases, data, reading_of

read = cache(reading_of)
"""Several tests read the same texts."""
SAMPLE = cases("cases.jsonl") + cases("cases_2.jsonl")
OWN = [
    case
    for name in (
        "own_cases",
        "public_cases",
        "unseen_cases",
        "third_cases",
        "fourth_cases",
        "fifth_cases",
        "collected_cases",
    )
    for case in cases(f"{name}.jsonl")
]
DISAGREEMENTS: dict[str, dict[str, str]] = data("disagreements.json")


def _by_id(case: dict[str, Any]) -> str:
    return str(case["id"])


@table("case", SAMPLE + OWN, ids=_by_id)
def test_every_case_gets_its_label_or_a_reasoned_disagreement(case: dict[str, Any]) -> None:
    reading = read(case["log_excerpt"], Phase(case["phase"]))

    disagreement = DISAGREEMENTS.get(case["id"])
    assert reading.label == (disagreement["answer"] if disagreement else case["label"])


@table("case", cases("messages.jsonl"), ids=_by_id)
def test_every_message_of_the_tools_gets_its_label(case: dict[str, Any]) -> None:
    reading = read(case["log_excerpt"], Phase(case["phase"]))

    assert reading.label == case["label"]
    assert case["label"] != Label.NOT_IAM or reading.findings == ()


AMBIGUOUS = [case for case in SAMPLE + OWN if case.get("ambiguous")]


@table("case", [case for case in AMBIGUOUS if case["id"] not in DISAGREEMENTS], ids=_by_id)
def test_an_ambiguous_text_never_gets_high_confidence(case: dict[str, Any]) -> None:
    findings = read(case["log_excerpt"], Phase(case["phase"])).findings

    assert all(finding.confidence != "high" for finding in findings)


def test_disagreements_are_few_reasoned_and_never_about_clear_cases() -> None:
    assert set(DISAGREEMENTS) <= {case["id"] for case in AMBIGUOUS}
    assert all(len(each["why"]) > 80 for each in DISAGREEMENTS.values())


NOT_IAM = [case for case in SAMPLE + OWN if case["label"] == Label.NOT_IAM and not case.get("also_seen")]


@table("case", NOT_IAM, ids=_by_id)
def test_a_failure_other_than_iam_has_no_finding_in_any_phase(case: dict[str, Any]) -> None:
    for phase in Phase:
        assert read(case["log_excerpt"], phase).findings == ()


@table("case", [case for case in SAMPLE + OWN if case["label"] != Label.NOT_IAM], ids=_by_id)
@pytest.mark.parametrize(
    "decorate",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\x1b[31m" + text.replace("\n", "\x1b[0m\n\x1b[31m") + "\x1b[0m",
        lambda text: "\n" * 3 + text + "\n",
        lambda text: "\ufeff" + text,
        lambda text: "> " + text.replace("\n", "\n> "),
        lambda text: "| 2026-03-04 10:11:12.345 | " + text.lstrip("\n"),
    ],
    ids=["crlf", "ansi", "blank lines", "byte order mark", "quoted by a mail", "an event of Logs Insights"],
)
def test_characters_added_by_terminals_and_editors_do_not_change_the_label(case: dict[str, Any], decorate: Any) -> None:
    plain = read(case["log_excerpt"], Phase(case["phase"]))

    assert reading_of(decorate(case["log_excerpt"]), Phase(case["phase"])).label == plain.label
