"""What really happened in a simulated world: the bot's writes and alerts, the jobs that ended, the dead letters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from medic.settings import Limits

Json = dict[str, Any]
SET_ROLE = {"amplify:UpdateBranch": "computeRoleArn", "amplify:UpdateApp": "iamServiceRoleArn"}
START_JOB = "amplify:StartJob"
_SUBJECT = re.compile(r"\[.*?\] (?P<app>[\w-]+)(?:/(?P<branch>[^:]+))?: ")


@dataclass(frozen=True, slots=True)
class Write:
    """A change that took effect, and the state when its request arrived."""

    operation: str
    params: Json
    session: str
    """The name of the role session, which holds the incident's id."""
    at: datetime
    reserved: datetime
    """When the bot counted the change against its caps: the time of its intent in the table, else the same as `at`."""
    recorded: bool
    """True if the table held already that the incident set this role."""
    limits: Limits
    """The limits in the settings at that time."""
    place: tuple[str, str]
    """App and branch of the incident."""
    trigger: str
    """Of the incident, as the table has it: `failed` if it is about a job, `runtime` if about lines of an SSR log."""
    failed_at: datetime | None
    """When the job ended, or when the newest line about credentials was written. None if nobody knows."""
    role_before: str | None
    usable_before: bool
    branch_tags: Mapping[str, str]
    """Of the incident's branch, as are `preview`, `muted` and `asked`. For a rebuild, as the bot just read them."""
    app_tags: Mapping[str, str]
    created_at: datetime | None
    """When the incident's branch was created. None if it is gone."""
    preview: bool
    muted: timedelta
    """For how long alerts had been muted. Zero if they were not."""
    storm: bool
    """True if incidents had opened in more apps, at least a run before, than the limits allow."""
    mode: str
    paired: frozenset[str]
    """The roles that the settings allow for this kind of change here."""
    asked: Mapping[str, int]
    """Kind of request → how many were sent for the incident's branch before."""
    newest_job: int
    """Of the target. For a rebuild, as the bot just read it."""

    @property
    def target(self) -> tuple[str, str]:
        """App and branch. For an app's role, the branch is empty."""
        return str(self.params["appId"]), str(self.params.get("branchName", ""))

    @property
    def role(self) -> str | None:
        """The role in the request."""
        return self.params.get(SET_ROLE.get(self.operation, "")) or None


@dataclass(frozen=True, slots=True)
class Message:
    """An alert as a subscriber of the topic got it."""

    kind: str
    incident: str
    app: str
    branch: str
    text: str
    at: datetime
    composed: datetime
    """When it was sent first. It is delivered later if a channel failed then."""
    failed_before: int
    """How many calls had failed on purpose before this one was sent."""
    failed: int
    """The same, with this one."""
    asked: int
    """How many requests for the branch had been sent before."""
    roles: frozenset[str]
    """The names of the roles that the branch and its app had when the bot read them last before it was composed."""

    @property
    def headline(self) -> str:
        return self.text.partition("\n")[0]


def alert_of(params: Json) -> tuple[str, str]:
    """The incident and the text of an alert that is published, which are the same whenever it is sent."""
    return params["MessageAttributes"]["incident"]["StringValue"], params["Message"]


def place_of(params: Json) -> tuple[str, str]:
    """The app and the branch that it names. Empty if it names none."""
    named = _SUBJECT.match(params["Subject"])
    return (named["app"], named["branch"] or "") if named else ("", "")


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job's end, whether or not an event told of it."""

    app_id: str
    branch: str
    job_id: str
    status: str
    failure: str
    at: datetime
    shown_from: datetime | None = None
    """When Amplify's answers first show the end. None if they show it at once."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was received too often."""

    body: str
    from_a_person: bool
    in_peace: int
    """How many of its last receives ended without a reason: no call failed, and nothing held the message up."""
