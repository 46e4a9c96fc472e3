"""The Amplify Hosting API: a reader, and an actor that sends each change as a single field.

Responses are reduced to the fields that the bot needs. A raw response never leaves this module, because it holds the
values of environment variables, basicAuthCredentials and log URLs.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.aws.errors import AbsentError, AwsError, RetryableError, read_item, translated
from medic.events import unpadded_job_id
from medic.evidence import (
    Absent,
    App,
    Branch,
    BuildSettings,
    EnvironmentVariable,
    Item,
    Job,
    Partial,
    Present,
    Read,
    Step,
    Unreadable,
)
from medic.redaction import looks_like

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_amplify import AmplifyClient
    from types_boto3_amplify.type_defs import (
        AppTypeDef,
        BranchTypeDef,
        JobSummaryTypeDef,
        JobTypeDef,
        PaginatorConfigTypeDef,
        StepTypeDef,
    )

_IMAGE_VARIABLE = "_CUSTOM_IMAGE"
_AMPLIFY_IMAGE = re.compile(r"amplify:al\d{1,4}")
_PAGE: PaginatorConfigTypeDef = {"PageSize": 50}
_APPS_PAGE: PaginatorConfigTypeDef = {"PageSize": 100}
_MAX_JOB_PAGES = 20
_LIST_JOBS_NOT_FOUND = "BadRequestException"
"""ListJobs is documented to answer with this, not with NotFoundException, if the app or branch does not exist.
https://docs.aws.amazon.com/amplify/latest/APIReference/API_ListJobs.html#API_ListJobs_Errors"""


class JobWithLogs(Struct, frozen=True):
    """A job and the presigned log URL of each step, by step name. The URLs are secrets: never store or print them."""

    job: Job
    log_urls: Mapping[str, str]


class AmplifyReader:
    """GetApp, ListApps, GetBranch, ListBranches, GetJob, ListJobs.

    `app`, `branch`, `job` and `jobs` return Absent if AWS says that there is no such thing, and Unreadable if the role
    may not read it. They raise RetryableError if AWS throttles or fails. `apps` and `branches` give the whole list or
    raise: what was listed before the error is never taken for everything.
    """

    def __init__(self, client: AmplifyClient) -> None:
        self._client = client

    def app(self, app_id: str) -> Item[App]:
        return read_item(
            "amplify:GetApp",
            f"Amplify has no app {app_id}",
            lambda: _app(self._client.get_app(appId=app_id)["app"]),
        )

    def branch(self, app_id: str, name: str) -> Item[Branch]:
        return read_item(
            "amplify:GetBranch",
            f"app {app_id} has no branch {name}",
            lambda: _branch(self._client.get_branch(appId=app_id, branchName=name)["branch"]),
        )

    def job(self, app_id: str, branch: str, job_id: str) -> Item[JobWithLogs]:
        """Call GetJob, which also creates a fresh log URL for each step; a URL is valid for about an hour."""
        return read_item(
            "amplify:GetJob",
            f"branch {branch} of app {app_id} has no job {job_id}",
            lambda: _job(self._client.get_job(appId=app_id, branchName=branch, jobId=job_id)["job"]),
        )

    def apps(self) -> Iterator[App]:
        """List every app of the account in this region, one page at a time.

        Raises:
            AwsError: the apps could not be listed.
        """
        with translated("amplify:ListApps"):
            for page in self._client.get_paginator("list_apps").paginate(PaginationConfig=_APPS_PAGE):
                yield from map(_app, page["apps"])

    def branches(self, app_id: str) -> Iterator[Branch]:
        """List every branch of an app, one page at a time. Each has the same fields as from GetBranch.

        Raises:
            AwsError: the branches could not be listed; AwsRejectedError also if there is no such app.
        """
        pages = self._client.get_paginator("list_branches").paginate(appId=app_id, PaginationConfig=_PAGE)
        with translated("amplify:ListBranches"):
            for page in pages:
                yield from map(_branch, page["branches"])

    def jobs(self, app_id: str, branch: str) -> Read[tuple[Job, ...]]:
        """Call ListJobs like `recent_jobs`. Partial if the newest jobs may be missing."""
        try:
            jobs, whole = self._list_jobs(app_id, branch)
        except RetryableError:
            raise
        except AwsError as error:
            absent = isinstance(error, AbsentError) or error.code == _LIST_JOBS_NOT_FOUND
            return Absent(str(error)) if absent else Unreadable(str(error))
        return Present(jobs) if whole else Partial(jobs, f"ListJobs has more than {_MAX_JOB_PAGES} pages, in no order")

    def recent_jobs(self, app_id: str, branch: str) -> tuple[Job, ...]:
        """The branch's latest jobs without their steps, newest first. Job ids compare as integers.

        ListJobs returns the newest job first, but no documentation promises it. If a page comes in another order, all
        pages are read (at most 20).

        Raises:
            AwsError: the jobs could not be listed.
        """
        return self._list_jobs(app_id, branch)[0]

    def _list_jobs(self, app_id: str, branch: str) -> tuple[tuple[Job, ...], bool]:
        """The latest jobs, and whether the newest are among them."""
        pages = self._client.get_paginator("list_jobs").paginate(
            appId=app_id, branchName=branch, PaginationConfig=_PAGE
        )
        jobs: list[Job] = []
        whole = True
        with translated("amplify:ListJobs"):
            for response in islice(pages, _MAX_JOB_PAGES):
                page = [_job_of(summary) for summary in response["jobSummaries"]]
                newest_first = bool(page) and not jobs and int(page[0].id) > int(page[-1].id)
                jobs += page
                whole = newest_first or not response.get("nextToken")
                if newest_first:
                    break
            return tuple(sorted(jobs, key=lambda job: int(job.id), reverse=True)), whole


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
        created_at=_utc(raw.get("createTime")),
        pull_request_previews=bool(raw.get("enablePullRequestPreview")),
        build=BuildSettings(
            image=_image(raw.get("environmentVariables")),
            spec=_fingerprint(raw.get("buildSpec")),
        ),
        jobs_total=raw.get("totalNumberOfJobs"),
        updated_at=_utc(raw.get("updateTime")),
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
    job = _job_of(raw["summary"], tuple(map(_step, raw["steps"])))
    return JobWithLogs(job, {step["stepName"]: url for step in raw["steps"] if (url := step.get("logUrl"))})


def _job_of(summary: JobSummaryTypeDef, steps: tuple[Step, ...] = ()) -> Job:
    return Job(
        id=unpadded_job_id(summary["jobId"]),
        status=summary["status"],
        type=summary.get("jobType", "unknown"),
        commit_id=summary.get("commitId") or None,
        commit_message=summary.get("commitMessage") or None,
        started_at=_utc(summary.get("startTime")),
        ended_at=_utc(summary.get("endTime")),
        steps=steps,
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
