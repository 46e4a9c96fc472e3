"""Formats untrusted text for use in sentences: shortened, quoted, and with control characters escaped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_CHARACTERS = 120
_MAX_PARTS = 5


def shown(text: str) -> str:
    """The text in double quotes, cut to 120 characters, with control characters escaped."""
    cut = text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def bare(text: str) -> str:
    """Like `shown`, but without the quotes."""
    return shown(text)[1:-1]


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
