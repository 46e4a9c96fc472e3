"""Acting on a plan: intent first, then the change, then what became of it, then the rebuild. Each is written down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult, RebuildOutcome, RoleChangeOutcome
from medic.actions.rebuild import Rebuilder
from medic.actions.set_role import (
    AppRoleTarget,
    BranchRoleTarget,
    RoleSetter,
    RoleState,
    RoleTarget,
    app_role_state,
    branch_role_state,
)
from medic.aws.clients import ActorScope
from medic.diagnosis.checks import made_at
from medic.incidents.model import Change, ChangeState, IncidentState
from medic.incidents.table import Cap, LockedBranch, TransactionParts
from medic.labels import ActionKind, Trigger
from medic.plan.decide import effect_of, rebuild_after
from medic.plan.model import Action, Disposition, Plan
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from medic.aws.amplify import AmplifyActor
    from medic.events import Scope
    from medic.evidence import Job
    from medic.incidents.model import Incident, Request
    from medic.plan.guardrails import Question
    from medic.services import Services


def report_of(log_ref: str) -> str:
    """The occasion of the first alert on a sighting: a job's id, or a moment in the log of one."""
    return f"report:{log_ref}"


def outcome_of(log_ref: str) -> str:
    """The occasion of the alert on what became of an action that had to be put off."""
    return f"outcome:{log_ref}"


def answer_of(request: Request, log_ref: str) -> str:
    """The occasion of the alert on what became of a request: the report on that sighting was told before."""
    return f"{request.kind}-{request.id[:8]}:{log_ref}"


@dataclass(frozen=True, slots=True)
class Acted:
    """A plan, the incident after it, and what became of each action."""

    plan: Plan
    incident: Incident
    outcomes: tuple[RoleChangeOutcome, ...]


