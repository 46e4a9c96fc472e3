"""A deployment failed: confirm the failure with AWS, diagnose it, and respond under the branch's lease."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from medic.aws.errors import RetryableError
from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.facts import denied_role
from medic.events import Attempt, DeploymentEvent, DeploymentStatus
from medic.evidence import Absent, App, Branch, BuildLog, Item, Job, JobRef, Partial, Present, Read, Unreadable
from medic.flows.locked_branch import hold_branch
from medic.flows.report_only import Obstacle, report_build_failed, report_undiagnosed, retry_while_it_may_pass
from medic.flows.respond import respond
from medic.flows.settle import look_for_success, settle_other_failure
from medic.incidents.model import Incident, Request
from medic.incidents.requests import RequestRefusedError
from medic.labels import Label, Trigger
from medic.plan.failure import ConfirmedFailure
from medic.plan.optin import PairedRoles, read_opt_in
from medic.records import replace
from medic.settings import Notify
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.alerts.failure_report import FailureReport
    from medic.aws.gather import Deployment
    from medic.services import Services


_WRITTEN_WITHIN = timedelta(minutes=10)
"""How long after a job's end its log may still be written, and GetJob may not show the end."""
_TIME_UNIT = timedelta(seconds=1)
"""An event's time has no fraction of a second."""
_AGAIN = "again"
"""The obstacle of a job that runs again under the same id."""
_GRANT = "Let the bot's role make this call, and look for a service control policy that denies it."


def diagnose_failure(
    event: DeploymentEvent, services: Services, request: Request | None = None, *, attempt: Attempt | None = None
) -> FailureReport | Incident | None:
    """Handle a FAILED event, from reading the job to sending the alert.

    The reason for this run is a person's approval or fix request (`request`), a message (`attempt`), or a deadline.
    Returns what was done, as `respond` says it, or None if there is nothing to do about this job.

    Raises:
        RetryableError: also if the job or its log is not there yet.
        RequestRefusedError: the failure can't be read, so a person's request can't be carried out.
    """
    try:
        failure = _confirmed_failure(event, services)
    except RetryableError as error:
        if attempt is None or not attempt.last:
            raise
        failure = Obstacle("unreachable", str(error), "Look at the job in the Amplify console.", passing=False)
    if failure is None:
        return None
    if isinstance(failure, Obstacle):
        _give_way(failure, event, services, attempt, request)
        return None
    if failure.job.ended_at is None and attempt is not None and attempt.age < _WRITTEN_WITHIN and not attempt.last:
        raise RetryableError("amplify:GetJob", "NotYet", f"it does not show the end of job {failure.job.id} yet")
    with hold_branch(event.scope, services) as locked:
        done = respond(failure, locked, request)
    if failure.branch.supersedes(failure.job.id) and done is not None:
        look_for_success(event.scope, done if isinstance(done, Incident) else done.incident, services, told=True)
    return done


def _give_way(
    obstacle: Obstacle, event: DeploymentEvent, services: Services, attempt: Attempt | None, request: Request | None
) -> None:
    """Retry while the obstacle may pass. Then report the failure without a diagnosis.

    It is dropped only if its job was started again, because the end of that run has an event of its own.
    """
    if obstacle.kind == _AGAIN and attempt is not None:
        services.telemetry.record(TelemetryEvent.JOB_NOT_CONFIRMED, scope=event.scope, why=obstacle.why)
        return
    retry_while_it_may_pass(obstacle, attempt)
    if request is not None:
        raise RequestRefusedError(f"could not look: {obstacle.why}", for_good=False)
    if attempt is not None:
        report_undiagnosed(event.scope, JobRef(event.job_id, None), obstacle, services)


