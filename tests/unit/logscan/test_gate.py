"""The scan with its quick tests finds what it finds without them: slower, but the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.labels import Phase
from medic.logscan import scan as scanner
from medic.logscan.entries import read_line
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
hostile = st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=14).map(b"".join)
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
    """Without the quick tests: every entry with a literal is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "may_report", lambda *_: True)
        patch.setattr(scanner, "_means_nothing", lambda *_: False)
        patch.setattr(scanner, "_shape_of", lambda _: None)
        return scan(log, phase)


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.RUNTIME])
def test_every_line_of_the_corpora_is_read_as_without_the_quick_tests(phase: Phase) -> None:
    lines = {line.strip() for text in _texts() for line in text.splitlines() if any(map(line.__contains__, LITERALS))}
    assert len(lines) >= 900
    for line in sorted(lines):
        log = [STAMP + line.encode() + b"\n" + STAMP + b"the end\n"]
        assert scan(log, phase) == _slowly(log, phase), line


@pytest.mark.parametrize("path", sorted((DATA / "logs" / "full").glob("*.txt")), ids=lambda path: path.stem)
def test_every_whole_log_is_read_as_without_the_quick_tests(path: Path) -> None:
    log = [path.read_bytes()]
    assert scan(log, Phase.BUILD) == _slowly(log, Phase.BUILD)


@given(logs, st.sampled_from([Phase.BUILD, Phase.RUNTIME]), st.integers(1, 400))
@settings(deadline=None, max_examples=100)
def test_a_hostile_log_is_read_as_without_the_quick_tests(log: bytes, phase: Phase, size: int) -> None:
    chunks = [log[begin : begin + size] for begin in range(0, len(log), size)]
    assert scan(chunks, phase) == _slowly([log], phase)


@given(logs)
@settings(deadline=None)
def test_the_text_of_a_plain_line_is_the_text_of_its_entry(log: bytes) -> None:
    for raw in log.split(b"\n"):
        plain = scanner.plain_text(raw[19:]) if raw.startswith(STAMP[:19]) else None
        if plain is not None:
            assert read_line(raw, 1).text == plain
