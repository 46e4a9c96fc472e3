"""The scan with its gates finds what it finds without them: slower, but the same."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.labels import Phase
from medic.logscan import scan as scanner
from medic.logscan.entries import entry_at, read_line
from medic.logscan.gate import PLAIN_LINES, positions_to_read
from medic.logscan.prefilter import Prefilter
from medic.logscan.recognise import findings_in
from medic.logscan.scan import LITERALS, scan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medic.logscan.model import LogReading

DATA = Path(__file__).parents[2] / "data"
STAMP = b"2026-03-04T10:11:12.345Z [INFO]: "
LEVELS = (b"[INFO]: ", b"[WARNING]: ", b"[ERROR]: ", b"[ERROR]:", b"", b"[ERROR] ", b"  [INFO]: ", b"1 ")
PIECES = (
    *(literal.encode() for literal in LITERALS),
    *(
        b"AccessDenied",
        b"Error: ",
        b": ",
        b"code: '",
        b"[",
        b"] ",
        b" - ",
        b" at Object.x",
        b" Resolution: y",
        b"'",
        b".",
    ),
    *(
        b"not authorized to perform: s3:GetObject",
        b"unable to ",
        b"could not load ",
        b"credentials",
        b" from any providers",
    ),
    *(b"User: arn:aws:sts::111122223333:assumed-role/x/BuildSession is ", b"because no identity-based policy allows"),
    *(b"!!! ", b"# Executing command: x", b"## Build completed", b"TypeError: x", b"\n", b"\r\n", b"\n" + STAMP, b" "),
    *(
        b"  ",
        b"\t",
        b"\x00",
        b"\x1b[31m",
        b"\xff",
        "\u212a".encode(),
        "│ ".encode(),
        b"x" * 2000,
        b"40",
        b"403",
        b"7f0a",
    ),
)
PLAIN = [piece for piece in PIECES if piece.isascii() and piece.decode().isprintable()]
hostile = st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=14).map(b"".join)
plain = st.lists(st.sampled_from([*PLAIN, b" "]), min_size=1, max_size=8).map(lambda pieces: b"".join(pieces).strip())
logs = st.lists(st.tuples(st.sampled_from(LEVELS), hostile), min_size=1, max_size=6).map(
    lambda lines: b"".join(STAMP[:25] + level + text + b"\n" for level, text in lines) + STAMP + b"the end\n"
)


def _texts() -> Iterable[str]:
    for path in sorted((DATA / "logs").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            yield from (value for value in case.values() if isinstance(value, str) and len(value) > len(STAMP))
    for path in [*sorted((DATA / "logs" / "full").glob("*.txt")), DATA / "redaction" / "ordinary.log"]:
        yield path.read_text(encoding="utf-8", errors="replace")


def _slowly(log: list[bytes], phase: Phase) -> LogReading:
    """Without the gates: every entry with a literal is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "positions_to_read", lambda _, block, hits: [block + offset for offset in hits])
        return scan(log, phase)


def _lines_of_corpora() -> list[str]:
    lines = {line.strip() for text in _texts() for line in text.splitlines() if any(map(line.__contains__, LITERALS))}
    assert len(lines) >= 900
    return sorted(lines)


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.RUNTIME])
def test_every_line_of_the_corpora_is_read_as_without_the_gates(phase: Phase) -> None:
    for line in _lines_of_corpora():
        log = [STAMP + line.encode() + b"\n" + STAMP + b"the end\n"]
        assert scan(log, phase) == _slowly(log, phase), line


@pytest.mark.parametrize("path", sorted((DATA / "logs" / "full").glob("*.txt")), ids=lambda path: path.stem)
def test_every_whole_log_is_read_as_without_the_gates(path: Path) -> None:
    log = [path.read_bytes()]
    assert scan(log, Phase.BUILD) == _slowly(log, Phase.BUILD)


@given(logs, st.sampled_from([Phase.BUILD, Phase.RUNTIME]), st.integers(1, 400))
@settings(deadline=None, max_examples=100)
def test_a_hostile_log_is_read_as_without_the_gates(log: bytes, phase: Phase, size: int) -> None:
    chunks = [log[begin : begin + size] for begin in range(0, len(log), size)]
    assert scan(chunks, phase) == _slowly([log], phase)


@given(st.lists(plain, min_size=1, max_size=30), st.sampled_from([Phase.BUILD, Phase.RUNTIME]))
@settings(deadline=None)
def test_no_line_hides_another_that_is_tested_together_with_it(lines: list[bytes], phase: Phase) -> None:
    log = [b"".join(STAMP + line + b"\n" for line in lines) + STAMP + b"the end\n"]
    assert scan(log, phase) == _slowly(log, phase)


def test_of_many_lines_all_that_report_anything_are_read() -> None:
    dull = STAMP + b"x AccessDeniedx\n" + STAMP + b"x credentials of y\n"
    lines = [STAMP + line.encode() + b"\n" for line in _lines_of_corpora()]
    log = dull.join(lines) + STAMP + b"the end\n"
    hits, _ = Prefilter(LITERALS).look(log)
    read = {log.rfind(b"\n", 0, position) + 1 for position in positions_to_read(log, 0, hits)}
    begin = 0
    for line in lines:
        entry, _, _ = entry_at(log, begin, 0, 1)
        state = {"commands_executed": False, "in_stamped_log": True}
        assert begin in read or not findings_in(entry, Phase.BUILD, **state), line
        begin += len(line) + len(dull)
    assert len(read) < len(lines) + 100


@pytest.mark.parametrize(
    "text",
    [
        b"User: arn:aws:sts::111122223333:assumed-role/x/y is not authorized to perform:\n    s3:GetObject",
        b"CredentialsProviderError: x\n" + STAMP + b"Could not load  credentials from any providers",
        b"Could not load  credentials from  any providers",
    ],
)
def test_a_line_that_goes_on_or_has_double_spaces_is_read(text: bytes) -> None:
    log = [STAMP + text + b"\n" + STAMP + b"the end\n"]
    reading = scan(log, Phase.BUILD)
    assert reading.findings
    assert reading == _slowly(log, Phase.BUILD)


def test_no_literal_without_spaces_begins_another() -> None:
    squeezed = sorted({literal.replace(" ", "") for literal in LITERALS})
    assert not [pair for pair in pairwise(squeezed) if pair[1].startswith(pair[0])]


@given(logs)
@settings(deadline=None)
def test_the_text_of_a_plain_line_is_the_text_of_its_entry(log: bytes) -> None:
    for raw in log.split(b"\n"):
        if PLAIN_LINES.fullmatch(raw + b"\n") and b"  " not in raw:
            assert read_line(raw, 1).text == raw.partition(b"]: ")[2].decode()
