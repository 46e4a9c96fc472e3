"""The region's item in the incidents table: which incidents opened in the last minutes, and who is muted.

Counting and reading are one atomic call: the write returns the whole item. Incidents are counted by id, so a retry
does not count one twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medic.incidents.table import Store, region_key, seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from medic.events import Scope

_LONGEST_WINDOW = 60
"""Minutes. The settings allow no longer `storm_minutes`."""
_MINUTE, _MUTE = "minute_", "mute_"
_MAX_STALE = 10
"""How many stale minutes the item may hold before they are removed."""
_REMOVED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class RegionState:
    """The region's item."""

    opened: Mapping[int, frozenset[str]]
    """Minute (since 1970) → ids of the incidents that opened in it."""
    mutes: Mapping[str, datetime]
    """App (`appId/*`) or branch (`appId/branch`) → end of its mute."""

    def opened_within(self, minutes: int, now: datetime) -> int:
        """How many incidents opened in the last `minutes` minutes."""
        first = _minute(now) - minutes
        return len(frozenset().union(*(ids for minute, ids in self.opened.items() if minute > first)))

    def muted(self, scope: Scope, now: datetime) -> bool:
        """True if the branch or its whole app is muted."""
        return any((until := self.mutes.get(_name(s))) is not None and until > now for s in (scope, scope.whole_app))


class RegionTable(Store):
    """Reads and writes the region's item."""

    def count(self, scope: Scope, incident_id: str) -> RegionState:
        """Count a new incident and return the item as it is then.

        Raises:
            AwsError: the table could not be written.
        """
        minute = _minute(self._clock())
        names, values = {"#minute": f"{_MINUTE}{minute}"}, {":id": {"SS": [incident_id]}}
        region = self._change(scope, "ADD #minute :id", names, ExpressionAttributeValues=values)
        stale = [old for old in region.opened if old <= minute - _LONGEST_WINDOW]
        if len(stale) > _MAX_STALE:
            names = {f"#m{number}": f"{_MINUTE}{old}" for number, old in enumerate(stale[:_REMOVED_AT_ONCE])}
            self._change(scope, f"REMOVE {', '.join(names)}", names)
        return region

    def read(self, scope: Scope) -> RegionState:
        """Read the item.

        Raises:
            AwsError: the table could not be read.
        """
        return _region(self._get(region_key(scope)))

    def mute(self, scope: Scope, until: datetime | None) -> None:
        """Mute a branch, or its whole app if the branch is `*`. None lifts the mute.

        Raises:
            AwsError: the table could not be written.
        """
        names = {"#mute": f"{_MUTE}{_name(scope)}"}
        if until is None:
            self._change(scope, "REMOVE #mute", names)
        else:
            self._change(scope, "SET #mute = :until", names, ExpressionAttributeValues={":until": seconds(until)})

    def _change(self, scope: Scope, expression: str, names: dict[str, str], **values: object) -> RegionState:
        options = {"ExpressionAttributeNames": names, "ReturnValues": "ALL_NEW", **values}
        return _region(self._update(region_key(scope), expression, **options))


def _name(scope: Scope) -> str:
    return f"{scope.app_id}/{scope.branch}"


def _minute(time: datetime) -> int:
    return int(time.timestamp()) // 60


def _region(item: Mapping[str, AttributeValueTypeDef]) -> RegionState:
    opened = {
        int(name.removeprefix(_MINUTE)): frozenset(value.get("SS", ()))
        for name, value in item.items()
        if name.startswith(_MINUTE)
    }
    mutes = {
        name.removeprefix(_MUTE): datetime.fromtimestamp(int(value["N"]), UTC)
        for name, value in item.items()
        if name.startswith(_MUTE)
    }
    return RegionState(opened, mutes)
