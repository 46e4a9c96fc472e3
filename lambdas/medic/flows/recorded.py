"""What the guardrails need to know about a recorded incident, read from AWS again but without its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.diagnosis.diagnose import diagnose
from medic.evidence import Absent, Present, Unreadable
from medic.labels import Phase, Trigger
from medic.logscan.model import LogReading
from medic.plan.failure import ConfirmedFailure
from medic.plan.model import Action, Disposition
from medic.plan.optin import RoleChoice, read_opt_in

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.model import Change, Incident
    from medic.services import Services

_UNREAD = "it is not read again"
_NOT_READ = LogReading(unread=_UNREAD)
_NO_CHOICE = RoleChoice(None, "it has no part in this")


def failure_of(
    incident: Incident,
    scope: Scope,
    services: Services,
    *,
    compute: RoleChoice = _NO_CHOICE,
    service: RoleChoice = _NO_CHOICE,
) -> ConfirmedFailure | Absent | Unreadable:
    """The incident's failure with app, branch, job and roles as they are now, or what app or branch is instead."""
    deployment = services.gatherer.deployment(scope, incident.job_id)
    match deployment.app, deployment.branch:
        case (Absent() | Unreadable() as unread, _) | (_, Absent() | Unreadable() as unread):
            return unread
        case Present(app), Present(branch):
            pass
    evidence = services.gatherer.evidence(
        deployment, Absent(_UNREAD), read_at=services.clock(), candidate=compute.arn, repair=service.arn
    )
    runtime = incident.trigger is Trigger.RUNTIME
    return ConfirmedFailure(
        trigger=incident.trigger,
        app=app,
        branch=branch,
        evidence=evidence,
        diagnosis=diagnose(evidence, _NOT_READ, Phase.RUNTIME if runtime else Phase.BUILD),
        opt_in=read_opt_in(services.runtime.settings, branch.tags),
        compute_choice=compute,
        service_choice=service,
        noticed_at=incident.updated_at,
        seen_at=(incident.job_started_at or incident.opened_at) if runtime else None,
    )


def action_of(change: Change) -> Action:
    return Action(
        kind=change.kind,
        disposition=Disposition.ADVISE,
        target=change.target,
        role_arn=change.role_arn,
        previous_arn=change.previous_arn,
        reason="recorded by an earlier attempt",
    )
