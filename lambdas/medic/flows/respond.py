"""Respond to a confirmed failure under the branch's lease: decide the next step, apply the plan, send the alert."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_not_helped, compose_report, compose_still_logged
from medic.alerts.failure_report import FailureReport
from medic.diagnosis.roles import service_role_verdict
from medic.flows.apply import Applier, ApplyResult, outcome_key, report_key, request_key
from medic.flows.failure_model import TAKES_EFFECT_WITHIN, alert_limit_reached, recheck_after_quiet_period
from medic.flows.notify import send_alert
from medic.flows.storm import is_storm, join_storm
from medic.incidents.model import Incident, IncidentState, JobOrder, RequestKind
from medic.labels import Trigger
from medic.plan.decide import RepairQuestion, decide
from medic.plan.guardrails import Question
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from datetime import datetime

    from medic.flows.failure_model import ConfirmedFailure
    from medic.incidents.model import JobRef, Request
    from medic.incidents.region import RegionState
    from medic.incidents.table import BranchRecord, LockedBranch
    from medic.plan.model import Plan
    from medic.services import Services


class NextStep(StrEnum):
    """What to do about an occurrence of a failure."""

    KNOWN = "known"
    """Nothing: this occurrence was handled, or it is earlier than the last one that was."""
    AGAIN = "again"
    """Only count it: it is too early to say whether the change helped."""
    STILL_FAILING = "still_failing"
    """Close the incident: a job or log line from after the change shows the same failure."""
    ACT = "act"
    """Decide and act: the incident is new, repeated or unfinished."""


def next_step(failure: ConfirmedFailure, record: BranchRecord, now: datetime, *, requested: bool) -> NextStep:
    """Decide the next step.

    Args:
        failure: the failure.
        record: what the table holds about its branch.
        now: UTC.
        requested: True if a person asked for this run.
    """
    before = record.incident(*failure.kind)
    if before is None or (requested and _may_be_changed(before)):
        return NextStep.ACT
    if failure.trigger is Trigger.RUNTIME:
        return _next_step_at_runtime(failure, before, record, now)
    match before.compared_with(failure.job_ref):
        case JobOrder.EARLIER:
            return NextStep.KNOWN
        case JobOrder.SAME:
            return NextStep.ACT if before.unfinished or before.alert_due else NextStep.KNOWN
        case JobOrder.LATER:
            return NextStep.STILL_FAILING if _after_the_change(before, failure.job_ref) else NextStep.ACT


def _next_step_at_runtime(failure: ConfirmedFailure, before: Incident, record: BranchRecord, now: datetime) -> NextStep:
    """A log repeats the same error, so only a line from after the change shows that it did not help."""
    if before.unfinished or before.alert_due:
        return NextStep.ACT
    seen_last = before.job_started_at or before.opened_at
    if failure.seen_at is None or failure.seen_at <= seen_last:
        return NextStep.KNOWN
    if before.state.closed:
        return NextStep.KNOWN if alert_limit_reached(record, failure, now) else NextStep.ACT
    if before.changed_at is None:
        return NextStep.ACT
    later = failure.seen_at > before.changed_at + TAKES_EFFECT_WITHIN
    return NextStep.STILL_FAILING if later and before.state is not IncidentState.REBUILDING else NextStep.AGAIN


def _may_be_changed(incident: Incident) -> bool:
    """False if the open incident already has a change: that one is finished, not repeated."""
    return incident.state.closed or not (incident.applied or incident.unfinished)


def _after_the_change(incident: Incident, job: JobRef) -> bool:
    """True if this is the rebuild, or a job that started after the change."""
    if incident.state.closed or not incident.applied:
        return False
    if job.id == incident.rebuild_job_id:
        return True
    changed = max(change.applied_at for change in incident.applied if change.applied_at is not None)
    return job.started_at is not None and job.started_at > changed


@dataclass(frozen=True, slots=True)
class Response:
    incident: Incident
    result: ApplyResult | None = None
    """None if no plan was made, because the failure is known or the change did not help."""


@dataclass(frozen=True)
class Responder:
    """Responds to one failure.

    Args:
        failure: the failure.
        locked: its branch, under its lease.
        services: AWS, the table, channels and telemetry.
        request: the approval or fix request of a person, if that is the reason for this run.
    """

    failure: ConfirmedFailure
    locked: LockedBranch
    services: Services
    request: Request | None = None

    def respond(self) -> Response:
        """Take the next step, and send an alert if there is news.

        Raises:
            RetryableError: a result is not known yet. The intent is saved, so a retry continues from it.
            BusyError: another invocation works on the app, whose service role may need a repair.
            UndeliveredError: a channel did not accept the alert.
            UsedUpError: another invocation has used the request.
        """
        before = self.locked.record.incident(*self.failure.kind)
        step = next_step(self.failure, self.locked.record, self.services.clock(), requested=self.request is not None)
        if before is not None and step is NextStep.KNOWN:
            self._record(TelemetryEvent.ALREADY_HANDLED, before)
            return Response(before)
        if before is not None and step is NextStep.AGAIN:
            self._record(TelemetryEvent.FAILURE_REPEATED, before)
            now = self.services.clock()
            again = recheck_after_quiet_period(before.repeated(self.failure.job_ref, now), now)
            self.locked.save(self.locked.record.with_incident(again))
            return Response(again)
        if before is not None and step is NextStep.STILL_FAILING:
            return Response(self._close_as_not_helped(before))
        return self._act_and_alert(before)

    def _close_as_not_helped(self, before: Incident) -> Incident:
        now, failure = self.services.clock(), self.failure
        ended = before.repeated(failure.job_ref, now).moved(IncidentState.NOT_HELPED, now)
        self._record(TelemetryEvent.NOT_HELPED, ended)
        if failure.seen_at is None:
            alert = compose_not_helped(failure.scope, ended, failure.job.id)
        else:
            alert = compose_still_logged(failure.scope, ended, failure.seen_at)
        send_alert(alert, ended, f"still:{failure.occurrence}", self.locked, self.services)
        return ended

    def _act_and_alert(self, before: Incident | None) -> Response:
        incident = self._open_or_count(before)
        is_new = before is None or before.id != incident.id
        table = self.services.region
        region = table.count(self.failure.scope, incident.id) if is_new else table.read(self.failure.scope)
        result = self._apply_plan(incident, region)
        if self._muted_or_storm(before, result, region):
            return Response(result.incident, result)
        if before is not None and self._nothing_new(before, result):
            self._record(TelemetryEvent.FAILURE_REPEATED, before)
            self.locked.save(self.locked.record.with_incident(result.incident))
            return Response(result.incident, result)
        for rule in result.plan.refused_by:
            self.services.telemetry.record(
                TelemetryEvent.REFUSED, scope=self.failure.scope, incident=incident.id, rule=rule
            )
        alert = compose_report(self._report(result))
        send_alert(alert, result.incident, self._alert_key(before), self.locked, self.services)
        self.services.telemetry.alerted(self.services.clock() - self._triggered_at(incident))
        return Response(result.incident, result)

    def _open_or_count(self, before: Incident | None) -> Incident:
        failure, now = self.failure, self.services.clock()
        if before is None or before.state.closed:
            opened = Incident.open(failure.scope, failure.kind, failure.job_ref, app_name=failure.app.name, now=now)
            incident = replace(opened.following(before), trigger=failure.trigger)
        elif before.compared_with(failure.job_ref) is JobOrder.LATER:
            incident = before.repeated(failure.job_ref, now)
        else:
            incident = before
        return replace(incident, mode=failure.opt_in.mode, reason=failure.reason, channel=failure.channel)

    def _apply_plan(self, incident: Incident, region: RegionState) -> ApplyResult:
        """Decide, and carry out what needs no more approval. A repair also locks the whole app."""
        failure = self.failure
        with ExitStack() as leases:
            repairs = failure.service_choice.arn is not None
            app = leases.enter_context(self.services.table.hold(failure.scope.whole_app)) if repairs else None
            question = self._question(incident, region)
            verdict = service_role_verdict(failure.evidence, failure.service_choice.arn)
            cooling = app.record.cooling_until if app is not None and not incident.unfinished else None
            plan = decide(failure.trigger, question, RepairQuestion(failure.service_choice, verdict, cooling))
            applier = Applier(
                scope=failure.scope,
                job=failure.job,
                occurrence=failure.occurrence,
                trigger=failure.trigger,
                question=question,
                locked=self.locked,
                services=self.services,
                app=app,
                request=self.request,
            )
            result = applier.apply(self._only_as_approved(plan, incident), incident)
            return replace(result, incident=recheck_after_quiet_period(result.incident, self.services.clock()))

    def _question(self, incident: Incident, region: RegionState) -> Question:
        failure, now = self.failure, self.services.clock()
        return Question(
            settings=self.services.runtime.settings,
            evidence=failure.evidence,
            diagnosis=failure.diagnosis,
            app=failure.app,
            branch=failure.branch,
            opt_in=failure.opt_in,
            choice=failure.compute_choice,
            asked_at=now,
            triggered_at=self._triggered_at(incident),
            # The unfinished change itself started the cool-down.
            cooling_until=None if incident.unfinished else self.locked.record.cooling_until,
            storm=is_storm(region, self.services),
            tried_before=incident.tried_before,
            muted=region.muted(failure.scope, now),
            approved=self.request is not None or _approved_and_unfinished(incident),
            policies=self.services.iam.policies,
        )

    def _triggered_at(self, incident: Incident) -> datetime:
        """When a person asked for the change, or else when the failure happened."""
        if self.request is not None:
            return self.request.asked_at
        if _approved_and_unfinished(incident):
            return max(change.intended_at for change in incident.changes)
        return self.failure.noticed_at

    def _only_as_approved(self, plan: Plan, incident: Incident) -> Plan:
        """Refuse the plan if a person approved another one."""
        asked = self.request
        if asked is None or asked.kind is not RequestKind.APPROVE or plan.hash_for(incident.id) == asked.plan_hash:
            return plan
        return plan.refused("as_approved", "what would be done now is not what was approved: look at it again")

    def _muted_or_storm(self, before: Incident | None, result: ApplyResult, region: RegionState) -> bool:
        """Save without an alert of its own if the branch is muted or a storm's alert reports it.

        `last_alerted_plan` stays as it was, so that the next occurrence after the mute or storm causes an alert.

        Returns:
            True if it was saved.
        """
        if self.request is not None or result.outcomes:
            return False
        saved = replace(result.incident, last_alerted_plan=before.last_alerted_plan if before is not None else "")
        if region.muted(self.failure.scope, self.services.clock()):
            self._record(TelemetryEvent.MUTED, saved)
            self.locked.save(self.locked.record.with_incident(saved))
            return True
        if is_storm(region, self.services):
            join_storm(saved, self.locked, self.services)
            return True
        return False

    def _nothing_new(self, before: Incident, result: ApplyResult) -> bool:
        """True if an alert would repeat the last one: the same incident with the same plan, or still deferred."""
        if self.request is not None or before.id != result.incident.id or before.alert_due:
            return False
        if result.outcomes:
            return before.deferred and result.incident.deferred
        return before.last_alerted_plan == result.incident.last_alerted_plan

    def _alert_key(self, before: Incident | None) -> str:
        occurrence = self.failure.occurrence
        if self.request is not None:
            return request_key(self.request, occurrence)
        if before is not None and before.approved_by and before.alert_due:
            return before.alert_due
        return outcome_key(occurrence) if before is not None and before.deferred else report_key(occurrence)

    def _report(self, result: ApplyResult) -> FailureReport:
        failure = self.failure
        return FailureReport(
            scope=failure.scope,
            incident=result.incident,
            evidence=failure.evidence,
            diagnosis=failure.diagnosis,
            plan=result.plan.with_denied_actions(failure.denied),
            outcomes=result.outcomes,
            opt_in_note=failure.opt_in.note,
            channel=failure.channel,
        )

    def _record(self, event: TelemetryEvent, incident: Incident) -> None:
        scope, job = self.failure.scope, self.failure.job.id
        self.services.telemetry.record(event, scope=scope, job=job, incident=incident.id)


def _approved_and_unfinished(incident: Incident) -> bool:
    return incident.unfinished and bool(incident.approved_by)
