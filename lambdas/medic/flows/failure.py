"""A deployment failed: confirm the failure with AWS, diagnose it, and respond under the branch's lease."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from medic.diagnosis.diagnose import diagnose
from medic.evidence import Present
from medic.flows.locked_branch import hold_branch
from medic.flows.respond import respond
from medic.flows.settle import settle_other_failure
from medic.labels import Label, Phase, Trigger
from medic.plan.failure import ConfirmedFailure
from medic.plan.optin import choose_compute_role, choose_service_role, read_opt_in
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.alerts.failure_report import FailureReport
    from medic.events import DeploymentEvent
    from medic.incidents.model import Incident, Request
    from medic.services import Services


def diagnose_failure(
    event: DeploymentEvent, services: Services, request: Request | None = None
) -> FailureReport | Incident | None:
    """Handle a FAILED event, from reading the job to sending the alert.

    Args:
        event: which job failed, and when.
        services: AWS, the table, channels and telemetry.
        request: the approval or fix request of a person, if that is the reason for this run.

    Returns:
        What was done, as `respond` says it, or None if there is nothing to do about this job.

    Raises:
        RetryableError: AWS throttled or could not be reached; deliver the event again.
        BusyError: another invocation works on this branch.
        UsedUpError: another invocation has used the request.
    """
    failure = _confirmed_failure(event, services)
    if failure is None:
        return None
    with hold_branch(event.scope, services) as locked:
        return respond(failure, locked, request)


def _confirmed_failure(event: DeploymentEvent, services: Services) -> ConfirmedFailure | None:
    """The failure, if GetJob confirms it and its log shows that it is IAM's. The event alone proves nothing."""
    scope, log_event = event.scope, partial(services.telemetry.record, scope=event.scope, job=event.job_id)
    deployment = services.gatherer.deployment(scope, event.job_id)
    app, branch, job = deployment.app, deployment.branch, deployment.job
    failed = isinstance(job, Present) and job.value.status == "FAILED"
    if not (isinstance(app, Present) and isinstance(branch, Present) and isinstance(job, Present) and failed):
        read = f"the job's status is {job.value.status}" if isinstance(job, Present) else str(job)
        missing = [str(item) for item in (app, branch) if not isinstance(item, Present)]
        log_event(TelemetryEvent.JOB_NOT_CONFIRMED, why="; ".join((read, *missing)))
        return None
    phase = Phase.DEPLOY if (step := job.value.failed_step) and step.name == "DEPLOY" else Phase.BUILD
    log, reading = services.gatherer.read_log(deployment, phase)
    if not isinstance(log, Present):
        log_event(TelemetryEvent.LOG_UNAVAILABLE, why=log)
    if reading.label is Label.NOT_IAM:
        log_event(TelemetryEvent.NOT_IAM)
        settle_other_failure(event, services)
        return None
    runtime, tags = services.runtime, branch.value.tags
    opt_in = read_opt_in(runtime.settings, tags)
    if opt_in.ignored:
        log_event(TelemetryEvent.IGNORED)
        return None
    compute = choose_compute_role(runtime.settings, runtime.default_role_arn, scope.app_id, scope.branch, tags)
    service = choose_service_role(runtime.settings, scope.app_id, scope.branch, app.value.tags)
    evidence = services.gatherer.evidence(
        deployment, log, read_at=services.clock(), candidate=compute.arn, repair=service.arn
    )
    diagnosis = diagnose(evidence, reading, phase)
    log_event(TelemetryEvent.DIAGNOSED, label=diagnosis.label, cause=diagnosis.likeliest)
    return ConfirmedFailure(
        scope=scope,
        trigger=Trigger.FAILED,
        app=app.value,
        branch=branch.value,
        evidence=evidence,
        diagnosis=diagnosis,
        opt_in=opt_in,
        compute_choice=compute,
        service_choice=service,
        noticed_at=event.time,
    )
