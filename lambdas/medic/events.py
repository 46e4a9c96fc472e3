"""The messages that the functions accept, parsed strictly into typed values, and the bot's own messages as JSON.

A message only says where to look. Roles, branches and actions come from AWS and from records in the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from medic.arns import APP_ID
from medic.records import replace

SOURCE = "aws.amplify"
DETAIL_TYPE = "Amplify Deployment Status Change"
OWN_SOURCE = "amplify-medic"
ALL = "*"
"""As the branch: the whole app. As app and branch: the whole region. Git allows no branch with this name."""

_JOB_ID = re.compile(r"[0-9]{1,255}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{1,64}")
_SLACK_USER = re.compile(r"[A-Z0-9]{2,21}/[A-Z0-9]{2,21}")
_BRANCH = re.compile(r".{1,255}", re.DOTALL)


class MessageType(StrEnum):
    """The `detail-type` of the bot's own messages."""

    WAKE_UP = "Wake Up"
    RUNTIME_WAKE_UP = "Runtime Wake Up"
    MISSED_FAILURE = "Missed Failure"
    REQUEST = "Request"
    TEST_ALERT = "Test Alert"


class DeploymentStatus(StrEnum):
    """The statuses that the EventBridge rule passes. Amplify sends SUCCEED, not SUCCEEDED."""

    FAILED = "FAILED"
    SUCCEED = "SUCCEED"
    CANCELLED = "CANCELLED"


class RequestKind(StrEnum):
    """What a person can ask the bot to do."""

    APPROVE = "approve"
    """Apply exactly the plan that was proposed."""
    FIX = "fix"
    """Diagnose the failure again and apply the result as if it were approved."""
    UNDO = "undo"
    """Set back the role that was there before a change."""
    MUTE = "mute"
    """Send no alerts for an app or branch for a while."""


_STATUS = re.compile("|".join(DeploymentStatus))
_KIND = re.compile("|".join(RequestKind))


class Scope(Struct, frozen=True):
    """Where something happened. Account and region come from the event, not from the function's environment."""

    partition: str
    account: str
    region: str
    app_id: str
    branch: str

    @property
    def app_arn(self) -> str:
        return f"arn:{self.partition}:amplify:{self.region}:{self.account}:apps/{self.app_id}"

    @property
    def branch_arn(self) -> str:
        """The branch's ARN with the raw branch name: slashes are not percent-encoded."""
        return f"{self.app_arn}/branches/{self.branch}"

    @property
    def whole_app(self) -> Scope:
        """The scope of the app. A lease or mute on it holds for every branch of the app."""
        return replace(self, branch=ALL)

    @property
    def whole_region(self) -> Scope:
        """The scope of the account and region. Storms are counted there."""
        return replace(self, app_id=ALL, branch=ALL)

    def __str__(self) -> str:
        return f"{self.app_id}/{self.branch} in {self.account}/{self.region}"


class DeploymentEvent(Struct, frozen=True):
    """An Amplify deployment reached a final status."""

    scope: Scope
    job_id: str
    status: DeploymentStatus
    time: datetime
    """The event's time as EventBridge gives it, in UTC."""
    missed: bool = False
    """True if no event came, and the watcher found the job. Then `time` is the job's end."""


class WakeUp(Struct, frozen=True):
    """Handle what is due on this branch, or a request. The remediator takes from it only where to look."""

    scope: Scope
    request_id: str = ""
    """The id of the request record to read: 32 hex digits, or empty for a deadline that is due."""


class RuntimeWakeUp(Struct, frozen=True):
    """Read an app's SSR log between two times, because the watcher found a matching line there."""

    scope: Scope
    """The app, with the branch `*`."""
    since: datetime
    until: datetime


class RequestMessage(Struct, frozen=True):
    """What a person asks for. The message does not prove who sent it: SQS's `SenderId` does."""

    scope: Scope
    """A branch. A mute may also name a whole app, with the branch `*`."""
    kind: RequestKind
    id: str
    """32 hex digits. The remediator computes an approval's id itself."""
    incident_id: str = ""
    plan_hash: str = ""
    until: datetime | None = None
    """The end of a mute. None lifts the mute."""
    slack_user: str = ""
    """`TEAM/USER`, whose click the Slack function verified."""


Event: TypeAlias = DeploymentEvent | WakeUp | RuntimeWakeUp | RequestMessage


