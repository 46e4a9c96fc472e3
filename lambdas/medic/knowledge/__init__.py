"""The knowledge base on Amplify's IAM failures, as data: signatures, causes, advice and fixes.

To add an entry, add one literal to the module of its kind. A signature also needs a pattern: see `signatures`.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from medic.knowledge.advice import AMPLIFY_ADVICE, IAM_ADVICE
from medic.knowledge.causes import DENIAL_CAUSES, ROLE_CAUSES
from medic.knowledge.entry import PLACEHOLDERS, Dialect, Entry, EntryKind, Fix, Look, filled
from medic.knowledge.fixes import OTHER_FIXES, PERMISSION_FIXES, ROLE_FIXES
from medic.knowledge.signatures import CREDENTIAL_SIGNATURES, DENIAL_SIGNATURES, ROLE_SIGNATURES, WRAPPER_SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ENTRIES",
    "FIXES",
    "PLACEHOLDERS",
    "Dialect",
    "Entry",
    "EntryKind",
    "Fix",
    "Look",
    "filled",
    "find_entry",
    "fixes_of",
    "title_of",
]

ENTRIES: tuple[Entry, ...] = (
    *ROLE_SIGNATURES,
    *CREDENTIAL_SIGNATURES,
    *WRAPPER_SIGNATURES,
    *DENIAL_SIGNATURES,
    *ROLE_CAUSES,
    *DENIAL_CAUSES,
    *AMPLIFY_ADVICE,
    *IAM_ADVICE,
)
FIXES: Mapping[str, Fix] = MappingProxyType({fix.id: fix for fix in (*ROLE_FIXES, *PERMISSION_FIXES, *OTHER_FIXES)})
"""By id."""


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
