"""What people asked for: read from the table, checked, done once, answered. The wake-up is believed in nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult
from medic.events import DeploymentEvent, DeploymentStatus
from medic.flows.deadlines import go_on
from medic.flows.failure import diagnose_failure
from medic.flows.runtime import respond_again
from medic.flows.undo import NothingToUndoError, undo
from medic.incidents.model import IncidentState, Request, RequestKind
from medic.incidents.table import UsedUpError
from medic.labels import Trigger
from medic.plan.guardrails import PASSING
from medic.plan.model import Disposition
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.flows.respond import Response
    from medic.incidents.model import Incident
    from medic.services import Services


class RequestRefusedError(Exception):
    """What was asked for is not done; the message says why. `for_good` is False where it may be later."""

    def __init__(self, why: str, *, for_good: bool = True) -> None:
        self.for_good = for_good
        super().__init__(why)


def answer_request(scope: Scope, request_id: str, services: Services) -> None:
    """Take up one request.

    Raises:
        RetryableError: AWS throttled or could not be reached; the request stands unused, or its change is recorded.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take the alert.
    """
    request = services.requests.read(scope, request_id)
    if request is None or request.used_at is not None:
        why = "there is no such request" if request is None else f"it was used at {request.used_at}"
        services.telemetry.record(TelemetryEvent.REQUEST_REFUSED, scope=scope, request=request_id, why=why)
        if request is None:
            services.requests.answer(scope, request_id, "refused: it can't be read", used=True)
        elif not request.answer:
            # The run that used it broke off: what it began is finished, and nothing is begun anew.
            go_on(scope, services)
            services.requests.answer(scope, request_id, "taken up; its incident tells what became of it", used=True)
        return
    try:
        answer = _done(request, services)
    except RequestRefusedError as refusal:
        services.telemetry.record(
            TelemetryEvent.REQUEST_REFUSED,
            scope=scope,
            request=request.id,
            kind=request.kind,
            who=request.who,
            why=refusal,
        )
        services.requests.answer(scope, request_id, f"refused: {refusal}", used=refusal.for_good)
    except UsedUpError as late:
        services.telemetry.record(TelemetryEvent.REQUEST_REFUSED, scope=scope, request=request.id, why=late)
    else:
        services.telemetry.record(
            TelemetryEvent.REQUEST_USED,
            scope=scope,
            request=request.id,
            kind=request.kind,
            who=request.who,
            answer=answer,
        )
        services.requests.answer(scope, request_id, answer, used=True)


def _done(request: Request, services: Services) -> str:
    if request.expired(services.clock()):
        raise RequestRefusedError(f"it was good until {request.expires_at:%Y-%m-%d %H:%M} UTC; ask again")
    match request.kind:
        case RequestKind.MUTE:
            return _mute(request, services)
        case RequestKind.UNDO:
            try:
                return undo(request, services)
            except NothingToUndoError as nothing:
                raise RequestRefusedError(str(nothing)) from nothing
        case RequestKind.APPROVE:
            return _apply(request, _proposed(request, services), services)
        case RequestKind.FIX:
            return _apply(request, _latest(request, services), services)


def _mute(request: Request, services: Services) -> str:
    services.region.mute(request.scope, request.until)
    whole = request.scope.branch == "*"
    what = request.scope.app_id if whole else f"{request.scope.app_id}/{request.scope.branch}"
    return f"{what} is muted until {request.until:%Y-%m-%d %H:%M} UTC" if request.until else f"{what} is heard again"


def _proposed(request: Request, services: Services) -> Incident:
    """The incident whose plan was approved, if that plan still stands."""
    incidents = services.table.read(request.scope).incidents
    incident = next((i for i in incidents if i.id == request.incident_id), None)
    if incident is None:
        raise RequestRefusedError(f"this branch has no incident {request.incident_id[:32]}")
    if incident.state.closed:
        raise RequestRefusedError(f"incident {incident.id} is {incident.state} by now")
    if not request.plan_hash or incident.plan_hash != request.plan_hash:
        raise RequestRefusedError("the plan is not the one that was approved: look at the newest alert")
    return incident


def _latest(request: Request, services: Services) -> Incident:
    """The branch's latest incident: what is to be fixed is diagnosed anew from its job."""
    incidents = [i for i in services.table.read(request.scope).incidents if i.state is not IncidentState.RESOLVED]
    wanted = [i for i in incidents if i.id == request.incident_id] if request.incident_id else incidents
    latest = max(wanted, key=lambda incident: (not incident.state.closed, incident.updated_at), default=None)
    if latest is None:
        raise RequestRefusedError("there is no incident on this branch that could be fixed")
    return latest


def _apply(request: Request, incident: Incident, services: Services) -> str:
    """Diagnose the incident's failure anew and do what comes out, under every guardrail."""
    if incident.trigger == Trigger.RUNTIME:
        return _answer(respond_again(request.scope, incident, services, request))
    event = DeploymentEvent(request.scope, incident.job_id, DeploymentStatus.FAILED, request.asked_at)
    return _answer(diagnose_failure(event, services, request))


def _answer(response: Response | None) -> str:
    """What was done, in one line.

    Raises:
        RequestRefusedError: nothing was done.
    """
    if response is None:
        raise RequestRefusedError("the failure is no longer there, or its branch says ignore")
    acted, incident = response.acted, response.incident
    if acted is None:
        raise RequestRefusedError(f"incident {incident.id} is {incident.state}: its change was made already")
    if not acted.outcomes:
        refused = acted.plan.with_disposition(Disposition.REFUSE)
        why = refused[0].reason if refused else "there is nothing here that the bot could change"
        advised = acted.plan.with_disposition(Disposition.ADVISE)
        why = advised[0].reason if advised and not refused else why
        raise RequestRefusedError(why, for_good=not acted.plan.refusing & PASSING)
    if all(outcome.result is ChangeResult.CAPPED for outcome in acted.outcomes):
        raise RequestRefusedError(acted.outcomes[0].detail, for_good=False)
    said = [f"{outcome.action.kind} {outcome.result}: {outcome.detail}" for outcome in acted.outcomes]
    said += [outcome.rebuild.detail for outcome in acted.outcomes[:1] if outcome.rebuild]
    return "; ".join(said)
