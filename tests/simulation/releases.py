"""Other releases of the bot: what they left in the table, and what a newer one writes while it is deployed for a while.

`tests/data/table` has the tables of older releases, and records as a newer one might write them.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medic.incidents.record import read_record
from medic.incidents.store import SCHEMA, attribute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.events import Scope
    from tests.simulation.world import World

Json = dict[str, Any]
_TABLES = Path(__file__).parents[1] / "data" / "table"
_ROLE = "role/app/shop-ssr"
_TARGET = re.compile(r"apps/[a-z0-9]+/branches/[^\"\\]+")
_FIELD, _ATTRIBUTE = "newer", "newer_attribute"
_BEFORE_READING = re.compile(r"lease_\w+|expires_at|heard_\d+")
"""What a run writes before it knows that a newer release wrote the record."""


@dataclass
class Foreign:
    """What other releases wrote.

    Attributes:
        incidents: the ids of the incidents that older ones left.
        applied: (app, branch) → the role that they set, and the one before.
        unread: key → the incidents that this release can't read. It must keep them.
        extended: the ids of this release's incidents to which a newer one added a field.
        closed: key → the item, which no older release may write.
    """

    incidents: set[str] = field(default_factory=set)
    applied: dict[tuple[str, str], tuple[str, str | None]] = field(default_factory=dict)
    unread: dict[str, list[Json]] = field(default_factory=dict)
    extended: set[str] = field(default_factory=set)
    closed: dict[str, Json] = field(default_factory=dict)


def leave_record(world: World, scope: Scope, key: str, number: int) -> None:
    """Give a branch the record that another release left, unless it has one."""
    if "incidents" in world.cloud.table.items.get(key, {}):
        return
    records = _records()
    text = _TARGET.sub(f"apps/{scope.app_id}/branches/{scope.branch}", records[number % len(records)])
    item = json.loads(text.replace(_ROLE, "role/app/default-compute"))
    left = [{**each, "id": _id(key, each["id"])} for each in json.loads(item["incidents"]["S"])]
    item = {**item, "pk": {"S": key}, "incidents": {"S": json.dumps(left)}}
    world.cloud.table.items[key], foreign = item, world.foreign
    record = read_record(scope, item, world.now())
    foreign.incidents |= {each["id"] for each in left}
    for change in (change for each in record.incidents for change in each.applied):
        foreign.applied[scope.app_id, scope.branch] = change.role_arn, change.previous_arn
    if record.unread:
        foreign.unread[key] = [json.loads(each.text) for each in record.unread]
    if item.get("schema", attribute(SCHEMA)) != attribute(SCHEMA):
        foreign.closed[key] = item


def extend_record(world: World, key: str) -> None:
    """A newer release adds an attribute, a field to every incident, and an incident of a new kind."""
    item, foreign = world.cloud.table.items[key], world.foreign
    listed = [{**each, _FIELD: ["x"]} for each in json.loads(item["incidents"]["S"])]
    unread = foreign.unread.setdefault(key, [])
    foreign.extended |= {each["id"] for each in listed}
    if listed and not unread:
        new = {**listed[0], "id": _id(key, "new"), "label": "quota_exceeded", "changes": []}
        listed.append(new)
    known = {each["id"] for each in unread}
    foreign.unread[key] = [each for each in listed if each["id"] in known or each["label"] == "quota_exceeded"]
    world.cloud.table.items[key] = {**item, "incidents": {"S": json.dumps(listed)}, _ATTRIBUTE: {"S": "x"}}


def close_record(world: World, key: str) -> None:
    """A newer release writes a record that no older one may write."""
    item = {**world.cloud.table.items[key], "schema": {"N": "2"}}
    world.cloud.table.items[key] = world.foreign.closed[key] = item


def open_records(world: World) -> None:
    """The newer release takes that back, as it must before an older one is deployed for good."""
    for key in world.foreign.closed:
        world.cloud.table.items[key] = {**world.cloud.table.items[key], "schema": attribute(SCHEMA)}
    world.foreign.closed.clear()


def lost(world: World) -> Iterator[str]:
    """What this release dropped or changed of what the others wrote."""
    items, foreign = world.cloud.table.items, world.foreign
    for key, unread in foreign.unread.items():
        kept = json.loads(items[key]["incidents"]["S"])
        yield from (f"{key}: {each['id']} was dropped or changed" for each in unread if each not in kept)
        ours = (each for each in kept if each.get("id") in foreign.extended)
        yield from (f"{key}: {each['id']} lost a field" for each in ours if _FIELD not in each)
    for key, before in foreign.closed.items():
        names = (name for name in before.keys() | items[key].keys() if not _BEFORE_READING.fullmatch(name))
        yield from (f"{key}: {name} was written" for name in names if before.get(name) != items[key].get(name))


def _id(key: str, before: str) -> str:
    """An id that no other branch has."""
    return hashlib.sha256(f"{key} {before}".encode()).hexdigest()[:12]


@cache
def _records() -> tuple[str, ...]:
    """The branches' records of every release, as text."""
    items = [item for path in sorted(_TABLES.glob("*.json")) for item in json.loads(path.read_text())["items"]]
    return tuple(
        json.dumps(item)
        for item in items
        if "incidents" in item and "damaged" not in item["pk"]["S"] and not item["pk"]["S"].endswith("#*")
    )