def _confirmed_failure(event: DeploymentEvent, services: Services) -> ConfirmedFailure | Obstacle | None:
    """The failure, if GetJob confirms it and its log shows that it is IAM's. The event alone proves nothing.

    None if AWS says that there is no such failure, or that it is not IAM's. An obstacle if AWS could not tell.
    """
    scope, runtime = event.scope, services.runtime
    log_event = partial(services.telemetry.record, scope=scope, job=event.job_id)
    deployment = services.gatherer.deployment(scope, event.job_id)
    match _confirmed(deployment, event.time):
        case Obstacle() as obstacle:
            return obstacle
        case str(why):
            log_event(TelemetryEvent.JOB_NOT_CONFIRMED, why=why)
            return None
        case (app, branch, job):
            opt_in = read_opt_in(services.runtime.settings, branch.tags)
    if opt_in.ignored:
        log_event(TelemetryEvent.IGNORED)
        services.table.note_handled(scope, job.ref)
        return None
    phase = deployment.failed_phase
    log, reading = services.gatherer.read_log(deployment, phase)
    ended_lately = job.ended_at is not None and services.clock() - job.ended_at < _WRITTEN_WITHIN
    being_written = reading.lacks_verdict and ended_lately
    unread = _unread_log(log, being_written=being_written)
    if unread is not None:
        log_event(TelemetryEvent.LOG_UNAVAILABLE, why=unread.why)
        if reading.label is None or being_written:
            return unread
    if reading.label is Label.NOT_IAM:
        log_event(TelemetryEvent.NOT_IAM)
        settle_other_failure(event, job.ref, services)
        if services.runtime.settings.notify is Notify.ALL_FAILURES:
            report_build_failed(scope, app, branch, job.ref, reading.ending, services)
        return None
    paired = PairedRoles(runtime.settings, runtime.default_role_arn, scope.app_id, scope.branch)
    compute, service = paired.choose_compute(branch.tags), paired.choose_service(app.tags)
    evidence = services.gatherer.evidence(
        deployment, log, read_at=services.clock(), candidate=compute.arn, repair=service.arn
    )
    denied = denied_role(reading, app, branch)
    evidence = replace(evidence, policies=services.gatherer.policies([denied]))
    diagnosis = diagnose(evidence, reading, phase)
    log_event(TelemetryEvent.DIAGNOSED, label=diagnosis.label, cause=diagnosis.likeliest)
    return ConfirmedFailure(
        trigger=Trigger.FAILED,
        app=app,
        branch=branch,
        evidence=evidence,
        diagnosis=diagnosis,
        opt_in=opt_in,
        compute_choice=compute,
        service_choice=service,
        noticed_at=event.time,
        missed=event.missed,
    )


def _confirmed(deployment: Deployment, told_at: datetime) -> tuple[App, Branch, Job] | Obstacle | str:
    """The app, the branch and the job if it failed. Otherwise what `_failed` returns in place of the job."""
    match deployment.app, deployment.branch:
        case (Absent(reason), _):
            return reason
        case (Unreadable(reason), _) | (_, Unreadable(reason)):
            return Obstacle("access", reason, _GRANT, passing=False)
        case (_, Absent(reason)):
            return reason
        case Present(app), Present(branch):
            failed = _failed(deployment.job, told_at, branch)
            return failed if isinstance(failed, Obstacle | str) else (app, branch, failed)


def _failed(item: Item[Job], told_at: datetime, branch: Branch) -> Job | Obstacle | str:
    """The job if it failed. Otherwise what keeps the bot from knowing, or what AWS says instead.

    It is not documented whether a retried job keeps its id.
    """
    match item:
        case Unreadable(reason):
            return Obstacle("access", reason, _GRANT, passing=False)
        case Absent(reason) if branch.created_at is not None and told_at < branch.created_at:
            return f"{reason}: it was a job of a deleted branch of the same name"
        case Absent(reason):
            return Obstacle("job", reason, "Look for the job in the Amplify console.", passing=True)
        case Present(job) if job.status == DeploymentStatus.FAILED:
            return job
        case Present(job) if job.status in {DeploymentStatus.SUCCEED, DeploymentStatus.CANCELLED}:
            return f"the job's status is {job.status}"
        case Present(job):
            again = job.started_at is not None and job.started_at >= told_at + _TIME_UNIT
            why = f"GetJob {'again' if again else 'still'} says {job.status} of job {job.id}"
            return Obstacle(_AGAIN if again else "status", why, "Look at the job in the Amplify console.", passing=True)


def _unread_log(log: Read[BuildLog], *, being_written: bool) -> Obstacle | None:
    """What keeps the bot from knowing what the whole log shows; None if it was read whole."""
    match log:
        case Present():
            return None
        case Partial(_, reason):
            remedy = "Read the rest of the log in the Amplify console, or raise limits.log_mebibytes."
            return Obstacle("cut", f"the log was read in part: {reason}", remedy, passing=being_written)
        case Absent(reason) | Unreadable(reason):
            return Obstacle("log", reason, "Look at the log in the Amplify console.", passing=True)
