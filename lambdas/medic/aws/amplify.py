"""The Amplify Hosting API: a reader, and an actor that sends each change as a single field.

Responses are reduced to the fields that the bot needs. A raw response never leaves this module, because it holds the
values of environment variables, basicAuthCredentials and log URLs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from medic.aws.errors import AbsentError, DeniedError, translated
from medic.events import unpadded_job_id
from medic.evidence import Absent, App, Branch, BuildSettings, EnvironmentVariable, Item, Job, Present, Step, Unreadable
from medic.redaction import looks_like

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_amplify import AmplifyClient
    from types_boto3_amplify.type_defs import AppTypeDef, BranchTypeDef, JobSummaryTypeDef, JobTypeDef, StepTypeDef

_IMAGE_VARIABLE = "_CUSTOM_IMAGE"
_AMPLIFY_IMAGE = re.compile(r"amplify:al\d{1,4}")
_PAGE_SIZE = 50
_APPS_PAGE_SIZE = 100
_MAX_JOB_PAGES = 20
RUNNING = frozenset({"CREATED", "PENDING", "PROVISIONING", "RUNNING", "CANCELLING"})
"""Statuses of a job that has not ended."""


class _NextPage(TypedDict, total=False):
    nextToken: str


@dataclass(frozen=True, slots=True)
class JobWithLogs:
    """A job and the presigned log URL of each step, by step name. The URLs are secrets: never store or print them."""

    job: Job
    log_urls: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JobState:
    """The summary of a job that ListJobs returns."""

    id: str
    status: str
    type: str
    """RELEASE, RETRY, MANUAL or WEB_HOOK."""
    commit_id: str | None
    started_at: datetime | None

    @property
    def running(self) -> bool:
        return self.status in RUNNING


class AmplifyReader:
    """GetApp, ListApps, GetBranch, ListBranches, GetJob, ListJobs.

    `app`, `branch` and `job` return Absent if AWS says that there is no such thing, and Unreadable if the role may not
    read it. They raise RetryableError if AWS throttles or fails.
    """

    def __init__(self, client: AmplifyClient) -> None:
        self._client = client

    def app(self, app_id: str) -> Item[App]:
        try:
            with translated("amplify:GetApp"):
                return Present(_app(self._client.get_app(appId=app_id)["app"]))
        except AbsentError:
            return Absent(f"Amplify has no app {app_id}")
        except DeniedError as error:
            return Unreadable(str(error))

    def branch(self, app_id: str, name: str) -> Item[Branch]:
        try:
            with translated("amplify:GetBranch"):
                return Present(_branch(self._client.get_branch(appId=app_id, branchName=name)["branch"]))
        except AbsentError:
            return Absent(f"app {app_id} has no branch {name}")
        except DeniedError as error:
            return Unreadable(str(error))

    def job(self, app_id: str, branch: str, job_id: str) -> Item[JobWithLogs]:
        """Call GetJob, which also creates a fresh log URL for each step; a URL is valid for about an hour."""
        try:
            with translated("amplify:GetJob"):
                return Present(_job(self._client.get_job(appId=app_id, branchName=branch, jobId=job_id)["job"]))
        except AbsentError:
            return Absent(f"branch {branch} of app {app_id} has no job {job_id}")
        except DeniedError as error:
            return Unreadable(str(error))

    def apps(self) -> Iterator[App]:
        """List every app of the account in this region, one page at a time.

        Raises:
            AwsError: the apps could not be listed.
        """
        token: str | None = None
        while True:
            with translated("amplify:ListApps"):
                response = self._client.list_apps(maxResults=_APPS_PAGE_SIZE, **_next_page(token))
            yield from map(_app, response["apps"])
            token = response.get("nextToken")
            if not token:
                return

    def branches(self, app_id: str) -> Iterator[Branch]:
        """List every branch of an app, one page at a time. Each has the same fields as from GetBranch.

        Raises:
            AwsError: the branches could not be listed; AwsRejectedError also if there is no such app.
        """
        token: str | None = None
        while True:
            with translated("amplify:ListBranches"):
                response = self._client.list_branches(appId=app_id, maxResults=_PAGE_SIZE, **_next_page(token))
            yield from map(_branch, response["branches"])
            token = response.get("nextToken")
            if not token:
                return

    def recent_jobs(self, app_id: str, branch: str) -> tuple[JobState, ...]:
        """The branch's latest jobs, newest first. Job ids compare as integers.

        ListJobs returns the newest job first, but no documentation promises it. If a page comes in another order, all
        pages are read (at most 20).

        Raises:
            AwsError: the jobs could not be listed.
        """
        jobs: list[JobState] = []
        token: str | None = None
        for _ in range(_MAX_JOB_PAGES):
            with translated("amplify:ListJobs"):
                response = self._client.list_jobs(
                    appId=app_id, branchName=branch, maxResults=_PAGE_SIZE, **_next_page(token)
                )
            page = [_job_state(summary) for summary in response["jobSummaries"]]
            jobs += page
            token = response.get("nextToken")
            if not token or (page and int(page[0].id) >= int(page[-1].id)):
                break
        return tuple(sorted(jobs, key=lambda job: int(job.id), reverse=True))


class AmplifyActor:
    """UpdateBranch, UpdateApp and StartJob. Each call sends only the one field that it is meant to change."""

    def __init__(self, client: AmplifyClient) -> None:
        self._client = client

    def set_compute_role(self, app_id: str, branch: str, role_arn: str) -> None:
        """Call UpdateBranch with `computeRoleArn` alone. An empty ARN detaches the role.

        UpdateBranch replaces a stored map, such as the environment variables, with the map it is sent. So none is sent.

        Raises:
            AwsError: the call failed; AmbiguousError if the change may have taken effect.
        """
        with translated("amplify:UpdateBranch"):
            self._client.update_branch(appId=app_id, branchName=branch, computeRoleArn=role_arn)

    def set_service_role(self, app_id: str, role_arn: str) -> None:
        """Call UpdateApp with `iamServiceRoleArn` alone.

        Raises:
            AwsError: the call failed; AmbiguousError if the change may have taken effect.
        """
        with translated("amplify:UpdateApp"):
            self._client.update_app(appId=app_id, iamServiceRoleArn=role_arn)

    def retry_job(self, app_id: str, branch: str, job_id: str, reason: str) -> str:
        """Call StartJob with type RETRY: build the same commit again. RELEASE would deploy the newest commit instead.

        Returns:
            The id of the new job.

        Raises:
            AwsError: the call failed; AmbiguousError if the job may have been started.
        """
        with translated("amplify:StartJob"):
            response = self._client.start_job(
                appId=app_id, branchName=branch, jobId=job_id, jobType="RETRY", jobReason=reason[:255]
            )
        return unpadded_job_id(response["jobSummary"]["jobId"])


def _next_page(token: str | None) -> _NextPage:
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
        active_job_id=unpadded_job_id(raw["activeJobId"]) if raw.get("activeJobId") else None,
        pull_request_previews=bool(raw.get("enablePullRequestPreview")),
        build=BuildSettings(
            image=_image(raw.get("environmentVariables")),
            spec=_fingerprint(raw.get("buildSpec")),
        ),
    )


def _environment(raw: Mapping[str, str] | None) -> tuple[EnvironmentVariable, ...]:
    return tuple(EnvironmentVariable(name, looks_like(value, name)) for name, value in sorted((raw or {}).items()))


def _image(variables: Mapping[str, str] | None) -> str | None:
    """The name of one of Amplify's own build images, or the fingerprint of a custom one.

    Amplify stores the build image in the environment variable _CUSTOM_IMAGE. A custom image's name may hold a secret.
    https://docs.aws.amazon.com/amplify/latest/userguide/custom-build-image.html
    """
    value = (variables or {}).get(_IMAGE_VARIABLE)
    return value if value is None or _AMPLIFY_IMAGE.fullmatch(value) else f"custom, {_fingerprint(value)}"


def _fingerprint(text: str | None) -> str | None:
    return f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}" if text else None


def _job(raw: JobTypeDef) -> JobWithLogs:
    summary = raw["summary"]
    steps = tuple(_step(step) for step in raw["steps"])
    job = Job(
        id=unpadded_job_id(summary["jobId"]),
        status=summary["status"],
        type=summary.get("jobType", "unknown"),
        commit_id=summary.get("commitId") or None,
        commit_message=summary.get("commitMessage") or None,
        started_at=_utc(summary.get("startTime")),
        ended_at=_utc(summary.get("endTime")),
        steps=steps,
    )
    return JobWithLogs(job, {step["stepName"]: url for step in raw["steps"] if (url := step.get("logUrl"))})


def _job_state(raw: JobSummaryTypeDef) -> JobState:
    return JobState(
        id=unpadded_job_id(raw["jobId"]),
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


def _utc(time: datetime | None) -> datetime | None:
    return time.astimezone(UTC) if time is not None else None
