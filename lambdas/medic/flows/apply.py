"""Apply a plan: save the intent, change the roles, save the results, then rebuild."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult, RebuildOutcome, RoleChangeOutcome
from medic.actions.rebuild import find_rebuild, start_rebuild, why_no_rebuild_now
from medic.actions.set_role import AmplifyTarget, RoleWriter, role_state
from medic.alerts.failure_report import FailureReport
from medic.aws.errors import AmbiguousError
from medic.diagnosis.roles import role_created_at
from medic.incidents.model import Change, ChangeState, IncidentState
from medic.incidents.table import Cap, TransactionParts
from medic.labels import ActionKind
from medic.plan.decide import effect_of, rebuild_after
from medic.plan.model import Action, Disposition, Plan
from medic.plan.session import ActorScope
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.flows.locked_branch import LockedBranch
    from medic.incidents.model import Incident, Request
    from medic.incidents.table import Lease
    from medic.plan.failure import ConfirmedFailure


def alert_key_of(failure: ConfirmedFailure, request: Request | None) -> str:
    """The key of the first alert on an occurrence of a failure, or of the alert on the result of a request.

    They differ because a channel that has an alert never gets another with its key.
    """
    return f"{request.kind}-{request.id[:8]}:{failure.occurrence}" if request else f"report:{failure.occurrence}"


def role_target(
    kind: ActionKind, incident: Incident, role_arn: str | None, locked: LockedBranch
) -> tuple[AmplifyTarget, RoleWriter]:
    """Where a role is set, and what sets it. The session of the actor allows this one change only."""
    services, scope = locked.services, locked.scope
    repairs_app = kind is ActionKind.REPAIR_SERVICE
    actor = services.actor_for(ActorScope(incident.id, scope, role_arn or "", repairs_app))
    propagation = services.runtime.settings.limits.propagation_seconds
    writer = RoleWriter(services.clock, services.pause, propagation)
    return AmplifyTarget(kind, scope, services.amplify, actor), writer


class Applier:
    """Applies a plan to one branch, under its lease.

    Args:
        failure: what the plan is for.
        locked: the branch.
        app: the lease of the whole app, held too if its service role may be repaired.
        request: the request that allows the plan, if a person made one.
    """

    def __init__(
        self, failure: ConfirmedFailure, locked: LockedBranch, app: Lease | None, request: Request | None
    ) -> None:
        self._failure = failure
        self._locked = locked
        self._services = locked.services
        self._app = app
        self._request = request

    def apply(self, plan: Plan, incident: Incident) -> FailureReport:
        """Carry out the actions of the plan that need no more approval.

        If an earlier invocation has begun a change, finish that one first: it may already be in AWS.

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
            waiting = incident if incident.state is state else incident.moved(state, self._locked.now)
            return FailureReport(self._failure, waiting, plan)
        intended = self._with_intent(incident, actions)
        full_cap = self._save_intent(intended, actions)
        if full_cap is not None:
            now, why = self._locked.now, f"the cap {full_cap.rsplit('#', 1)[0]} is used up for this hour"
            outcomes = tuple(RoleChangeOutcome(action, ChangeResult.CAPPED, why, now) for action in actions)
            return FailureReport(self._failure, incident.moved(IncidentState.OPEN, now, why), plan, outcomes)
        return self._carry_out(plan, intended, actions, resumed=False)

    def _carry_out(
        self, plan: Plan, incident: Incident, actions: tuple[Action, ...], *, resumed: bool
    ) -> FailureReport:
        outcomes = tuple(self._set_role(action, incident, resumed=resumed) for action in actions)
        now = self._locked.now
        for outcome in outcomes:
            if change := incident.change(outcome.action.kind):
                incident = incident.with_change(_with_outcome(change, outcome), now)
        state = IncidentState.APPLYING if incident.unfinished else IncidentState.OPEN
        incident = incident.moved(IncidentState.APPLIED if incident.applied else state, now)
        kinds = {action.kind for action in actions}
        others = (action for action in plan.actions if action.kind not in kinds)
        plan = replace(plan, effect=effect_of(self._failure, actions), actions=(*actions, *others))
        return self._rebuild_if_applied(FailureReport(self._failure, incident, plan, outcomes), actions)

    def _with_intent(self, incident: Incident, actions: tuple[Action, ...]) -> Incident:
        """Add everything that is needed to finish or undo the changes."""
        now = self._locked.now
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
        alert_due = applying.mark_alert_due(alert_key_of(self._failure, self._request))
        return replace(alert_due, approved_by=self._request.who if self._request else "")

    def _save_intent(self, incident: Incident, actions: tuple[Action, ...]) -> str | None:
        """Save the intent, mark the request as used and count up every cap, in one transaction.

        Returns:
            None, or the name of the cap that stops the change. Then nothing was written, and the request can be used
            later.
        """
        now, scope, lease, app = self._locked.now, self._failure.scope, self._locked.lease, None
        limits = self._services.runtime.settings.limits
        cooling_until = now + timedelta(minutes=limits.cool_down_minutes)
        record = replace(lease.record.with_incident(incident), cooling_until=cooling_until)
        if self._app is not None and any(action.kind is ActionKind.REPAIR_SERVICE for action in actions):
            app = self._app, replace(self._app.record, cooling_until=cooling_until)
        hour, until = int(now.timestamp()) // 3600, now + timedelta(hours=2)
        account = f"fixes#{scope.account}#{scope.region}"
        caps = (
            Cap(f"{account}#{scope.app_id}#{scope.branch}#{hour}", limits.fixes_per_branch_an_hour, until),
            Cap(f"{account}#{scope.app_id}#{hour}", limits.fixes_per_app_an_hour, until),
            Cap(f"{account}#{hour}", limits.fixes_per_account_an_hour, until),
        )
        return lease.save(record, TransactionParts(caps, self._request, second=app))

    def _set_role(self, action: Action, incident: Incident, *, resumed: bool) -> RoleChangeOutcome:
        """Carry out one action. A resumed action that is no longer allowed is not sent, only checked for success."""
        failure = self._failure
        expected = role_state(failure.branch if action.kind is ActionKind.ATTACH_COMPUTE else failure.app)
        if resumed and action.disposition is not Disposition.DO and expected.role_arn != action.role_arn:
            detail = "it was not done, and is no longer allowed now"
            return RoleChangeOutcome(action, ChangeResult.MOVED, detail, self._locked.now)
        target, writer = role_target(action.kind, incident, action.role_arn, self._locked)
        created_at = role_created_at(failure.evidence, action.role_arn)
        outcome = writer.carry_out(action, target, expected, created_at=created_at, resumed=resumed)
        event = TelemetryEvent.APPLIED if outcome.result is ChangeResult.APPLIED else TelemetryEvent.NOT_APPLIED
        self._services.telemetry.record(event, incident=incident.id, action=action.kind, detail=outcome.detail)
        return outcome

    def _result_so_far(self, incident: Incident) -> FailureReport:
        """What an earlier invocation applied, read from the table, so that it is reported and not sent again."""
        actions = tuple(map(_action_of, incident.applied))
        outcomes = tuple(
            RoleChangeOutcome(
                action, ChangeResult.APPLIED, change.note or "set, and read back", change.applied_at or self._locked.now
            )
            for action, change in zip(actions, incident.applied, strict=True)
        )
        plan = Plan(actions, effect_of(self._failure, actions), rebuild_after(self._failure, actions))
        return self._rebuild_if_applied(FailureReport(self._failure, incident, plan, outcomes), actions)

    def _rebuild_if_applied(self, report: FailureReport, actions: tuple[Action, ...]) -> FailureReport:
        """Retry the job if a role was set, and if that is wanted and possible."""
        if not any(outcome.result is ChangeResult.APPLIED for outcome in report.outcomes):
            return report
        incident, rebuild = self._rebuild(actions, report.incident)
        if rebuild.job_id is not None:
            incident = incident.record_rebuild_started(rebuild.job_id, self._locked.now)
        outcomes = tuple(replace(outcome, rebuild=rebuild) for outcome in report.outcomes)
        return replace(report, incident=incident, outcomes=outcomes)

    def _rebuild(self, actions: tuple[Action, ...], incident: Incident) -> tuple[Incident, RebuildOutcome]:
        scope, job, services = self._failure.scope, self._failure.job, self._services
        if incident.rebuild_intended_at is not None:
            return incident, find_rebuild(services.amplify, scope, job, incident.rebuild_intended_at)
        done = tuple(replace(action, disposition=Disposition.DO) for action in actions)
        rebuild = rebuild_after(self._failure, done)
        if not rebuild.wanted:
            return incident, RebuildOutcome(None, f"not rebuilt: {rebuild.reason}")
        not_now = why_no_rebuild_now(services.amplify, scope, job)
        if not_now is not None:
            return incident, RebuildOutcome(None, not_now)
        # Assume the role before the intent: an error after it would look like a StartJob without an answer.
        repairs_app = actions[0].kind is ActionKind.REPAIR_SERVICE
        actor = services.actor_for(ActorScope(incident.id, scope, actions[0].role_arn or "", repairs_app))()
        now = self._locked.now
        incident = replace(incident, rebuild_intended_at=now, updated_at=now)
        self._locked.save(incident)
        try:
            return incident, start_rebuild(actor, scope, job, incident.id, services.pause)
        except AmbiguousError:
            return incident, find_rebuild(services.amplify, scope, job, now)


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
        allowed.get((change.kind, change.role_arn, change.previous_arn)) or _action_of(change)
        for change in incident.changes
        if change.state is ChangeState.INTENDED
    )


def _action_of(change: Change) -> Action:
    return Action(
        kind=change.kind,
        disposition=Disposition.ADVISE,
        target=change.target,
        role_arn=change.role_arn,
        previous_arn=change.previous_arn,
        reason="recorded by an earlier attempt",
    )
