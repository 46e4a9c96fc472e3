"""Reads the evidence for a diagnosis: first the deployment and its log, then the roles.

The caller asks for the roles only if the log shows an IAM failure, so that other failures cost few calls.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.arns import RoleArn
from medic.aws.errors import RetryableError
from medic.aws.logs import BuildLogSource, LogExpiredError, LogUnavailableError
from medic.evidence import (
    Absent,
    App,
    Branch,
    BuildLog,
    Evidence,
    Item,
    Job,
    Present,
    Read,
    Role,
    RolePolicies,
    Step,
    Unreadable,
    build_log,
    value_of,
)
from medic.labels import Phase
from medic.logscan.model import LogReading
from medic.logscan.scan import scan
from medic.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from medic.aws.amplify import AmplifyReader, JobWithLogs
    from medic.aws.iam import IamReader
    from medic.events import Scope

_MAX_WORKERS = 4
_MOST_SCAN_SECONDS = 30.0
_LEAST_SCAN_SECONDS = 5.0
_NO_VERDICT = "Amplify's verdict is missing at its end, so it may still be written"
_RESERVED_SECONDS = 45.0
"""Time for the log's download, at most 20 s, and for the response: to read roles, to change one, to send alerts."""


class Deployment(Struct, frozen=True):
    """The app, branch and job that an event names."""

    scope: Scope
    app: Item[App]
    branch: Item[Branch]
    job_with_logs: Item[JobWithLogs]

    @property
    def failed_phase(self) -> Phase:
        """The phase of the failed step; the build if GetJob names none."""
        job = value_of(self.job)
        step = job.failed_step if job else None
        return Phase.DEPLOY if step is not None and step.name == "DEPLOY" else Phase.BUILD

    @property
    def job(self) -> Item[Job]:
        """The job without its log URLs."""
        item = self.job_with_logs
        return Present(item.value.job) if isinstance(item, Present) else item


