"""What holds for an account's region as a whole: which incidents opened lately, and who is muted. One item.

Counting and looking are one atomic call: whoever counts an incident is given all that the item holds. An incident is
counted by its id, so that a run that is tried again counts it no second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medic.aws.errors import translated
from medic.incidents.table import Store, region_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from medic.events import Scope

_LONGEST_WINDOW = 60
"""Minutes: the longest that the settings may make a storm's window."""
_MINUTE, _MUTE = "minute_", "mute_"
_STALE_KEPT = 10


@dataclass(frozen=True, slots=True)
class RegionState:
    """The region's item, as it stands."""

    opened: Mapping[int, frozenset[str]]
    """The ids of the incidents that opened in each minute (since 1970)."""
    mutes: Mapping[str, datetime]
    """Until when an app (`appId/*`) or branch (`appId/branch`) is muted."""

    def opened_within(self, minutes: int, now: datetime) -> int:
        """How many incidents opened in the last so many minutes."""
        first = _minute(now) - minutes
        return len(frozenset().union(*(ids for minute, ids in self.opened.items() if minute > first)))

    def muted(self, scope: Scope, now: datetime) -> bool:
        """True while nothing is to be said of a branch, or of its whole app."""
        return any((until := self.mutes.get(_name(s))) is not None and until > now for s in (scope, scope.whole_app))


class RegionTable(Store):
    """The region's item in the incidents table."""

    def count(self, scope: Scope, incident_id: str) -> RegionState:
        """Count a new incident, once, and look.

        Raises:
            AwsError: the table could not be written.
        """
        minute = _minute(self._clock())
        region = self._update(
            scope, "ADD #minute :id", {"#minute": f"{_MINUTE}{minute}"}, {":id": {"SS": [incident_id]}}
        )
        stale = [old for old in region.opened if old <= minute - _LONGEST_WINDOW]
        if len(stale) > _STALE_KEPT:
            names = {f"#m{number}": f"{_MINUTE}{old}" for number, old in enumerate(stale[:100])}
            self._update(scope, f"REMOVE {', '.join(names)}", names, {})
        return region

    def look(self, scope: Scope) -> RegionState:
        """The item as it stands.

        Raises:
            AwsError: the table could not be read.
        """
        with translated("dynamodb:GetItem"):
            answer = self._client.get_item(TableName=self._name, Key=_key(scope), ConsistentRead=True)
        return _region(answer.get("Item", {}))

    def mute(self, scope: Scope, until: datetime | None) -> None:
        """Mute a branch, or with the branch `*` its whole app; None lifts it.

        Raises:
            AwsError: the table could not be written.
        """
        names = {"#mute": f"{_MUTE}{_name(scope)}"}
        if until is None:
            self._update(scope, "REMOVE #mute", names, {})
        else:
            self._update(scope, "SET #mute = :until", names, {":until": {"N": str(int(until.timestamp()))}})

    def _update(
        self, scope: Scope, expression: str, names: dict[str, str], values: dict[str, AttributeValueTypeDef]
    ) -> RegionState:
        given = {"ExpressionAttributeValues": values} if values else {}
        with translated("dynamodb:UpdateItem"):
            answer = self._client.update_item(
                TableName=self._name,
                Key=_key(scope),
                UpdateExpression=expression,
                ExpressionAttributeNames=names,
                ReturnValues="ALL_NEW",
                **given,  # type: ignore[arg-type]
            )
        return _region(answer.get("Attributes", {}))


def _key(scope: Scope) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": region_key(scope)}}


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
