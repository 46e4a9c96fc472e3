"""Handle a person's request: read it from the table, check it, carry it out once and store the answer.

The wake-up only names the request; nothing else in it is trusted.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult
from medic.events import DeploymentEvent, DeploymentStatus, RequestKind
from medic.flows.deadlines import finish_interrupted
from medic.flows.failure import diagnose_failure
from medic.flows.runtime import respond_again
from medic.flows.undo import undo
from medic.incidents.model import Answer, Incident, IncidentState, Request
from medic.incidents.requests import RequestRefusedError
from medic.incidents.table import UsedUpError
from medic.labels import Trigger
from medic.plan.guardrails import TEMPORARY_REFUSALS
from medic.plan.model import Disposition
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.alerts.failure_report import FailureReport
    from medic.events import Scope
    from medic.services import Services


def answer_request(scope: Scope, request_id: str, services: Services) -> None:
    """Carry out a request and store the answer.

    Raises:
        RetryableError: AWS throttled or could not be reached. Either the request is unused, or its change is saved.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not accept the alert.
    """
    requests, log = services.requests, partial(services.telemetry.record, scope=scope, request=request_id)
    request = requests.read(scope, request_id)
    if request is None:
        log(TelemetryEvent.REQUEST_REFUSED, why="there is no such request")
        requests.answer(scope, request_id, Answer("the request is invalid", refused=True), used=True)
        return
    if request.used_at is not None:
        log(TelemetryEvent.REQUEST_REFUSED, why=f"it was used at {request.used_at}")
        if request.answer is None:
            # The run that used it was interrupted: finish what it began, and begin nothing new.
            finish_interrupted(scope, services)
            requests.answer(scope, request_id, Answer("carried out; its incident shows the result"), used=True)
        return
    asked = {"kind": request.kind, "who": request.who}
    try:
        answer = _carry_out(request, services)
    except RequestRefusedError as refusal:
        log(TelemetryEvent.REQUEST_REFUSED, **asked, why=refusal)
        requests.answer(scope, request_id, Answer(str(refusal), refused=True), used=refusal.for_good)
    except UsedUpError as error:
        log(TelemetryEvent.REQUEST_REFUSED, why=error)
    else:
        log(TelemetryEvent.REQUEST_USED, **asked, answer=answer.text)
        requests.answer(scope, request_id, answer, used=True)


def _carry_out(request: Request, services: Services) -> Answer:
    if request.expired(services.clock()):
        raise RequestRefusedError(f"it expired at {request.expires_at:%Y-%m-%d %H:%M} UTC; ask again")
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
        return _answer(respond_again(request.scope, incident, services, request))
    event = DeploymentEvent(request.scope, incident.job_id, DeploymentStatus.FAILED, request.asked_at)
    return _answer(diagnose_failure(event, services, request))


def _mute(request: Request, services: Services) -> Answer:
    services.region.mute(request.scope, request.until)
    whole = request.scope.branch == "*"
    what = request.scope.app_id if whole else f"{request.scope.app_id}/{request.scope.branch}"
    until = f"muted until {request.until:%Y-%m-%d %H:%M} UTC" if request.until else "not muted now"
    return Answer(f"{what} is {until}")


def _approved_incident(request: Request, services: Services) -> Incident:
    """The incident whose plan was approved, if it still has that plan."""
    incidents = services.table.read(request.scope).incidents
    incident = next((i for i in incidents if i.id == request.incident_id), None)
    if incident is None:
        raise RequestRefusedError(f"this branch has no incident {request.incident_id[:32]}")
    if incident.state.closed:
        raise RequestRefusedError(f"incident {incident.id} is already {incident.state}")
    if not request.plan_hash or incident.plan_hash != request.plan_hash:
        raise RequestRefusedError("the incident's plan is not the one that was approved: see its newest alert")
    return incident


def _latest_incident(request: Request, services: Services) -> Incident:
    """The branch's latest unresolved incident, or the one that the request names. Its job is diagnosed again."""
    incidents = [i for i in services.table.read(request.scope).incidents if i.state is not IncidentState.RESOLVED]
    wanted = [i for i in incidents if i.id == request.incident_id] if request.incident_id else incidents
    latest = max(wanted, key=lambda incident: (not incident.state.closed, incident.updated_at), default=None)
    if latest is None:
        raise RequestRefusedError("this branch has no incident to fix")
    return latest


def _answer(done: FailureReport | Incident | None) -> Answer:
    """What was done.

    Raises:
        RequestRefusedError: nothing was done.
    """
    if done is None:
        raise RequestRefusedError("the failure is gone, or its branch is tagged `ignore`")
    if isinstance(done, Incident):
        raise RequestRefusedError(f"incident {done.id} is {done.state}: its change was already made")
    plan, outcomes = done.plan, done.outcomes
    if not outcomes:
        obstacles = (*plan.with_disposition(Disposition.REFUSE), *plan.with_disposition(Disposition.ADVISE))
        why = obstacles[0].explanation if obstacles else "the bot can change nothing here"
        raise RequestRefusedError(why, for_good=not plan.refused_by & TEMPORARY_REFUSALS)
    if all(outcome.result is ChangeResult.CAPPED for outcome in outcomes):
        raise RequestRefusedError(outcomes[0].detail, for_good=False)
    parts = [f"{outcome.action.kind} {outcome.result}: {outcome.detail}" for outcome in outcomes]
    parts += [outcome.rebuild.detail for outcome in outcomes[:1] if outcome.rebuild]
    return Answer("; ".join(parts))
