"""Items that hold for a whole region: which apps failed in the last minutes, who is muted, and whom a storm affects.

Each has a bound far below DynamoDB's limit of 400 KB an item. Counting and reading are one atomic call: the write
returns the whole item.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.arns import APP_ID
from medic.aws.errors import RetryableError
from medic.incidents.store import RETENTION, SCHEMA, Store, Value, attribute, count, texts, time
from medic.incidents.table import REGION, STORM
from medic.records import replace

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from medic.events import Scope

MAX_MUTES = 200
MAX_MUTE = timedelta(days=30)
"""The longest mute."""
MAX_STORM_MEMBERS = 100
"""How many incidents a storm's list names. The others are only counted."""
_MAX_APPS = 101
"""How many apps a minute names: one more than the settings allow for `storm_apps`, so that one minute shows a storm."""
_LONGEST_WINDOW = 60
"""Minutes. The settings allow no longer `storm_minutes`."""
_MAX_STALE = 10
"""How many stale minutes the item may hold before they are removed."""
_REMOVED_AT_ONCE = 100
_MINUTE, _MUTES, _MEMBERS, _MORE = "minute_", "mutes", "members", "more"
_ATTEMPTS = 5
_CLOCK_SKEW = timedelta(minutes=5)
"""How much the clocks of an operator and of the functions may differ."""


class MuteRefusedError(Exception):
    """The mute is too long, or there are too many. The message says which."""


class RegionState(Struct, frozen=True):
    failed: Mapping[int, frozenset[str]]
    """Minute (since 1970) → ids of the apps in which an incident opened in it."""
    mutes: Mapping[str, datetime]
    """App (`appId/*`) or branch (`appId/branch`) → end of its mute."""

    def apps_within(self, minutes: int, now: datetime) -> int:
        """In how many apps an incident opened in the last `minutes` minutes."""
        last = _minute(now)
        # A minute further in the future than clocks differ is damaged.
        recent = (apps for minute, apps in self.failed.items() if last - minutes < minute <= last + 1)
        return len(frozenset().union(*recent))

    def muted(self, scope: Scope, now: datetime) -> bool:
        """True if the branch or its whole app is muted. An end that no mute can have is damaged and mutes nothing."""
        ends = (self.mutes.get(_name(s)) for s in (scope, scope.whole_app))
        return any(until is not None and _holds(until, now) for until in ends)


class StormList(Struct, frozen=True):
    """Whom only a storm's alert reports."""

    members: tuple[tuple[Scope, str], ...]
    """Branch and incident id."""
    total: int
    """How many the list counts, with those that it does not name. An interrupted run may count one twice."""


