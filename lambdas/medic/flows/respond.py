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
    from medic.incidents.model import Request, SeenJob
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


def next_step(trouble: ConfirmedFailure, record: BranchRecord, now: datetime, *, asked: bool) -> NextStep:
    """What is due about a failure.

    Args:
        trouble: the failure, as seen now.
        record: what is known of its branch.
        now: UTC.
        asked: True if a person made us look.
    """
    before = record.incident(*trouble.kind)
    if before is None or (asked and _may_be_changed(before)):
        return NextStep.ACT
    if trouble.occasion is Trigger.RUNTIME:
        return _next_step_at_runtime(trouble, before, record, now)
    match before.compared_with(trouble.shown_by):
        case JobOrder.EARLIER:
            return NextStep.KNOWN
        case JobOrder.SAME:
            return NextStep.ACT if before.unfinished or before.pending else NextStep.KNOWN
        case JobOrder.LATER:
            return NextStep.STILL_FAILING if _after_the_change(before, trouble.shown_by) else NextStep.ACT


def _next_step_at_runtime(trouble: ConfirmedFailure, before: Incident, record: BranchRecord, now: datetime) -> NextStep:
    """A log goes on showing the same; only what is later than a change says that it did not help."""
    if before.unfinished or before.pending:
        return NextStep.ACT
    seen_last = before.job_started_at or before.opened_at
    if trouble.seen_at is None or trouble.seen_at <= seen_last:
        return NextStep.KNOWN
    if before.state.closed:
        return NextStep.KNOWN if alert_limit_reached(record, trouble, now) else NextStep.ACT
    if before.changed_at is None:
        return NextStep.ACT
    later = trouble.seen_at > before.changed_at + TAKES_EFFECT_WITHIN
    return NextStep.STILL_FAILING if later and before.state is not IncidentState.REBUILDING else NextStep.AGAIN


def _may_be_changed(incident: Incident) -> bool:
    """False while a change of this incident stands or is on its way: it is finished, not made again."""
    return incident.state.closed or not (incident.applied or incident.unfinished)


def _after_the_change(incident: Incident, job: SeenJob) -> bool:
    """True if this is the rebuild, or a job that started after the change."""
    if incident.state.closed or not incident.applied:
        return False
    if job.id == incident.rebuild_job_id:
        return True
    changed = max(change.applied_at for change in incident.applied if change.applied_at is not None)
    return job.started_at is not None and job.started_at > changed


@dataclass(frozen=True, slots=True)
class Attended:
    """What came of it."""

    incident: Incident
    acted: Acted | None = None
    """None where nothing was to be done: the failure is known."""