class Attempt(Struct, frozen=True):
    """One delivery of a message."""

    age: timedelta
    """The time since the message was sent."""
    last: bool
    """True if the queue does not deliver it again."""


class MalformedEventError(ValueError):
    """The event is not one that this function handles. Drop it: a retry can't help."""


def wake_up(scope: Scope, request_id: str = "") -> dict[str, object]:
    """The message that wakes the remediator for a branch, or for a request about it."""
    request = {"requestId": request_id} if request_id else {}
    detail = {"appId": scope.app_id, "branchName": scope.branch, **request}
    return _message(MessageType.WAKE_UP, scope.account, scope.region, detail)


def runtime_wake_up(scope: Scope, since: datetime, until: datetime) -> dict[str, object]:
    """The message that has the remediator read an app's SSR log between two times."""
    detail = {"appId": scope.app_id, "since": since.isoformat(), "until": until.isoformat()}
    return _message(MessageType.RUNTIME_WAKE_UP, scope.account, scope.region, detail)


def missed_failure(scope: Scope, job_id: str, ended_at: datetime) -> dict[str, object]:
    """The message that stands in for the event of a failed job that never came."""
    detail = {"appId": scope.app_id, "branchName": scope.branch, "jobId": job_id, "endTime": ended_at.isoformat()}
    return _message(MessageType.MISSED_FAILURE, scope.account, scope.region, detail)


def request_message(request: RequestMessage) -> dict[str, object]:
    """The message that has the remediator store a request and carry it out."""
    detail = {
        "kind": request.kind,
        "appId": request.scope.app_id,
        "branchName": request.scope.branch,
        "id": request.id,
        "incidentId": request.incident_id,
        "planHash": request.plan_hash,
        "until": request.until.isoformat() if request.until else None,
        "who": request.slack_user,
    }
    given = {name: value for name, value in detail.items() if value}
    return _message(MessageType.REQUEST, request.scope.account, request.scope.region, given)


def test_alert_request(account: str, region: str) -> dict[str, object]:
    """The message that has the remediator send a test alert to every channel and return the result of each."""
    return _message(MessageType.TEST_ALERT, account, region, {})


def _message(kind: MessageType, account: str, region: str, detail: Mapping[str, object]) -> dict[str, object]:
    return {"source": OWN_SOURCE, "detail-type": kind, "account": account, "region": region, "detail": detail}


def unpadded_job_id(job_id: str) -> str:
    """The id without leading zeros. Amplify pads some job ids with zeros to ten digits; they name the same job."""
    return job_id.lstrip("0") or "0"


def parse_event(event: object, *, account: str, region: str, partition: str) -> Event:
    """Parse a message of the remediator's queue: an Amplify event, or one of the bot's own messages.

    Args:
        event: the message's body as JSON.
        account: the account that this function serves. Events from other accounts are refused.
        region: the region that this function serves. Events from other regions are refused.
        partition: the partition that this function serves. Events don't name one.

    Raises:
        MalformedEventError: the message names the first field that is wrong.
    """
    body = _mapping(event, "event")
    if body.get("source") != OWN_SOURCE:
        return parse_deployment_event(event, account=account, region=region, partition=partition)
    detail = _detail(body, account, region)
    everywhere = Scope(partition, account, region, ALL, ALL)
    match body.get("detail-type"):
        case MessageType.WAKE_UP:
            return _parse_wake_up(detail, everywhere)
        case MessageType.RUNTIME_WAKE_UP:
            app = replace(everywhere, app_id=_app_id(detail))
            return RuntimeWakeUp(app, _time(detail, "since"), _time(detail, "until"))
        case MessageType.MISSED_FAILURE:
            branch = replace(everywhere, app_id=_app_id(detail), branch=_branch(detail))
            job_id = unpadded_job_id(_text(detail, "jobId", _JOB_ID, "a number"))
            return DeploymentEvent(branch, job_id, DeploymentStatus.FAILED, _time(detail, "endTime"), missed=True)
        case MessageType.REQUEST:
            return _parse_request(detail, everywhere)
        case _:
            raise MalformedEventError("detail-type is missing or not one that this function handles")