class RegionTable(Store):
    """Reads and writes the region's item and its storms' lists."""

    def read(self, scope: Scope) -> RegionState:
        return _region(self._get(_key(REGION, scope)))

    def count(self, scope: Scope) -> RegionState:
        """Count the scope's app for this minute, unless the minute is full, and return the item as it is then."""
        key, minute = _key(REGION, scope), _minute(self._clock())
        apps = f"{_MINUTE}{minute}"
        item = self._update(
            key,
            adds={apps: {scope.app_id}},
            sets={"schema": SCHEMA},
            condition=f"attribute_not_exists({apps}) OR contains({apps}, :id) OR size({apps}) < :most",
            values={"id": scope.app_id, "most": _MAX_APPS},
            returns_item=True,
        )
        if item is None:
            return self.read(scope)
        region = _region(item)
        stale = [old for old in region.failed if not minute - _LONGEST_WINDOW < old <= minute + 1]
        if len(stale) > _MAX_STALE:
            self._update(key, removes=[f"{_MINUTE}{old}" for old in stale[:_REMOVED_AT_ONCE]])
        return region

    def mute(self, scope: Scope, until: datetime | None) -> None:
        """Mute a branch, or its whole app if the branch is `*`. None lifts the mute. Expired mutes are dropped.

        Raises:
            MuteRefusedError: the mute is over or too long, or there are too many.
        """
        now = self._clock()
        if until is not None and not now < until <= now + MAX_MUTE + _CLOCK_SKEW:
            raise MuteRefusedError(f"a mute ends in the future and lasts at most {MAX_MUTE.days} days")
        for _ in range(_ATTEMPTS):
            item = self._get(_key(REGION, scope))
            mutes = {name: end for name, end in _region(item).mutes.items() if _holds(end, now)}
            mutes.pop(_name(scope), None)
            muted = {_name(scope): until} if until is not None else {}
            if muted and len(mutes) >= MAX_MUTES:
                raise MuteRefusedError(
                    f"{len(mutes)} apps and branches are muted in this region, and no more may be: end another mute"
                    f" first, or wait until {min(mutes.values()):%Y-%m-%d %H:%M} UTC"
                )
            ends = {name: attribute(end) for name, end in (mutes | muted).items()}
            unchanged = f"{_MUTES} = :before" if _MUTES in item else f"attribute_not_exists({_MUTES})"
            written = self._update(
                _key(REGION, scope),
                sets={_MUTES: {"M": ends}, "schema": SCHEMA},
                condition=unchanged,
                values={"before": item[_MUTES]} if _MUTES in item else {},
            )
            if written is not None:
                return
        raise RetryableError("dynamodb:UpdateItem", "MutesChanged", "others change the mutes at the same time")

    def join_storm(self, scope: Scope, storm_id: str, incident_id: str) -> None:
        """Add an incident to a storm's list, or only count it if the list is full."""
        key, member = _key(STORM, scope, storm_id), f"{incident_id}#{scope.app_id}#{scope.branch}"
        sets: dict[str, Value] = {"expires_at": self._clock() + RETENTION, "schema": SCHEMA}
        added = self._update(
            key,
            adds={_MEMBERS: {member}},
            sets=sets,
            condition=f"attribute_not_exists({_MEMBERS}) OR contains({_MEMBERS}, :member) OR size({_MEMBERS}) < :most",
            values={"member": member, "most": MAX_STORM_MEMBERS},
        )
        if added is None:
            self._update(key, adds={_MORE: 1}, sets=sets)

    def storm_list(self, scope: Scope, storm_id: str) -> StormList:
        item = self._get(_key(STORM, scope, storm_id))
        parts = (member.split("#", 2) for member in sorted(texts(item, _MEMBERS)))
        named = (each for each in parts if len(each) == 3)  # noqa: PLR2004
        members = tuple((replace(scope, app_id=app_id, branch=branch), id_) for id_, app_id, branch in named)
        return StormList(members, len(members) + count(item, _MORE))


def _key(kind: str, scope: Scope, *more: str) -> str:
    return "#".join((kind, scope.partition, scope.account, scope.region, *more))


def _name(scope: Scope) -> str:
    return f"{scope.app_id}/{scope.branch}"


def _holds(until: datetime, now: datetime) -> bool:
    return now < until <= now + MAX_MUTE + _CLOCK_SKEW


def _minute(time: datetime) -> int:
    return int(time.timestamp()) // 60


def _region(item: Mapping[str, AttributeValueTypeDef]) -> RegionState:
    minutes = (name.removeprefix(_MINUTE) for name in item if name.startswith(_MINUTE))
    mutes = item.get(_MUTES, {}).get("M", {})
    ends = {name: time(mutes, name) for name in mutes}
    return RegionState(
        failed={int(minute): _apps(item, f"{_MINUTE}{minute}") for minute in minutes if _is_minute(minute)},
        mutes={name: end for name, end in ends.items() if end is not None},
    )


def _apps(item: Mapping[str, AttributeValueTypeDef], name: str) -> frozenset[str]:
    return frozenset(filter(APP_ID.fullmatch, texts(item, name)))


def _is_minute(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) <= 12  # noqa: PLR2004
