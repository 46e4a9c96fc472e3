"""Apply a plan: save the intent, then change the roles."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.actions.outcome import ChangeResult, RoleChangeOutcome
from medic.actions.set_role import AmplifyTarget, RoleWriter, role_state
from medic.alerts.failure_report import FailureReport
from medic.diagnosis.roles import role_created_at
from medic.flows.recorded import action_of
from medic.incidents.model import Change, ChangeState, Incident, IncidentState, Request
from medic.incidents.table import Cap, Lease, TransactionParts
from medic.labels import ActionKind
from medic.plan.decide import effect_of, rebuild_after
from medic.plan.guardrails import fresh_until
from medic.plan.model import Action, Disposition, Plan
from medic.plan.session import ActorScope
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.flows.locked_branch import LockedBranch
    from medic.plan.failure import ConfirmedFailure


def alert_key_of(failure: ConfirmedFailure, request: Request | None) -> str:
    """The key of the first alert on an occurrence of a failure, or of the alert on the result of a request.

    They differ because a channel that has an alert never gets another with its key.
    """
    return f"{request.kind}-{request.id[:8]}:{failure.occurrence}" if request else f"report:{failure.occurrence}"


def role_target(
    kind: ActionKind, incident: Incident, role_arn: str | None, locked: LockedBranch, *, approved: bool
) -> tuple[AmplifyTarget, RoleWriter]:
    """Where a role is set, and what sets it. The session of the actor allows this one change only."""
    services, scope = locked.services, locked.scope
    repairs_app = kind is ActionKind.REPAIR_SERVICE
    actor = locked.actor_for(ActorScope(incident.id, scope, role_arn or "", repairs_app, approved))
    propagation = services.runtime.settings.limits.propagation_seconds
    writer = RoleWriter(services.clock, services.pause, propagation)
    return AmplifyTarget(kind, scope, services.amplify, actor), writer


class Applier(Struct, frozen=True):
    failure: ConfirmedFailure
    locked: LockedBranch
    request: Request | None
    """The request that allows the plan, if a person made one."""

    def apply(self, plan: Plan, incident: Incident, app: Lease | None = None) -> FailureReport:
        """Carry out the actions of the plan that need no more approval.

        If an earlier invocation has begun a change, finish that one first: it may already be in AWS. `app` is the
        lease of the whole app, held too if its service role may be repaired.

        Raises:
            RetryableError: a result is not known yet. The intent is saved, so a retry continues from it.
        """
        if incident.unfinished:
            return self._carry_out(plan, incident, _intended_actions(incident, plan), resumed=True)
        if incident.applied:
            return self._result_so_far(incident)
        planned = tuple(replace(action, answers=()) for action in plan.actions)
        incident = replace(incident, plan_hash=plan.hash_for(incident.id), last_alerted_plan=planned)
        actions = plan.with_disposition(Disposition.DO)
        if not actions:
            asks = bool(plan.with_disposition(Disposition.ASK_FIRST))
            state = IncidentState.AWAITING_APPROVAL if asks else IncidentState.OPEN
            waiting = incident if incident.state is state else incident.moved(state, self.locked.now)
            return FailureReport(self.failure, waiting, plan)
        intended = self._with_intent(incident, actions)
        full_cap = self._save_intent(intended, actions, app)
        if full_cap is not None:
            now, why = self.locked.now, f"the cap {full_cap.rsplit('#', 1)[0]} is used up for this hour"
            outcomes = tuple(RoleChangeOutcome(action, ChangeResult.CAPPED, why, now) for action in actions)
            return FailureReport(self.failure, incident.moved(IncidentState.OPEN, now, why), plan, outcomes)
        return self._carry_out(plan, intended, actions, resumed=False)

    def _carry_out(
        self, plan: Plan, incident: Incident, actions: tuple[Action, ...], *, resumed: bool
    ) -> FailureReport:
        outcomes = tuple(self._set_role(action, incident, resumed=resumed) for action in actions)
        now = self.locked.now
        for outcome in outcomes:
            if change := incident.change(outcome.action.kind):
                incident = incident.with_change(_with_outcome(change, outcome), now)
        state = IncidentState.APPLYING if incident.unfinished else IncidentState.OPEN
        incident = incident.moved(IncidentState.APPLIED if incident.applied else state, now)
        kinds = {action.kind for action in actions}
        others = (action for action in plan.actions if action.kind not in kinds)
        plan = replace(plan, effect=effect_of(self.failure, actions), actions=(*actions, *others))
        return FailureReport(self.failure, incident, plan, outcomes)

    def _with_intent(self, incident: Incident, actions: tuple[Action, ...]) -> Incident:
        """Add everything that is needed to finish or undo the changes."""
        now = self.locked.now
        for action in actions:
            change = Change(
                kind=action.kind,
                target=action.target,
                role_arn=action.role_arn or "",
                previous_arn=action.previous_arn,
                state=ChangeState.INTENDED,
                intended_at=now,
            )
            incident = incident.with_change(change, now)
        applying = incident.moved(IncidentState.APPLYING, now)
        if self.request is None:
            until, approved_by = fresh_until(self.failure, self.locked.services.runtime.settings), ""
        else:
            until, approved_by = self.request.expires_at, self.request.who
        alert_due = alert_key_of(self.failure, self.request)
        return replace(applying, alert_due=alert_due, fresh_until=until, approved_by=approved_by)

    def _save_intent(self, incident: Incident, actions: tuple[Action, ...], app: Lease | None) -> str | None:
        """Save the intent, mark the request as used and count up every cap, in one transaction.

        Returns the name of the cap that stops the change, if one does. Then nothing was written, and the request can be
        used later.
        """
        now, scope, lease, second = self.locked.now, self.failure.scope, self.locked.lease, None
        limits = self.locked.services.runtime.settings.limits
        cooling_until = now + timedelta(minutes=limits.cool_down_minutes)
        record = replace(lease.record.with_incident(incident), cooling_until=cooling_until)
        if app is not None and any(action.kind is ActionKind.REPAIR_SERVICE for action in actions):
            second = app, replace(app.record, cooling_until=cooling_until)
        hour, until = int(now.timestamp()) // 3600, now + timedelta(hours=2)
        account = f"fixes#{scope.account}#{scope.region}"
        caps = (
            Cap(f"{account}#{scope.app_id}#{scope.branch}#{hour}", limits.fixes_per_branch_an_hour, until),
            Cap(f"{account}#{scope.app_id}#{hour}", limits.fixes_per_app_an_hour, until),
            Cap(f"{account}#{hour}", limits.fixes_per_account_an_hour, until),
        )
        return lease.save(record, TransactionParts(caps, self.request, second=second))

    def _set_role(self, action: Action, incident: Incident, *, resumed: bool) -> RoleChangeOutcome:
        """Carry out one action. A resumed action that is no longer allowed is not sent, only looked for."""
        failure = self.failure
        approved = bool(incident.approved_by)
        target, writer = role_target(action.kind, incident, action.role_arn, self.locked, approved=approved)
        if resumed and action.disposition is not Disposition.DO:
            outcome = writer.find(action, target)
        else:
            expected = role_state(failure.branch if action.kind is ActionKind.ATTACH_COMPUTE else failure.app)
            created_at = role_created_at(failure.evidence, action.role_arn)
            outcome = writer.carry_out(action, target, expected, created_at=created_at, resumed=resumed)
        event = TelemetryEvent.APPLIED if outcome.result is ChangeResult.APPLIED else TelemetryEvent.NOT_APPLIED
        self.locked.services.telemetry.record(event, incident=incident.id, action=action.kind, detail=outcome.detail)
        return outcome

    def _result_so_far(self, incident: Incident) -> FailureReport:
        """What an earlier invocation applied, read from the table, so that it is reported and not sent again."""
        actions = tuple(map(action_of, incident.applied))
        outcomes = tuple(
            RoleChangeOutcome(
                action, ChangeResult.APPLIED, change.note or "set, and read back", change.applied_at or self.locked.now
            )
            for action, change in zip(actions, incident.applied, strict=True)
        )
        plan = Plan(actions, effect_of(self.failure, actions), rebuild_after(self.failure, actions))
        return FailureReport(self.failure, incident, plan, outcomes)


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
    allowed = {(a.kind, a.role_arn, a.previous_arn): a for a in plan.with_disposition(Disposition.DO)}
    return tuple(
        allowed.get((change.kind, change.role_arn, change.previous_arn)) or action_of(change)
        for change in incident.changes
        if change.state is ChangeState.INTENDED
    )
