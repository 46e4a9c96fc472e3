"""Attending to a diagnosed failure under the branch's lease: known, still there after a change, or to be acted on?"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_not_helped, compose_report, compose_still_logged
from medic.alerts.failure_report import FailureReport
from medic.diagnosis.roles import service_role_verdict
from medic.flows.apply import Acted, Applier, answer_of, outcome_of, report_of
from medic.flows.failure_model import TAKES_EFFECT_WITHIN, alert_limit_reached, recheck_after_quiet_period
from medic.flows.notify import announce
from medic.flows.storm import is_storm, join_storm
from medic.incidents.model import Incident, IncidentState, JobOrder, RequestKind
from medic.labels import Trigger
from medic.plan.decide import RepairQuestion, decide
from medic.plan.guardrails import Question
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from datetime import datetime

    from medic.flows.failure_model import ConfirmedFailure
    from medic.incidents.model import JobLike, Request
    from medic.incidents.region import RegionState
    from medic.incidents.table import BranchRecord, LockedBranch
    from medic.plan.model import Plan
    from medic.services import Services


class NextStep(StrEnum):
    """What a sighting of a failure is to its incident."""

    KNOWN = "known"
    """This job was seen, acted on and told about; or it is earlier than what is known."""
    AGAIN = "again"
    """Another line of the same failure, too early to say anything about a change: it is counted."""
    STILL_FAILING = "still_failing"
    """A change was made, and a job that started after it fails alike."""
    ACT = "act"
    """Everything else: a new incident, a repetition, or something that was not finished."""


def next_step(failure: ConfirmedFailure, record: BranchRecord, now: datetime, *, asked: bool) -> NextStep:
    """What is due about a failure.

    Args:
        failure: the failure, as seen now.
        record: what is known of its branch.
        now: UTC.
        asked: True if a person made us look.
    """
    before = record.incident(*failure.kind)
    if before is None or (asked and _may_be_changed(before)):
        return NextStep.ACT
    if failure.trigger is Trigger.RUNTIME:
        return _next_step_at_runtime(failure, before, record, now)
    match before.compared_with(failure.shown_by):
        case JobOrder.EARLIER:
            return NextStep.KNOWN
        case JobOrder.SAME:
            return NextStep.ACT if before.unfinished or before.alert_due else NextStep.KNOWN
        case JobOrder.LATER:
            return NextStep.STILL_FAILING if _after_the_change(before, failure.shown_by) else NextStep.ACT


def _next_step_at_runtime(failure: ConfirmedFailure, before: Incident, record: BranchRecord, now: datetime) -> NextStep:
    """A log goes on showing the same; only what is later than a change says that it did not help."""
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
    """False while a change of this incident stands or is on its way: it is finished, not made again."""
    return incident.state.closed or not (incident.applied or incident.unfinished)


def _after_the_change(incident: Incident, job: JobLike) -> bool:
    """True if this is the rebuild, or a job that started after the change."""
    if incident.state.closed or not incident.applied:
        return False
    if job.id == incident.rebuild_job_id:
        return True
    changed = max(change.applied_at for change in incident.applied if change.applied_at is not None)
    return job.started_at is not None and job.started_at > changed


@dataclass(frozen=True, slots=True)
class Response:
    """What came of it."""

    incident: Incident
    acted: Acted | None = None
    """None where nothing was to be done: the failure is known."""


@dataclass(frozen=True)
class Responder:
    """One failure, attended to under its branch's lease.

    Args:
        failure: the failure.
        held: its branch, under its lease.
        services: everything to work with.
        asked: the approval or the wish to fix that made us look, if a person did.
    """

    failure: ConfirmedFailure
    held: LockedBranch
    services: Services
    asked: Request | None = None

    def respond(self) -> Response:
        """Do what is due about the failure, and tell.

        Raises:
            RetryableError: nothing more can be known now; what was begun stands in the table.
            BusyError: another invocation works on the app, whose service role may have to be repaired.
            UndeliveredError: a channel did not take the alert.
            UsedUpError: the request was used by another invocation.
        """
        before = self.held.record.incident(*self.failure.kind)
        step = next_step(self.failure, self.held.record, self.services.clock(), asked=self.asked is not None)
        if before is not None and step is NextStep.KNOWN:
            self._record(TelemetryEvent.ALREADY_HANDLED, before)
            return Response(before)
        if before is not None and step is NextStep.AGAIN:
            self._record(TelemetryEvent.FAILURE_REPEATED, before)
            now = self.services.clock()
            again = recheck_after_quiet_period(before.repeated(self.failure.shown_by, now), now)
            self.held.save(self.held.record.with_incident(again))
            return Response(again)
        if before is not None and step is NextStep.STILL_FAILING:
            return Response(self.alert_not_helped(before))
        return self._act_and_alert(before)

    def alert_not_helped(self, before: Incident) -> Incident:
        """Close an incident whose change did not help, and say so.

        Raises:
            UndeliveredError: a channel did not take the alert.
        """
        now, failure = self.services.clock(), self.failure
        ended = before.repeated(failure.shown_by, now).moved(IncidentState.NOT_HELPED, now)
        self._record(TelemetryEvent.NOT_HELPED, ended)
        if failure.seen_at is None:
            alert = compose_not_helped(failure.scope, ended, failure.job.id)
        else:
            alert = compose_still_logged(failure.scope, ended, failure.seen_at)
        announce(alert, ended, f"still:{failure.log_ref}", self.held, self.services)
        return ended

    def _act_and_alert(self, before: Incident | None) -> Response:
        incident = self._open_or_count(before)
        is_new = before is None or before.id != incident.id
        table = self.services.region
        region = table.count(self.failure.scope, incident.id) if is_new else table.look(self.failure.scope)
        acted = self._act(incident, region)
        if self._alerted_otherwise(before, acted, region):
            return Response(acted.incident, acted)
        if before is not None and self._nothing_new(before, acted):
            self._record(TelemetryEvent.FAILURE_REPEATED, before)
            self.held.save(self.held.record.with_incident(acted.incident))
            return Response(acted.incident, acted)
        for rule in acted.plan.refusing:
            self.services.telemetry.record(
                TelemetryEvent.REFUSED, scope=self.failure.scope, incident=incident.id, rule=rule
            )
        announce(compose_report(self._report(acted)), acted.incident, self._alert_key(before), self.held, self.services)
        self.services.telemetry.alerted(self.services.clock() - self._wanted_at(incident))
        return Response(acted.incident, acted)

    def _open_or_count(self, before: Incident | None) -> Incident:
        failure, now = self.failure, self.services.clock()
        if before is None or before.state.closed:
            opened = Incident.open(failure.scope, failure.kind, failure.shown_by, app_name=failure.app.name, now=now)
            incident = replace(opened.following(before), trigger=failure.trigger)
        elif before.compared_with(failure.shown_by) is JobOrder.LATER:
            incident = before.repeated(failure.shown_by, now)
        else:
            incident = before
        return replace(incident, mode=failure.opt_in.mode, reason=failure.reason, channel=failure.channel)

    def _act(self, incident: Incident, region: RegionState) -> Acted:
        """Decide, and do what may be done by itself. A repair holds the whole app besides the branch."""
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
                log_ref=failure.log_ref,
                trigger=failure.trigger,
                question=question,
                held=self.held,
                services=self.services,
                app=app,
                asked=self.asked,
            )
            acted = applier.act(self._as_approved(plan, incident), incident)
            return replace(acted, incident=recheck_after_quiet_period(acted.incident, self.services.clock()))

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
            woken_at=self._wanted_at(incident),
            cooling_until=None if incident.unfinished else self.held.record.cooling_until,
            storm=is_storm(region, self.services),
            tried_before=incident.tried_before,
            muted=region.muted(failure.scope, now),
            approved=self.asked is not None or _goes_on_as_approved(incident),
            policies=self.services.policies,
        )

    def _wanted_at(self, incident: Incident) -> datetime:
        """When the failure happened, or when a person asked for the change."""
        if self.asked is not None:
            return self.asked.asked_at
        if _goes_on_as_approved(incident):
            return max(change.intended_at for change in incident.changes)
        return self.failure.noticed_at

    def _as_approved(self, plan: Plan, incident: Incident) -> Plan:
        asked = self.asked
        if asked is None or asked.kind is not RequestKind.APPROVE or plan.hash_for(incident.id) == asked.plan_hash:
            return plan
        return plan.refused("as_approved", "what would be done now is not what was approved: look at it again")

    def _alerted_otherwise(self, before: Incident | None, acted: Acted, region: RegionState) -> bool:
        """True if nobody is told of this by itself: the branch is muted, or one alert tells of the whole storm.

        What was told last stays what it was, so that the next sighting after the mute or the storm is told.
        """
        if self.asked is not None or acted.outcomes:
            return False
        saved = replace(acted.incident, last_alerted_plan=before.last_alerted_plan if before is not None else "")
        if region.muted(self.failure.scope, self.services.clock()):
            self._record(TelemetryEvent.MUTED, saved)
            self.held.save(self.held.record.with_incident(saved))
            return True
        if is_storm(region, self.services):
            join_storm(saved, self.held, self.services)
            return True
        return False

    def _nothing_new(self, before: Incident, acted: Acted) -> bool:
        """True if everybody was told all of this already: the same incident, the same plan, or still the same wait."""
        if self.asked is not None or before.id != acted.incident.id or before.alert_due:
            return False
        if acted.outcomes:
            return before.deferred and acted.incident.deferred
        return before.last_alerted_plan == acted.incident.last_alerted_plan

    def _alert_key(self, before: Incident | None) -> str:
        log_ref = self.failure.log_ref
        if self.asked is not None:
            return answer_of(self.asked, log_ref)
        if before is not None and before.approved_by and before.alert_due:
            return before.alert_due
        return outcome_of(log_ref) if before is not None and before.deferred else report_of(log_ref)

    def _report(self, acted: Acted) -> FailureReport:
        failure = self.failure
        return FailureReport(
            scope=failure.scope,
            incident=acted.incident,
            evidence=failure.evidence,
            diagnosis=failure.diagnosis,
            plan=acted.plan.expecting(failure.denied),
            outcomes=acted.outcomes,
            opt_in_note=failure.opt_in.note,
            channel=failure.channel,
        )

    def _record(self, event: TelemetryEvent, incident: Incident) -> None:
        scope, job = self.failure.scope, self.failure.job.id
        self.services.telemetry.record(event, scope=scope, job=job, incident=incident.id)


def _goes_on_as_approved(incident: Incident) -> bool:
    """True for a change that a person approved and that is not finished yet."""
    return incident.unfinished and bool(incident.approved_by)
