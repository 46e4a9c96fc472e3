"""How texts from outside are put into sentences: short, quoted, and without a character that could do harm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_SHOWN = 120
_MOST_SHOWN = 5


def shown(text: str) -> str:
    """A text in quotation marks, cut short, control characters escaped."""
    cut = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def bare(text: str) -> str:
    """The same without the quotation marks."""
    return shown(text)[1:-1]


def listed(parts: Iterable[str], word: str = "and") -> str:
    """Names in a row: at most a handful, the rest counted."""
    *most, last = _handful(parts) or [""]
    return f"{', '.join(most)} {word} {last}" if most else last


def sequence(clauses: Iterable[str]) -> str:
    """Whole clauses in a row: at most a handful, the rest counted."""
    return "; ".join(_handful(clauses))


def _handful(parts: Iterable[str]) -> list[str]:
    several = list(parts)
    rest = len(several) - _MOST_SHOWN
    return [*several[:_MOST_SHOWN], f"{rest} more"] if rest > 0 else several
