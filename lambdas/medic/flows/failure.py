"""A deployment failed: read, diagnose, plan, act where everything says yes, record, and tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from medic.alerts.compose import Report, compose_not_helped, compose_report
from medic.diagnosis.differential import diagnose
from medic.diagnosis.model import Identity, Label, Phase
from medic.diagnosis.roles import service_role_verdict
from medic.diagnosis.scan import scan
from medic.evidence.model import App, Branch, Job, Present
from medic.flows.announce import announce
from medic.flows.apply import Acted, Applier, outcome_of, report_of
from medic.flows.settle import settle_other_failure
from medic.incidents.model import Incident, Order, RoleKind, State
from medic.incidents.table import Cap, Held
from medic.plan.decide import Occasion, RepairQuestion, decide
from medic.plan.guardrails import Question
from medic.plan.optin import (
    CHANNEL,
    OptIn,
    RoleChoice,
    choose_compute_role,
    choose_service_role,
    read_opt_in,
)
from medic.telemetry import Fact

if TYPE_CHECKING:
    from medic.diagnosis.model import Diagnosis
    from medic.events import DeploymentEvent
    from medic.evidence.gather import Deployment
    from medic.evidence.model import Evidence
    from medic.services import Services

_SERVICE_LABELS = frozenset({Label.SERVICE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_BUILD})
_COMPUTE_LABELS = frozenset({Label.COMPUTE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_RUNTIME})


@dataclass(frozen=True, slots=True)
class Failure:
    """One confirmed failure with an IAM signature."""

    event: DeploymentEvent
    app: App
    branch: Branch
    job: Job
    evidence: Evidence
    diagnosis: Diagnosis
    opt_in: OptIn
    compute_choice: RoleChoice
    service_choice: RoleChoice

    @property
    def role_kind(self) -> RoleKind:
        """Which of the two roles it is about."""
        return role_kind(self.diagnosis)


def diagnose_failure(event: DeploymentEvent, services: Services) -> None:
    """The whole way from a FAILED event to alerts.

    Raises:
        RetryableError: AWS throttled or could not be reached; the event is to be delivered again.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take the alert.
    """
    deployment = services.gatherer.deployment(event.scope, event.job_id)
    confirmed = _confirmed(deployment)
    if confirmed is None:
        services.telemetry.record(Fact.JOB_NOT_CONFIRMED, scope=event.scope, job=event.job_id, why=_state(deployment))
        return
    phase = Phase.DEPLOY if (step := confirmed[2].failed_step) and step.name == "DEPLOY" else Phase.BUILD
    log, reading = services.gatherer.read_log(deployment, partial(scan, phase=phase))
    if not isinstance(log, Present):
        services.telemetry.record(Fact.LOG_UNAVAILABLE, scope=event.scope, job=event.job_id, why=log)
    if reading.label is Label.NOT_IAM:
        services.telemetry.record(Fact.NOT_IAM, scope=event.scope, job=event.job_id)
        settle_other_failure(event, services)
        return
    app, branch, job = confirmed
    opt_in = read_opt_in(services.runtime.settings, branch.tags)
    if opt_in.ignored:
        services.telemetry.record(Fact.IGNORED, scope=event.scope, job=event.job_id)
        return
    compute_choice, service_choice = _choices(services, event, app, branch)
    evidence = services.gatherer.evidence(
        deployment, log, read_at=services.clock(), candidate=compute_choice.arn, repair=service_choice.arn
    )
    diagnosis = diagnose(evidence, reading, phase)
    failure = Failure(event, app, branch, job, evidence, diagnosis, opt_in, compute_choice, service_choice)
    services.telemetry.record(Fact.DIAGNOSED, scope=event.scope, job=job.id, label=diagnosis.label)
    with services.table.hold(event.scope) as held:
        _handle(failure, held, services)


def role_kind(diagnosis: Diagnosis) -> RoleKind:
    """Which of Amplify's two roles a diagnosis is about: by its label, else by who was denied."""
    if diagnosis.label in _SERVICE_LABELS:
        return RoleKind.SERVICE
    if diagnosis.label in _COMPUTE_LABELS:
        return RoleKind.COMPUTE
    identity = diagnosis.findings[0].identity
    return {Identity.SERVICE_ROLE: RoleKind.SERVICE, Identity.COMPUTE_ROLE: RoleKind.COMPUTE}.get(
        identity, RoleKind.NONE
    )


def _confirmed(deployment: Deployment) -> tuple[App, Branch, Job] | None:
    """App, branch and job, if AWS itself says that this job failed."""
    app, branch, job = deployment.app, deployment.branch, deployment.job
    if not (isinstance(app, Present) and isinstance(branch, Present) and isinstance(job, Present)):
        return None
    return (app.value, branch.value, job.value) if job.value.status == "FAILED" else None


def _state(deployment: Deployment) -> str:
    job = deployment.job
    read = f"the job's status is {job.value.status}" if isinstance(job, Present) else str(job)
    missing = [str(item) for item in (deployment.app, deployment.branch) if not isinstance(item, Present)]
    return "; ".join((read, *missing))


def _choices(services: Services, event: DeploymentEvent, app: App, branch: Branch) -> tuple[RoleChoice, RoleChoice]:
    runtime, scope = services.runtime, event.scope
    compute = choose_compute_role(runtime.settings, runtime.default_role_arn, scope.app_id, scope.branch, branch.tags)
    return compute, choose_service_role(runtime.settings, scope.app_id, scope.branch, app.tags)


