"""Reads a log as it streams by and says which signatures occur in it.

Memory does not depend on the log's length, nor does the result on how the stream is cut into chunks; time is linear
in the log's length, whatever it holds. Most of a log is only searched for the catalogue's literals; where one occurs,
the log entry around it is put together and read.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from medic.diagnosis.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.diagnosis.messages import message_at
from medic.diagnosis.model import Denial, Finding, LogReading, Phase
from medic.diagnosis.prefilter import LONGEST_LITERAL, Prefilter
from medic.diagnosis.quoting import only_displays
from medic.diagnosis.recognise import MOST_DECISIVE, Sighting, sightings_in
from medic.diagnosis.stream import Block, blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medic.diagnosis.messages import Message

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
    kept: dict[tuple[str, Denial | None], Sighting] = field(default_factory=dict)
    last: tuple[int, int] | None = None
    """The order of the one to give way next, once the limit is reached."""

    def add(self, sighting: Sighting) -> None:
        if sighting.key in self.kept or (self.last is not None and sighting.order >= self.last):
            return
        self.kept[sighting.key] = sighting
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
            message, end = message_at(data, len(block.before) + position, floor, floor_line)
            self.read_up_to, self.read_up_to_line = begins + end, message.lines[-1].number
            self._read_entry(message)

    def _read_entry(self, message: Message) -> None:
        command = next((line.text for line in message.lines if line.text.startswith(_COMMAND)), None)
        if command is not None:
            self.commands_executed = True
            self.command_only_displays = only_displays(command.partition(":")[2])
        if self.command_only_displays or message.text in self.lately:
            return
        self.lately.append(message.text)
        for sighting in sightings_in(message, self.phase, commands_executed=self.commands_executed):
            self.best.add(sighting)

    def reading(self) -> LogReading:
        return LogReading(
            findings=self.best.findings(),
            lines=self.line_feeds + self.ends_open,
            size=self.size,
            truncated=False,
            cloned=self.cloned,
            commands_executed=self.commands_executed,
        )
