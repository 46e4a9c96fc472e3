"""One branch's state out of a snapshot, taken now or read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic_cli.failure import CouldNotLookError
from medic_cli.files import read_json_file
from medic_cli.snapshot.document import KIND, SCHEMA

if TYPE_CHECKING:
    from medic_cli.json_types import JsonObject, JsonValue

_MOST_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class State:
    """A branch's state."""

    name: str
    """`APP/BRANCH`, and the file it came from."""
    taken_at: str
    app: JsonObject
    branch: JsonObject
    roles: JsonObject


def read_snapshot(path: str) -> JsonObject:
    """The snapshot in a file.

    Raises:
        CouldNotLookError: it can't be read, or is no snapshot of this version.
    """
    document = read_json_file(path, _MOST_BYTES)
    if not (isinstance(document, Mapping) and document.get("kind") == KIND):
        raise CouldNotLookError(f"{path} is no snapshot: take one with medic snapshot APP --out FILE.")
    if document.get("schema") != SCHEMA:
        raise CouldNotLookError(f"{path} is a snapshot of another version ({document.get('schema')}): take it anew.")
    return document


def state_in(document: JsonObject, branch: str | None, source: str = "") -> State:
    """One branch of a snapshot.

    Args:
        document: the snapshot.
        branch: the branch's name; None if there is only one in it.
        source: the file it came from.

    Raises:
        CouldNotLookError: there is no such branch in it, or more than one to choose from.
    """
    app, roles = object_in(document, "app"), object_in(document, "roles")
    branches = [one for one in _list(document.get("branches")) if isinstance(one, Mapping)]
    names = [str(one.get("name")) for one in branches]
    if branch is None and len(branches) != 1:
        raise CouldNotLookError(f"{source} holds {len(branches)} branches: write {source}#BRANCH ({', '.join(names)}).")
    chosen = next((one for one in branches if branch in (None, one.get("name"))), None)
    if chosen is None:
        raise CouldNotLookError(f"{source} holds no branch {branch}; it holds {', '.join(names)}.")
    name = f"{app.get('id')}/{chosen.get('name')}{f' ({source})' if source else ''}"
    return State(name, str(document.get("taken_at")), app, chosen, roles)


def object_in(document: JsonObject, key: str) -> JsonObject:
    """A nested object; an empty one where there is none."""
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return list(value) if isinstance(value, list) else []
