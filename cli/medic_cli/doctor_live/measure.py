"""Measures what AWS does not document, on branches that the doctor made. A question without a clear answer has none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from medic.aws.errors import AwsError, AwsRejectedError, UnassumableRoleError
from medic.aws.logs import LogUnavailableError
from medic_cli.doctor_live.answers import AmplifyAnswersJson
from medic_cli.doctor_live.names import ACCOUNT, APP_TAG, BUILD, MEASURE, PLAIN, ROLES, SOURCE
from medic_cli.doctor_live.web import PageAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from medic_cli.doctor_live.app import ScratchApp
    from medic_cli.doctor_live.web import ReadLog, Visit

POLL, SLOW_POLL = 5.0, 15.0
"""Seconds between two looks."""
JOB_MINUTES, EVENT_MINUTES, LOG_MINUTES, RUNTIME_MINUTES, ROLE_MINUTES = 45, 3, 5, 3, 3
"""How long to wait for: a job, its event, its log, the runtime, and a new role to be assumable."""
QUESTIONS = tuple(AmplifyAnswersJson.__annotations__)
_FINAL = ("SUCCEED", "FAILED", "CANCELLED")
_PADDED = 10


class UnclearError(Exception):
    """The run could not tell. The message says why."""


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A job that the doctor started, at its end.

    Attributes:
        heard_at: When the event of its end came; None if it did not come.
        shown_at: When GetJob first showed the end.
        lagged: Whether a GetJob after the event still showed the job as running.
    """

    job_id: str
    job: Mapping[str, Any]
    heard_at: datetime | None
    shown_at: datetime
    lagged: bool

    @property
    def build_step(self) -> Mapping[str, Any]:
        return next((step for step in self.job["steps"] if step["stepName"] == "BUILD"), {})


