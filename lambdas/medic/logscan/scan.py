"""Scans a log as a stream for the signatures in the knowledge base.

Memory use does not depend on the log's length, and the result does not depend on how the stream is cut into chunks.
Time is linear in the log's length, whatever the log contains. A fast prefilter searches every block for the literals of
all signatures. Only where one occurs does the scanner assemble the log entry around it and match the patterns.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from medic.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.logscan.entries import entry_at
from medic.logscan.model import LogReading
from medic.logscan.recognise import MOST_DECISIVE, findings_in, only_displays
from medic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from medic.labels import Phase
    from medic.logscan.entries import LogEntry
    from medic.logscan.model import Denial, Finding

MAX_FINDINGS = 20
MAX_EXCERPT_CHARACTERS = 2000
BLOCK = 256 * 1024
CONTEXT = 16 * 1024
"""Bytes kept before and after each block, so that an entry on a boundary is read whole."""
LONGEST_LITERAL = 64
"""Bytes. Blocks must be searched with this much overlap."""

_COMMAND = "# Executing command"
_CLONING = b"# Cloning repository"
_REMEMBERED_ENTRIES = 16

LITERALS = tuple(dict.fromkeys((*DENIAL_LITERALS, *(word for each in SIGNATURES for word in each.literals), _COMMAND)))
"""Everything that every block is searched for. The rest of the log is not examined."""


def scan(chunks: Iterable[bytes], phase: Phase, *, max_findings: int = MAX_FINDINGS) -> LogReading:
    """Finds the failures that a log reports. Does not raise, whatever the log contains.

    Args:
        chunks: the log's bytes, uncompressed, cut anywhere.
        phase: where the text was printed; it decides which role a missing credential belongs to.
        max_findings: how many distinct findings to keep: the most decisive, of those the earliest.

    Returns:
        The findings, most decisive first, with redacted excerpts. `truncated` is always False: a caller that cut the
        stream short sets it.
    """
    return Scanner(phase, max_findings).read(chunks)


class Scanner:
    """Reads one log, block after block. Keeps its position, the state of the build, and the best findings."""

    def __init__(self, phase: Phase, max_findings: int = MAX_FINDINGS, prefilter: Prefilter | None = None) -> None:
        self._phase = phase
        self._max_findings = max_findings
        self._prefilter = prefilter or _catalogue()
        self._line_feeds = 0
        self._size = 0
        self._read_up_to = 0
        """The offset in the log where the last entry that was read ends."""
        self._read_up_to_line = 1
        self._cloned = False
        self._commands_executed = False
        self._command_only_displays = False
        self._recent: deque[str] = deque(maxlen=_REMEMBERED_ENTRIES)
        """Texts of entries that need no second look, because a failure in a loop prints the same text again."""
        self._kept: dict[tuple[str, Denial | None], Finding] = {}
        """The most decisive distinct findings so far, at most `max_findings`."""
        self._last: tuple[int, int] | None = None
        """The order of the finding that is dropped next; None until the limit is reached."""
        self._final = False
        """True if no later finding can outrank what is kept, so that the rest of the log need not be read."""

    def read(self, chunks: Iterable[bytes]) -> LogReading:
        """Reads the log to its end. May be called once."""
        ends_open = False
        for before, body, after in blocks(chunks):
            positions, line_feeds = self._prefilter.look(body)
            boundary = body[-LONGEST_LITERAL:] + after[:LONGEST_LITERAL]
            if after:
                begins = max(0, len(body) - LONGEST_LITERAL)
                across = [begins + at for at in self._prefilter.look(boundary)[0]]
                positions = sorted({*positions, *(at for at in across if at < len(body))})
            if not self._cloned and not self._commands_executed:
                self._cloned = _CLONING in body or _CLONING in boundary
            if positions and not self._final:
                self._read_entries(before, body, after, positions)
            self._line_feeds += line_feeds
            self._size += len(body)
            ends_open = not body.endswith(b"\n")
        return LogReading(
            findings=tuple(map(_redacted, sorted(self._kept.values(), key=_order))),
            lines=self._line_feeds + ends_open,
            size=self._size,
            truncated=False,
            cloned=self._cloned,
            commands_executed=self._commands_executed,
        )

    def _read_entries(self, before: bytes, body: bytes, after: bytes, positions: list[int]) -> None:
        data, begins = before + body + after, self._size - len(before)
        for position in positions:
            if self._size + position < self._read_up_to or self._final:
                continue
            min_offset, min_offset_line = self._read_up_to - begins, self._read_up_to_line
            if min_offset < 0:
                min_offset, min_offset_line = 0, self._line_feeds - before.count(b"\n") + 1
            entry, end = entry_at(data, len(before) + position, min_offset, min_offset_line)
            self._read_up_to, self._read_up_to_line = begins + end, entry.lines[-1].number
            self._read_entry(entry)

    def _read_entry(self, entry: LogEntry) -> None:
        for line in entry.lines:
            if line.text.startswith(_COMMAND):
                self._commands_executed = True
                self._command_only_displays = only_displays(line.text.partition(":")[2])
                break
        if self._command_only_displays or entry.text in self._recent:
            return
        self._recent.append(entry.text)
        for finding in findings_in(entry, self._phase, commands_executed=self._commands_executed):
            self._keep(finding)

    def _keep(self, finding: Finding) -> None:
        key = (finding.signature, finding.denial)
        if key in self._kept or (self._last is not None and _order(finding) >= self._last):
            return
        self._kept[key] = finding
        if len(self._kept) > self._max_findings:
            del self._kept[max(self._kept, key=lambda each: _order(self._kept[each]))]
        if len(self._kept) == self._max_findings:
            self._last = max(map(_order, self._kept.values()))
            self._final = self._last[0] == -MOST_DECISIVE


def _order(finding: Finding) -> tuple[int, int]:
    """Sorts the most decisive first, then the earliest, because a root cause precedes its consequences."""
    return -finding.decisiveness, finding.first_line


def _redacted(finding: Finding) -> Finding:
    return replace(finding, excerpt=redact(finding.excerpt)[:MAX_EXCERPT_CHARACTERS])


# --- blocks


def blocks(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Cuts a stream into blocks of `BLOCK` bytes, the last one shorter, each with the bytes before and after it.

    An empty stream gives none.
    """
    before, body = b"", None
    for following in _fixed_size(chunks):
        if body is not None:
            yield before, body, following[:CONTEXT]
            before = body[-CONTEXT:]
        body = following
    if body is not None:
        yield before, body, b""