@dataclass(frozen=True)
class Attendance:
    """One failure, attended to under its branch's lease.

    Args:
        trouble: the failure.
        held: its branch, under its lease.
        services: everything to work with.
        asked: the approval or the wish to fix that made us look, if a person did.
    """

    trouble: ConfirmedFailure
    held: LockedBranch
    services: Services
    asked: Request | None = None

    def attend(self) -> Attended:
        """Do what is due about the failure, and tell.

        Raises:
            RetryableError: nothing more can be known now; what was begun stands in the table.
            BusyError: another invocation works on the app, whose service role may have to be repaired.
            UndeliveredError: a channel did not take the alert.
            UsedUpError: the request was used by another invocation.
        """
        before = self.held.record.incident(*self.trouble.kind)
        turn = next_step(self.trouble, self.held.record, self.services.clock(), asked=self.asked is not None)
        if before is not None and turn is NextStep.KNOWN:
            self._record(TelemetryEvent.ALREADY_HANDLED, before)
            return Attended(before)
        if before is not None and turn is NextStep.AGAIN:
            self._record(TelemetryEvent.SEEN_AGAIN, before)
            now = self.services.clock()
            again = recheck_after_quiet_period(before.seen_again(self.trouble.shown_by, now), now)
            self.held.save(self.held.record.with_incident(again))
            return Attended(again)
        if before is not None and turn is NextStep.STILL_FAILING:
            return Attended(self.tell_not_helped(before))
        return self._act_and_tell(before)

    def tell_not_helped(self, before: Incident) -> Incident:
        """Close an incident whose change did not help, and say so.

        Raises:
            UndeliveredError: a channel did not take the alert.
        """
        now, trouble = self.services.clock(), self.trouble
        ended = before.seen_again(trouble.shown_by, now).moved(IncidentState.NOT_HELPED, now)
        self._record(TelemetryEvent.NOT_HELPED, ended)
        if trouble.seen_at is None:
            alert = compose_not_helped(trouble.scope, ended, trouble.job.id)
        else:
            alert = compose_still_logged(trouble.scope, ended, trouble.seen_at)
        announce(alert, ended, f"still:{trouble.sighting}", self.held, self.services)
        return ended

    def _act_and_tell(self, before: Incident | None) -> Attended:
        incident = self._open_or_count(before)
        is_new = before is None or before.id != incident.id
        table = self.services.region
        region = table.count(self.trouble.scope, incident.id) if is_new else table.look(self.trouble.scope)
        acted = self._act(incident, region)
        if self._told_otherwise(before, acted, region):
            return Attended(acted.incident, acted)
        if before is not None and self._nothing_new(before, acted):
            self._record(TelemetryEvent.SEEN_AGAIN, before)
            self.held.save(self.held.record.with_incident(acted.incident))
            return Attended(acted.incident, acted)
        for rule in acted.plan.refusing:
            self.services.telemetry.record(
                TelemetryEvent.REFUSED, scope=self.trouble.scope, incident=incident.id, rule=rule
            )
        announce(compose_report(self._report(acted)), acted.incident, self._occasion(before), self.held, self.services)
        self.services.telemetry.alerted(self.services.clock() - self._wanted_at(incident))
        return Attended(acted.incident, acted)

    def _open_or_count(self, before: Incident | None) -> Incident:
        trouble, now = self.trouble, self.services.clock()
        if before is None or before.state.closed:
            opened = Incident.open(trouble.scope, trouble.kind, trouble.shown_by, app_name=trouble.app.name, now=now)
            incident = replace(opened.following(before), occasion=trouble.occasion)
        elif before.compared_with(trouble.shown_by) is JobOrder.LATER:
            incident = before.seen_again(trouble.shown_by, now)
        else:
            incident = before
        return replace(incident, mode=trouble.opt_in.mode, because=trouble.because, channel=trouble.channel)

    def _act(self, incident: Incident, region: RegionState) -> Acted:
        """Decide, and do what may be done by itself. A repair holds the whole app besides the branch."""
        trouble = self.trouble
        with ExitStack() as leases:
            repairs = trouble.service_choice.arn is not None
            app = leases.enter_context(self.services.table.hold(trouble.scope.whole_app)) if repairs else None
            question = self._question(incident, region)
            verdict = service_role_verdict(trouble.evidence, trouble.service_choice.arn)
            cooling = app.record.cooling_until if app is not None and not incident.unfinished else None
            plan = decide(trouble.occasion, question, RepairQuestion(trouble.service_choice, verdict, cooling))
            applier = Applier(
                scope=trouble.scope,
                job=trouble.job,
                sighting=trouble.sighting,
                occasion=trouble.occasion,
                question=question,
                held=self.held,
                services=self.services,
                app=app,
                asked=self.asked,
            )
            acted = applier.act(self._as_approved(plan, incident), incident)
            return replace(acted, incident=recheck_after_quiet_period(acted.incident, self.services.clock()))

    def _question(self, incident: Incident, region: RegionState) -> Question:
        trouble, now = self.trouble, self.services.clock()
        return Question(
            settings=self.services.runtime.settings,
            evidence=trouble.evidence,
            diagnosis=trouble.diagnosis,
            app=trouble.app,
            branch=trouble.branch,
            opt_in=trouble.opt_in,
            choice=trouble.compute_choice,
            asked_at=now,
            nudged_at=self._wanted_at(incident),
            cooling_until=None if incident.unfinished else self.held.record.cooling_until,
            storm=is_storm(region, self.services),
            tried_before=incident.tried_before,
            muted=region.muted(trouble.scope, now),
            approved=self.asked is not None or _goes_on_as_approved(incident),
            policies=self.services.policies,
        )

    def _wanted_at(self, incident: Incident) -> datetime:
        """When the failure happened, or when a person asked for the change."""
        if self.asked is not None:
            return self.asked.asked_at
        if _goes_on_as_approved(incident):
            return max(change.intended_at for change in incident.changes)
        return self.trouble.noticed_at

    def _as_approved(self, plan: Plan, incident: Incident) -> Plan:
        asked = self.asked
        if asked is None or asked.kind is not RequestKind.APPROVE or plan.hash_for(incident.id) == asked.plan_hash:
            return plan
        return plan.refused("as_approved", "what would be done now is not what was approved: look at it again")

    def _told_otherwise(self, before: Incident | None, acted: Acted, region: RegionState) -> bool:
        """True if nobody is told of this by itself: the branch is muted, or one alert tells of the whole storm.

        What was told last stays what it was, so that the next sighting after the mute or the storm is told.
        """
        if self.asked is not None or acted.outcomes:
            return False
        saved = replace(acted.incident, told_plan=before.told_plan if before is not None else "")
        if region.muted(self.trouble.scope, self.services.clock()):
            self._record(TelemetryEvent.MUTED, saved)
            self.held.save(self.held.record.with_incident(saved))
            return True
        if is_storm(region, self.services):
            join_storm(saved, self.held, self.services)
            return True
        return False

    def _nothing_new(self, before: Incident, acted: Acted) -> bool:
        """True if everybody was told all of this already: the same incident, the same plan, or still the same wait."""
        if self.asked is not None or before.id != acted.incident.id or before.pending:
            return False
        if acted.outcomes:
            return before.put_off and acted.incident.put_off
        return before.told_plan == acted.incident.told_plan

    def _occasion(self, before: Incident | None) -> str:
        sighting = self.trouble.sighting
        if self.asked is not None:
            return answer_of(self.asked, sighting)
        if before is not None and before.approved_by and before.pending:
            return before.pending
        return outcome_of(sighting) if before is not None and before.put_off else report_of(sighting)

    def _report(self, acted: Acted) -> FailureReport:
        trouble = self.trouble
        return FailureReport(
            scope=trouble.scope,
            incident=acted.incident,
            evidence=trouble.evidence,
            diagnosis=trouble.diagnosis,
            plan=acted.plan.expecting(trouble.denied),
            outcomes=acted.outcomes,
            opt_in_note=trouble.opt_in.note,
            channel=trouble.channel,
        )

    def _record(self, fact: TelemetryEvent, incident: Incident) -> None:
        scope, job = self.trouble.scope, self.trouble.job.id
        self.services.telemetry.record(fact, scope=scope, job=job, incident=incident.id)


def _goes_on_as_approved(incident: Incident) -> bool:
    """True for a change that a person approved and that is not finished yet."""
    return incident.unfinished and bool(incident.approved_by)
