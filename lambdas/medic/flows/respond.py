"""Respond to a confirmed failure under the branch's lease: decide the next step, apply the plan, send the alert."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult
from medic.alerts.compose import compose_not_helped, compose_report, compose_still_logged
from medic.events import RequestKind
from medic.flows.apply import Applier, alert_key_of
from medic.flows.last_success import say_what_changed
from medic.flows.rebuild import announce_rebuild, rebuild
from medic.flows.settle import end_those_of_a_deleted_branch, end_undiagnosed
from medic.flows.storm import is_storm, join_storm
from medic.incidents.model import QUIET_PERIOD, Change, ChangeState, Incident, IncidentState, JobOrder, Request
from medic.labels import ActionKind, Label
from medic.plan.decide import contradicted, decide
from medic.plan.guardrails import REBUILD_GUARDRAILS, Question, first_refusal
from medic.plan.model import Disposition, Plan
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.alerts.failure_report import FailureReport
    from medic.evidence import JobRef
    from medic.flows.locked_branch import LockedBranch
    from medic.incidents.record import BranchRecord
    from medic.incidents.region import RegionState
    from medic.plan.failure import ConfirmedFailure

_TAKES_EFFECT_WITHIN = timedelta(minutes=2)
"""How long after a change running functions may still log the old error."""
_MAX_INCIDENTS_A_DAY = 3
"""How often the same failure of a branch may open a new incident within a day."""
_DAY = timedelta(days=1)
_STILL_LOGGED_KEY = "still-logged"


class NextStep(StrEnum):
    KNOWN = "known"
    """Nothing: this occurrence was handled, or it is earlier than the last one that was."""
    AGAIN = "again"
    """Only count it: nothing shows whether the change helped."""
    STILL_FAILING = "still_failing"
    """Close the incident: a job from after the change shows the same failure."""
    STILL_LOGGED = "still_logged"
    """Count it and tell once: the log shows the failure long after the change, but AWS's state does not agree."""
    UNDONE_BY_HAND = "undone_by_hand"
    """Close the incident and act on a new one: the role that the bot set is gone, or can't be used any more."""
    ACT = "act"
    """Decide and act: the incident is new, repeated or unfinished."""


def next_step(failure: ConfirmedFailure, record: BranchRecord, now: datetime, *, requested: bool) -> NextStep:
    """Decide the next step. `requested`: a person asked for this run."""
    before = _incident_before(failure, record)
    # An open incident that already has a change is finished, not changed again.
    changeable = before is None or before.state.closed or not (before.applied or before.unfinished)
    if requested and changeable:
        return NextStep.ACT
    if failure.seen_at is not None:
        return _next_step_at_runtime(failure, failure.seen_at, record, now)
    if before is None:
        return NextStep.ACT
    match before.compared_with(failure.job_ref):
        case JobOrder.EARLIER:
            return NextStep.KNOWN
        case JobOrder.SAME:
            return NextStep.ACT if before.unfinished or before.alert_due else NextStep.KNOWN
        case JobOrder.LATER:
            return NextStep.STILL_FAILING if _after_the_change(before, failure.job_ref) else NextStep.ACT


def _incident_before(failure: ConfirmedFailure, record: BranchRecord) -> Incident | None:
    """The latest incident of this kind on this branch, not on a deleted one of the same name."""
    latest = record.incident(failure.kind)
    return None if latest is None or latest.of_another_branch(failure.branch.created_at) else latest


