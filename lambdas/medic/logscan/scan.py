"""Scans a log as a stream for the signatures in the knowledge base.

Memory use does not depend on the log's length, and the result does not depend on how the stream is cut into chunks.
Time is linear in the log's length, whatever the log contains. A fast prefilter searches every block for the literals of
all signatures. Only where one occurs does the scanner assemble the log entry around it and match the patterns.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from medic.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.logscan.entries import entry_at
from medic.logscan.model import Denial, Finding, LogReading
from medic.logscan.recognise import MOST_DECISIVE, LogMatch, matches_in, only_displays

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from medic.labels import Phase
    from medic.logscan.entries import LogEntry

MAX_FINDINGS = 20
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
    reader = _Reader(phase, _Best(max_findings))
    for block in blocks(chunks):
        reader.read(block)
    return reader.reading()


@cache
def _prefilter() -> Prefilter:
    return Prefilter(LITERALS)


@dataclass(slots=True)
class _Reader:
    """Reads block after block. Keeps its position in the log and the state of the build."""

    phase: Phase
    best: _Best
    prefilter: Prefilter = field(default_factory=_prefilter)
    line_feeds: int = 0
    size: int = 0
    ends_open: bool = False
    read_up_to: int = 0
    """The offset in the log where the last entry that was read ends."""
    read_up_to_line: int = 1
    cloned: bool = False
    commands_executed: bool = False
    command_only_displays: bool = False
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_ENTRIES))
    """Texts of entries that need no second look, because a failure in a loop prints the same text again."""

    def read(self, block: Block) -> None:
        positions, line_feeds = self.prefilter.look(block.body)
        boundary = block.boundary(LONGEST_LITERAL)
        if block.after:
            across = self.prefilter.look(boundary)[0]
            begins = max(0, len(block.body) - LONGEST_LITERAL)
            positions = sorted({*positions, *(begins + at for at in across if begins + at < len(block.body))})
        if not self.cloned and not self.commands_executed:
            self.cloned = _CLONING in block.body or _CLONING in boundary
        if positions and not self.best.final:
            self._read_entries(block, positions)
        self.line_feeds += line_feeds
        self.size += len(block.body)
        self.ends_open = not block.body.endswith(b"\n")

    def _read_entries(self, block: Block, positions: list[int]) -> None:
        data, begins = block.with_context(), block.offset - len(block.before)
        for position in positions:
            if block.offset + position < self.read_up_to or self.best.final:
                continue
            min_offset, min_offset_line = self.read_up_to - begins, self.read_up_to_line
            if min_offset < 0:
                min_offset, min_offset_line = 0, self.line_feeds - block.before.count(b"\n") + 1
            entry, end = entry_at(data, len(block.before) + position, min_offset, min_offset_line)
            self.read_up_to, self.read_up_to_line = begins + end, entry.lines[-1].number
            self._read_entry(entry)

    def _read_entry(self, entry: LogEntry) -> None:
        command = next((line.text for line in entry.lines if line.text.startswith(_COMMAND)), None)
        if command is not None:
            self.commands_executed = True
            self.command_only_displays = only_displays(command.partition(":")[2])
        if self.command_only_displays or entry.text in self.recent:
            return
        self.recent.append(entry.text)
        for match in matches_in(entry, self.phase, commands_executed=self.commands_executed):
            self.best.add(match)

    def reading(self) -> LogReading:
        return LogReading(
            findings=self.best.findings(),
            lines=self.line_feeds + self.ends_open,
            size=self.size,
            truncated=False,
            cloned=self.cloned,
            commands_executed=self.commands_executed,
        )


@dataclass(slots=True)
class _Best:
    """The most decisive distinct matches so far, at most `limit`."""

    limit: int
    kept: dict[tuple[str, Denial | None], LogMatch] = field(default_factory=dict)
    last: tuple[int, int] | None = None
    """The order of the match that is dropped next; None until the limit is reached."""

    def add(self, match: LogMatch) -> None:
        if match.key in self.kept or (self.last is not None and match.order >= self.last):
            return
        self.kept[match.key] = match
        if len(self.kept) > self.limit:
            del self.kept[max(self.kept, key=lambda key: self.kept[key].order)]
        if len(self.kept) == self.limit:
            self.last = max(each.order for each in self.kept.values())

    @property
    def final(self) -> bool:
        """True if no later match can outrank what is kept, so that the rest of the log need not be read."""
        return self.last is not None and self.last[0] == -MOST_DECISIVE

    def findings(self) -> tuple[Finding, ...]:
        return tuple(each.finding() for each in sorted(self.kept.values(), key=lambda each: each.order))


# --- blocks


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a log with the bytes around it."""

    before: bytes
    body: bytes
    after: bytes
    offset: int
    """Where in the log the body begins, in bytes."""

    def boundary(self, reach: int) -> bytes:
        """The bytes around the end of the body, at most `reach` on either side."""
        return self.body[-reach:] + self.after[:reach]

    def with_context(self) -> bytes:
        return self.before + self.body + self.after


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Cuts a stream into blocks of `BLOCK` bytes, the last one shorter. An empty stream gives none."""
    before, body, offset = b"", None, 0
    for following in _fixed_size(chunks):
        if body is not None:
            yield Block(before, body, following[:CONTEXT], offset)
            before, offset = body[-CONTEXT:], offset + len(body)
        body = following
    if body is not None:
        yield Block(before, body, b"", offset)


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
        likely = [literal for literals in self._likely(rare_text) for literal in literals]
        offsets = {at for literal in likely for at in _offsets_of(literal, block)}
        return sorted(offsets), len(rare_lines) - len(rare_text)

    def _likely(self, rare_text: bytes) -> Iterator[list[bytes]]:
        """The literals whose rare letters occur."""
        rarest_text = rare_text.translate(None, _NOT_RAREST)
        for rarest_letters, by_rare_letters in self._literals.items():
            if rarest_letters in rarest_text:
                yield from (literals for rare_letters, literals in by_rare_letters.items() if rare_letters in rare_text)


def _offsets_of(literal: bytes, block: bytes) -> Iterator[int]:
    if b" " in literal:
        yield from (match.start() for match in _wrapped(literal).finditer(block))
        return
    position = block.find(literal)
    while position >= 0:
        yield position
        position = block.find(literal, position + len(literal))


@cache
def _wrapped(literal: bytes) -> re.Pattern[bytes]:
    """The phrase with white space allowed between any two letters. Compiled when first needed."""
    return re.compile(_BETWEEN_LETTERS.join(re.escape(letter.encode()) for letter in literal.decode() if letter != " "))
