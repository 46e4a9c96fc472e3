"""One line of a log, freed of what consoles, terminals and Amplify put around the words."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2060\ufeff\ufffd]")
_PASTED_NUMBER = re.compile(r"\s{0,8}\d{1,7}(?:\s{1,4}(?=\d{2,4}-\d\d-\d\dT|\[[A-Z]{4,7}\])|\s*$)")
_PREFIX = re.compile(
    r"\s*(?P<time>\d{1,4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"(?:\s+(?P<request>[0-9a-f]{8}-[0-9a-f-]{27}))?"
    r"\s*(?:\[?(?P<level>INFO|WARNING|WARN|ERROR|HELP|DEBUG|FATAL)(?:\]:?|:|\t| (?=[^a-z])))?\s?"
)
_GLYPHS = "⠀⠁⠂⠃⠄⠅⠆⠇⠈⠉⠊⠋⠌⠍⠎⠏⠐⠙⠚⠛⠜⠞⠟⠠⠡⠢⠦⠧⠨⠰⠲⠴⠵⠶⠷⠸⠹⠺⠻⠼⠽⠾⠿"
_MARKERS = ("# ", "## ", "!!! ")

MAX_LINE_BYTES = 8192
"""No line is read beyond this; messages are shorter, and hostile lines are not."""


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line."""

    number: int
    """1-based."""
    level: str | None
    text: str
    """The words: without ANSI codes, spinner glyphs, pasted line number, time stamp and level."""
    shown: str
    """The line as a person would see it, for excerpts."""
    starts_entry: bool
    """True if a log entry begins here; a line without prefix continues the entry before it."""


def read_line(raw: bytes, number: int) -> Line:
    """Reads one line; any bytes will do. Invalid UTF-8 and control characters are dropped."""
    shown = _CONTROL.sub("", _ANSI.sub("", raw[:MAX_LINE_BYTES].decode("utf-8", "replace"))).rstrip()
    pasted = _PASTED_NUMBER.match(shown)
    rest = shown[pasted.end() :] if pasted else shown
    prefix = _PREFIX.match(rest)
    text = (rest[prefix.end() :] if prefix else rest).lstrip(" \t" + _GLYPHS)
    prefixed = prefix is not None and bool(prefix["time"] or prefix["level"])
    level = prefix["level"] if prefix else None
    return Line(number, level, text, shown, prefixed or text.startswith(_MARKERS))