def _next_step_at_runtime(
    failure: ConfirmedFailure, seen_at: datetime, record: BranchRecord, now: datetime
) -> NextStep:
    """A log repeats the same error, and a visitor can write it. So only a newer line counts, and it ends nothing."""
    before = _incident_before(failure, record)
    if before is not None and (before.unfinished or before.alert_due):
        return NextStep.ACT
    if before is not None and seen_at <= (before.job_started_at or before.opened_at):
        return NextStep.KNOWN
    if before is None or before.state.closed or before.changed_at is None:
        # Only the error that a role ends is logged for a while after the change.
        credentials = failure.diagnosis.label is Label.CREDENTIALS_MISSING_RUNTIME
        margin = _TAKES_EFFECT_WITHIN if credentials else timedelta()
        from_before_the_change = any(seen_at < changed_at + margin for changed_at in _role_changes(failure, record))
        closed = before is not None and before.state.closed
        limited = closed and _alert_limit_reached(record, failure, now)
        return NextStep.KNOWN if from_before_the_change or limited else NextStep.ACT
    if before.state is IncidentState.REBUILDING or seen_at <= before.changed_at + _TAKES_EFFECT_WITHIN:
        return NextStep.AGAIN
    if failure.diagnosis.lacks_usable_role:
        return NextStep.UNDONE_BY_HAND
    persists = seen_at > before.changed_at + QUIET_PERIOD and not before.has_alert(_STILL_LOGGED_KEY)
    return NextStep.STILL_LOGGED if persists else NextStep.AGAIN


def _attached(failure: ConfirmedFailure, record: BranchRecord, *states: ChangeState) -> list[Change]:
    """The compute roles that the bot set on this branch."""
    own = (incident for incident in record.incidents if not incident.of_another_branch(failure.branch.created_at))
    changes = (change for incident in own for change in incident.changes)
    return [c for c in changes if c.kind is ActionKind.ATTACH_COMPUTE and c.state in states]


def _role_changes(failure: ConfirmedFailure, record: BranchRecord) -> list[datetime]:
    """When the bot set a compute role on this branch. A change that was undone on request is not among them."""
    times = (change.applied_at for change in _attached(failure, record, ChangeState.APPLIED))
    return [time.replace(microsecond=0) for time in times if time is not None]  # a log has less precise times


def _alert_limit_reached(record: BranchRecord, failure: ConfirmedFailure, now: datetime) -> bool:
    """True if this failure has opened enough incidents within a day.

    The limit is one if AWS's state contradicts the log line, or if a change has not helped.
    """
    lately = [i for i in record.incidents if i.kind == failure.kind and now - i.opened_at < _DAY]
    doubtful = contradicted(failure.diagnosis) or any(i.state is IncidentState.NOT_HELPED for i in lately)
    return len(lately) >= (1 if doubtful else _MAX_INCIDENTS_A_DAY)


def _after_the_change(incident: Incident, job: JobRef) -> bool:
    """True if this is the rebuild, or a job that started after the change."""
    if incident.state.closed or not incident.applied:
        return False
    if job.id == incident.rebuild_job_id:
        return True
    changed = max(change.applied_at for change in incident.applied if change.applied_at is not None)
    return job.started_at is not None and job.started_at > changed


def respond(
    failure: ConfirmedFailure, locked: LockedBranch, request: Request | None = None
) -> FailureReport | Incident | None:
    """Take the next step, and send an alert if there is news.

    A person's approval or fix request, if that is the reason for this run, is carried out even if nothing is new.

    Returns what was done, or only the incident if no plan was made: the failure is known, or the change did not help.
    None for a line of the log from before the bot's own change.

    Raises:
        RetryableError: a result is not known yet. The intent is saved, so a retry continues from it.
    """
    end_those_of_a_deleted_branch(failure.branch.created_at, locked)
    end_undiagnosed(failure.job_ref, locked)
    before, job, now = _incident_before(failure, locked.record), failure.job.id, locked.now
    step = next_step(failure, locked.record, now, requested=request is not None)
    if step is NextStep.ACT:
        return _act(failure, locked, request, before)
    if before is None:
        services = locked.services
        services.telemetry.record(TelemetryEvent.ALREADY_HANDLED, scope=failure.scope, why="it is from before a change")
        return None
    if step is NextStep.KNOWN:
        locked.log(TelemetryEvent.ALREADY_HANDLED, before, job=job)
        return before
    if step is NextStep.UNDONE_BY_HAND:
        ended = before.moved(IncidentState.EXPIRED, now, "the role that was set is gone, or can't be used any more")
        locked.log(TelemetryEvent.EXPIRED, ended, state=before.state)
        locked.save(ended)
        return _act(failure, locked, request, ended)
    again = before.repeated(failure.job_ref, now)
    if step is NextStep.STILL_FAILING:
        ended = again.moved(IncidentState.NOT_HELPED, now)
        locked.log(TelemetryEvent.NOT_HELPED, ended, job=job)
        locked.notify(compose_not_helped(failure.scope, ended, job), ended, f"still:{failure.occurrence}", release=True)
        return ended
    again = again.recheck_when_quiet(now)
    locked.log(TelemetryEvent.FAILURE_REPEATED, before, job=job)
    if step is NextStep.STILL_LOGGED:
        locked.notify(compose_still_logged(failure.scope, again), again, _STILL_LOGGED_KEY, release=True)
    else:
        locked.save(again)
    return again


