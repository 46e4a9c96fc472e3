"""Which job of a branch to look at, and why that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.aws.errors import AbsentError, RefusedError
from medic.redaction import redact
from medic_cli.failure import CouldNotLookError

if TYPE_CHECKING:
    from medic.aws.amplify import AmplifyReader, JobState


_NOT_THERE_EITHER = "BadRequestException"
"""ListJobs is documented to answer with this, not with NotFoundException, where app or branch is not there.
https://docs.aws.amazon.com/amplify/latest/APIReference/API_ListJobs.html#API_ListJobs_Errors"""


@dataclass(frozen=True, slots=True)
class ChosenJob:
    """A job's id, and why it was chosen."""

    id: str
    why: str


def choose_job(amplify: AmplifyReader, app_id: str, branch: str, wanted: str | None) -> ChosenJob:
    """The job that was asked for, else the newest that failed, else the newest.

    Raises:
        CouldNotLookError: the branch has no job, or there is no such branch.
        AwsError: the jobs could not be listed.
    """
    if wanted is not None:
        return ChosenJob(wanted, "asked for by --job")
    try:
        jobs = amplify.recent_jobs(app_id, branch)
    except (AbsentError, RefusedError) as error:
        if isinstance(error, RefusedError) and error.code != _NOT_THERE_EITHER:
            raise
        raise CouldNotLookError(
            f"Amplify lists no jobs of a branch {branch} of an app {app_id} ({redact(error.message)[:200]}): look at "
            "the names, and at --region and --profile."
        ) from None
    if not jobs:
        raise CouldNotLookError(f"The branch {branch} was never built: there is no job to look at.")
    return _newest_failed(jobs) or ChosenJob(jobs[0].id, f"none of the last {len(jobs)} failed: this is the newest")


def _newest_failed(jobs: tuple[JobState, ...]) -> ChosenJob | None:
    failed = next((job for job in jobs if job.status == "FAILED"), None)
    if failed is None:
        return None
    newest = jobs[0]
    since = "" if newest.id == failed.id else f"; job {newest.id} is newer ({newest.status})"
    return ChosenJob(failed.id, f"the newest that failed{since}")
