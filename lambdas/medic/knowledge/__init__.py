"""The knowledge base on Amplify's IAM failures, as data: signatures, causes, advice and fixes.

To add an entry, add one literal to the module of its kind.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from medic.knowledge.advice import ADVICE
from medic.knowledge.causes import CAUSES
from medic.knowledge.fixes import FIXES
from medic.knowledge.signatures import DENIALS, SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.knowledge.entry import Entry, Fix

__all__ = ["ENTRIES", "FIXES", "find_entry", "fixes_of", "title_of"]

ENTRIES: tuple[Entry, ...] = (*SIGNATURES, *DENIALS, *CAUSES, *ADVICE)


def find_entry(id_: str) -> Entry | None:
    return _by_id().get(id_)


def title_of(id_: str) -> str:
    """An entry's title. Raises KeyError for an unknown id."""
    return _by_id()[id_].title


def fixes_of(entry: Entry) -> tuple[Fix, ...]:
    """An entry's fixes, the most likely to help first."""
    return tuple(FIXES[id_] for id_ in entry.fixes)


@cache
def _by_id() -> Mapping[str, Entry]:
    return {entry.id: entry for entry in ENTRIES}