def _act(
    failure: ConfirmedFailure, locked: LockedBranch, request: Request | None, before: Incident | None
) -> FailureReport:
    """Open or count up the incident, apply the plan, send the alert unless it would tell nothing new, then rebuild."""
    services, scope, now = locked.services, failure.scope, locked.now
    failure = replace(failure, diagnosis=say_what_changed(failure, locked.record, services))
    incident = _open_or_count(failure, locked.record, before, now)
    is_new = before is None or before.id != incident.id
    region = services.region.count(scope) if is_new and failure.shown_by_state else services.region.read(scope)
    jobs = cache(partial(locked.jobs, failure.job))
    allowed_until = incident.fresh_until if incident.unfinished else None
    question = Question(
        failure=failure,
        settings=services.runtime.settings,
        asked_at=now,
        jobs=jobs,
        policies=cache(services.iam.policies),
        allowed_until=request.expires_at if request is not None else allowed_until,
        # The unfinished change itself started the cool-down.
        cooling_until=None if incident.unfinished else locked.record.cooling_until,
        storm=is_storm(region, services),
        set_before=bool(_attached(failure, locked.record, ChangeState.APPLIED, ChangeState.UNDONE)),
        tried_before=incident.tried_before or (None if locked.record.unread else False),
        muted=region.muted(scope, now),
        approved=request is not None or (incident.unfinished and bool(incident.approved_by)),
    )
    report = _apply_plan(question, incident, locked, request)
    report = announce_rebuild(report, jobs, locked)
    if request is None and not report.outcomes and _muted_or_storm(report, before, region, locked):
        return report
    if request is None and before is not None and not is_new and not _has_news(report, before):
        locked.log(TelemetryEvent.FAILURE_REPEATED, before, job=failure.job.id)
        locked.save(report.incident)
    else:
        _notify(report, before, locked, request)
    announced = locked.record.find(report.incident.id)
    if announced is None or announced.rebuild_at is None:
        return report
    rebuilt = rebuild(failure, announced, locked, lambda: first_refusal(REBUILD_GUARDRAILS, question))
    outcomes = tuple(replace(outcome, rebuild=rebuilt) for outcome in report.outcomes)
    return replace(report, incident=locked.record.find(announced.id) or announced, outcomes=outcomes)


def _notify(report: FailureReport, before: Incident | None, locked: LockedBranch, request: Request | None) -> None:
    failure, incident = report.failure, report.incident
    for rule in report.plan.refused_by:
        locked.log(TelemetryEvent.REFUSED, incident, rule=rule)
    alert_key = _alert_key(report, before, request)
    if locked.notify(compose_report(report), incident, alert_key, release=incident.rebuild_at is None):
        asked_at = failure.noticed_at if request is None else request.asked_at
        locked.services.telemetry.alerted(locked.now - asked_at)


