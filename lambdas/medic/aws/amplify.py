"""Amplify Hosting, read and written. Answers are projected to named fields; whole answers never leave this module."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from medic.aws.errors import AbsentError, DeniedError, translated
from medic.evidence import Absent, App, Branch, BuildSettings, EnvironmentVariable, Item, Job, Present, Step, Unreadable
from medic.redaction import looks_like

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_amplify import AmplifyClient
    from types_boto3_amplify.type_defs import AppTypeDef, BranchTypeDef, JobSummaryTypeDef, JobTypeDef, StepTypeDef

_IMAGE_VARIABLE = "_CUSTOM_IMAGE"
_OWN_IMAGE = re.compile(r"amplify:al\d{1,4}")
_PAGE = 50
_PAGE_OF_APPS = 100
_MOST_PAGES = 20
RUNNING = frozenset({"CREATED", "PENDING", "PROVISIONING", "RUNNING", "CANCELLING"})
"""Job statuses that say a build is on its way."""


class _NextPage(TypedDict, total=False):
    """Where a list goes on; empty for its first page."""

    nextToken: str


@dataclass(frozen=True, slots=True)
class JobWithLogs:
    """A job, and each step's log URL, good for about an hour. The URLs are secrets: never kept, never printed."""

    job: Job
    log_urls: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JobState:
    """What ListJobs says of a job."""

    id: str
    status: str
    type: str
    """RELEASE, RETRY, MANUAL or WEB_HOOK."""
    commit_id: str | None
    started_at: datetime | None

    @property
    def running(self) -> bool:
        """True while the job has not ended."""
        return self.status in RUNNING


class AmplifyReader:
    """GetApp, ListApps, GetBranch, ListBranches, GetJob, ListJobs.

    A thing that is not there is Absent; one that may not be read is Unreadable; a fault is raised as RetryableError.
    """

    def __init__(self, client: AmplifyClient) -> None:
        self._client = client

    def app(self, app_id: str) -> Item[App]:
        """The app's facts (GetApp)."""
        try:
            with translated("amplify:GetApp"):
                return Present(_app(self._client.get_app(appId=app_id)["app"]))
        except AbsentError:
            return Absent(f"Amplify has no app {app_id}")
        except DeniedError as error:
            return Unreadable(str(error))

    def branch(self, app_id: str, name: str) -> Item[Branch]:
        """The branch's facts (GetBranch)."""
        try:
            with translated("amplify:GetBranch"):
                return Present(_branch(self._client.get_branch(appId=app_id, branchName=name)["branch"]))
        except AbsentError:
            return Absent(f"app {app_id} has no branch {name}")
        except DeniedError as error:
            return Unreadable(str(error))

    def job(self, app_id: str, branch: str, job_id: str) -> Item[JobWithLogs]:
        """The job's facts, with a fresh URL for each step's log (GetJob)."""
        try:
            with translated("amplify:GetJob"):
                return Present(_job(self._client.get_job(appId=app_id, branchName=branch, jobId=job_id)["job"]))
        except AbsentError:
            return Absent(f"branch {branch} of app {app_id} has no job {job_id}")
        except DeniedError as error:
            return Unreadable(str(error))

    def apps(self) -> Iterator[App]:
        """Every app of the account in this region, page by page (ListApps).

        Raises:
            AwsError: the apps could not be listed.
        """
        token: str | None = None
        while True:
            with translated("amplify:ListApps"):
                answer = self._client.list_apps(maxResults=_PAGE_OF_APPS, **_from(token))
            yield from map(_app, answer["apps"])
            token = answer.get("nextToken")
            if not token:
                return

    def branches(self, app_id: str) -> Iterator[Branch]:
        """Every branch of an app, page by page, with all that GetBranch says (ListBranches).

        Raises:
            AwsError: the branches could not be listed; RefusedError also where there is no such app.
        """
        token: str | None = None
        while True:
            with translated("amplify:ListBranches"):
                answer = self._client.list_branches(appId=app_id, maxResults=_PAGE, **_from(token))
            yield from map(_branch, answer["branches"])
            token = answer.get("nextToken")
            if not token:
                return

    def recent_jobs(self, app_id: str, branch: str) -> tuple[JobState, ...]:
        """The branch's latest jobs, newest first; ids compare as integers.

        ListJobs answers newest first, though no page says so: an answer in another order is read to its end.

        Raises:
            AwsError: the jobs could not be listed.
        """
        jobs: list[JobState] = []
        token: str | None = None
        for _ in range(_MOST_PAGES):
            with translated("amplify:ListJobs"):
                answer = self._client.list_jobs(appId=app_id, branchName=branch, maxResults=_PAGE, **_from(token))
            page = [_state(summary) for summary in answer["jobSummaries"]]
            jobs += page
            token = answer.get("nextToken")
            if not token or (page and int(page[0].id) >= int(page[-1].id)):
                break
        return tuple(sorted(jobs, key=lambda job: int(job.id), reverse=True))


