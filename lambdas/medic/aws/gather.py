"""Reads the evidence for a diagnosis: first the deployment and its log, then the roles.

The caller asks for the roles only if the log shows an IAM failure, so that other failures cost few calls.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.aws.logs import BuildLogSource, LogExpiredError, LogUnavailableError
from medic.evidence import Absent, BuildLog, Evidence, Item, Present, Unreadable, value_of
from medic.logscan.scan import Scanner, scan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from medic.aws.amplify import AmplifyReader, JobWithLogs
    from medic.aws.iam import IamReader
    from medic.events import Scope
    from medic.evidence import App, Branch, Job, Role
    from medic.labels import Phase
    from medic.logscan.model import LogReading

_MAX_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Deployment:
    """The app, branch and job that an event names."""

    scope: Scope
    app: Item[App]
    branch: Item[Branch]
    job_with_logs: Item[JobWithLogs]

    @property
    def job(self) -> Item[Job]:
        """The job without its log URLs."""
        item = self.job_with_logs
        return Present(item.value.job) if isinstance(item, Present) else item


class Gatherer:
    """Reads what a diagnosis needs. Independent calls run in parallel."""

    def __init__(self, amplify: AmplifyReader, iam: IamReader, logs: BuildLogSource) -> None:
        self._amplify = amplify
        self._iam = iam
        self._logs = logs

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

    def read_log(self, deployment: Deployment, phase: Phase) -> tuple[Item[BuildLog], LogReading]:
        """Scan the log of the failed step while it is downloaded.

        If the log's URL has expired, GetJob is called once for a new one. If there is no readable log, the step's
        status reason is scanned instead, because AWS gives nothing else.

        Returns:
            Which log was read or why none was, and what the scan found.

        Raises:
            RetryableError: the log's host or GetJob throttled, failed, or was not reached.
        """
        source = deployment.job_with_logs
        if not isinstance(source, Present):
            return source, scan((), phase)
        step = source.value.job.failed_step
        name = step.name if step else "BUILD"
        reason = [step.reason.encode()] if step and step.reason else []
        url = source.value.log_urls.get(name)
        if url is None:
            return Absent(f"the {name} step of job {source.value.job.id} has no log"), scan(reason, phase)
        try:
            try:
                reading = Scanner(phase).read(self._logs.chunks(url))
            except LogExpiredError:
                scope = deployment.scope
                fresh = self._amplify.job(scope.app_id, scope.branch, source.value.job.id)
                url = fresh.value.log_urls.get(name) if isinstance(fresh, Present) else None
                if url is None:
                    return Unreadable("the log's URL had expired and GetJob gave no fresh one"), scan(reason, phase)
                reading = Scanner(phase).read(self._logs.chunks(url))
        except LogUnavailableError as error:
            return Unreadable(str(error)), scan(reason, phase)
        return Present(BuildLog(name, reading.size)), reading

    def evidence(
        self,
        deployment: Deployment,
        log: Item[BuildLog],
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
        scope = deployment.scope
        return Evidence(
            partition=scope.partition,
            account=scope.account,
            region=scope.region,
            app_id=scope.app_id,
            branch_name=scope.branch,
            read_at=read_at,
            app=deployment.app,
            branch=deployment.branch,
            job=deployment.job,
            log=log,
            roles=self.roles(_role_arns(deployment, candidate, repair)),
            candidate_role_arn=candidate,
            repair_role_arn=repair,
        )

    def roles(self, arns: tuple[str, ...]) -> Mapping[str, Item[Role]]:
        """Look up roles in parallel. The result is keyed by the ARN that was asked for.

        Raises:
            RetryableError: AWS throttled, failed, or was not reached.
        """
        with ThreadPoolExecutor(max_workers=_MAX_WORKERS) as pool:
            return dict(zip(arns, pool.map(self._iam.role, arns), strict=True))


def _role_arns(deployment: Deployment, candidate: str | None, repair: str | None) -> tuple[str, ...]:
    app = value_of(deployment.app)
    branch = value_of(deployment.branch)
    effective = (branch and branch.compute_role_arn) or (app and app.compute_role_arn)
    named = (app and app.service_role_arn, effective, candidate, repair)
    return tuple(dict.fromkeys(arn for arn in named if arn))
