"""Rebuilding: StartJob RETRY of the recorded job, once, and only while it is still the newest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from medic.actions.outcome import RebuildOutcome
from medic.aws.errors import AwsError, RetryableError
from medic.evidence import Absent, Job, Partial, Present, Read, Unreadable

if TYPE_CHECKING:
    from medic.aws.amplify import AmplifyActor
    from medic.events import Scope

Jobs = Read[tuple[Job, ...]]
"""The branch's latest jobs, newest first."""


def why_no_rebuild_now(jobs: Jobs, job: Job) -> str | None:
    """Why the job can't be retried now, or None if it can."""
    match jobs:
        case Absent(reason) | Unreadable(reason) | Partial(_, reason):
            return f"not rebuilt: the branch's jobs could not be read: {reason}"
        case Present(listed):
            running = next((other for other in listed if other.running), None)
    if running is not None:
        return f"superseded by job {running.id}, which runs now"
    if not listed or int(listed[0].id) < int(job.id):
        return f"not rebuilt: ListJobs does not list job {job.id}"
    if int(listed[0].id) > int(job.id):
        return f"superseded by job {listed[0].id}"
    return None


def start_rebuild(actor: AmplifyActor, scope: Scope, job: Job, incident_id: str) -> RebuildOutcome:
    """Start the retry once. Never RELEASE: that would deploy whatever commit the branch's head is at now.

    Raises:
        AmbiguousError: no answer came. Look for the job, and never send StartJob again.
        RetryableError: Amplify is busy, for example because the account runs as many builds as it may. Try it later.
    """
    try:
        started = actor.retry_job(scope.app_id, scope.branch, job.id, f"Amplify Medic, incident {incident_id}")
    except RetryableError:
        raise
    except AwsError as error:
        return RebuildOutcome(None, f"not rebuilt, StartJob was refused: {error.message}. Redeploy to be sure.")
    return RebuildOutcome(started, _started(started, job))


def find_rebuild(jobs: Jobs, job: Job, intended_at: datetime) -> RebuildOutcome:
    """Find the job of a StartJob that got no answer. A job that started before the intent is not this retry."""
    match jobs:
        case Present(listed):
            shown = "no new job shows"
        case Partial(listed, reason):
            shown = f"the jobs could be read in part only: {reason}"
        case Absent(reason) | Unreadable(reason):
            listed, shown = (), f"the jobs could not be read: {reason}"
    ours = next((other for other in listed if _is_the_retry(other, job, intended_at)), None)
    if ours is not None:
        return RebuildOutcome(ours.id, _started(ours.id, job))
    why = f"StartJob gave no answer and {shown}: redeploy it yourself if none comes"
    return RebuildOutcome(None, why, known=isinstance(jobs, Present))


def _started(started: str, job: Job) -> str:
    return f"job {started} rebuilds the commit of job {job.id}"


def _is_the_retry(other: Job, job: Job, intended_at: datetime) -> bool:
    """True if `other` is the same job started again, or a later retry of its commit.

    Both are possible, because it is not documented whether a retry gets a new id. A push in between builds another
    commit and is no retry.
    """
    since = other.started_at is None or other.started_at >= intended_at.replace(microsecond=0)
    if int(other.id) == int(job.id):
        return other.running or (since and other.started_at is not None)
    return int(other.id) > int(job.id) and since and other.type == "RETRY" and other.commit_id == job.commit_id
