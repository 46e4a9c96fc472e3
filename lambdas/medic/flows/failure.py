"""A deployment failed: confirm the failure with AWS, diagnose it, and respond under the branch's lease."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from medic.diagnosis.diagnose import diagnose
from medic.evidence import App, Branch, Job, Present
from medic.flows.failure_model import ConfirmedFailure, cause_of
from medic.flows.notify import hold_branch
from medic.flows.respond import Responder
from medic.flows.settle import settle_other_failure
from medic.labels import Label, Phase, Trigger
from medic.logscan.scan import scan
from medic.plan.optin import choose_compute_role, choose_service_role, read_opt_in
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.aws.gather import Deployment
    from medic.events import DeploymentEvent
    from medic.flows.respond import Response
    from medic.incidents.model import Request
    from medic.services import Services


def diagnose_failure(event: DeploymentEvent, services: Services, request: Request | None = None) -> Response | None:
    """Handle a FAILED event, from reading the job to sending the alert.

    Args:
        event: which job failed, and when.
        services: AWS, the table, channels and telemetry.
        request: the approval or fix request of a person, if that is the reason for this run.

    Returns:
        What was done, or None if there is nothing to do about this job.

    Raises:
        RetryableError: AWS throttled or could not be reached; deliver the event again.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not accept the alert.
        UsedUpError: another invocation has used the request.
    """
    failure = _confirmed_failure(event, services)
    if failure is None:
        return None
    with hold_branch(event.scope, services) as locked:
        return Responder(failure, locked, services, request).respond()


def _confirmed_failure(event: DeploymentEvent, services: Services) -> ConfirmedFailure | None:
    scope = event.scope
    deployment = services.gatherer.deployment(scope, event.job_id)
    confirmed = _confirmed(deployment)
    if confirmed is None:
        services.telemetry.record(
            TelemetryEvent.JOB_NOT_CONFIRMED, scope=scope, job=event.job_id, why=_state(deployment)
        )
        return None
    app, branch, job = confirmed
    phase = Phase.DEPLOY if (step := job.failed_step) and step.name == "DEPLOY" else Phase.BUILD
    log, reading = services.gatherer.read_log(deployment, partial(scan, phase=phase))
    if not isinstance(log, Present):
        services.telemetry.record(TelemetryEvent.LOG_UNAVAILABLE, scope=scope, job=event.job_id, why=log)
    if reading.label is Label.NOT_IAM:
        services.telemetry.record(TelemetryEvent.NOT_IAM, scope=scope, job=event.job_id)
        settle_other_failure(event, services)
        return None
    settings = services.runtime.settings
    opt_in = read_opt_in(settings, branch.tags)
    if opt_in.ignored:
        services.telemetry.record(TelemetryEvent.IGNORED, scope=scope, job=event.job_id)
        return None
    compute = choose_compute_role(settings, services.runtime.default_role_arn, scope.app_id, scope.branch, branch.tags)
    service = choose_service_role(settings, scope.app_id, scope.branch, app.tags)
    evidence = services.gatherer.evidence(
        deployment, log, read_at=services.clock(), candidate=compute.arn, repair=service.arn
    )
    diagnosis = diagnose(evidence, reading, phase)
    services.telemetry.record(
        TelemetryEvent.DIAGNOSED, scope=scope, job=job.id, label=diagnosis.label, cause=cause_of(diagnosis)
    )
    return ConfirmedFailure(
        scope=scope,
        trigger=Trigger.FAILED,
        app=app,
        branch=branch,
        job=job,
        evidence=evidence,
        diagnosis=diagnosis,
        opt_in=opt_in,
        compute_choice=compute,
        service_choice=service,
        noticed_at=event.time,
    )


def _confirmed(deployment: Deployment) -> tuple[App, Branch, Job] | None:
    """App, branch and job, if GetJob confirms that the job failed. The event alone proves nothing."""
    app, branch, job = deployment.app, deployment.branch, deployment.job
    if not (isinstance(app, Present) and isinstance(branch, Present) and isinstance(job, Present)):
        return None
    return (app.value, branch.value, job.value) if job.value.status == "FAILED" else None


def _state(deployment: Deployment) -> str:
    """Why the failure is not confirmed, for the log."""
    job = deployment.job
    read = f"the job's status is {job.value.status}" if isinstance(job, Present) else str(job)
    missing = [str(item) for item in (deployment.app, deployment.branch) if not isinstance(item, Present)]
    return "; ".join((read, *missing))