class AmplifyActor:
    """UpdateBranch, UpdateApp and StartJob, each with the one field it is meant to change."""

    def __init__(self, client: AmplifyClient) -> None:
        self._client = client

    def set_compute_role(self, app_id: str, branch: str, role_arn: str) -> None:
        """UpdateBranch with `computeRoleArn` alone: a map that is sent replaces the stored one, so none is sent.

        Raises:
            AwsError: AmbiguousError if it may have taken effect.
        """
        with translated("amplify:UpdateBranch"):
            self._client.update_branch(appId=app_id, branchName=branch, computeRoleArn=role_arn)

    def set_service_role(self, app_id: str, role_arn: str) -> None:
        """UpdateApp with `iamServiceRoleArn` alone.

        Raises:
            AwsError: AmbiguousError if it may have taken effect.
        """
        with translated("amplify:UpdateApp"):
            self._client.update_app(appId=app_id, iamServiceRoleArn=role_arn)

    def retry_job(self, app_id: str, branch: str, job_id: str, reason: str) -> str:
        """StartJob RETRY of one job: the same commit again. Never RELEASE, which would ship HEAD.

        Returns:
            The id of the job that runs now.

        Raises:
            AwsError: AmbiguousError if the job may have been started.
        """
        with translated("amplify:StartJob"):
            answer = self._client.start_job(
                appId=app_id, branchName=branch, jobId=job_id, jobType="RETRY", jobReason=reason[:255]
            )
        return _unpadded(answer["jobSummary"]["jobId"])


def _from(token: str | None) -> _NextPage:
    return {"nextToken": token} if token else {}


def _app(raw: AppTypeDef) -> App:
    return App(
        id=raw["appId"],
        arn=raw["appArn"],
        name=raw["name"],
        platform=raw.get("platform", "unknown"),
        repository=raw.get("repository") or None,
        service_role_arn=raw.get("iamServiceRoleArn") or None,
        compute_role_arn=raw.get("computeRoleArn") or None,
        tags=dict(raw.get("tags") or {}),
        environment=_environment(raw.get("environmentVariables")),
        auto_branch_creation=bool(raw.get("enableAutoBranchCreation")),
        auto_branch_patterns=tuple(raw.get("autoBranchCreationPatterns") or ()),
        clone_method=raw.get("repositoryCloneMethod"),
        build=BuildSettings(
            image=_image(raw.get("environmentVariables")),
            spec=_fingerprint(raw.get("buildSpec")),
            compute=raw.get("jobConfig", {}).get("buildComputeType"),
        ),
    )


def _branch(raw: BranchTypeDef) -> Branch:
    return Branch(
        name=raw["branchName"],
        arn=raw["branchArn"],
        stage=raw.get("stage", "NONE"),
        framework=raw.get("framework") or None,
        compute_role_arn=raw.get("computeRoleArn") or None,
        tags=dict(raw.get("tags") or {}),
        environment=_environment(raw.get("environmentVariables")),
        source_branch=raw.get("sourceBranch") or None,
        destination_branch=raw.get("destinationBranch") or None,
        active_job_id=_unpadded(raw["activeJobId"]) if raw.get("activeJobId") else None,
        pull_request_previews=bool(raw.get("enablePullRequestPreview")),
        build=BuildSettings(
            image=_image(raw.get("environmentVariables")),
            spec=_fingerprint(raw.get("buildSpec")),
        ),
    )


def _environment(raw: Mapping[str, str] | None) -> tuple[EnvironmentVariable, ...]:
    return tuple(EnvironmentVariable(name, looks_like(value, name)) for name, value in sorted((raw or {}).items()))


def _image(variables: Mapping[str, str] | None) -> str | None:
    """The build image, which Amplify keeps in an environment variable: by name only if it is one of Amplify's own.

    https://docs.aws.amazon.com/amplify/latest/userguide/custom-build-image.html
    """
    value = (variables or {}).get(_IMAGE_VARIABLE)
    return value if value is None or _OWN_IMAGE.fullmatch(value) else f"custom, {_fingerprint(value)}"


def _fingerprint(text: str | None) -> str | None:
    return f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}" if text else None


def _job(raw: JobTypeDef) -> JobWithLogs:
    summary = raw["summary"]
    steps = tuple(_step(step) for step in raw["steps"])
    job = Job(
        id=_unpadded(summary["jobId"]),
        status=summary["status"],
        type=summary.get("jobType", "unknown"),
        commit_id=summary.get("commitId") or None,
        commit_message=summary.get("commitMessage") or None,
        started_at=_utc(summary.get("startTime")),
        ended_at=_utc(summary.get("endTime")),
        steps=steps,
    )
    return JobWithLogs(job, {step["stepName"]: url for step in raw["steps"] if (url := step.get("logUrl"))})


def _state(raw: JobSummaryTypeDef) -> JobState:
    return JobState(
        id=_unpadded(raw["jobId"]),
        status=raw["status"],
        type=raw.get("jobType", "unknown"),
        commit_id=raw.get("commitId") or None,
        started_at=_utc(raw.get("startTime")),
    )


def _step(raw: StepTypeDef) -> Step:
    return Step(
        name=raw["stepName"],
        status=raw["status"],
        reason=raw.get("statusReason") or None,
        started_at=_utc(raw.get("startTime")),
        ended_at=_utc(raw.get("endTime")),
        has_log=bool(raw.get("logUrl")),
    )


def _unpadded(job_id: str) -> str:
    """Amplify pads some job ids with zeros to ten digits; they name the same job."""
    return job_id.lstrip("0") or "0"


def _utc(time: datetime | None) -> datetime | None:
    return time.astimezone(UTC) if time is not None else None
