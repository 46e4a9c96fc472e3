"""CloudTrail's event history on moto, which does not have LookupEvents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

if TYPE_CHECKING:
    from datetime import datetime

MAX_EVENTS = 50


@dataclass
class FakeTrail:
    """What CloudTrail lists, the newest event first.

    Attributes:
        denied: whether LookupEvents is denied.
        lookups: the attributes of every lookup, with its region.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    denied: bool = False
    lookups: list[tuple[str, str, str]] = field(default_factory=list)

    def record(
        self,
        name: str,
        at: datetime,
        *,
        by: str = "arn:aws:sts::123456789012:assumed-role/Admin/ada",
        role: str = "",
        region: str = "us-east-1",
        parameters: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        """List a call. `more` are further elements of the record, such as `errorCode`."""
        record = {"userIdentity": {"type": "AssumedRole", "arn": by}, "requestParameters": parameters or {}, **more}
        event = {
            "EventId": f"event-{len(self.events)}",
            "EventName": name,
            "EventTime": at.timestamp(),
            "Username": by.rpartition("/")[2],
            "Resources": [{"ResourceType": "AWS::IAM::Role", "ResourceName": role}] if role else [],
            "CloudTrailEvent": json.dumps(record),
            "region": region,
        }
        self.events.insert(0, event)

    def answer(self, asked: dict[str, Any], region: str) -> dict[str, Any]:
        """The answer to one LookupEvents."""
        (attribute,) = asked["LookupAttributes"]
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        self.lookups.append((region, key, value))
        if self.denied:
            raise JsonRESTError("AccessDeniedException", "User is not authorized to perform: cloudtrail:LookupEvents")
        of = {"EventName": lambda event: [event["EventName"]], "ResourceName": _resources}[key]
        found = [
            {name: part for name, part in event.items() if name != "region"}
            for event in self.events
            if event["region"] == region and value in of(event) and event["EventTime"] >= asked["StartTime"]
        ]
        more = {"NextToken": "more"} if len(found) > MAX_EVENTS else {}
        return {"Events": found[:MAX_EVENTS], **more}


def _resources(event: dict[str, Any]) -> list[str]:
    return [resource["ResourceName"] for resource in event["Resources"]]


@contextmanager
def fake_trail() -> Iterator[FakeTrail]:
    """Let moto answer LookupEvents from this trail."""
    trail = FakeTrail()

    def lookup_events(response: CloudTrailResponse) -> str:
        return json.dumps(trail.answer(json.loads(response.body), response.region))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CloudTrailResponse, "lookup_events", lookup_events, raising=False)
        yield trail
