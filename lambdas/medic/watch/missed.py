"""Finds failed jobs that no event told of. EventBridge delivers Amplify's events on a best-effort basis.

https://docs.aws.amazon.com/amplify/latest/userguide/monitoring-with-cloudwatch.html

Once an hour each app's branches are listed. A branch's jobs are listed if something about the branch changed, and in
any case every six hours: it is not documented which change moves which field, so the fields may only save calls.
The first look at an app only notes what is there. A job that was handled is noted in its branch's record. One that
could not be diagnosed is not: it is sent once more, because its log may be there by then.

Everything here but `MissedFailures` is pure.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.aws.errors import AwsError, RetryableError
from medic.records import replace
from medic.telemetry import Telemetry, TelemetryEvent
from medic.watch.job_store import KnownBranch, KnownJobs, KnownJobsTable
from medic.watch.rounds import JOB_MINUTES, in_turn, minutes_since

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from medic.aws.amplify import AmplifyReader
    from medic.evidence import App, Branch, Job

ASK_ANYWAY_AFTER = timedelta(hours=6)
"""How long a branch that shows no change may go without a look at its jobs."""
MAX_AGE = timedelta(hours=24)
"""Older failures are not told."""
GRACE = timedelta(minutes=15)
"""How long after its end a job may wait for its event. A retried message needs no second one."""


def branch_state(branch: Branch) -> str:
    return f"{branch.active_job_id}|{branch.jobs_total}|{branch.updated_at}"


def must_ask(branch: Branch, known: KnownBranch | None, now: datetime) -> bool:
    """Whether to list the branch's jobs."""
    return known is None or known.state != branch_state(branch) or now - known.asked_at >= ASK_ANYWAY_AFTER


def after_jobs(
    branch: Branch, known: KnownBranch | None, jobs: Iterable[Job], since: datetime, now: datetime
) -> tuple[KnownBranch, tuple[Job, ...]]:
    """What is known of a branch after its jobs were listed, and the failed jobs to tell of, oldest first.

    A job that just ended waits for its event: the branch then counts as changed, so that the next look asks again.
    """
    known = known or KnownBranch("", now)
    ended = {job: job.ended_at or job.started_at or now - GRACE for job in jobs if job.status == "FAILED"}
    failed = [job for job, at in ended.items() if at > max(since, now - MAX_AGE)]
    late = [job for job in failed if now - ended[job] >= GRACE]
    missed = sorted((job for job in late if str(job.ref) not in known.told), key=lambda job: int(job.id))
    state = branch_state(branch) if len(late) == len(failed) else ""
    told = tuple(str(job.ref) for job in late)
    return replace(known, state=state, asked_at=now, told=told), tuple(missed)


class MissedFailures(Struct, frozen=True):
    """Looks for missed failures.

    Attributes:
        heard: which failed jobs of a branch were handled.
        tell: sends the remediator a failed job of a branch.
    """

    amplify: AmplifyReader
    known_jobs: KnownJobsTable
    heard: Callable[[str, str], Collection[str]]
    tell: Callable[[str, str, Job], None]
    telemetry: Telemetry
    clock: Callable[[], datetime]

    def look(self, apps: Sequence[App], done: datetime | None, deadline: datetime) -> datetime | None:
        """Look at the apps whose turn it is. If one fails, the others are looked at all the same.

        Args:
            apps: all apps that are watched.
            done: the minute up to which turns were taken; None if that is not known.
            deadline: no further minute's turns are taken after this time, and no further branch is asked. Such a
                branch is asked an hour later.

        Returns:
            The minute up to which turns were taken.
        """
        for minute in minutes_since(done, self.clock(), JOB_MINUTES):
            for app in in_turn(apps, [minute], JOB_MINUTES):
                try:
                    self._look_at(app.id, deadline)
                except AwsError as error:
                    self._unread(app.id, error)
                except Exception as error:  # noqa: BLE001 - one app stops no other
                    self.telemetry.fault(error, app=app.id)
            done = datetime.fromtimestamp(minute * 60, UTC)
            if self.clock() >= deadline:
                break
        return done

    def _look_at(self, app_id: str, deadline: datetime) -> None:
        now = self.clock()
        before = self.known_jobs.read(app_id)
        branches = tuple(self.amplify.branches(app_id))
        if before is None:
            noted = {branch.name: KnownBranch(branch_state(branch), now) for branch in branches}
            self.known_jobs.write(app_id, KnownJobs(now, noted), now)
            return
        known: dict[str, KnownBranch] = {}
        for branch in branches:
            last = before.branches.get(branch.name)
            if last is not None:
                known[branch.name] = last
            if must_ask(branch, last, now) and self.clock() < deadline:
                self._ask(app_id, branch, before.since, known)
        self.known_jobs.write(app_id, replace(before, branches=known), now)

    def _ask(self, app_id: str, branch: Branch, since: datetime, known: dict[str, KnownBranch]) -> None:
        """List the branch's jobs and tell of the missed ones. What could not be listed is asked again next time."""
        try:
            jobs = self.amplify.recent_jobs(app_id, branch.name)
            after, missed = after_jobs(branch, known.get(branch.name), jobs, since, self.clock())
            heard = self.heard(app_id, branch.name) if missed else ()
        except AwsError as error:
            self._unread(app_id, error, branch=branch.name)
            return
        for job in (job for job in missed if str(job.ref) not in heard):
            self.tell(app_id, branch.name, job)
            self.telemetry.record(TelemetryEvent.EVENT_MISSED, app=app_id, branch=branch.name, job=job.id)
        known[branch.name] = after

    def _unread(self, app_id: str, error: AwsError, **details: str) -> None:
        lasts = not isinstance(error, RetryableError)
        self.telemetry.unread(TelemetryEvent.JOBS_UNREAD, app_id, error, lasts=lasts, **details)
