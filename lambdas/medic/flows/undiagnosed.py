"""Report a failed deployment that could not be diagnosed: the bot never stays silent because it could not look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_undiagnosed
from medic.evidence import JobRef, value_of
from medic.flows.locked_branch import hold_branch
from medic.incidents.model import Incident, JobOrder
from medic.labels import BotLabel, RoleKind
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import DeploymentEvent
    from medic.services import Services

_KIND = (RoleKind.NONE, BotLabel.UNDIAGNOSED)
_OPEN_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a failed job could not be diagnosed."""

    kind: str
    """One word. Each kind is reported once a day for a branch."""
    why: str
    """The end of a sentence: lower case, no full stop."""
    remedy: str
    """A sentence: what would let the bot, or a person, find out."""
    passing: bool
    """True if a later attempt may succeed."""


def report_undiagnosed(event: DeploymentEvent, obstacle: Obstacle, services: Services) -> None:
    """Open or count up the branch's incident, and send an alert unless this obstacle was reported within the day.

    Raises:
        RetryableError: AWS throttled or could not be reached.
        BusyError: another invocation works on this branch.
    """
    scope = event.scope
    services.telemetry.record(
        TelemetryEvent.UNDIAGNOSED, scope=scope, job=event.job_id, reason=obstacle.kind, why=obstacle.why
    )
    app = value_of(services.amplify.app(scope.app_id))
    with hold_branch(scope, services) as locked:
        before, job, now = locked.record.incident(*_KIND), JobRef(event.job_id, None), locked.now
        if before is None or before.state.closed:
            name = app.name if app else scope.app_id
            opened = Incident.open(scope, _KIND, job, app_name=name, now=now).following(before)
            incident = opened.with_deadline(now + _OPEN_FOR, now)
        elif before.compared_with(job) is JobOrder.LATER:
            incident = before.repeated(job, now)
        else:
            locked.log(TelemetryEvent.ALREADY_HANDLED, before, job=event.job_id)
            return
        incident = replace(incident, reason=obstacle.why)
        alert_key = f"undiagnosed-{obstacle.kind}"
        if incident.told(alert_key) or services.region.read(scope).muted(scope, now):
            locked.save(incident)
        else:
            locked.notify(compose_undiagnosed(scope, incident, obstacle.why, obstacle.remedy), incident, alert_key)