def _alert_key(report: FailureReport, before: Incident | None, request: Request | None) -> str:
    alert_key = alert_key_of(report.failure, request)
    if request is not None:
        stopped = all(outcome.result is ChangeResult.CAPPED for outcome in report.outcomes)
        # The same request may still be carried out later, and that needs its own alert.
        return f"refused-{alert_key}" if stopped else alert_key
    if before is not None and before.approved_by and before.alert_due:
        return before.alert_due
    if before is not None and before.deferred:
        return f"outcome:{report.failure.occurrence}"
    return alert_key


def _open_or_count(failure: ConfirmedFailure, record: BranchRecord, before: Incident | None, now: datetime) -> Incident:
    opened = Incident.open(failure.scope, failure.kind, failure.job_ref, app_name=failure.app.name, now=now)
    return replace(
        replace(opened, trigger=failure.trigger).after(before, record.incidents),
        mode=failure.opt_in.mode,
        reason=failure.reason,
        channel=failure.channel,
        branch_created_at=failure.branch.created_at,
        missed=failure.missed,
    )


def _apply_plan(question: Question, incident: Incident, locked: LockedBranch, request: Request | None) -> FailureReport:
    """Decide, and carry out what needs no more approval. Only a repair locks the whole app.

    Raises:
        BusyError: another invocation works on the app. Unless a person asked for this run, the incident is recorded.
    """
    failure, table = question.failure, locked.services.table
    applier = Applier(failure, locked, request)
    if failure.service_choice.arn is not None and not incident.unfinished:
        question = replace(question, app_cooling_until=table.read(failure.scope.whole_app).cooling_until)
    plan = _decide(question, incident, request)
    repairs = any(action.kind is ActionKind.REPAIR_SERVICE for action in plan.with_disposition(Disposition.DO))
    if repairs or ActionKind.REPAIR_SERVICE in incident.unfinished_kinds:
        if request is None and not incident.in_progress:
            incident = replace(incident, alert_due=alert_key_of(failure, None))
            locked.save(incident)
        with table.hold(failure.scope.whole_app) as app:
            cooling = None if incident.unfinished else app.record.cooling_until
            plan = _decide(replace(question, app_cooling_until=cooling), incident, request)
            report = applier.apply(plan, incident, app)
    else:
        report = applier.apply(plan, incident)
    return replace(report, incident=report.incident.recheck_when_quiet(locked.now))


def _decide(question: Question, incident: Incident, request: Request | None) -> Plan:
    """The plan, refused if a person approved another one."""
    plan = decide(question)
    if request is None or request.kind is not RequestKind.APPROVE or plan.hash_for(incident.id) == request.plan_hash:
        return plan
    return plan.refused("as_approved", "what would be done now is not what was approved: look at it again")


def _muted_or_storm(report: FailureReport, before: Incident | None, region: RegionState, locked: LockedBranch) -> bool:
    """Save without an alert of its own if the branch is muted or a storm's alert reports it. Returns whether it is so.

    `last_alerted_plan` stays as it was, so that the next occurrence after the mute or storm causes an alert.
    """
    saved = replace(report.incident, last_alerted_plan=before.last_alerted_plan if before is not None else ())
    if region.muted(locked.scope, locked.now):
        locked.log(TelemetryEvent.MUTED, saved, job=report.failure.job.id)
        locked.save(replace(saved, alert_due=""))
        return True
    if is_storm(region, locked.services):
        join_storm(saved, locked)
        return True
    return False


def _has_news(report: FailureReport, before: Incident) -> bool:
    """False if an alert would repeat the last one: the same plan, still deferred, or a change that it reported."""
    if before.alert_due:
        return True
    if before.applied and not before.unfinished:
        return False
    if report.outcomes:
        return not (before.deferred and report.incident.deferred)
    alerted, planned = before.last_alerted_plan, report.incident.last_alerted_plan
    return [action.gist for action in alerted] != [action.gist for action in planned]
