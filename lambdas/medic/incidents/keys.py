"""The table's keys: one item a branch, a request, a letter, a cap, a region.

A branch's name comes last: it may hold `#`.
"""

from __future__ import annotations

from medic.events import Scope, WakeUp

BRANCH = "branch"
REQUEST = "request"
LETTER = "letter"
COUNT = "count"
REGION = "region"


def branch_key(scope: Scope) -> str:
    """A branch's record; with the branch `*` the app's, with the app `*` too the region's."""
    return f"{BRANCH}#{_written(scope)}"


def request_key(scope: Scope, request_id: str) -> str:
    """What a person asked for."""
    return f"{REQUEST}#{request_id}#{_written(scope)}"


def letter_key(incident_id: str, occasion: str) -> str:
    """An alert that some channel has not taken yet."""
    return f"{LETTER}#{incident_id}#{occasion}"


def region_key(scope: Scope) -> str:
    """What is counted and muted in an account's region."""
    return f"{REGION}#{scope.partition}#{scope.account}#{scope.region}"


def due_of(key: str) -> WakeUp:
    """Whom to wake for an item that is due.

    Raises:
        ValueError: it is no item that can be due.
    """
    kind, _, rest = key.partition("#")
    if kind == BRANCH:
        return WakeUp(_read(rest))
    if kind == REQUEST:
        request_id, _, scope = rest.partition("#")
        return WakeUp(_read(scope), request_id)
    raise ValueError(f"nobody can be woken for {key[:80]!r}")


def _written(scope: Scope) -> str:
    return f"{scope.partition}#{scope.account}#{scope.region}#{scope.app_id}#{scope.branch}"


def _read(text: str) -> Scope:
    return Scope(*text.split("#", 4))