@dataclass(slots=True)
class Measurement:
    """One run's answers.

    Attributes:
        app: The scratch app.
        queue_url: The queue that gets the app's events.
        visit: Opens the page.
        read_log: Reads a log.
        answers: The answers so far.
        lags: The longest waits, in seconds.
        texts: What AWS said literally. It may hold ids.
        unanswered: Why a question has no answer.
    """

    app: ScratchApp
    queue_url: str
    visit: Visit
    read_log: ReadLog
    answers: dict[str, str] = field(default_factory=dict)
    lags: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)
    _roles: dict[str, str] = field(default_factory=dict)
    _roles_made_at: datetime = field(init=False)

    def run(self) -> None:
        """Make the branch and the roles, and ask every question.

        Raises:
            AwsError: they could not be made.
        """
        self._roles_made_at = self.app.clock()
        self._roles = {trust: self.app.make_role(trust) for trust in ROLES}
        self.app.make_branch(MEASURE)
        self._ask(self._new_branch, "app_tags_on_branches", "branch_arn", "unset_members")
        self._ask(self._first_job, "active_job_id", "total_number_of_jobs")
        self._ask(self._runtime, "log_stream_names", "first_attach", "ssr_logs_without_permission")
        self._ask(self._conditions, "compute_source_conditions")
        self._ask(self._empty_role, "empty_compute_role")
        self._ask(self._retry_of_succeeded, "retry_of_succeeded")

    def failed_build(self, ended: EndedJob) -> None:
        """Ask what a failed build shows."""
        self._ask(lambda: self._reason_of(ended), "status_reason")
        self._ask(lambda: self._retry_of(ended), "retry_job_id")

    def log(self, ended: EndedJob) -> None:
        """Ask about a build's log. This has to begin as soon as GetJob shows the build's end."""
        self._ask(lambda: self._log_of(ended), "log_url", "log_body", "log_lags")

    def run_job(
        self, branch: str, retried: str | None = None, at_end: Callable[[EndedJob], None] = lambda _: None
    ) -> EndedJob:
        """Start a job, and wait for its end and for the event of its end.

        Args:
            branch: the branch.
            retried: the job that is retried; None for a build of the newest commit.
            at_end: called as soon as GetJob shows the end, whether its event came or not.

        Raises:
            AwsError: it could not be started or followed.
            UnclearError: it did not end.
        """
        self.app.heard(self.queue_url)  # what is left of earlier jobs
        job_id = self.app.start_job(branch, retried)
        started = self.app.clock()
        heard_at, lagged = None, False
        while True:
            heard_at = heard_at or self._heard_end(branch, job_id)
            job = self.app.job(branch, job_id)
            if job["summary"]["status"] in _FINAL:
                break
            lagged = heard_at is not None
            if self._waited(started, JOB_MINUTES):
                raise UnclearError(f"the job of {branch} did not end within {JOB_MINUTES} minutes")
            self.app.pause(POLL)
        ended = EndedJob(job_id, job, heard_at, self.app.clock(), lagged)
        at_end(ended)
        heard_at = heard_at or self._heard_end(branch, job_id)
        while heard_at is None and not self._waited(ended.shown_at, EVENT_MINUTES):
            self.app.pause(POLL)
            heard_at = self._heard_end(branch, job_id)
        ended = replace(ended, heard_at=heard_at)
        self._note_event(ended)
        return ended

    def address(self, branch: str) -> str:
        """The address of a branch's page."""
        name = self.app.branch(branch)["displayName"]
        return f"https://{name}.{self.app.app()['defaultDomain']}/"

    def complete(self) -> AmplifyAnswersJson:
        """Every question with its answer or None. Adds a reason for each None."""
        for question in QUESTIONS:
            if question not in self.answers:
                self.unanswered.setdefault(question, "the run did not get so far")
        return cast("AmplifyAnswersJson", {question: self.answers.get(question) for question in QUESTIONS})

    def _ask(self, step: Callable[[], None], *questions: str) -> None:
        try:
            step()
        except (AwsError, LogUnavailableError, UnclearError) as error:
            self.unanswered |= {question: str(error) for question in questions if question not in self.answers}

    # --- questions about branches and jobs

    def _new_branch(self) -> None:
        branch = self.app.branch(MEASURE)
        self.answers["app_tags_on_branches"] = "inherited" if APP_TAG in branch.get("tags", {}) else "own"
        self.answers["unset_members"] = "present" if "environmentVariables" in branch else "omitted"
        forms = {MEASURE: "raw", quote(MEASURE, safe=""): "encoded"}
        self._answer("branch_arn", branch["branchArn"].partition("/branches/")[2], forms)

    def _first_job(self) -> None:
        job = self._deploy()
        branch = self.app.branch(MEASURE)
        padded = job.job_id.zfill(_PADDED)
        self._answer("active_job_id", branch.get("activeJobId", ""), {padded: "padded", job.job_id: "plain"})
        counts = {"0": "running", str(len(self.app.job_ids(MEASURE))): "all"}
        self._answer("total_number_of_jobs", branch["totalNumberOfJobs"], counts)

    def _reason_of(self, ended: EndedJob) -> None:
        reason = next((step["statusReason"] for step in ended.job["steps"] if step.get("statusReason")), None)
        self.answers["status_reason"] = "present" if reason else "absent"
        if reason:
            self.texts["status_reason"] = reason

    def _log_of(self, ended: EndedJob) -> None:
        missed, job = False, ended
        while True:
            url = job.build_step.get("logUrl")
            head = self.read_log(url) if url else None
            if head is not None:
                break
            missed = True
            if self._waited(ended.shown_at, LOG_MINUTES):
                if not url:
                    self.answers["log_url"] = "absent"
                raise UnclearError(f"there was no log within {LOG_MINUTES} minutes")
            self.app.pause(POLL)
            job = replace(job, job=self.app.job(BUILD, job.job_id))
        self.answers["log_url"], self.answers["log_body"] = "present", head.form
        self._longest("status_to_log", self.app.clock() - ended.shown_at)
        if ended.lagged and not missed:
            self.unanswered["log_lags"] = "GetJob lagged itself, so the log had time to come"
        else:
            self.answers["log_lags"] = "yes" if missed else "no"

    def _retry_of(self, ended: EndedJob) -> None:
        again = self.run_job(BUILD, ended.job_id)
        self.answers["retry_job_id"] = "same" if again.job_id == ended.job_id else "new"

    def _retry_of_succeeded(self) -> None:
        succeeded = self._newest_success()
        try:
            self.run_job(MEASURE, succeeded)
        except AwsRejectedError as error:
            self.answers["retry_of_succeeded"] = "refused"
            self.texts["retry_of_succeeded"] = str(error)
        else:
            self.answers["retry_of_succeeded"] = "accepted"

    # --- questions about the runtime

    def _runtime(self) -> None:
        before = self._opened()
        if before is not PageAnswer.NO_ROLE:
            raise UnclearError(f"without a compute role the page found {before}")
        streams = self._streams_after_a_visit()
        if streams:
            own = [name for name in streams if name.startswith(tuple(f"{form}/" for form in _forms(MEASURE)))]
            self.answers["log_stream_names"] = "branch" if own else "opaque"
            self.texts["log_stream_names"] = (own or list(streams))[0]
        if not self._accepts(PLAIN):
            raise UnclearError(f"a plain role was not accepted within {ROLE_MINUTES} minutes")
        if self._finds_role():
            self.answers["first_attach"] = "immediate"
        else:
            self._deploy()
            if not self._finds_role():
                raise UnclearError("the page found no role, not even after a deployment")
            self.answers["first_attach"] = "needs_redeploy"
        if not streams:
            raise UnclearError("the page had no log before the role was set: set a logging role for the app")
        written = self._streams_after_a_visit()
        self.answers["ssr_logs_without_permission"] = "written" if written else "missing"

    def _conditions(self) -> None:
        if not self._accepts(PLAIN):
            raise UnclearError(f"a plain role was not accepted within {ROLE_MINUTES} minutes")
        accepted = (self._accepts(ACCOUNT), self._accepts(SOURCE))
        meanings = {(True, True): "accepted", (True, False): "account_only", (False, False): "refused"}
        self._answer("compute_source_conditions", accepted, meanings)

    def _empty_role(self) -> None:
        if not self._accepts(PLAIN):
            raise UnclearError(f"a plain role was not accepted within {ROLE_MINUTES} minutes")
        try:
            self.app.set_role(MEASURE, "")
        except AwsRejectedError as error:
            self.answers["empty_compute_role"] = "refused"
            self.texts["empty_compute_role"] = str(error)
            return
        left = self.app.branch(MEASURE).get("computeRoleArn")
        self.answers["empty_compute_role"] = "ignored" if left else "detaches"

    # --- steps

    def _deploy(self) -> EndedJob:
        job = self.run_job(MEASURE)
        if job.job["summary"]["status"] != "SUCCEED":
            raise UnclearError(f"the build of {MEASURE} failed: push docs/doctor-app unchanged to that branch")
        return job

    def _newest_success(self) -> str:
        for job_id in self.app.job_ids(MEASURE):
            if self.app.job(MEASURE, job_id)["summary"]["status"] == "SUCCEED":
                return job_id
        raise UnclearError(f"no job of {MEASURE} succeeded")

    def _accepts(self, trust: str) -> bool:
        """Whether UpdateBranch accepts a role. A new one is tried until it is old enough to be known everywhere."""
        while True:
            try:
                self.app.set_role(MEASURE, self._roles[trust])
            except UnassumableRoleError:
                if self._waited(self._roles_made_at, ROLE_MINUTES):
                    return False
            else:
                return True
            self.app.pause(SLOW_POLL)

    def _finds_role(self) -> bool:
        started = self.app.clock()
        while self._opened() is not PageAnswer.ROLE:
            if self._waited(started, RUNTIME_MINUTES):
                return False
            self.app.pause(SLOW_POLL)
        return True

    def _opened(self) -> PageAnswer:
        return self.visit(self.address(MEASURE))

    def _streams_after_a_visit(self) -> Sequence[str]:
        """The log streams that a visit wrote to; of other branches' streams only those without a branch's name."""
        self.app.pause(POLL)  # so that lines of earlier visits are older, also if this machine's clock is a bit fast
        since = self.app.clock() - timedelta(seconds=POLL / 2)
        self._opened()
        while not (streams := self._of_this_branch(self.app.log_streams(since))):
            if self._waited(since, RUNTIME_MINUTES):
                return ()
            self.app.pause(SLOW_POLL)
        return streams

    def _of_this_branch(self, streams: Iterable[str]) -> Sequence[str]:
        foreign = tuple(f"{each}/" for name in self.app.branches() if name != MEASURE for each in _forms(name))
        return [name for name in streams if not name.startswith(foreign)]

    def _heard_end(self, branch: str, job_id: str) -> datetime | None:
        """The time, if the event of the job's end came since the last call."""
        came = any(
            (detail["branchName"], detail["jobId"]) == (branch, job_id) and detail["jobStatus"] in _FINAL
            for detail in self.app.heard(self.queue_url)
        )
        return self.app.clock() if came else None

    def _note_event(self, ended: EndedJob) -> None:
        """What every job shows: whether its event came, and whether GetJob was late."""
        if ended.heard_at is None:
            self.answers["event_lost"] = "yes"
            self.unanswered.setdefault("status_lags", "no event told when a job had ended")
            return
        self.answers.setdefault("event_lost", "no")
        self._longest("event_to_status", max(ended.shown_at - ended.heard_at, timedelta()))
        self.unanswered.pop("status_lags", None)
        if ended.lagged or "status_lags" not in self.answers:
            self.answers["status_lags"] = "yes" if ended.lagged else "no"

    def _answer(self, question: str, seen: object, meanings: Mapping[Any, str]) -> None:
        if seen not in meanings:
            raise UnclearError(f"AWS showed {seen!r}, which is none of the expected forms")
        self.answers[question] = meanings[seen]

    def _longest(self, lag: str, wait: timedelta) -> None:
        self.lags[lag] = max(self.lags.get(lag, 0.0), wait.total_seconds())

    def _waited(self, since: datetime, minutes: float) -> bool:
        return self.app.clock() - since >= timedelta(minutes=minutes)


def _forms(branch: str) -> tuple[str, ...]:
    """A branch's name as a stream may begin with it."""
    return (branch, branch.replace("/", "-"), quote(branch, safe=""))
