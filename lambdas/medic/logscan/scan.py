"""Reads a log as it streams by and says which signatures occur in it.

Memory does not depend on the log's length, nor does the result on how the stream is cut into chunks; time is linear
in the log's length, whatever it holds. Most of a log is only searched for the catalogue's literals; where one occurs,
the log entry around it is put together and read.
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

_RARE = b"ACDEHKMPRSUVWbcdfgklpqvwxyz"
"""Letters that tell the catalogue's words from a build log's. Without `m`, which ends a colour code in the middle of a
wrapped phrase; without the capitals of time stamps and levels, which begin every line."""
_RAREST = b"ACDHKMPRSUVqz"
_ALL = bytes(range(256))
_NOT_RARE = _ALL.translate(None, _RARE)
_NEITHER_RARE_NOR_LINE_FEED = _NOT_RARE.translate(None, b"\n")
_NOT_RAREST = _ALL.translate(None, _RAREST)
_BETWEEN_LETTERS = rb"(?:\s|\x1b\[[\d;]{0,16}m){0,80}"
"""A wrapped line may go on after a line feed, colour codes, and the 33 spaces before Amplify's continuation lines."""

LONGEST_LITERAL = 64
"""Bytes; blocks have to be searched with this much overlap."""


class Prefilter:
    """Finds where any of the literals occurs."""

    __slots__ = ("_literals",)

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals: dict[bytes, dict[bytes, list[bytes]]] = {}
        """By their trace in the short sketch, then by their trace in the longer one."""
        for literal in map(str.encode, literals):
            trace = literal.translate(None, _NOT_RARE)
            alike = self._literals.setdefault(trace.translate(None, _NOT_RAREST), {})
            alike.setdefault(trace, []).append(literal)

    def look(self, block: bytes) -> tuple[list[int], int]:
        """Gives the offsets at which literals begin, in order, and the number of line feeds in the block."""
        lines = block.translate(None, _NEITHER_RARE_NOR_LINE_FEED)
        sketch = lines.translate(None, b"\n")
        likely = [literal for literals in self._traced(sketch) for literal in literals]
        places = {at for literal in likely for at in _places(literal, block)}
        return sorted(places), len(lines) - len(sketch)

    def _traced(self, sketch: bytes) -> Iterator[list[bytes]]:
        """Those whose traces occur."""
        short = sketch.translate(None, _NOT_RAREST)
        for shorter, by_trace in self._literals.items():
            if shorter in short:
                yield from (literals for trace, literals in by_trace.items() if trace in sketch)


def _places(literal: bytes, block: bytes) -> Iterator[int]:
    if b" " in literal:
        yield from (match.start() for match in _wrapped(literal).finditer(block))
        return
    position = block.find(literal)
    while position >= 0:
        yield position
        position = block.find(literal, position + len(literal))


@cache
def _wrapped(literal: bytes) -> re.Pattern[bytes]:
    """The phrase with white space allowed between any two letters; compiled when first needed."""
    return re.compile(_BETWEEN_LETTERS.join(re.escape(letter.encode()) for letter in literal.decode() if letter != " "))