class Gatherer:
    """Reads what a diagnosis needs. Independent calls run in parallel.

    Args:
        amplify: reads apps, branches and jobs.
        iam: reads roles.
        logs: downloads build logs.
        time_left: the seconds that this run may still take.
    """

    def __init__(
        self,
        amplify: AmplifyReader,
        iam: IamReader,
        logs: BuildLogSource,
        time_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._amplify = amplify
        self._iam = iam
        self._logs = logs
        self._time_left = time_left

    def deployment(self, scope: Scope, job_id: str) -> Deployment:
        """Call GetApp, GetBranch and GetJob in parallel.

        Raises:
            RetryableError: AWS throttled, failed, or was not reached.
        """
        with ThreadPoolExecutor(max_workers=_MAX_WORKERS) as pool:
            app = pool.submit(self._amplify.app, scope.app_id)
            branch = pool.submit(self._amplify.branch, scope.app_id, scope.branch)
            job = pool.submit(self._amplify.job, scope.app_id, scope.branch, job_id)
            return Deployment(scope, app.result(), branch.result(), job.result())

    def read_log(self, deployment: Deployment, phase: Phase) -> tuple[Read[BuildLog], LogReading]:
        """Scan the log of the failed step while it is downloaded.

        If the log's URL has expired, GetJob is called once for a new one. If there is no readable log, the step's
        status reason is scanned instead, because AWS gives nothing else; then the reading is not complete.

        Returns:
            Which log was read or why none was, and what the scan found.

        Raises:
            RetryableError: the log's host or GetJob throttled, failed, or was not reached, or no time is left.
        """
        match deployment.job_with_logs:
            case Absent() | Unreadable() as unread:
                return unread, LogReading(unread=unread.reason)
            case Present(source):
                step = source.job.failed_step
        name = step.name if step else "BUILD"
        url = source.log_urls.get(name)
        if url is None:
            return _status_reason(step, phase, Absent(f"the {name} step of job {source.job.id} has no log"))
        seconds = self._seconds_for_scan()
        try:
            try:
                reading = scan(self._logs.chunks(url), phase, seconds=seconds)
            except LogExpiredError:
                scope = deployment.scope
                fresh = self._amplify.job(scope.app_id, scope.branch, source.job.id)
                url = fresh.value.log_urls.get(name) if isinstance(fresh, Present) else None
                if url is None:
                    why = Unreadable("the log's URL had expired and GetJob gave no fresh one")
                    return _status_reason(step, phase, why)
                reading = scan(self._logs.chunks(url), phase, seconds=seconds)
        except LogUnavailableError as error:
            return _status_reason(step, phase, Unreadable(str(error)))
        if not reading.size:
            return _status_reason(step, phase, Unreadable("the log is still empty"))
        if step is not None and step.name == "BUILD" and reading.complete and not reading.verdict:
            reading = replace(reading, unread=_NO_VERDICT, lacks_verdict=True)
        return build_log(name, reading.size, reading.unread), reading

    def _seconds_for_scan(self) -> float:
        """How long the scan of a log may take.

        Raises:
            RetryableError: the function's time is nearly up.
        """
        left = self._time_left() - _RESERVED_SECONDS
        if left < _LEAST_SCAN_SECONDS:
            raise RetryableError(
                "medic:ReadLog", "OutOfTime", "too little of the function's time is left to read a log"
            )
        return min(left, _MOST_SCAN_SECONDS)

    def evidence(
        self,
        deployment: Deployment,
        log: Read[BuildLog],
        *,
        read_at: datetime,
        candidate: str | None,
        repair: str | None,
    ) -> Evidence:
        """Look up every role that matters, and put everything together.

        Args:
            deployment: the app, branch and job.
            log: which log was read, or why none was.
            read_at: the current time.
            candidate: the ARN of the paired compute role that would be attached.
            repair: the ARN of the paired service role that would be set.

        Raises:
            RetryableError: AWS throttled, failed, or was not reached.
        """
        return Evidence(
            scope=deployment.scope,
            read_at=read_at,
            app=deployment.app,
            branch=deployment.branch,
            job=deployment.job,
            log=log,
            roles=self.roles(_role_arns(deployment, candidate, repair)),
            candidate_role_arn=candidate,
            repair_role_arn=repair,
        )

    def policies(self, role_arns: Iterable[str | None]) -> Mapping[str, Item[RolePolicies]]:
        """The policies of roles, by ARN. What is no role's ARN is left out.

        Raises:
            RetryableError: AWS throttled, failed, or was not reached.
        """
        roles = [role for arn in role_arns if arn and (role := RoleArn.parse(arn))]
        return {role.text: self._iam.policies(role.name) for role in roles}

    def roles(self, arns: tuple[str, ...]) -> Mapping[str, Item[Role]]:
        """Look up roles in parallel. The result is keyed by the ARN that was asked for.

        Raises:
            RetryableError: AWS throttled, failed, or was not reached.
        """
        with ThreadPoolExecutor(max_workers=_MAX_WORKERS) as pool:
            return dict(zip(arns, pool.map(self._iam.role, arns), strict=True))


def _status_reason(
    step: Step | None, phase: Phase, no_log: Absent | Unreadable
) -> tuple[Absent | Unreadable, LogReading]:
    """What the step's status reason shows, because there is no readable log."""
    reason = [step.reason.encode()] if step and step.reason else []
    return no_log, replace(scan(reason, phase), unread=no_log.reason)


def _role_arns(deployment: Deployment, candidate: str | None, repair: str | None) -> tuple[str, ...]:
    app = value_of(deployment.app)
    branch = value_of(deployment.branch)
    effective = (branch and branch.compute_role_arn) or (app and app.compute_role_arn)
    named = (app and app.service_role_arn, effective, candidate, repair)
    return tuple(dict.fromkeys(arn for arn in named if arn))
