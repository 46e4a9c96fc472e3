"""Splits a log into entries: one timestamped line with its continuation lines, read as one text."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_LINE_BYTES = 8192
"""The rest of a longer line is ignored. Real messages are shorter; only hostile lines are longer."""
LINES_BEFORE = 8
LINES_AFTER = 24
BYTES_AFTER = 16 * 1024
"""Limits of an entry. A denial wrapped by ampx or a terminal takes about ten lines; a stack trace can be endless."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2060\ufeff\ufffd]")
_PASTED_NUMBER = re.compile(r"\s{0,8}\d{1,7}(?:\s{1,4}(?=\d{2,4}-\d\d-\d\dT|\[[A-Z]{4,7}\])|\s*$)")
_TABLE_ROW = re.compile(r"\|\s*(?:\d{13}|20\d\d-\d\d-\d\d[T ]\d\d:\d\d:[\d.]+Z?)\s*\|\s?")
"""An event as CloudWatch Logs Insights copies it: `| 2026-02-20 12:27:54.525 | message |`."""
_PREFIX = re.compile(
    r"\s*(?:> ?)?(?P<time>\d{1,4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"(?:\s+(?P<request>[0-9a-f]{8}-[0-9a-f-]{27}))?"
    r"\s*(?:\[?(?P<level>INFO|WARNING|WARN|ERROR|HELP|DEBUG|FATAL)(?:\]:?|:|\t| (?=[^a-z])))?\s?"
)
STAMP = re.compile(rb"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
"""The beginning of a line with a time stamp, which begins an entry. A quick test; `read_line` knows more forms."""
_SPINNER_GLYPHS = "⠀⠁⠂⠃⠄⠅⠆⠇⠈⠉⠊⠋⠌⠍⠎⠏⠐⠙⠚⠛⠜⠞⠟⠠⠡⠢⠦⠧⠨⠰⠲⠴⠵⠶⠷⠸⠹⠺⠻⠼⠽⠾⠿"
_STEP_MARKERS = ("# ", "## ", "!!! ")


class Line(Struct, frozen=True):
    """One physical line."""

    number: int
    """1-based."""
    level: str | None
    text: str
    """The line without ANSI codes, spinner glyphs, pasted line number, time stamp and level."""
    shown: str
    """The line as a person would see it, for excerpts."""
    stamped: bool
    """True if the line begins with a time stamp, as every line that Amplify prints does."""
    starts_entry: bool
    """True if a log entry begins here; False if the line continues the previous entry."""


class LogEntry(Struct, frozen=True):
    """Consecutive lines joined to one text, with white space normalised to single spaces."""

    lines: tuple[Line, ...]
    text: str
    offsets: tuple[int, ...]
    """Where each line begins in the text."""

    def line_at(self, offset: int) -> tuple[Line, int]:
        """The line that contains a character of the text, and the character's column in that line."""
        index = max(0, bisect_right(self.offsets, offset) - 1)
        return self.lines[index], offset - self.offsets[index]

    def spans(self) -> Iterator[tuple[int, int]]:
        """Where each line begins and ends in the text."""
        for begin, end in pairwise((*self.offsets, len(self.text))):
            yield begin, max(begin, end - self.text.endswith(" ", 0, end))

    def unwrapped(self) -> LogEntry:
        """The same lines joined without a space, because terminals wrap inside words."""
        return _join(self.lines, "")


def entry_at(data: bytes, position: int, min_offset: int, min_offset_line: int) -> tuple[LogEntry, int, int]:
    """Reads the log entry around a position.

    Args:
        data: a part of the log.
        position: an offset in `data` inside the wanted entry.
        min_offset: where in `data` to stop reading backwards, because everything before it was read already.
        min_offset_line: the line number at `min_offset`.

    Returns:
        The entry, and the offsets in `data` where it begins and ends. Very long entries and lines are cut.
    """
    lowest = max(min_offset, position - MAX_LINE_BYTES // 2)
    begin = max(lowest, data.rfind(b"\n", lowest, position) + 1)
    end = _line_end(data, begin, position)
    number = min_offset_line + data.count(b"\n", min_offset, begin)
    hit = read_line(data[begin:end], number)
    before: list[Line] = []
    if not hit.starts_entry:
        before, begin = _lines_before(data, begin, number, min_offset)
    after, end = _lines_after(data, end, number)
    return _join((*reversed(before), hit, *after)), begin, end


def read_line(raw: bytes, number: int) -> Line:
    """Reads one line of any bytes. Drops invalid UTF-8 and control characters."""
    shown = _CONTROL.sub("", _ANSI.sub("", raw[:MAX_LINE_BYTES].decode("utf-8", "replace"))).rstrip()
    row = _TABLE_ROW.match(shown)
    rest = shown[row.end() :].rstrip(" |") if row else shown
    pasted = _PASTED_NUMBER.match(rest)
    rest = rest[pasted.end() :] if pasted else rest
    prefix = _PREFIX.match(rest)
    text = (rest[prefix.end() :] if prefix else rest).lstrip(" \t" + _SPINNER_GLYPHS)
    prefixed = prefix is not None and bool(prefix["time"] or prefix["level"])
    level = prefix["level"] if prefix else None
    stamped = row is not None or (prefix is not None and prefix["time"] is not None)
    return Line(number, level, text, shown, stamped, stamped or prefixed or text.startswith(_STEP_MARKERS))


def _line_end(data: bytes, begin: int, position: int) -> int:
    found = data.find(b"\n", position, begin + MAX_LINE_BYTES)
    return found if found >= 0 else min(len(data), begin + MAX_LINE_BYTES)


def _lines_before(data: bytes, begin: int, number: int, min_offset: int) -> tuple[list[Line], int]:
    lines: list[Line] = []
    while len(lines) < LINES_BEFORE and begin > min_offset and data[begin - 1 : begin] == b"\n":
        end = begin - 1
        lowest = max(min_offset, end - MAX_LINE_BYTES)
        begin = max(lowest, data.rfind(b"\n", lowest, end) + 1)
        number -= 1
        lines.append(read_line(data[begin:end], number))
        if lines[-1].starts_entry:
            break
    return lines, begin


def _lines_after(data: bytes, end: int, number: int) -> tuple[list[Line], int]:
    lines: list[Line] = []
    limit = end + BYTES_AFTER
    while len(lines) < LINES_AFTER and end < limit and data[end : end + 1] == b"\n" and end + 1 < len(data):
        begin = end + 1
        if STAMP.match(data, begin):
            break
        stop = _line_end(data, begin, begin)
        number += 1
        line = read_line(data[begin:stop], number)
        if line.starts_entry:
            break
        lines.append(line)
        end = stop
    return lines, end


def _join(lines: Sequence[Line], separator: str = " ") -> LogEntry:
    parts: list[str] = []
    offsets: list[int] = []
    length = 0
    for line in lines:
        text = " ".join(line.text.split()) if separator else line.text
        offsets.append(length)
        if text:
            parts.append(text)
            length += len(text) + len(separator)
    return LogEntry(tuple(lines), separator.join(parts), tuple(offsets))