def parse_test_alert(event: object, *, account: str, region: str, partition: str) -> Scope:
    """Parse a direct invocation of the remediator, which may only ask for a test alert; see `parse_event`.

    Returns:
        The region's scope.

    Raises:
        MalformedEventError: it asks for something else.
    """
    body = _mapping(event, "event")
    if (body.get("source"), body.get("detail-type")) != (OWN_SOURCE, MessageType.TEST_ALERT):
        raise MalformedEventError("a direct invocation may only ask for a test alert; send anything else to the queue")
    _detail(body, account, region)
    return Scope(partition, account, region, ALL, ALL)


def parse_deployment_event(event: object, *, account: str, region: str, partition: str) -> DeploymentEvent:
    """Parse an `Amplify Deployment Status Change` event; see `parse_event` for the parameters.

    The job id comes from `detail`, not from `resources`. In `resources` it is padded with zeros, and a slash in a
    branch name makes the ARN ambiguous.
    Source: https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-amplify.html

    Raises:
        MalformedEventError: the message names the first field that is wrong.
    """
    body = _mapping(event, "event")
    _expect(body, "source", SOURCE)
    _expect(body, "detail-type", DETAIL_TYPE)
    detail = _detail(body, account, region)
    return DeploymentEvent(
        scope=Scope(partition, account, region, _app_id(detail), _branch(detail)),
        job_id=unpadded_job_id(_text(detail, "jobId", _JOB_ID, "a number")),
        status=DeploymentStatus(_text(detail, "jobStatus", _STATUS, "one of FAILED, SUCCEED, CANCELLED")),
        time=_time(body, "time"),
    )


def _parse_wake_up(detail: Mapping[str, object], everywhere: Scope) -> WakeUp:
    request_id = detail.get("requestId", "")
    if not isinstance(request_id, str) or not (request_id == "" or _REQUEST_ID.fullmatch(request_id)):
        raise MalformedEventError("detail.requestId is not 32 hex digits")
    if (detail.get("appId"), detail.get("branchName")) == (ALL, ALL):
        return WakeUp(everywhere, request_id)
    return WakeUp(replace(everywhere, app_id=_app_id(detail), branch=_branch(detail)), request_id)


def _parse_request(detail: Mapping[str, object], everywhere: Scope) -> RequestMessage:
    return RequestMessage(
        scope=replace(everywhere, app_id=_app_id(detail), branch=_branch(detail)),
        kind=RequestKind(_text(detail, "kind", _KIND, "one of approve, fix, undo, mute")),
        id=_text(detail, "id", _REQUEST_ID, "32 hex digits"),
        incident_id=_optional_text(detail, "incidentId", _HASH, "an incident's id"),
        plan_hash=_optional_text(detail, "planHash", _HASH, "a plan's hash"),
        until=None if detail.get("until") is None else _time(detail, "until"),
        slack_user=_optional_text(detail, "who", _SLACK_USER, "TEAM/USER"),
    )


def _detail(body: Mapping[str, object], account: str, region: str) -> Mapping[str, object]:
    """The detail of a message for this account and region."""
    _expect(body, "account", account, _ACCOUNT)
    _expect(body, "region", region)
    return _mapping(body.get("detail"), "detail")


def _mapping(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise MalformedEventError(f"{name} is {type(value).__name__}, not an object")
    return value


def _expect(body: Mapping[str, object], key: str, expected: str, pattern: re.Pattern[str] | None = None) -> None:
    value = body.get(key)
    if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
        raise MalformedEventError(f"{key} is missing or not a valid string")
    if value != expected:
        raise MalformedEventError(f"{key} is {value[:64]!r}; this function serves {expected!r}")


def _app_id(detail: Mapping[str, object]) -> str:
    return _text(detail, "appId", APP_ID, "an Amplify app id")


def _branch(detail: Mapping[str, object]) -> str:
    return _text(detail, "branchName", _BRANCH, "1 to 255 characters")


def _text(detail: Mapping[str, object], key: str, pattern: re.Pattern[str], expected: str) -> str:
    value = detail.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedEventError(f"detail.{key} is missing or not {expected}")
    return value


def _optional_text(detail: Mapping[str, object], key: str, pattern: re.Pattern[str], expected: str) -> str:
    """The text, or an empty one if it is not given."""
    return "" if detail.get(key) is None else _text(detail, key, pattern, expected)


def _time(body: Mapping[str, object], key: str) -> datetime:
    value = body.get(key)
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise MalformedEventError(f"{key} is missing or not an ISO 8601 time with a time zone")
    return time.astimezone(UTC)
