"""Handle a person's request: store it, check it, carry it out once and store the answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult
from medic.alerts.compose import compose_muted
from medic.aws.errors import RetryableError
from medic.events import ALL, DeploymentEvent, DeploymentStatus, RequestKind, Scope
from medic.evidence import Absent, Present, Unreadable
from medic.flows.deadlines import finish_interrupted
from medic.flows.failure import diagnose_failure
from medic.flows.locked_branch import hold_branch
from medic.flows.runtime import respond_again
from medic.flows.undo import undo
from medic.incidents.model import Answer, Incident, IncidentState, Request
from medic.incidents.region import MuteRefusedError
from medic.incidents.requests import RequestRefusedError
from medic.incidents.table import UsedUpError
from medic.labels import Trigger
from medic.plan.guardrails import TEMPORARY_REFUSALS
from medic.plan.model import Disposition
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.alerts.failure_report import FailureReport
    from medic.services import Services


_TRY_AGAIN_AFTER = timedelta(minutes=15)
"""When an approval is tried again that a storm, a cool-down or a cap stopped."""


def take_request(request: Request, services: Services) -> None:
    """Store a request, carry it out and store the answer. If it is stored already, the stored one counts.

    Raises:
        RetryableError: either the request is unused, or its change is saved.
        RecordedError: the request is used, and what it began is saved. A retry finishes it at once.
    """
    _answer(services.requests.submit(request), services)


def retry_request(scope: Scope, request_id: str, services: Services) -> None:
    """Try an approval again that was refused for a while. `take_request` says what is raised.

    A wake-up may name any request. One that was never answered was never taken from the queue.
    """
    request = services.requests.read(scope, request_id)
    if request is not None and request.answer is not None:
        _answer(request, services)
        return
    services.telemetry.record(TelemetryEvent.REQUEST_REFUSED, scope=scope, request=request_id, why="nobody sent it")
    services.requests.answer(scope, request_id, Answer("the request is invalid", refused=True))


def give_up(request: Request, why: Exception, services: Services) -> None:
    services.telemetry.record(TelemetryEvent.REQUEST_REFUSED, scope=request.scope, request=request.id, why=why)
    services.requests.answer(request.scope, request.id, Answer(f"failed: {why}", refused=True))


def _answer(request: Request, services: Services) -> None:
    requests, scope = services.requests, request.scope
    log = partial(services.telemetry.record, scope=scope, request=request.id, kind=request.kind, who=request.who)
    if request.used_at is not None:
        log(TelemetryEvent.REQUEST_REFUSED, why=f"it was used at {request.used_at}")
        if request.answer is None:
            # The run that used it was interrupted: finish what it began, and begin nothing new.
            finish_interrupted(scope, services)
            requests.answer(scope, request.id, Answer("carried out; its incident shows the result"))
        return
    try:
        answer = _carry_out(request, services)
    except RequestRefusedError as refusal:
        log(TelemetryEvent.REQUEST_REFUSED, why=refusal)
        why, retry_at = str(refusal), None
        if request.kind is RequestKind.APPROVE and not refusal.for_good:
            retry_at = services.clock() + _TRY_AGAIN_AFTER
            why = f"{why}; the bot tries again until {request.expires_at:%Y-%m-%d %H:%M} UTC"
        requests.answer(scope, request.id, Answer(why, refused=True), retry_at=retry_at)
    except UsedUpError as error:
        log(TelemetryEvent.REQUEST_REFUSED, why=error)
    else:
        log(TelemetryEvent.REQUEST_USED, answer=answer.text)
        requests.answer(scope, request.id, answer)


def _carry_out(request: Request, services: Services) -> Answer:
    if request.expired(services.clock()):
        raise RequestRefusedError(f"it expired at {request.expires_at:%Y-%m-%d %H:%M} UTC; ask again")
    ends = request.kind is RequestKind.UNDO or (request.kind is RequestKind.MUTE and request.until is None)
    if not (ends or services.runtime.settings.watches(request.scope.app_id)):
        raise RequestRefusedError("the setting `apps` does not name this app, so the bot does nothing there")
    match request.kind:
        case RequestKind.MUTE:
            return _mute(request, services)
        case RequestKind.UNDO:
            return undo(request, services)
        case RequestKind.APPROVE:
            incident = _approved_incident(request, services)
        case RequestKind.FIX:
            incident = _latest_incident(request, services)
    # Diagnose the incident's failure again and apply the result, under every guardrail.
    if incident.trigger is Trigger.RUNTIME:
        return _result(respond_again(request.scope, incident, services, request))
    event = DeploymentEvent(request.scope, incident.job_id, DeploymentStatus.FAILED, request.asked_at)
    return _result(diagnose_failure(event, services, request))


def _mute(request: Request, services: Services) -> Answer:
    if request.until is not None:
        _require_existing(request.scope, services)
    try:
        services.region.mute(request.scope, request.until)
    except MuteRefusedError as refusal:
        raise RequestRefusedError(str(refusal)) from refusal
    whole = request.scope.branch == ALL
    what = request.scope.app_id if whole else f"{request.scope.app_id}/{request.scope.branch}"
    if request.until is not None and not whole:
        _report_mute(request, request.until, services)
    until = f"muted until {request.until:%Y-%m-%d %H:%M} UTC" if request.until else "not muted now"
    return Answer(f"{what} is {until}")


def _report_mute(request: Request, until: datetime, services: Services) -> None:
    """Say who muted the branch, in the alerts of its open incidents. A due alert comes first, so it waits.

    The next failure after the mute is news, so that the alerts show its state again.
    """
    with hold_branch(request.scope, services) as locked:
        for incident in locked.record.incidents:
            if incident.alerted_individually and not (incident.state.closed or incident.alert_due):
                alert = compose_muted(request.scope, incident, until, request.who)
                locked.notify(alert, replace(incident, last_alerted_plan=()), f"muted:{request.id[:8]}")


def _require_existing(scope: Scope, services: Services) -> None:
    """Refuse a request about an app or branch that Amplify does not have."""
    amplify, whole = services.amplify, scope.branch == ALL
    found = amplify.app(scope.app_id) if whole else amplify.branch(scope.app_id, scope.branch)
    match found:
        case Absent(reason):
            raise RequestRefusedError(f"there is no such {'app' if whole else 'branch'}: {reason}")
        case Unreadable(reason):
            raise RetryableError("amplify:GetApp" if whole else "amplify:GetBranch", "Unreadable", reason)
        case Present():
            pass


def _approved_incident(request: Request, services: Services) -> Incident:
    """The incident whose plan was approved, if it still has that plan.

    The record decides, not what a button claims: anyone with Slack's signing secret can write any button.
    """
    incidents = services.table.read(request.scope).incidents
    incident = next((i for i in incidents if i.id == request.incident_id), None)
    if incident is None:
        raise RequestRefusedError(f"this branch has no incident {request.incident_id[:32]}")
    if incident.state.closed:
        raise RequestRefusedError(f"incident {incident.id} is already {incident.state}")
    if incident.state is IncidentState.AWAITING_APPROVAL and request.asked_at >= incident.deadline:
        raise RequestRefusedError(f"the proposal expired at {incident.deadline:%Y-%m-%d %H:%M} UTC")
    if not request.plan_hash or incident.plan_hash != request.plan_hash:
        raise RequestRefusedError("the incident's plan is not the one that was approved: see its newest alert")
    return incident


def _latest_incident(request: Request, services: Services) -> Incident:
    """The branch's latest unresolved incident, or the one that the request names. Its job is diagnosed again."""
    if request.scope.branch == ALL:
        raise RequestRefusedError("the bot changes a branch, never a whole app: name the branch")
    incidents = [i for i in services.table.read(request.scope).incidents if i.state is not IncidentState.RESOLVED]
    wanted = [i for i in incidents if i.id == request.incident_id] if request.incident_id else incidents
    latest = max(wanted, key=lambda incident: (not incident.state.closed, incident.updated_at), default=None)
    if latest is None:
        raise RequestRefusedError("this branch has no incident to fix")
    return latest


def _result(done: FailureReport | Incident | None) -> Answer:
    """What was done. If nothing was, the request is refused."""
    if done is None:
        raise RequestRefusedError("no such IAM failure shows now, or its branch is tagged `ignore`")
    if isinstance(done, Incident):
        raise RequestRefusedError(f"incident {done.id} is {done.state}: its change was already made")
    plan, outcomes = done.plan, done.outcomes
    if not outcomes:
        obstacles = (*plan.with_disposition(Disposition.REFUSE), *plan.with_disposition(Disposition.ADVISE))
        why = obstacles[0].explanation if obstacles else "none of the changes that the bot may make would help now"
        raise RequestRefusedError(why, for_good=not plan.refused_by & TEMPORARY_REFUSALS)
    if all(outcome.result is ChangeResult.CAPPED for outcome in outcomes):
        raise RequestRefusedError(outcomes[0].detail, for_good=False)
    parts = [f"{outcome.action.kind} {outcome.result}: {outcome.detail}" for outcome in outcomes]
    parts += [outcome.rebuild.detail for outcome in outcomes[:1] if outcome.rebuild]
    return Answer("; ".join(parts))