def _fixed_size(chunks: Iterable[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []
    missing = BLOCK
    for chunk in chunks:
        begin = 0
        while len(chunk) - begin >= missing:
            parts.append(chunk[begin : begin + missing])
            yield b"".join(parts)
            begin += missing
            parts, missing = [], BLOCK
        if begin < len(chunk):
            parts.append(chunk[begin:])
            missing -= len(chunk) - begin
    if parts:
        yield b"".join(parts)


# --- the prefilter

_RARE = b"ACDEHKMPRSUVWbcdfgklpqvwxyz"
"""Letters that tell the literals from the rest of a build log. Left out: `m`, which ends a colour code inside a wrapped
phrase, and the capitals of time stamps and levels, which begin every line."""
_RAREST = b"ACDHKMPRSUVqz"
_ALL = bytes(range(256))
_NOT_RARE = _ALL.translate(None, _RARE)
_NEITHER_RARE_NOR_LINE_FEED = _NOT_RARE.translate(None, b"\n")
_NOT_RAREST = _ALL.translate(None, _RAREST)
_BETWEEN_LETTERS = rb"(?:\s|\x1b\[[\d;]{0,16}m){0,80}"
"""A wrapped line may go on after a line feed, colour codes, and the 33 spaces before Amplify's continuation lines."""


class Prefilter:
    """Finds where any of the literals occurs in a block.

    Deletes every common letter from the block, in C (`bytes.translate`), and searches the short rest for what remains
    of the literals. It searches the block itself only for the few literals whose rare letters occur there.
    """

    __slots__ = ("_literals",)

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals: dict[bytes, dict[bytes, list[bytes]]] = {}
        """The literals by their rarest letters, then by their rare letters."""
        for literal in map(str.encode, literals):
            rare_letters = literal.translate(None, _NOT_RARE)
            alike = self._literals.setdefault(rare_letters.translate(None, _NOT_RAREST), {})
            alike.setdefault(rare_letters, []).append(literal)

    def look(self, block: bytes) -> tuple[list[int], int]:
        """Gives the offsets at which literals begin, in order, and the number of line feeds in the block."""
        rare_lines = block.translate(None, _NEITHER_RARE_NOR_LINE_FEED)
        rare_text = rare_lines.translate(None, b"\n")
        rarest_text = rare_text.translate(None, _NOT_RAREST)
        offsets: set[int] = set()
        for rarest_letters, by_rare_letters in self._literals.items():
            if rarest_letters in rarest_text:
                for rare_letters, literals in by_rare_letters.items():
                    if rare_letters in rare_text:
                        for literal in literals:
                            offsets.update(_offsets_of(literal, block))
        return sorted(offsets), len(rare_lines) - len(rare_text)


@cache
def _catalogue() -> Prefilter:
    return Prefilter(LITERALS)


def _offsets_of(literal: bytes, block: bytes) -> Iterator[int]:
    if b" " in literal:
        for match in _wrapped(literal).finditer(block):
            yield match.start()
        return
    position = block.find(literal)
    while position >= 0:
        yield position
        position = block.find(literal, position + len(literal))


@cache
def _wrapped(literal: bytes) -> re.Pattern[bytes]:
    """The phrase with white space allowed between any two letters. Compiled when first needed."""
    return re.compile(_BETWEEN_LETTERS.join(re.escape(letter.encode()) for letter in literal.decode() if letter != " "))
