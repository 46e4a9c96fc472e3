"""Handle a person's request: read it from the table, check it, carry it out once and store the answer.

The wake-up only names the request; nothing else in it is trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult
from medic.events import DeploymentEvent, DeploymentStatus
from medic.flows.deadlines import finish_interrupted
from medic.flows.failure import diagnose_failure
from medic.flows.runtime import respond_again
from medic.flows.undo import NothingToUndoError, undo
from medic.incidents.model import IncidentState, Request, RequestKind
from medic.incidents.table import UsedUpError
from medic.labels import Trigger
from medic.plan.guardrails import TEMPORARY_REFUSALS
from medic.plan.model import Disposition
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.flows.respond import Response
    from medic.incidents.model import Incident
    from medic.services import Services


class RequestRefusedError(Exception):
    """The request is not carried out, and the message says why. If not `for_good`, it may succeed later."""

    def __init__(self, why: str, *, for_good: bool = True) -> None:
        self.for_good = for_good
        super().__init__(why)


def answer_request(scope: Scope, request_id: str, services: Services) -> None:
    """Carry out a request and store the answer.

    Raises:
        RetryableError: AWS throttled or could not be reached. Either the request is unused, or its change is saved.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not accept the alert.
    """
    request = services.requests.read(scope, request_id)
    if request is None or request.used_at is not None:
        why = "there is no such request" if request is None else f"it was used at {request.used_at}"
        services.telemetry.record(TelemetryEvent.REQUEST_REFUSED, scope=scope, request=request_id, why=why)
        if request is None:
            services.requests.answer(scope, request_id, "refused: the request is invalid", used=True)
        elif not request.answer:
            # The run that used it was interrupted: finish what it began, and begin nothing new.
            finish_interrupted(scope, services)
            services.requests.answer(scope, request_id, "carried out; its incident shows the result", used=True)
        return
    try:
        answer = _carry_out(request, services)
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
    except UsedUpError as error:
        services.telemetry.record(TelemetryEvent.REQUEST_REFUSED, scope=scope, request=request.id, why=error)
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


def _carry_out(request: Request, services: Services) -> str:
    if request.expired(services.clock()):
        raise RequestRefusedError(f"it expired at {request.expires_at:%Y-%m-%d %H:%M} UTC; ask again")
    match request.kind:
        case RequestKind.MUTE:
            return _mute(request, services)
        case RequestKind.UNDO:
            try:
                return undo(request, services)
            except NothingToUndoError as nothing:
                raise RequestRefusedError(str(nothing)) from nothing
        case RequestKind.APPROVE:
            return _fix(request, _approved_incident(request, services), services)
        case RequestKind.FIX:
            return _fix(request, _latest_incident(request, services), services)


def _mute(request: Request, services: Services) -> str:
    services.region.mute(request.scope, request.until)
    whole = request.scope.branch == "*"
    what = request.scope.app_id if whole else f"{request.scope.app_id}/{request.scope.branch}"
    return f"{what} is muted until {request.until:%Y-%m-%d %H:%M} UTC" if request.until else f"{what} is not muted now"


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


def _fix(request: Request, incident: Incident, services: Services) -> str:
    """Diagnose the incident's failure again and apply the result, under every guardrail."""
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
        raise RequestRefusedError("the failure is gone, or its branch is tagged `ignore`")
    result, incident = response.result, response.incident
    if result is None:
        raise RequestRefusedError(f"incident {incident.id} is {incident.state}: its change was already made")
    if not result.outcomes:
        refused = result.plan.with_disposition(Disposition.REFUSE)
        why = refused[0].reason if refused else "the bot can change nothing here"
        advised = result.plan.with_disposition(Disposition.ADVISE)
        why = advised[0].reason if advised and not refused else why
        raise RequestRefusedError(why, for_good=not result.plan.refused_by & TEMPORARY_REFUSALS)
    if all(outcome.result is ChangeResult.CAPPED for outcome in result.outcomes):
        raise RequestRefusedError(result.outcomes[0].detail, for_good=False)
    parts = [f"{outcome.action.kind} {outcome.result}: {outcome.detail}" for outcome in result.outcomes]
    parts += [outcome.rebuild.detail for outcome in result.outcomes[:1] if outcome.rebuild]
    return "; ".join(parts)
