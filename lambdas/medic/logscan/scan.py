"""Scans a log as a stream for the signatures in the knowledge base.

Memory use does not depend on the log's length, and the result does not depend on how the stream is cut into chunks.
Time is linear in the log's length, whatever the log contains. A fast prefilter searches every block for the literals of
all signatures. Only where one occurs does the scanner assemble the log entry around it and match the patterns.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from medic.labels import Phase, Source
from medic.logscan.ending import (
    COMMAND,
    ending_of,
    goes_on,
    is_fatal,
    names_own_failure,
    own_failure_in,
    passes_on,
)
from medic.logscan.entries import entry_at, read_line
from medic.logscan.gate import WORDS, positions_to_read, squeezed
from medic.logscan.model import Denial, Ending, LogReading
from medic.logscan.prefilter import CONTEXT, LONGEST_LITERAL, Prefilter, blocks
from medic.logscan.quoting import only_displays
from medic.logscan.recognise import findings_in
from medic.records import replace
from medic.redaction import redact
from medic.unpack import CutError, Gap, last_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from medic.logscan.entries import LogEntry
    from medic.logscan.model import Finding

    _Key: TypeAlias = tuple[str, Source, str | None, str | None]

MAX_PER_LABEL = 5
"""Findings kept of one label from one source, so that many lines of one kind push out no other kind."""
MAX_EXCERPT_CHARACTERS = 2000
_LAST_BYTES = 1024 * 1024
"""Bytes at the end of a log that are scanned even if the time for scanning is up."""

_ENDING_BYTES = 64 * 1024
"""Bytes at the end of a log in which the last errors of a build are looked for."""
_CLONING = b"# Cloning repository"
_REMEMBERED = 32
"""Texts of entries, and shapes of lines, that need no second look."""
_FIRST_LINES = 20
"""Lines within which a log with time stamps shows the first one."""
_STEMS = ("redential", "ssume")
"""Each stands for every word that contains it: one search for all of them."""
_SEARCHED = WORDS.union(_STEMS)


def _without_longer(words: frozenset[str]) -> tuple[str, ...]:
    """The words that contain no other one, a phrase also without its spaces."""
    whole, letters = "\n".join(words), "\n".join(map(squeezed, words))
    longer: set[str] = set()
    for word in words:
        text, form = (letters, squeezed) if " " in word else (whole, str)
        if text.count(form(word)) > 1:  # quickly tells that most are in no other
            longer.update(other for other in words - {word} if form(word) in form(other))
    return tuple(sorted(words - longer))


LITERALS = _without_longer(_SEARCHED)
"""Everything that every block is searched for: no literal contains another. The rest of the log is not examined.

