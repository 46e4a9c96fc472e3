"""What arrives: EventBridge events, as typed triggers. A trigger is a nudge, never an authority."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

SOURCE = "aws.amplify"
DETAIL_TYPE = "Amplify Deployment Status Change"
OWN_SOURCE = "amplify-medic"
ALL = "*"
"""In the place of a branch: the whole app. In the place of an app too: the whole region. Git knows no such branch."""

_APP_ID = re.compile(r"d[a-z0-9]{1,19}")
_JOB_ID = re.compile(r"[0-9]{1,255}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST_BRANCH = 255


class MessageType(StrEnum):
    """The detail types of our own messages."""

    WAKE_UP = "Wake Up"
    RUNTIME_WAKE_UP = "Runtime Wake Up"
    TEST_ALERT = "Test Alert"


class DeploymentStatus(StrEnum):
    """The statuses the rule passes. It is SUCCEED, never SUCCEEDED."""

    FAILED = "FAILED"
    SUCCEED = "SUCCEED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where something happened, as the event says: never taken from the function's own account."""

    partition: str
    account: str
    region: str
    app_id: str
    branch: str

    @property
    def app_arn(self) -> str:
        """The app's ARN."""
        return f"arn:{self.partition}:amplify:{self.region}:{self.account}:apps/{self.app_id}"

    @property
    def branch_arn(self) -> str:
        """The branch's ARN with the branch name as it is, slashes and all."""
        return f"{self.app_arn}/branches/{self.branch}"

    @property
    def whole_app(self) -> Scope:
        """The app this branch belongs to, as a scope of its own: its leases and mutes hold for every branch."""
        return replace(self, branch=ALL)

    @property
    def whole_region(self) -> Scope:
        """The account's region, as a scope of its own: storms belong to it."""
        return replace(self, app_id=ALL, branch=ALL)

    def __str__(self) -> str:
        return f"{self.app_id}/{self.branch} in {self.account}/{self.region}"


@dataclass(frozen=True, slots=True)
class DeploymentEvent:
    """An Amplify deployment reached a final status."""

    scope: Scope
    job_id: str
    status: DeploymentStatus
    time: datetime
    """When EventBridge says it happened, UTC."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Something on this branch is due, or somebody asked for something. Nothing is believed of it but where to look."""

    scope: Scope
    request_id: str = ""
    """Which request to read, if somebody asked for something."""


@dataclass(frozen=True, slots=True)
class RuntimeWakeUp:
    """An app's SSR log showed something between two times. The remediator reads the lines itself."""

    scope: Scope
    """The app, with the branch `*`."""
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class TestAlertRequest:
    """Somebody wants to see a sample alert on every channel."""

    scope: Scope
    """The region."""


Event: TypeAlias = DeploymentEvent | WakeUp | RuntimeWakeUp | TestAlertRequest


class MalformedEventError(ValueError):
    """The event is not one this function is for; it is dropped on purpose."""


def wake_up(scope: Scope, request_id: str = "") -> dict[str, object]:
    """The message that wakes the remediator for a branch, or for what somebody asked for there."""
    return _message(
        MessageType.WAKE_UP, scope, {"branchName": scope.branch, **({"requestId": request_id} if request_id else {})}
    )


def runtime_wake_up(scope: Scope, since: datetime, until: datetime) -> dict[str, object]:
    """The message that makes the remediator read an app's SSR log between two times."""
    return _message(MessageType.RUNTIME_WAKE_UP, scope, {"since": since.isoformat(), "until": until.isoformat()})


def test_alert_request(account: str, region: str) -> dict[str, object]:
    """The message that makes the remediator send a sample on every channel and answer how that went."""
    return {
        "source": OWN_SOURCE,
        "detail-type": MessageType.TEST_ALERT,
        "account": account,
        "region": region,
        "detail": {},
    }


def _message(kind: MessageType, scope: Scope, detail: Mapping[str, object]) -> dict[str, object]:
    return {
        "source": OWN_SOURCE,
        "detail-type": kind,
        "account": scope.account,
        "region": scope.region,
        "detail": {"appId": scope.app_id, **detail},
    }


def parse_event(event: object, *, account: str, region: str, partition: str) -> Event:
    """Read whatever wakes the remediator: an Amplify event, or a message of our own.

    Args:
        event: the event as Lambda hands it over.
        account: the account this function serves; events of others are refused.
        region: the region this function serves.
        partition: the partition this function serves; events carry none.

    Raises:
        MalformedEventError: naming the first thing that is wrong.
    """
    if _mapping(event, "event").get("source") == OWN_SOURCE:
        return _parse_own(event, account=account, region=region, partition=partition)
    return parse_deployment_event(event, account=account, region=region, partition=partition)


