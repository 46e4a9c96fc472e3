"""The operations on jobs."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fakes.amplify import builds
from tests.fakes.amplify.errors import BadRequestException, NotFoundException
from tests.fakes.amplify.paging import page
from tests.fakes.amplify.scripts import BuildScript
from tests.fakes.amplify.state import Job

if TYPE_CHECKING:
    from datetime import datetime

    from tests.fakes.amplify.state import App, Branch, Json, State

LOG_URL_LIFETIME = timedelta(hours=1)
_COMMIT = ("commitId", "commitMessage", "commitTime")


def list_jobs(state: State, asked: Json) -> Json:
    """Lists the newest job first. The service model of ListJobs has no NotFoundException."""
    try:
        _, branch = state.branch(asked["appId"], asked["branchName"])
    except NotFoundException as missing:
        raise BadRequestException(missing.message) from missing
    newest_first = sorted(branch.jobs.values(), key=lambda job: int(job.job_id), reverse=True)
    jobs, more = page(newest_first, asked, state.page_size)
    now = state.ports.time.now()
    return {"jobSummaries": [summary(job, now) for job in jobs], **more}


def get_job(state: State, asked: Json) -> Json:
    """Returns new presigned URLs with every call."""
    _, _, job = state.job(asked["appId"], asked["branchName"], asked["jobId"])
    now = state.ports.time.now()
    if _lags(job, now):
        steps: list[Json] = [{"stepName": "BUILD", "startTime": job.started, "status": "RUNNING"}]
    else:
        steps = [_step(state, job, name, status) for name, status in _statuses(job).items()]
    return {"job": {"summary": summary(job, now), "steps": steps}}


def start_job(state: State, asked: Json) -> Json:
    """RELEASE builds the newest commit, RETRY builds the commit of the retried job.

    StartJob is not idempotent: a caller that repeats a call after a lost answer gets a second job.
    """
    app, branch = state.branch(asked["appId"], asked["branchName"])
    if asked["jobType"] not in ("RELEASE", "RETRY"):
        msg = f"Job type {asked['jobType']} cannot be started: deploy manually instead"
        raise BadRequestException(msg)
    if not app.repository:
        raise BadRequestException("The app is not connected to a repository")
    retried = _retried(state, branch, asked) if asked["jobType"] == "RETRY" else None
    state.check_job_quota(branch)
    commit = retried.commit if retried else head(branch)
    job_id = retried.job_id if retried and state.questions.retry_job_id == "same" else None
    job = launch(state, app, branch, job_type=asked["jobType"], commit=commit, job_id=job_id)
    return {"jobSummary": {**summary(job), "status": "PENDING"}}


def stop_job(state: State, asked: Json) -> Json:
    app, branch, job = state.job(asked["appId"], asked["branchName"], asked["jobId"])
    if not job.running:
        msg = f"Job {job.job_id} is not running"
        raise BadRequestException(msg)
    builds.cancel(state, app, branch, job)
    return {"jobSummary": summary(job)}


def launch(
    state: State,
    app: App,
    branch: Branch,
    *,
    job_type: str,
    commit: Json,
    job_id: str | None = None,
) -> Job:
    """Create a job and run it. Its id is `job_id`, or the next free id."""
    job_id = job_id or str(max((int(other) for other in branch.jobs), default=0) + 1)
    arn = f"{branch.arn}/jobs/{job_id.zfill(10)}"
    job = Job(job_id, arn, job_type, commit, state.ports.time.now(), _next_script(branch))
    branch.jobs[job_id] = job
    builds.run(state, app, branch, job)
    return job


def head(branch: Branch) -> Json:
    """The newest commit of the branch."""
    if branch.head is None:
        sha = hashlib.sha256(branch.arn.encode()).hexdigest()[:40]
        branch.head = {"commitId": sha, "commitMessage": "Initial commit", "commitTime": branch.created}
    return branch.head


def summary(job: Job, now: datetime | None = None) -> Json:
    """The job without its steps, as the API returns it; with the status that it shows `now`, if that is given."""
    shown = {
        "jobArn": job.arn,
        "jobId": job.job_id,
        "startTime": job.started,
        "status": job.status,
        "jobType": job.job_type,
        **job.commit,
    }
    if now is not None and _lags(job, now):
        return {**shown, "status": "RUNNING"}
    return {**shown, "endTime": job.ended} if job.ended else shown


def _lags(job: Job, now: datetime) -> bool:
    """True as long as answers still show an ended job as running."""
    return job.shown_from is not None and now < job.shown_from


def _retried(state: State, branch: Branch, asked: Json) -> Job:
    job_id = asked.get("jobId")
    if not job_id:
        raise BadRequestException("jobId is required for job type RETRY")
    if job_id not in branch.jobs:
        msg = f"Job {job_id} not found for branch {branch.name}"
        raise NotFoundException(msg)
    job = branch.jobs[job_id]
    if job.status == "SUCCEED" and state.questions.retry_of_succeeded == "refused":
        msg = f"Job {job_id} succeeded and cannot be retried"
        raise BadRequestException(msg)
    return job


def _next_script(branch: Branch) -> BuildScript:
    """Each build uses the next script. The last script repeats."""
    if len(branch.scripts) > 1:
        return branch.scripts.popleft()
    return branch.scripts[0] if branch.scripts else BuildScript()


def _statuses(job: Job) -> dict[str, str]:
    later = {"SUCCEED": "SUCCEED", "FAILED": "CANCELLED", "CANCELLED": "CANCELLED"}.get(job.status)
    if later is None:
        return {"BUILD": job.status}
    return {"BUILD": job.status, "DEPLOY": later, "VERIFY": later}


def _step(state: State, job: Job, name: str, status: str) -> Json:
    shown: Json = {"stepName": name, "startTime": job.started, "status": status}
    if job.ended:
        shown["endTime"] = job.ended
    if name != "BUILD" or status not in ("SUCCEED", "FAILED"):
        return shown
    if state.questions.log_url == "present":
        shown["logUrl"] = state.ports.log_store.url(builds.log_key(job), LOG_URL_LIFETIME)
    if job.failure and state.questions.status_reason == "present":
        shown["statusReason"] = job.failure
    return shown