A phrase stands for the same letters without its spaces, too, because lines are wrapped between any two letters.
"""


def scan(chunks: Iterable[bytes | Gap], phase: Phase, *, seconds: float = math.inf) -> LogReading:
    """Finds the failures that a log reports. Does not raise, whatever the log contains.

    Args:
        chunks: the log's bytes, uncompressed, cut anywhere. They may have gaps, and end with a CutError.
        phase: where the text was printed; it decides which role a missing credential belongs to.
        seconds: how long the scan may take. Then only the log's last bytes are scanned. Waiting for chunks is free.

    Returns:
        The findings with redacted excerpts, and which part of the log was not read, if any.
    """
    return Scanner(phase, seconds=seconds).read(chunks)


@cache
def _catalogue() -> Prefilter:
    return Prefilter(LITERALS)


class Scanner:
    """Reads one log, block after block. Keeps its position, the state of the build, and the best findings."""

    def __init__(self, phase: Phase, *, seconds: float = math.inf, prefilter: Prefilter | None = None) -> None:
        self._phase = phase
        self._seconds = seconds
        self._spent = 0.0
        self._gap: Gap | None = None
        """The gap at which the part that is being read ends."""
        self._broke_off = False
        self._is_build = phase in {Phase.BUILD, Phase.DEPLOY}
        self._prefilter = prefilter or _catalogue()
        self._line_feeds = 0
        self._size = 0
        self._read_up_to = 0
        """The offset in the log where the last entry that was read ends."""
        self._read_up_to_line = 1
        self._stamped = False
        """True if the log's lines have time stamps."""
        self._cloned = False
        self._commands_executed = False
        self._command = ""
        """The last command that was executed."""
        self._end = b""
        """The last bytes that were read, with no gap between them."""
        self._command_only_displays = False
        self._over = False
        """True after Amplify's verdict: what follows did not end the build."""
        self._recent: OrderedDict[str, tuple[int, tuple[Finding, ...]]] = OrderedDict()
        """Line and findings of the last entries, by text, because a failure in a loop prints the same text again."""
        self._kept: dict[_Key, Finding] = {}
        self._unread: list[str] = []

    def read(self, chunks: Iterable[bytes | Gap]) -> LogReading:
        """Reads the log to its end. May be called once."""
        rest, lines = self._within_budget(iter(chunks)), 0
        while True:
            for before, body, after in blocks(self._until_gap(rest)):
                begun = time.monotonic()
                self._read_block(before, body, after)
                self._spent += time.monotonic() - begun
                lines = self._line_feeds + (not body.endswith(b"\n"))
            if self._gap is None:
                # What ended the build may stand in the part that is missing.
                self._supersede_if(self._broke_off and self._pending)
                break
            self._skip(self._gap)
            rest = _from_next_line(rest)
        return LogReading(
            findings=tuple(map(_redacted, sorted(self._kept.values(), key=_order))),
            lines=lines,
            size=self._size,
            unread="; ".join(self._unread) or None,
            verdict=self._over,
            cloned=self._cloned or self._commands_executed,
            commands_executed=self._commands_executed,
            ending=self._ending(),
        )

    def _ending(self) -> Ending:
        if not self._is_build or any(finding.ended_build for finding in self._kept.values()):
            return Ending()
        cut = self._size > len(self._end)
        return ending_of(self._end.partition(b"\n")[2] if cut else self._end, self._command)

    def _within_budget(self, chunks: Iterator[bytes | Gap]) -> Iterator[bytes | Gap]:
        for chunk in chunks:
            yield chunk
            if self._spent > self._seconds:
                why = f"the scan may take {self._seconds:g} seconds"
                yield from last_of(chunks, _LAST_BYTES, why)

    def _until_gap(self, chunks: Iterator[bytes | Gap]) -> Iterator[bytes]:
        self._gap = None
        try:
            for chunk in chunks:
                if isinstance(chunk, Gap):
                    self._gap = chunk
                    return
                yield chunk
        except CutError as error:
            self._broke_off = True
            self._unread.append(str(error))

    def _skip(self, gap: Gap) -> None:
        """Goes on after a gap. What was found before it did not end the build, as far as anybody knows."""
        counted = "" if gap.lines is not None else ", and from there on lines are counted as if none were missing"
        self._unread.append(
            f"{gap.size:,} bytes after line {self._line_feeds:,} were not read, because {gap.why}{counted}"
        )
        self._supersede_if(self._pending)
        self._command_only_displays = False
        self._end = b""
        self._line_feeds += (gap.lines or 0) + 1  # of the line in which the gap ends

    def _read_block(self, before: bytes, body: bytes, after: bytes) -> None:
        if not self._size:
            self._stamped = any(read_line(line, 0).stamped for line in body[:CONTEXT].split(b"\n")[:_FIRST_LINES])
        hits, line_feeds = self._prefilter.look(body)
        boundary = body[-LONGEST_LITERAL:] + after[:LONGEST_LITERAL]
        if after:
            begins = max(0, len(body) - LONGEST_LITERAL)
            across = {begins + at: literal for at, literal in self._prefilter.look(boundary)[0].items()}
            hits |= {at: literal for at, literal in sorted(across.items()) if at < len(body)}
        if not self._cloned and not self._commands_executed:
            self._cloned = _CLONING in body or _CLONING in boundary
        if hits or self._pending:
            self._read_entries(before, body, after, hits)
        self._line_feeds += line_feeds
        self._size += len(body)
        self._end = (self._end + body if len(body) < _ENDING_BYTES else body)[-_ENDING_BYTES:]

    def _read_entries(self, before: bytes, body: bytes, after: bytes, hits: dict[int, bytes]) -> None:
        data, begins = before + body + after, self._size - len(before)
        judged = max(len(before), self._read_up_to - begins)
        for at in positions_to_read(data, len(before), hits):
            if begins + at < self._read_up_to:
                continue
            min_offset, min_offset_line = self._read_up_to - begins, self._read_up_to_line
            if min_offset < 0:
                min_offset, min_offset_line = 0, self._line_feeds - before.count(b"\n") + 1
            entry, begin, end = entry_at(data, at, min_offset, min_offset_line)
            self._read_up_to, self._read_up_to_line = begins + end, entry.lines[-1].number
            self._supersede_if(self._pending and own_failure_in(data, judged, begin))
            judged = max(judged, end)
            self._read_entry(entry)
        self._supersede_if(self._pending and own_failure_in(data, judged, len(before) + len(body)))

    def _read_entry(self, entry: LogEntry) -> None:
        first = entry.lines[0]
        step, fatal = goes_on(first), self._is_build and is_fatal(first, in_stamped_log=self._stamped)
        if step:
            self._over = False  # a command printed the verdict: nothing follows Amplify's own
        if first.text.startswith(COMMAND):
            self._commands_executed = True
            self._command = first.text.partition(":")[2].strip()
            self._command_only_displays = only_displays(self._command)
        findings = () if self._command_only_displays else self._findings_in(entry)
        if self._pending:
            own = not findings and (not passes_on(first.text) if fatal else names_own_failure(first))
            self._supersede_if(step or own or (fatal and bool(findings)))
        for finding in findings:
            self._keep(finding)
        if fatal and not self._over:
            self._supersede_earlier_kinds()
            self._over = True

    def _findings_in(self, entry: LogEntry) -> tuple[Finding, ...]:
        """The findings in an entry, at its place. `ended_build` is what is known so far: nothing followed yet."""
        number = entry.lines[0].number
        if entry.text not in self._recent:
            found = findings_in(
                entry, self._phase, commands_executed=self._commands_executed, in_stamped_log=self._stamped
            )
            self._recent[entry.text] = number, tuple(found)
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
        first_seen, findings = self._recent[entry.text]
        ended = not self._over if self._is_build else None
        return tuple(
            replace(
                each,
                ended_build=ended,
                first_line=each.first_line + number - first_seen,
                last_line=each.last_line + number - first_seen,
            )
            for each in findings
        )

    def _keep(self, finding: Finding) -> None:
        """Keeps a finding if it is new, or if it ended the build and the one like it did not."""
        denial = finding.denial or Denial()
        key = (finding.signature, finding.source, denial.principal, denial.service)
        kept = self._kept.get(key)
        if kept is not None and not (kept.ended_build is False and finding.ended_build):
            return
        self._kept[key] = finding
        kind = finding.label, finding.source
        alike = [each for each, other in self._kept.items() if (other.label, other.source) == kind]
        if len(alike) > MAX_PER_LABEL:
            del self._kept[max(alike, key=lambda each: _order(self._kept[each]))]

    @property
    def _pending(self) -> bool:
        """True if what follows in the build can show that a finding did not end it."""
        return not self._over and any(each.ended_build for each in self._kept.values())

    def _supersede_if(self, build_went_on: bool) -> None:  # noqa: FBT001
        """Notes that nothing found so far ended the build, unless Amplify said so itself, or the build is over."""
        if build_went_on and self._pending:
            self._supersede(lambda finding: finding.source is not Source.AMPLIFY)

    def _supersede_earlier_kinds(self) -> None:
        """At the verdict: of failures that are equally decisive, one of the last kind ended the build."""
        ended = [each for each in self._kept.values() if each.ended_build]
        by_amplify = [each for each in ended if each.source is Source.AMPLIFY]
        last = max(by_amplify or ended, key=lambda each: (each.decisiveness, each.first_line), default=None)
        if last is not None:
            self._supersede(lambda each: each.label is not last.label and each.decisiveness == last.decisiveness)

    def _supersede(self, which: Callable[[Finding], bool]) -> None:
        for key, finding in self._kept.items():
            if finding.ended_build and which(finding):
                self._kept[key] = replace(finding, ended_build=False)


def _from_next_line(chunks: Iterator[bytes | Gap]) -> Iterator[bytes | Gap]:
    """What follows the line in which the chunks begin: its beginning is not known, so it could be misread."""
    for chunk in chunks:
        if isinstance(chunk, Gap):
            yield chunk
            return
        _, line_feed, following = chunk.partition(b"\n")
        if line_feed:
            yield following
            break
    yield from chunks


def _order(finding: Finding) -> tuple[bool, int, int]:
    """What ended the build first, then the most decisive, then the earliest: a root cause precedes its consequences."""
    return finding.ended_build is False, -finding.decisiveness, finding.first_line


def _redacted(finding: Finding) -> Finding:
    return replace(finding, excerpt=redact(finding.excerpt)[:MAX_EXCERPT_CHARACTERS])