def _handle(failure: Failure, held: Held, services: Services) -> None:
    """Under the branch's lease: new, seen before, or the rebuild that failed?"""
    kind = (failure.role_kind, failure.diagnosis.label.value)
    before = held.record.incident(*kind)
    job_id = failure.event.job_id
    if before is not None and _handled(before, failure.job):
        services.telemetry.record(Fact.ALREADY_HANDLED, scope=failure.event.scope, job=job_id, incident=before.id)
        return
    if before is not None and _still_failing(before, failure.job):
        ended = before.seen_again(failure.job, services.clock()).moved(State.NOT_HELPED, services.clock())
        services.telemetry.record(Fact.NOT_HELPED, scope=failure.event.scope, job=job_id, incident=ended.id)
        _report_not_helped(ended, failure, held, services)
        return
    if before is not None and before.state is State.NOT_HELPED and before.compared_with(failure.job) is Order.SAME:
        _report_not_helped(before, failure, held, services)
        return
    acted = _act(failure, _open_or_count(before, failure, services), before, held, services)
    put_off = before is not None and before.put_off
    if before is not None and _nothing_new(before, acted):
        services.telemetry.record(Fact.SEEN_AGAIN, scope=failure.event.scope, job=job_id, incident=before.id)
        held.save(held.record.with_incident(acted.incident))
        return
    occasion = outcome_of(job_id) if put_off else report_of(job_id)
    announce(compose_report(_report(failure, acted)), acted.incident, occasion, held, services)


def _nothing_new(before: Incident, acted: Acted) -> bool:
    """True if everybody was told all of this already: the same incident, the same plan, or still the same wait."""
    if before.id != acted.incident.id or before.pending:
        return False
    if acted.outcomes:
        return before.put_off and acted.incident.put_off
    return before.told_plan == acted.incident.told_plan


def _report(failure: Failure, acted: Acted) -> Report:
    return Report(
        scope=failure.event.scope,
        incident=acted.incident,
        evidence=failure.evidence,
        diagnosis=failure.diagnosis,
        plan=acted.plan,
        outcomes=acted.outcomes,
        opt_in_note=failure.opt_in.note,
        channel=failure.branch.tags.get(CHANNEL) or failure.app.tags.get(CHANNEL),
    )


def _handled(incident: Incident, job: Job) -> bool:
    """True if this job was seen, acted on and told about on every channel, or is earlier than what is known."""
    match incident.compared_with(job):
        case Order.EARLIER:
            return True
        case Order.SAME:
            return not incident.unfinished and not incident.pending
        case Order.LATER:
            return False


def _still_failing(incident: Incident, job: Job) -> bool:
    """True if this is the rebuild, or a job that started after the change, and the failure is the same."""
    if incident.state.closed or not incident.applied or incident.compared_with(job) is not Order.LATER:
        return False
    if job.id == incident.rebuild_job_id:
        return True
    changed = max(change.applied_at for change in incident.applied if change.applied_at is not None)
    return job.started_at is not None and job.started_at > changed


def _report_not_helped(ended: Incident, failure: Failure, held: Held, services: Services) -> None:
    alert = compose_not_helped(failure.event.scope, ended, failure.event.job_id)
    announce(alert, ended, f"still:{failure.event.job_id}", held, services)


def _open_or_count(before: Incident | None, failure: Failure, services: Services) -> Incident:
    now, job = services.clock(), failure.job
    if before is None or before.state.closed:
        kind = (failure.role_kind, failure.diagnosis.label.value)
        opened = Incident.open(failure.event.scope, kind, job, app_name=failure.app.name, now=now)
        return opened.following(before)
    return before if before.compared_with(job) is Order.SAME else before.seen_again(job, now)


def _act(failure: Failure, incident: Incident, before: Incident | None, held: Held, services: Services) -> Acted:
    is_new = before is None or before.id != incident.id
    question = Question(
        settings=services.runtime.settings,
        evidence=failure.evidence,
        diagnosis=failure.diagnosis,
        app=failure.app,
        branch=failure.branch,
        opt_in=failure.opt_in,
        choice=failure.compute_choice,
        asked_at=services.clock(),
        nudged_at=failure.event.time,
        cooling_until=None if incident.unfinished else held.record.cooling_until,
        storm=_storm(failure, services, is_new=is_new),
        tried_before=incident.tried_before,
        policies=services.policies,
    )
    verdict = service_role_verdict(failure.evidence, failure.service_choice.arn)
    plan = decide(Occasion.FAILED, question, RepairQuestion(failure.service_choice, verdict))
    applier = Applier(failure.event.scope, failure.event.job_id, Occasion.FAILED, question, held, services)
    return applier.act(plan, incident)


def _storm(failure: Failure, services: Services, *, is_new: bool) -> bool:
    """True while more incidents open than limits allow; a new one counts, a later look at one only asks."""
    limits, scope, now = services.runtime.settings.limits, failure.event.scope, services.clock()
    window = int(now.timestamp()) // (limits.storm_minutes * 60)
    cap = Cap(f"storm#{scope.account}#{scope.region}#{window}", limits.storm_incidents, now + timedelta(days=1))
    opened = services.table.count(cap) if is_new else services.table.counted(cap)
    return opened > limits.storm_incidents
