"""Formats untrusted text: shortened, quoted and escaped in sentences, and without what could disguise it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_CHARACTERS = 120
_MAX_PARTS = 5
_MAX_MARKS = 4
"""Accents that one letter keeps. Writing needs no more, and hundreds of them cover the lines above and below."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that Unicode calls a letter, sign or mark, and that show nothing. A name of them looks empty."""


def shown(text: str) -> str:
    """The text in double quotes, cut to 120 characters, with control characters escaped."""
    cut = text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def bare(text: str) -> str:
    """Like `shown`, but without the quotes."""
    return shown(text)[1:-1]


def spelt(text: str) -> str:
    """Like `bare`, with each character outside ASCII escaped, because it may look like another one."""
    return bare(text).encode("ascii", "backslashreplace").decode()


def visible(text: str) -> str:
    """The text without control, bidirectional, zero-width and blank characters, and with few accents on a letter."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_kept(text))


def _kept(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        if character not in "\n\t" and (character in _BLANK or not character.isprintable()):
            continue
        marks = marks + 1 if category(character) in {"Mn", "Me"} else 0
        if marks <= _MAX_MARKS:
            yield character


def listed(parts: Iterable[str], word: str = "and") -> str:
    """Names joined as in `a, b and c`. After five, the rest is a count: `… and 7 more`."""
    *first, last = _shortened(parts) or [""]
    return f"{', '.join(first)} {word} {last}" if first else last


def sequence(clauses: Iterable[str]) -> str:
    """Clauses joined with semicolons. After five, the rest is a count."""
    return "; ".join(_shortened(clauses))


def _shortened(parts: Iterable[str]) -> list[str]:
    all_parts = list(parts)
    rest = len(all_parts) - _MAX_PARTS
    return [*all_parts[:_MAX_PARTS], f"{rest} more"] if rest > 0 else all_parts
