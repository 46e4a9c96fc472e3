"""LookupEvents: what is taken from its answers, and what is said if it gives none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from medic.aws.trail import TrailReader
from medic.events import Scope
from medic.evidence import Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MAIN = Scope("aws", "111122223333", "eu-central-1", "d1a2b3c4d5e6f7", "main")
ROLE = ("ResourceName", "service")
APP, BRANCH = ("EventName", "UpdateApp"), ("EventName", "UpdateBranch")
ADA = {"arn": "arn:aws:iam::1:user/ada"}


class Client:
    """Gives every lookup the same answer, and notes what was asked."""

    def __init__(self, answer: Callable[[], Mapping[str, Any]]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, datetime]] = []
        self.region = ""

    def __call__(self, region: str) -> Client:
        self.region = region
        return self

    def lookup_events(self, **arguments: Any) -> Mapping[str, Any]:
        self.asked.append((self.region, arguments["LookupAttributes"][0]["AttributeValue"], arguments["StartTime"]))
        return self.answer()


def listed(name: str, record: object = None, event_id: str = "1") -> dict[str, Any]:
    text = record if isinstance(record, str) else json.dumps(record or {"userIdentity": ADA})
    return {"EventId": event_id, "EventName": name, "EventTime": NOW, "Username": "ada", "CloudTrailEvent": text}


def read(*events: Mapping[str, Any], lookup: tuple[str, str] = ROLE, scope: Scope = MAIN, **more: str) -> Trail:
    return TrailReader(Client(lambda: {"Events": events, **more})).read(scope, [lookup], NOW)


def callers(*events: Mapping[str, Any], lookup: tuple[str, str] = ROLE) -> list[str]:
    return [event.by for event in read(*events, lookup=lookup).events]


def test_the_caller_is_named_with_the_service_through_which_it_called() -> None:
    through = {"userIdentity": {**ADA, "invokedBy": "cloudformation.amazonaws.com"}}

    assert callers(listed("UpdateAssumeRolePolicy")) == ["arn:aws:iam::1:user/ada"]
    assert callers(listed("UpdateAssumeRolePolicy", through)) == [
        "arn:aws:iam::1:user/ada through cloudformation.amazonaws.com"
    ]
    assert callers(listed("UpdateAssumeRolePolicy", {"userIdentity": {"type": "Root"}})) == ["ada"]


@pytest.mark.parametrize(
    "event",
    [
        listed("GetRole"),
        listed("AttachRolePolicy", {"userIdentity": ADA, "errorCode": "AccessDenied"}),
        {**listed("AttachRolePolicy"), "EventTime": None},
    ],
    ids=["a read", "a call that failed", "without a time"],
)
def test_what_changed_nothing_or_has_no_time_is_left_out(event: Mapping[str, Any]) -> None:
    assert read(event) == Trail()


@pytest.mark.parametrize(
    ("parameters", "ours"),
    [
        ({"appId": MAIN.app_id}, True),
        ({"appId": MAIN.app_id, "branchName": "main"}, True),
        ({"appId": MAIN.app_id, "branchName": "dev"}, False),
        ({"appId": "dother"}, False),
        ({"appId": MAIN.app_id, "branchName": ["main"]}, False),
        (None, False),
        ("HIDDEN", False),
    ],
)
def test_a_call_on_another_app_or_branch_is_left_out(parameters: object, ours: bool) -> None:  # noqa: FBT001
    record = {"userIdentity": ADA, "requestParameters": parameters}

    assert bool(callers(listed("UpdateBranch", record), lookup=BRANCH)) is ours


@pytest.mark.parametrize("record", ["", "{", "[]", "null", "[" * 100_000, '{"userIdentity": [], "errorCode": null}'])
def test_a_record_that_can_not_be_read_breaks_nothing(record: str) -> None:
    assert read(listed("UpdateAssumeRolePolicy", record)).gap == ""


@given(st.recursive(st.none() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of), max_leaves=20))
def test_no_record_raises(record: object) -> None:
    read(listed("UpdateApp", {"userIdentity": record, "requestParameters": record}), lookup=APP)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "LookupEvents"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "LookupEvents"),
        ReadTimeoutError(endpoint_url="cloudtrail"),
    ],
    ids=["denied", "throttled", "timed out"],
)
def test_a_lookup_that_fails_is_a_gap_and_the_last_one(error: Exception) -> None:
    def fail() -> Mapping[str, Any]:
        raise error

    client = Client(fail)

    trail = TrailReader(client).read(MAIN, [ROLE, APP], NOW)

    assert trail.gap.startswith("cloudtrail:LookupEvents failed with ")
    assert len(client.asked) == 1


def test_more_events_than_a_page_are_a_gap() -> None:
    assert read(NextToken="more").gap == "CloudTrail lists more than 50 events of service"


@pytest.mark.parametrize(
    ("partition", "home"), [("aws", "us-east-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
def test_roles_are_looked_up_where_iam_is_and_apps_where_they_are(partition: str, home: str) -> None:
    client = Client(lambda: {"Events": [listed("UpdateAssumeRolePolicy")]})
    scope = Scope(partition, "1", "eu-central-1", "d1", "main")

    trail = TrailReader(client).read(scope, [ROLE, BRANCH, APP, ("EventName", "a fourth")], NOW)

    assert client.asked == [
        (home, "service", NOW), ("eu-central-1", "UpdateBranch", NOW), ("eu-central-1", "UpdateApp", NOW)
    ]  # fmt: skip
    assert trail.gap == "CloudTrail was asked for the first 3 of 4 things that changed"
    assert len(trail.events) == 1  # an event that two lookups list is one event