def _parse_own(
    event: object, *, account: str, region: str, partition: str
) -> WakeUp | RuntimeWakeUp | TestAlertRequest:
    body = _mapping(event, "event")
    _expect(body, "account", account, _ACCOUNT)
    _expect(body, "region", region)
    detail = _mapping(body.get("detail"), "detail")
    match body.get("detail-type"):
        case MessageType.WAKE_UP:
            return _parse_wake_up(detail, Scope(partition, account, region, ALL, ALL))
        case MessageType.RUNTIME_WAKE_UP:
            app = Scope(partition, account, region, _app_id(detail), ALL)
            return RuntimeWakeUp(app, _time(detail, "since"), _time(detail, "until"))
        case MessageType.TEST_ALERT:
            return TestAlertRequest(Scope(partition, account, region, ALL, ALL))
    raise MalformedEventError("detail-type is none of the messages that wake this function")


def _parse_wake_up(detail: Mapping[str, object], everywhere: Scope) -> WakeUp:
    request_id = detail.get("requestId", "")
    if not isinstance(request_id, str) or not (request_id == "" or _REQUEST_ID.fullmatch(request_id)):
        raise MalformedEventError("detail.requestId is not a request's id")
    if (detail.get("appId"), detail.get("branchName")) == (ALL, ALL):
        return WakeUp(everywhere, request_id)
    return WakeUp(replace(everywhere, app_id=_app_id(detail), branch=_branch(detail)), request_id)


def parse_deployment_event(event: object, *, account: str, region: str, partition: str) -> DeploymentEvent:
    """Read an `Amplify Deployment Status Change` event.

    The job's id is taken from `detail`, never from `resources`: there it is zero-padded, and a slash in a branch name
    makes the ARN ambiguous. Source: https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-amplify.html

    Args:
        event: the event as Lambda hands it over.
        account: the account this function serves; events of others are refused.
        region: the region this function serves.
        partition: the partition this function serves; events carry none.

    Raises:
        MalformedEventError: naming the first thing that is wrong.
    """
    body = _mapping(event, "event")
    _expect(body, "source", SOURCE)
    _expect(body, "detail-type", DETAIL_TYPE)
    _expect(body, "account", account, _ACCOUNT)
    _expect(body, "region", region)
    detail = _mapping(body.get("detail"), "detail")
    return DeploymentEvent(
        scope=Scope(partition, account, region, _app_id(detail), _branch(detail)),
        job_id=_job_id(detail),
        status=_status(detail),
        time=_time(body, "time"),
    )


def _mapping(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise MalformedEventError(f"{name} is {type(value).__name__}, not an object")
    return value


def _expect(body: Mapping[str, object], key: str, wanted: str, pattern: re.Pattern[str] | None = None) -> None:
    value = body.get(key)
    if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
        raise MalformedEventError(f"{key} is missing or no text of the right form")
    if value != wanted:
        raise MalformedEventError(f"{key} is {value[:64]!r}; this function serves {wanted!r}")


def _app_id(detail: Mapping[str, object]) -> str:
    value = detail.get("appId")
    if not isinstance(value, str) or not _APP_ID.fullmatch(value):
        raise MalformedEventError("detail.appId is missing or not an Amplify app id")
    return value


def _branch(detail: Mapping[str, object]) -> str:
    value = detail.get("branchName")
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_BRANCH:
        raise MalformedEventError("detail.branchName is missing or not 1 to 255 characters")
    return value


def _job_id(detail: Mapping[str, object]) -> str:
    value = detail.get("jobId")
    if not isinstance(value, str) or not _JOB_ID.fullmatch(value):
        raise MalformedEventError("detail.jobId is missing or not a number")
    return value.lstrip("0") or "0"


def _status(detail: Mapping[str, object]) -> DeploymentStatus:
    value = detail.get("jobStatus")
    if not isinstance(value, str) or value not in list(DeploymentStatus):
        raise MalformedEventError("detail.jobStatus is missing or none of FAILED, SUCCEED, CANCELLED")
    return DeploymentStatus(value)


def _time(body: Mapping[str, object], key: str) -> datetime:
    value = body.get(key)
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise MalformedEventError(f"{key} is missing or not an ISO 8601 time with a zone")
    return time.astimezone(UTC)
