"""What the remediator does, on one page: one event in, one named flow.

A message is a nudge, never an authority: what is done rests on AWS's state and on the incidents table alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.events import DeploymentEvent, DeploymentStatus, MalformedEventError, WakeUp, parse_event
from medic.flows.failure import diagnose_failure
from medic.flows.overdue import look_after
from medic.flows.settle import settle
from medic.telemetry import Fact

if TYPE_CHECKING:
    from medic.services import Services


def run(event: object, services: Services) -> None:
    """Handle one message.

    A malformed one is dropped on purpose: one log line, one metric, no retry, since it would not get better.

    Raises:
        Exception: only faults that another try may mend; Lambda's retries and its on-failure destination take them.
    """
    runtime = services.runtime
    try:
        nudge = parse_event(event, account=runtime.account, region=runtime.region, partition=runtime.partition)
    except MalformedEventError as error:
        services.telemetry.record(Fact.EVENT_MALFORMED, why=error)
        return
    if runtime.settings.apps and nudge.scope.app_id not in runtime.settings.apps:
        services.telemetry.record(Fact.EVENT_NOT_WATCHED, scope=nudge.scope)
        return
    _flow(nudge, services)


def _flow(nudge: DeploymentEvent | WakeUp, services: Services) -> None:
    match nudge:
        case DeploymentEvent(status=DeploymentStatus.FAILED):
            diagnose_failure(nudge, services)
        case DeploymentEvent():
            settle(nudge, services)
        case WakeUp(scope):
            look_after(scope, services)
