"""Report a failure that could not be diagnosed: the bot never stays silent because it could not look."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.alerts.compose import compose_undiagnosed
from medic.aws.errors import RetryableError
from medic.events import ALL
from medic.evidence import value_of
from medic.flows.locked_branch import hold_branch
from medic.incidents.model import Incident, JobOrder
from medic.labels import BotLabel, RoleKind, Trigger
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.events import Attempt, Scope
    from medic.evidence import JobRef
    from medic.services import Services

_KIND = (RoleKind.NONE, BotLabel.UNDIAGNOSED)
_OPEN_FOR = timedelta(days=1)
_MAY_PASS_FOR = timedelta(minutes=30)
"""How long a job's final status or a log may be late. Then the failure is reported without a diagnosis."""


class Obstacle(Struct, frozen=True):
    """Why a failed job, or an error in an SSR log, could not be diagnosed."""

    kind: str
    """One word. Each kind is reported once a day for a branch."""
    why: str
    """The end of a sentence: lower case, no full stop."""
    remedy: str
    """A sentence: what would let the bot, or a person, find out."""
    passing: bool
    """True if a later attempt may succeed."""


def retry_while_it_may_pass(obstacle: Obstacle, attempt: Attempt | None) -> None:
    """Return once the obstacle has to be reported.

    Raises:
        RetryableError: a later attempt may succeed.
    """
    waited_enough = attempt is not None and (attempt.last or attempt.age >= _MAY_PASS_FOR)
    if obstacle.passing and not waited_enough:
        raise RetryableError("medic:Diagnose", "NotYet", obstacle.why)


def report_undiagnosed(scope: Scope, job: JobRef, obstacle: Obstacle, services: Services) -> None:
    """Open or count up the incident, and send an alert unless this obstacle was reported within the day.

    Args:
        scope: the branch of the job, or the whole app whose SSR log reports something.
        job: the failed job, or the time of the line in the SSR log.
        obstacle: why it could not be diagnosed.
        services: AWS, the table, channels and telemetry.
    """
    services.telemetry.record(
        TelemetryEvent.UNDIAGNOSED, scope=scope, job=job.id, reason=obstacle.kind, why=obstacle.why
    )
    app = value_of(services.amplify.app(scope.app_id))
    with hold_branch(scope, services) as locked:
        before, now = locked.record.incident(_KIND), locked.now
        if before is None or before.state.closed:
            name = app.name if app else scope.app_id
            opened = Incident.open(scope, _KIND, job, app_name=name, now=now)
            opened = opened.following(before, locked.record.incidents)
            trigger = Trigger.RUNTIME if scope.branch == ALL else Trigger.FAILED
            incident = replace(opened.with_deadline(now + _OPEN_FOR, now), trigger=trigger)
        elif before.compared_with(job) is JobOrder.LATER:
            incident = before.repeated(job, now)
        else:
            locked.log(TelemetryEvent.ALREADY_HANDLED, before, job=job.id)
            return
        incident = replace(incident, reason=obstacle.why)
        alert_key = f"undiagnosed-{obstacle.kind}"
        if incident.told(alert_key) or services.region.read(scope).muted(scope, now):
            locked.save(incident)
        else:
            locked.notify(compose_undiagnosed(scope, incident, obstacle.why, obstacle.remedy), incident, alert_key)
