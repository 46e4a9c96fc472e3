"""Apply a plan: save the intent, change the roles, save the results, then rebuild."""

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
from medic.diagnosis.roles import role_created_at
from medic.incidents.model import Change, ChangeState, IncidentState
from medic.incidents.table import Cap, LockedBranch, TransactionParts
from medic.labels import ActionKind, Trigger
from medic.plan.decide import effect_of, rebuild_after
from medic.plan.model import Action, Disposition, Plan
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.evidence import Job
    from medic.incidents.model import Incident, Request
    from medic.plan.guardrails import Question
    from medic.services import Services


def report_key(occurrence: str) -> str:
    """The key of the first alert on an occurrence of a failure."""
    return f"report:{occurrence}"


def outcome_key(occurrence: str) -> str:
    """The key of the alert on the result of a deferred change."""
    return f"outcome:{occurrence}"


def request_key(request: Request, occurrence: str) -> str:
    """The key of the alert on the result of a request. The report key is already taken by the first alert."""
    return f"{request.kind}-{request.id[:8]}:{occurrence}"


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The plan, the incident as it is to be saved, and the outcome of each action."""

    plan: Plan
    incident: Incident
    outcomes: tuple[RoleChangeOutcome, ...]


@dataclass(frozen=True)
class Applier:
    """Applies a plan to one branch, under its lease."""

    scope: Scope
    job: Job
    occurrence: str
    """`ConfirmedFailure.occurrence`."""
    trigger: Trigger
    question: Question
    locked: LockedBranch
    services: Services
    app: LockedBranch | None = None
    """The whole app, locked too if its service role may be repaired."""
    request: Request | None = None
    """The request that allows the plan, if a person made one."""

    def apply(self, plan: Plan, incident: Incident) -> ApplyResult:
        """Carry out the actions of the plan that need no more approval.

        If an earlier invocation has begun a change, finish that one first: it may already be in AWS.

        Raises:
            RetryableError: a result is not known yet. The intent is saved, so a retry continues from it.
        """
        if incident.unfinished:
            return self._carry_out(plan, incident, _intended_actions(incident, plan), resumed=True)
        if incident.applied:
            return self._result_so_far(incident)
        incident = replace(incident, plan_hash=plan.hash_for(incident.id), last_alerted_plan=plan.gist)
        actions = plan.with_disposition(Disposition.DO)
        if not actions:
            return ApplyResult(plan, self._waiting(plan, incident), ())
        return self._carry_out(plan, incident, actions, resumed=False)

    def _waiting(self, plan: Plan, incident: Incident) -> Incident:
        asks = bool(plan.with_disposition(Disposition.ASK_FIRST))
        state = IncidentState.AWAITING_APPROVAL if asks else IncidentState.OPEN
        return incident if incident.state is state else incident.moved(state, self._now)

    def _carry_out(self, plan: Plan, incident: Incident, actions: tuple[Action, ...], *, resumed: bool) -> ApplyResult:
        if not resumed:
            intended = self._with_intent(incident, actions)
            capped = self._save_intent(intended, actions)
            if capped is not None:
                outcomes = tuple(
                    RoleChangeOutcome(action, ChangeResult.CAPPED, capped, self._now) for action in actions
                )
                return ApplyResult(plan, incident.moved(IncidentState.OPEN, self._now, capped), outcomes)
            incident = intended
        outcomes = tuple(self._set_role(action, incident, resumed=resumed) for action in actions)
        incident = self._with_outcomes(incident, outcomes)
        plan = replace(plan, effect=effect_of(self.trigger, actions), actions=_merged(plan.actions, actions))
        return self._rebuild_if_applied(ApplyResult(plan, incident, outcomes), actions)

    def _with_intent(self, incident: Incident, actions: tuple[Action, ...]) -> Incident:
        """Add everything that is needed to finish or undo the changes."""
        for action in actions:
            change = Change(
                kind=action.kind,
                target=action.target,
                role_arn=action.role_arn or "",
                previous_arn=action.previous_arn,
                state=ChangeState.INTENDED,
                intended_at=self._now,
            )
            incident = incident.with_change(change, self._now)
        alert_key = request_key(self.request, self.occurrence) if self.request else report_key(self.occurrence)
        applying = incident.moved(IncidentState.APPLYING, self._now).mark_alert_due(alert_key)
        return replace(applying, approved_by=self.request.who if self.request else "")

    def _save_intent(self, incident: Incident, actions: tuple[Action, ...]) -> str | None:
        """Save the intent, mark the request as used and count up every cap, in one transaction.

        Returns:
            None, or why a cap stops the change. Then nothing was written, and the request can be used later.
        """
        cooling_until = self._now + timedelta(minutes=self.services.runtime.settings.limits.cool_down_minutes)
        record = replace(self.locked.record.with_incident(incident), cooling_until=cooling_until)
        repairs = any(action.kind is ActionKind.REPAIR_SERVICE for action in actions)
        app = (self.app, replace(self.app.record, cooling_until=cooling_until)) if self.app and repairs else None
        full_cap = self.locked.save(record, TransactionParts(self._caps(), self.request, second=app))
        return None if full_cap is None else f"the cap {full_cap.rsplit('#', 1)[0]} is used up for this hour"

    def _caps(self) -> tuple[Cap, ...]:
        limits, scope = self.services.runtime.settings.limits, self.scope
        hour, until = int(self._now.timestamp()) // 3600, self._now + timedelta(hours=2)
        account = f"fixes#{scope.account}#{scope.region}"
        return (
            Cap(f"{account}#{scope.app_id}#{scope.branch}#{hour}", limits.fixes_per_branch_an_hour, until),
            Cap(f"{account}#{scope.app_id}#{hour}", limits.fixes_per_app_an_hour, until),
            Cap(f"{account}#{hour}", limits.fixes_per_account_an_hour, until),
        )

    def _set_role(self, action: Action, incident: Incident, *, resumed: bool) -> RoleChangeOutcome:
        """Carry out one action. A resumed action that is no longer allowed is not sent, only checked for success."""
        target, expected = self._target(action, incident)
        if resumed and action.disposition is not Disposition.DO and expected.role_arn != action.role_arn:
            return RoleChangeOutcome(
                action, ChangeResult.MOVED, "it was not done, and is no longer allowed now", self._now
            )
        setter = RoleSetter(
            self.services.clock, self.services.pause, self.services.runtime.settings.limits.propagation_seconds
        )
        created_at = role_created_at(self.question.evidence, action.role_arn)
        outcome = setter.carry_out(action, target, expected, created_at=created_at, resumed=resumed)
        event = TelemetryEvent.APPLIED if outcome.result is ChangeResult.APPLIED else TelemetryEvent.NOT_APPLIED
        self.services.telemetry.record(event, incident=incident.id, action=action.kind, detail=outcome.detail)
        return outcome

    def _target(self, action: Action, incident: Incident) -> tuple[RoleTarget, RoleState]:
        question, amplify = self.question, self.services.amplify
        repairs = action.kind is ActionKind.REPAIR_SERVICE
        app_arn = question.app.arn if repairs else None
        actor = self.services.actor_for(ActorScope(incident.id, question.branch.arn, action.role_arn or "", app_arn))
        if repairs:
            return AppRoleTarget(self.scope, amplify, actor), app_role_state(question.app)
        return BranchRoleTarget(self.scope, amplify, actor), branch_role_state(question.branch)

    def _with_outcomes(self, incident: Incident, outcomes: tuple[RoleChangeOutcome, ...]) -> Incident:
        for outcome in outcomes:
            change = incident.change(outcome.action.kind)
            if change is not None:
                incident = incident.with_change(_with_outcome(change, outcome), self._now)
        if incident.applied:
            return incident.moved(IncidentState.APPLIED, self._now)
        if incident.unfinished:
            return incident.moved(IncidentState.APPLYING, self._now)
        return incident.moved(IncidentState.OPEN, self._now)

    def _result_so_far(self, incident: Incident) -> ApplyResult:
        """What an earlier invocation applied, read from the table, so that it is reported and not sent again."""
        actions = tuple(_action_of(change) for change in incident.applied)
        plan = Plan(actions, effect_of(self.trigger, actions), rebuild_after(self.trigger, self.question, actions))
        outcomes = tuple(
            RoleChangeOutcome(
                action, ChangeResult.APPLIED, change.note or "set, and read back", change.applied_at or self._now
            )
            for action, change in zip(actions, incident.applied, strict=True)
        )
        return self._rebuild_if_applied(ApplyResult(plan, incident, outcomes), actions)

    def _rebuild_if_applied(self, result: ApplyResult, actions: tuple[Action, ...]) -> ApplyResult:
        if not any(outcome.result is ChangeResult.APPLIED for outcome in result.outcomes):
            return result
        incident, rebuild = self._rebuild(actions, result.incident)
        return ApplyResult(
            result.plan, incident, tuple(replace(outcome, rebuild=rebuild) for outcome in result.outcomes)
        )

    def _rebuild(self, actions: tuple[Action, ...], incident: Incident) -> tuple[Incident, RebuildOutcome]:
        """Retry the job if that is wanted and possible."""
        scope = ActorScope(incident.id, self.question.branch.arn, actions[0].role_arn or "")
        rebuilder = Rebuilder(self.services.amplify, self.services.actor_for(scope), self.services.pause)
        if incident.rebuild_intended_at is not None:
            return self._with_rebuild(
                incident, rebuilder.find_started(self.scope, self.job, incident.rebuild_intended_at)
            )
        done = tuple(replace(action, disposition=Disposition.DO) for action in actions)
        rebuild = rebuild_after(self.trigger, self.question, done)
        if not rebuild.wanted:
            return incident, RebuildOutcome(None, f"not rebuilt: {rebuild.reason}")
        not_now = rebuilder.why_not_now(self.scope, self.job.id)
        if not_now is not None:
            return incident, not_now
        rebuilder.actor()  # an AssumeRole error after the intent would look like a StartJob without an answer
        incident = incident.record_rebuild_intent(self._now)
        self.locked.save(self.locked.record.with_incident(incident))
        return self._with_rebuild(incident, rebuilder.start(self.scope, self.job, incident.id, self._now))

    def _with_rebuild(self, incident: Incident, outcome: RebuildOutcome) -> tuple[Incident, RebuildOutcome]:
        if outcome.job_id is None:
            return incident, outcome
        return incident.record_rebuild_started(outcome.job_id, self._now), outcome

    @property
    def _now(self) -> datetime:
        return self.services.clock()


def _with_outcome(change: Change, outcome: RoleChangeOutcome) -> Change:
    match outcome.result:
        case ChangeResult.APPLIED:
            return replace(change, state=ChangeState.APPLIED, applied_at=outcome.at, note=outcome.detail)
        case ChangeResult.DEFERRED:
            return replace(change, note=outcome.detail)
        case _:
            return replace(change, state=ChangeState.FAILED, note=outcome.detail)


def _intended_actions(incident: Incident, plan: Plan) -> tuple[Action, ...]:
    """The actions that an earlier invocation intended. Only those that the new plan also allows may still be sent."""
    return tuple(
        _still_allowed(change, plan) or _action_of(change)
        for change in incident.changes
        if change.state is ChangeState.INTENDED
    )


def _still_allowed(change: Change, plan: Plan) -> Action | None:
    """The action of the new plan that is the same as this change."""
    for action in plan.with_disposition(Disposition.DO):
        if (action.kind, action.role_arn, action.previous_arn) == (change.kind, change.role_arn, change.previous_arn):
            return action
    return None


def _action_of(change: Change) -> Action:
    return Action(
        kind=ActionKind(change.kind),
        disposition=Disposition.ADVISE,
        target=change.target,
        role_arn=change.role_arn,
        previous_arn=change.previous_arn,
        reason="recorded by an earlier attempt",
    )


def _merged(planned: tuple[Action, ...], carried_out: tuple[Action, ...]) -> tuple[Action, ...]:
    kinds = {action.kind for action in carried_out}
    return (*carried_out, *(action for action in planned if action.kind not in kinds))
