"""A log whose middle was not read: what stands at its end decides, and nothing is concluded from what was not seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from medic.labels import Label, Phase, Source
from medic.logscan.scan import MAX_PER_LABEL, scan
from medic.unpack import CutError, Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

    from medic.logscan.model import LogReading

STAMP = "2026-02-20T12:27:54.000Z "
START = f"{STAMP}[INFO]: # Cloning repository\n{STAMP}[INFO]: # Executing command: npm run build\n"
DENIAL = (
    f"{STAMP}[WARNING]: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/amplify-service/BuildSession "
    "is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::assets/x\n"
)
FAILED = f"{STAMP}[ERROR]: !!! Build failed\n{STAMP}[ERROR]: !!! Error: Command failed with exit code 1\n"
UNASSUMABLE = f"{STAMP}[ERROR]: !!! Unable to assume specified IAM Role. Please ensure it has sufficient permissions.\n"
ORDINARY = f"{STAMP}[INFO]: compiled successfully\n"
GAP = Gap(1000, 20, "the log is long")


def read(*parts: str | Gap) -> LogReading:
    chunks: Iterable[bytes | Gap] = (part.encode() if isinstance(part, str) else part for part in parts)
    return scan(chunks, Phase.BUILD)


def test_what_ended_the_build_in_the_tail_gives_the_label() -> None:
    reading = read(START, GAP, ORDINARY, DENIAL, FAILED)
    assert reading.label is Label.ACCESS_DENIED_IDENTITY
    assert not reading.complete


def test_an_early_verdict_of_amplify_in_the_head_gives_the_label() -> None:
    assert read(UNASSUMABLE, ORDINARY, GAP, ORDINARY).label is Label.SERVICE_ROLE_UNASSUMABLE


def test_a_denial_in_the_head_did_not_end_the_build_as_far_as_is_known() -> None:
    reading = read(START, DENIAL, GAP, ORDINARY, FAILED)
    assert [finding.ended_build for finding in reading.findings] == [False]
    assert reading.label is None


def breaks_off(text: str) -> Iterator[bytes]:
    yield text.encode()
    raise CutError("it broke off")


def test_a_denial_before_the_log_breaks_off_did_not_end_the_build_as_far_as_is_known() -> None:
    reading = scan(breaks_off(START + DENIAL), Phase.BUILD)
    assert [finding.ended_build for finding in reading.findings] == [False]
    assert reading.label is None


def test_a_verdict_before_the_log_breaks_off_gives_the_label() -> None:
    assert scan(breaks_off(UNASSUMABLE), Phase.BUILD).label is Label.SERVICE_ROLE_UNASSUMABLE
    assert scan(breaks_off(START + DENIAL + FAILED), Phase.BUILD).label is Label.ACCESS_DENIED_IDENTITY


def test_a_log_with_a_gap_and_without_a_failure_is_not_called_harmless() -> None:
    reading = read(START, GAP, ORDINARY, FAILED)
    assert reading.label is None
    assert reading.unread == "1,000 bytes after line 2 were not read, because the log is long"


def test_the_rest_of_a_line_after_a_gap_is_not_read() -> None:
    torn = DENIAL.removeprefix(f"{STAMP}[WARNING]: ")
    assert read(START, GAP, torn, ORDINARY, FAILED).findings == ()


def test_lines_are_counted_across_the_gap() -> None:
    # Two lines before it, twenty in it, and the rest of the line in which it ends.
    (finding,) = read(START, GAP, "rest\n", ORDINARY, DENIAL, FAILED).findings
    assert finding.first_line == 2 + 20 + 1 + 2


def test_an_uncounted_gap_says_that_later_line_numbers_are_relative() -> None:
    reading = read(START, Gap(1000, None, "the log is long"), ORDINARY, DENIAL, FAILED)
    assert "lines are counted as if none were missing" in str(reading.unread)


def test_a_display_command_before_a_gap_hides_nothing_after_it() -> None:
    shown = f"{STAMP}[INFO]: # Executing command: cat README.md\n"
    assert read(shown, GAP, ORDINARY, DENIAL, FAILED).label is Label.ACCESS_DENIED_IDENTITY


def test_after_the_time_for_scanning_only_the_last_bytes_are_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10_000))
    monkeypatch.setattr("medic.logscan.scan.time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    block = ORDINARY.encode() * 6000  # more than a block, so that each chunk takes a second
    early = [START.encode(), *[block] * 20]
    late = [ORDINARY.encode(), DENIAL.encode(), FAILED.encode()]
    reading = scan([*early, *late], Phase.BUILD, seconds=3)

    assert reading.label is Label.ACCESS_DENIED_IDENTITY
    assert "because the scan may take 3 seconds" in str(reading.unread)
    assert reading.size < len(block) * 12
    assert scan([*early, FAILED.encode()], Phase.BUILD, seconds=3).label is None
    assert scan([*early, *late], Phase.BUILD).complete


# --- many lines of one kind


def test_lines_of_the_build_displace_no_line_of_amplify_of_the_same_kind() -> None:
    many = "".join(DENIAL.replace("amplify-service", f"r{number}") for number in range(40))
    verdict = DENIAL.replace("[WARNING]: ", "[ERROR]: !!! ")
    for text in (START + many + verdict, START + many + verdict + many):
        sources = [finding.source for finding in read(text).findings]
        assert sources[0] is Source.AMPLIFY
        assert sources.count(Source.BUILD) == MAX_PER_LABEL