BLOCK = 256 * 1024
CONTEXT = 16 * 1024
"""Bytes known before and after each block, so that an entry on a boundary is read whole."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a log with what stands around it."""

    before: bytes
    body: bytes
    after: bytes
    offset: int
    """How far into the log the body begins, in bytes."""

    def seam(self, reach: int) -> bytes:
        """The bytes around the end of the body, `reach` on either side."""
        return self.body[-reach:] + self.after[:reach]

    def whole(self) -> bytes:
        """The body with its context."""
        return self.before + self.body + self.after


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Cuts a stream into blocks of a fixed size, the last one shorter; an empty stream gives none."""
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


MAX_FINDINGS = 20

_REMEMBERED = 16
_COMMAND = "# Executing command"
_CLONING = b"# Cloning repository"


def scan(chunks: Iterable[bytes], phase: Phase, *, max_findings: int = MAX_FINDINGS) -> LogReading:
    """Reads a log.

    Args:
        chunks: the log's bytes, uncompressed, cut anywhere.
        phase: where the text was printed; it decides which role a missing credential belongs to.
        max_findings: how many distinct findings to keep; less decisive and later ones give way.

    Returns:
        The findings, most decisive first, with redacted excerpts. Never raises on any content; `truncated` is for
        whoever cut the stream short to set.
    """
    reader = _Reader(phase, _Best(max_findings))
    for block in blocks(chunks):
        reader.read(block)
    return reader.reading()


LITERALS = tuple(dict.fromkeys((*DENIAL_LITERALS, *(word for each in SIGNATURES for word in each.literals), _COMMAND)))
"""Everything that is looked for in every block; the rest of the work is done where one of these stands."""


@cache
def _prefilter() -> Prefilter:
    return Prefilter(LITERALS)


@dataclass(slots=True)
class _Best:
    """The most decisive distinct sightings so far, never more than the limit."""

    limit: int
    kept: dict[tuple[str, Denial | None], LogMatch] = field(default_factory=dict)
    last: tuple[int, int] | None = None
    """The order of the one to give way next, once the limit is reached."""

    def add(self, match: LogMatch) -> None:
        if match.key in self.kept or (self.last is not None and match.order >= self.last):
            return
        self.kept[match.key] = match
        if len(self.kept) > self.limit:
            del self.kept[max(self.kept, key=lambda key: self.kept[key].order)]
        if len(self.kept) == self.limit:
            self.last = max(each.order for each in self.kept.values())

    @property
    def settled(self) -> bool:
        """True once nothing that comes later could still outrank what is kept."""
        return self.last is not None and self.last[0] == -MOST_DECISIVE

    def findings(self) -> tuple[Finding, ...]:
        return tuple(each.finding() for each in sorted(self.kept.values(), key=lambda each: each.order))


@dataclass(slots=True)
class _Reader:
    """Reads block after block, remembering how far it has come and where in the build it is."""

    phase: Phase
    best: _Best
    prefilter: Prefilter = field(default_factory=_prefilter)
    line_feeds: int = 0
    size: int = 0
    ends_open: bool = False
    read_up_to: int = 0
    read_up_to_line: int = 1
    cloned: bool = False
    commands_executed: bool = False
    command_only_displays: bool = False
    lately: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """Texts of entries that need not be read again: what fails in a loop prints the same words."""

    def read(self, block: Block) -> None:
        positions, line_feeds = self.prefilter.look(block.body)
        seam = block.seam(LONGEST_LITERAL)
        if block.after:
            across = self.prefilter.look(seam)[0]
            begins = max(0, len(block.body) - LONGEST_LITERAL)
            positions = sorted({*positions, *(begins + at for at in across if begins + at < len(block.body))})
        if not self.cloned and not self.commands_executed:
            self.cloned = _CLONING in block.body or _CLONING in seam
        if positions and not self.best.settled:
            self._read_entries(block, positions)
        self.line_feeds += line_feeds
        self.size += len(block.body)
        self.ends_open = not block.body.endswith(b"\n")

    def _read_entries(self, block: Block, positions: list[int]) -> None:
        data, begins = block.whole(), block.offset - len(block.before)
        for position in positions:
            if block.offset + position < self.read_up_to or self.best.settled:
                continue
            floor, floor_line = self.read_up_to - begins, self.read_up_to_line
            if floor < 0:
                floor, floor_line = 0, self.line_feeds - block.before.count(b"\n") + 1
            message, end = entry_at(data, len(block.before) + position, floor, floor_line)
            self.read_up_to, self.read_up_to_line = begins + end, message.lines[-1].number
            self._read_entry(message)

    def _read_entry(self, message: LogEntry) -> None:
        command = next((line.text for line in message.lines if line.text.startswith(_COMMAND)), None)
        if command is not None:
            self.commands_executed = True
            self.command_only_displays = only_displays(command.partition(":")[2])
        if self.command_only_displays or message.text in self.lately:
            return
        self.lately.append(message.text)
        for match in matches_in(message, self.phase, commands_executed=self.commands_executed):
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
