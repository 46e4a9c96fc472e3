"""Attending to a diagnosed failure under the branch's lease: known, still there after a change, or to be acted on?"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medic.alerts.compose import Report, compose_not_helped, compose_report
from medic.alerts.runtime import compose_still_logged
from medic.diagnosis.roles import service_role_verdict
from medic.flows.announce import announce
from medic.flows.apply import Acted, Applier, answer_of, outcome_of, report_of
from medic.flows.quiet import settling
from medic.flows.storm import is_storm, join_storm
from medic.flows.turn import Turn, turn_of
from medic.incidents.incident import Incident
from medic.incidents.order import Order
from medic.incidents.requests import RequestKind
from medic.incidents.state import State
from medic.plan.decide import RepairQuestion, decide
from medic.plan.guardrails import Question
from medic.telemetry import Fact

if TYPE_CHECKING:
    from datetime import datetime

    from medic.flows.trouble import Trouble
    from medic.incidents.region import Region
    from medic.incidents.requests import Request
    from medic.incidents.table import Held
    from medic.plan.model import Plan
    from medic.services import Services


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

    trouble: Trouble
    held: Held
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
        turn = turn_of(self.trouble, self.held.record, self.services.clock(), asked=self.asked is not None)
        if before is not None and turn is Turn.KNOWN:
            self._record(Fact.ALREADY_HANDLED, before)
            return Attended(before)
        if before is not None and turn is Turn.AGAIN:
            self._record(Fact.SEEN_AGAIN, before)
            now = self.services.clock()
            again = settling(before.seen_again(self.trouble.shown_by, now), now)
            self.held.save(self.held.record.with_incident(again))
            return Attended(again)
        if before is not None and turn is Turn.STILL_FAILING:
            return Attended(self.tell_not_helped(before))
        return self._act_and_tell(before)

    def tell_not_helped(self, before: Incident) -> Incident:
        """Close an incident whose change did not help, and say so.

        Raises:
            UndeliveredError: a channel did not take the alert.
        """
        now, trouble = self.services.clock(), self.trouble
        ended = before.seen_again(trouble.shown_by, now).moved(State.NOT_HELPED, now)
        self._record(Fact.NOT_HELPED, ended)
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
            self._record(Fact.SEEN_AGAIN, before)
            self.held.save(self.held.record.with_incident(acted.incident))
            return Attended(acted.incident, acted)
        for rule in acted.plan.refusing:
            self.services.telemetry.record(Fact.REFUSED, scope=self.trouble.scope, incident=incident.id, rule=rule)
        announce(compose_report(self._report(acted)), acted.incident, self._occasion(before), self.held, self.services)
        self.services.telemetry.alerted(self.services.clock() - self._wanted_at(incident))
        return Attended(acted.incident, acted)

    def _open_or_count(self, before: Incident | None) -> Incident:
        trouble, now = self.trouble, self.services.clock()
        if before is None or before.state.closed:
            opened = Incident.open(trouble.scope, trouble.kind, trouble.shown_by, app_name=trouble.app.name, now=now)
            incident = replace(opened.following(before), occasion=trouble.occasion)
        elif before.compared_with(trouble.shown_by) is Order.LATER:
            incident = before.seen_again(trouble.shown_by, now)
        else:
            incident = before
        return replace(incident, mode=trouble.opt_in.mode, because=trouble.because, channel=trouble.channel)

    def _act(self, incident: Incident, region: Region) -> Acted:
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
            return replace(acted, incident=settling(acted.incident, self.services.clock()))

    def _question(self, incident: Incident, region: Region) -> Question:
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

    def _told_otherwise(self, before: Incident | None, acted: Acted, region: Region) -> bool:
        """True if nobody is told of this by itself: the branch is muted, or one alert tells of the whole storm.

        What was told last stays what it was, so that the next sighting after the mute or the storm is told.
        """
        if self.asked is not None or acted.outcomes:
            return False
        saved = replace(acted.incident, told_plan=before.told_plan if before is not None else "")
        if region.muted(self.trouble.scope, self.services.clock()):
            self._record(Fact.MUTED, saved)
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

    def _report(self, acted: Acted) -> Report:
        trouble = self.trouble
        return Report(
            scope=trouble.scope,
            incident=acted.incident,
            evidence=trouble.evidence,
            diagnosis=trouble.diagnosis,
            plan=acted.plan.expecting(trouble.denied),
            outcomes=acted.outcomes,
            opt_in_note=trouble.opt_in.note,
            channel=trouble.channel,
        )

    def _record(self, fact: Fact, incident: Incident) -> None:
        scope, job = self.trouble.scope, self.trouble.job.id
        self.services.telemetry.record(fact, scope=scope, job=job, incident=incident.id)


def _goes_on_as_approved(incident: Incident) -> bool:
    """True for a change that a person approved and that is not finished yet."""
    return incident.unfinished and bool(incident.approved_by)
