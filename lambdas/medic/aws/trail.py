"""CloudTrail's event history, read only: who changed a role, an app or a branch.

A failed lookup never stops a diagnosis: the answer then says why something may be missing.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from medic.aws.errors import AwsError, translated
from medic.evidence import Trail, TrailEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from medic.events import Scope

MAX_LOOKUPS = 3
"""CloudTrail answers two lookups a second in an account and region, and slowly."""
HOMES_OF_IAM = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""By partition, the region in which CloudTrail lists what happens in IAM.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
"""
_ROLE_CHANGES = frozenset(
    {
        *("CreateRole", "DeleteRole", "UpdateAssumeRolePolicy"),
        *("AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy"),
        *("PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary"),
    }
)


class CloudTrailClient(Protocol):
    """The one call that is made."""

    def lookup_events(self, **arguments: Any) -> Mapping[str, Any]: ...  # noqa: ANN401 - as boto3 declares it


class TrailReader:
    """LookupEvents. After a failed lookup it makes no more.

    Args:
        client: the client for a region. It should make one attempt and not wait long, because lookups may take a
            minute.
    """

    def __init__(self, client: Callable[[str], CloudTrailClient]) -> None:
        self._client = client

    def read(self, scope: Scope, lookups: Sequence[tuple[str, str]], since: datetime) -> Trail:
        """The calls since a time that changed this branch, its app or a role.

        Args:
            scope: the branch.
            lookups: attribute and value of each lookup. The first three are made.
            since: where to begin.
        """
        events: dict[str, TrailEvent] = {}
        gaps: list[str] = []
        for key, value in lookups[:MAX_LOOKUPS]:
            region = HOMES_OF_IAM.get(scope.partition, scope.region) if key == "ResourceName" else scope.region
            try:
                with translated("cloudtrail:LookupEvents"):
                    answer = self._client(region).lookup_events(
                        LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}],
                        StartTime=since,
                        MaxResults=50,
                    )
            except AwsError as error:
                gaps.append(str(error))
                break
            events |= dict(_changes(answer.get("Events", []), scope))
            if answer.get("NextToken"):
                gaps.append(f"CloudTrail lists more than 50 events of {value}")
        if len(lookups) > MAX_LOOKUPS:
            gaps.append(f"CloudTrail was asked for the first {MAX_LOOKUPS} of {len(lookups)} things that changed")
        return Trail(tuple(events.values()), gaps[0] if gaps else "")


def _changes(found: Iterable[Mapping[str, Any]], scope: Scope) -> Iterator[tuple[str, TrailEvent]]:
    """By event id, the calls that succeeded and changed a role, or this app or branch."""
    for each in found:
        event = _parsed(each.get("CloudTrailEvent", ""))
        name, parameters = str(each.get("EventName", "")), _mapping(event.get("requestParameters"))
        ours = parameters.get("appId") == scope.app_id and parameters.get("branchName") in (None, scope.branch)
        changed = name in _ROLE_CHANGES or (name.startswith("Update") and ours)
        if "errorCode" not in event and changed and (at := each.get("EventTime")):
            who = _mapping(event.get("userIdentity"))
            by = str(who.get("arn") or each.get("Username") or who.get("type") or "an unknown caller")
            through = f" through {who['invokedBy']}" if who.get("invokedBy") else ""
            yield str(each.get("EventId")), TrailEvent(name, at.astimezone(UTC), f"{by}{through}")


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
