"""The knowledge base on Amplify's IAM failures, as data: signatures, causes, advice and fixes.

To add an entry, add one literal to the module of its kind.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from medic.knowledge.advice import ADVICE
from medic.knowledge.causes import CAUSES
from medic.knowledge.fixes import FIXES
from medic.knowledge.signatures import DENIALS, SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.knowledge.entry import Entry, Fix

__all__ = ["ENTRIES", "FIXES", "find_entry", "fixes_of", "search", "title_of"]

_MOST_FOUND = 12
_STOP_WORDS = re.compile(
    r"a|an|and|are|be|by|can|do|does|for|from|how|i|if|in|is|it|its|my|of|on|or|s|that|the|this|to|what|why|with"
)

ENTRIES: tuple[Entry, ...] = (*SIGNATURES, *DENIALS, *CAUSES, *ADVICE)


def find_entry(id_: str) -> Entry | None:
    return _by_id().get(id_)


def title_of(id_: str) -> str:
    """An entry's title. Raises KeyError for an unknown id."""
    return _by_id()[id_].title


def fixes_of(entry: Entry) -> tuple[Fix, ...]:
    """An entry's fixes, the most likely to help first."""
    return tuple(FIXES[id_] for id_ in entry.fixes)


def search(text: str) -> list[Entry]:
    """The entries with all words of a text in the title, else anywhere, else most of them anywhere. Case is ignored."""
    words = {word for word in re.findall(r"[\w.:/-]*\w", text.lower()) if not _STOP_WORDS.fullmatch(word)}
    if not words:
        return []
    found = [(_hits(words, entry.title), _hits(words, _words_of(entry)), entry) for entry in ENTRIES]
    titled = [each for each in found if each[0] == len(words)]
    whole = [each for each in found if each[1] == len(words)]
    most = [each for each in found if each[1] * 2 > len(words)]
    return [entry for _, _, entry in sorted(titled or whole or most, key=lambda each: -each[0] - each[1])][:_MOST_FOUND]


def _hits(words: set[str], text: str) -> int:
    lowered = text.lower()
    return sum(word in lowered for word in words)


def _words_of(entry: Entry) -> str:
    return "\n".join((entry.id, entry.title, entry.explanation, *entry.steps, *(look.sentence for look in entry.looks)))


@cache
def _by_id() -> Mapping[str, Entry]:
    return {entry.id: entry for entry in ENTRIES}
