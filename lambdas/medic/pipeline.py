"""What the remediator does, on one page: one event in, one named flow.

A message is a nudge, never an authority: what is done rests on AWS's state and on the incidents table alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.events import DeploymentStatus, MalformedEventError, parse_deployment_event
from medic.flows.failure import diagnose_failure
from medic.flows.settle import settle
from medic.telemetry import Fact

if TYPE_CHECKING:
    from medic.events import DeploymentEvent
    from medic.services import Services


def run(event: object, services: Services) -> None:
    """Handle one message.

    A malformed one is dropped on purpose: one log line, one metric, no retry, since it would not get better.

    Raises:
        Exception: only faults that another try may mend; Lambda's retries and its on-failure destination take them.
    """
    runtime = services.runtime
    try:
        deployment = parse_deployment_event(
            event, account=runtime.account, region=runtime.region, partition=runtime.partition
        )
    except MalformedEventError as error:
        services.telemetry.record(Fact.EVENT_MALFORMED, why=error)
        return
    if runtime.settings.apps and deployment.scope.app_id not in runtime.settings.apps:
        services.telemetry.record(Fact.EVENT_NOT_WATCHED, scope=deployment.scope)
        return
    _flow(deployment, services)


def _flow(event: DeploymentEvent, services: Services) -> None:
    match event.status:
        case DeploymentStatus.FAILED:
            diagnose_failure(event, services)
        case DeploymentStatus.SUCCEED | DeploymentStatus.CANCELLED:
            settle(event, services)