@dataclass(frozen=True)
class Applier:
    """Carries a plan out on one branch, under its lease."""

    scope: Scope
    job: Job
    log_ref: str
    """What tells this sighting of the failure from others."""
    trigger: Trigger
    question: Question
    held: LockedBranch
    services: Services
    app: LockedBranch | None = None
    """The whole app, held too where its service role may be repaired."""
    asked: Request | None = None
    """The request that allows it, if a person asked."""

    def act(self, plan: Plan, incident: Incident) -> Acted:
        """Do what the plan says may be done by itself.

        Raises:
            RetryableError: nothing more can be known now; the intent stands in the table.
        """
        if incident.unfinished:
            return self._carry_out(plan, incident, self._unfinished(plan, incident), resumed=True)
        if incident.applied:
            return self._recall(incident)
        incident = replace(incident, plan_hash=plan.hash_for(incident.id), last_alerted_plan=plan.gist)
        todo = plan.with_disposition(Disposition.DO)
        if not todo:
            return Acted(plan, self._waiting(plan, incident), ())
        return self._carry_out(plan, incident, todo, resumed=False)

    def _waiting(self, plan: Plan, incident: Incident) -> Incident:
        asks = bool(plan.with_disposition(Disposition.ASK_FIRST))
        state = IncidentState.AWAITING_APPROVAL if asks else IncidentState.OPEN
        return incident if incident.state is state else incident.moved(state, self._now)

    def _carry_out(self, plan: Plan, incident: Incident, todo: tuple[Action, ...], *, resumed: bool) -> Acted:
        if not resumed:
            intended = self._intended(incident, todo)
            capped = self._reserve(intended, todo)
            if capped is not None:
                outcomes = tuple(RoleChangeOutcome(action, ChangeResult.CAPPED, capped, self._now) for action in todo)
                return Acted(plan, incident.moved(IncidentState.OPEN, self._now, capped), outcomes)
            incident = intended
        outcomes = tuple(self._set(action, incident, resumed=resumed) for action in todo)
        incident = self._recorded(incident, outcomes)
        plan = replace(plan, effect=effect_of(self.trigger, todo), actions=_merged(plan.actions, todo))
        rebuild = self._rebuild(todo, incident, outcomes)
        if rebuild is None:
            return Acted(plan, incident, outcomes)
        incident, became = rebuild
        return Acted(plan, incident, tuple(replace(outcome, rebuild=became) for outcome in outcomes))

    def _intended(self, incident: Incident, todo: tuple[Action, ...]) -> Incident:
        """Everything needed to finish or to undo, before anything is sent."""
        for action in todo:
            change = Change(
                kind=action.kind,
                target=action.target,
                role_arn=action.role_arn or "",
                previous_arn=action.previous_arn,
                state=ChangeState.INTENDED,
                intended_at=self._now,
            )
            incident = incident.with_change(change, self._now)
        owed = answer_of(self.asked, self.log_ref) if self.asked else report_of(self.log_ref)
        applying = incident.moved(IncidentState.APPLYING, self._now).mark_alert_due(owed)
        return replace(applying, approved_by=self.asked.who if self.asked else "")

    def _reserve(self, incident: Incident, todo: tuple[Action, ...]) -> str | None:
        """Write the intent, use the request up and count up every cap, in one transaction.

        Returns:
            The cap that is used up, if one is: then nothing was written, and the request is good for another time.
        """
        cooling_until = self._now + timedelta(minutes=self.services.runtime.settings.limits.cool_down_minutes)
        record = replace(self.held.record.with_incident(incident), cooling_until=cooling_until)
        repairs = any(action.kind is ActionKind.REPAIR_SERVICE for action in todo)
        whole = (self.app, replace(self.app.record, cooling_until=cooling_until)) if self.app and repairs else None
        refused = self.held.save(record, TransactionParts(self._caps(), self.asked, beside=whole))
        return None if refused is None else f"the cap {refused.rsplit('#', 1)[0]} is used up for this hour"

    def _caps(self) -> tuple[Cap, ...]:
        limits, scope = self.services.runtime.settings.limits, self.scope
        hour, until = int(self._now.timestamp()) // 3600, self._now + timedelta(hours=2)
        account = f"fixes#{scope.account}#{scope.region}"
        return (
            Cap(f"{account}#{scope.app_id}#{scope.branch}#{hour}", limits.fixes_per_branch_an_hour, until),
            Cap(f"{account}#{scope.app_id}#{hour}", limits.fixes_per_app_an_hour, until),
            Cap(f"{account}#{hour}", limits.fixes_per_account_an_hour, until),
        )

    def _unfinished(self, plan: Plan, incident: Incident) -> tuple[Action, ...]:
        """The actions an earlier attempt intended: still allowed, or already standing there."""
        return tuple(
            _still_wanted(change, plan) or _from_change(change)
            for change in incident.changes
            if change.state is ChangeState.INTENDED
        )

    def _set(self, action: Action, incident: Incident, *, resumed: bool) -> RoleChangeOutcome:
        """One action through the protocol; a resumed one that is no longer allowed may only be found done."""
        target, seen = self._target(action, incident)
        if resumed and action.disposition is not Disposition.DO and seen.role_arn != action.role_arn:
            return RoleChangeOutcome(
                action, ChangeResult.MOVED, "it was not done, and is no longer allowed now", self._now
            )
        setter = RoleSetter(
            self.services.clock, self.services.pause, self.services.runtime.settings.limits.propagation_seconds
        )
        made = made_at(self.question.evidence, action.role_arn)
        outcome = setter.carry_out(action, target, seen, made_at=made, resumed=resumed)
        event = TelemetryEvent.APPLIED if outcome.result is ChangeResult.APPLIED else TelemetryEvent.NOT_APPLIED
        self.services.telemetry.record(event, incident=incident.id, action=action.kind, detail=outcome.detail)
        return outcome

    def _target(self, action: Action, incident: Incident) -> tuple[RoleTarget, RoleState]:
        actor = self.services.actor_for(self._actor_scope(action, incident))
        if action.kind is ActionKind.ATTACH_COMPUTE:
            return BranchRoleTarget(self.scope, self.services.amplify, actor), branch_role_state(self.question.branch)
        return AppRoleTarget(self.scope, self.services.amplify, actor), app_role_state(self.question.app)

    def _actor_scope(self, action: Action, incident: Incident) -> ActorScope:
        app_arn = self.question.app.arn if action.kind is ActionKind.REPAIR_SERVICE else None
        return ActorScope(incident.id, self.question.branch.arn, action.role_arn or "", app_arn)

    def _recorded(self, incident: Incident, outcomes: tuple[RoleChangeOutcome, ...]) -> Incident:
        for outcome in outcomes:
            change = incident.change(outcome.action.kind)
            if change is not None:
                incident = incident.with_change(_after(change, outcome), self._now)
        if incident.applied:
            return incident.moved(IncidentState.APPLIED, self._now)
        if incident.unfinished:
            return incident.moved(IncidentState.APPLYING, self._now)
        return incident.moved(IncidentState.OPEN, self._now)

    def _rebuild(
        self, todo: tuple[Action, ...], incident: Incident, outcomes: tuple[RoleChangeOutcome, ...]
    ) -> tuple[Incident, RebuildOutcome] | None:
        """Retry the job where that is wanted and possible; None where nothing was changed."""
        if not any(outcome.result is ChangeResult.APPLIED for outcome in outcomes):
            return None
        rebuilder = Rebuilder(self.services.amplify, self._starter(todo[0], incident), self.services.pause)
        if incident.rebuild_intended_at is not None:
            return self._rebuilt(incident, rebuilder.look_up(self.scope, self.job, incident.rebuild_intended_at))
        made = tuple(replace(action, disposition=Disposition.DO) for action in todo)
        rebuild = rebuild_after(self.trigger, self.question, made)
        if not rebuild.wanted:
            return incident, RebuildOutcome(None, f"not rebuilt: {rebuild.reason}")
        not_now = rebuilder.not_now(self.scope, self.job.id)
        if not_now is not None:
            return incident, not_now
        rebuilder.actor()  # a session that can't be had must not look like a StartJob without an answer
        incident = incident.intends_rebuild(self._now)
        self.held.save(self.held.record.with_incident(incident))
        return self._rebuilt(incident, rebuilder.start(self.scope, self.job, incident.id, self._now))

    def _rebuilt(self, incident: Incident, became: RebuildOutcome) -> tuple[Incident, RebuildOutcome]:
        if became.job_id is None:
            return incident, became
        return incident.rebuilds(became.job_id, self._now), became

    def _starter(self, action: Action, incident: Incident) -> Callable[[], AmplifyActor]:
        return self.services.actor_for(ActorScope(incident.id, self.question.branch.arn, action.role_arn or ""))

    def _recall(self, incident: Incident) -> Acted:
        """What an earlier attempt did, from the table: told again, not done again."""
        actions = tuple(_from_change(change) for change in incident.applied)
        plan = Plan(actions, effect_of(self.trigger, actions), rebuild_after(self.trigger, self.question, actions))
        outcomes = tuple(
            RoleChangeOutcome(
                action, ChangeResult.APPLIED, change.note or "set, and read back", change.applied_at or self._now
            )
            for action, change in zip(actions, incident.applied, strict=True)
        )
        rebuild = self._rebuild(actions, incident, outcomes)
        if rebuild is None:
            return Acted(plan, incident, outcomes)
        incident, became = rebuild
        return Acted(plan, incident, tuple(replace(outcome, rebuild=became) for outcome in outcomes))

    @property
    def _now(self) -> datetime:
        return self.services.clock()


def _after(change: Change, outcome: RoleChangeOutcome) -> Change:
    match outcome.result:
        case ChangeResult.APPLIED:
            return replace(change, state=ChangeState.APPLIED, applied_at=outcome.at, note=outcome.detail)
        case ChangeResult.DEFERRED:
            return replace(change, note=outcome.detail)
        case _:
            return replace(change, state=ChangeState.FAILED, note=outcome.detail)


def _still_wanted(change: Change, plan: Plan) -> Action | None:
    """The fresh plan's action, if it is this very change."""
    for action in plan.with_disposition(Disposition.DO):
        if (action.kind, action.role_arn, action.previous_arn) == (change.kind, change.role_arn, change.previous_arn):
            return action
    return None


def _from_change(change: Change) -> Action:
    return Action(
        kind=ActionKind(change.kind),
        disposition=Disposition.ADVISE,
        target=change.target,
        role_arn=change.role_arn,
        previous_arn=change.previous_arn,
        reason="recorded by an earlier attempt",
    )


def _merged(planned: tuple[Action, ...], done: tuple[Action, ...]) -> tuple[Action, ...]:
    kinds = {action.kind for action in done}
    return (*done, *(action for action in planned if action.kind not in kinds))
