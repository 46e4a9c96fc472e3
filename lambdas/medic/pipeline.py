"""What the remediator does, on one page: one message in, one named flow.

A message is a nudge, never an authority: what is done rests on AWS's state and on the incidents table alone.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_test
from medic.alerts.delivery import try_out
from medic.events import (
    ALL,
    DeploymentEvent,
    DeploymentStatus,
    Event,
    MalformedEventError,
    RuntimeWakeUp,
    TestAlertRequest,
    WakeUp,
    parse_event,
)
from medic.flows.deadlines import look_after
from medic.flows.failure import diagnose_failure
from medic.flows.requests import answer_request
from medic.flows.runtime import diagnose_runtime
from medic.flows.settle import settle
from medic.flows.storm import look_after_storm
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.services import Services


def run(event: object, services: Services) -> object:
    """Handle one message.

    A malformed one is dropped on purpose: one log line, one metric, no retry, since it would not get better.

    Returns:
        Nothing, but for whoever waits for an answer: how a sample alert went on each channel.

    Raises:
        Exception: only faults that another try may mend; Lambda's retries and its on-failure destination take them.
    """
    runtime = services.runtime
    try:
        nudge = parse_event(event, account=runtime.account, region=runtime.region, partition=runtime.partition)
    except MalformedEventError as error:
        services.telemetry.record(TelemetryEvent.EVENT_MALFORMED, why=error)
        return None
    if runtime.settings.apps and nudge.scope.app_id not in (*runtime.settings.apps, ALL):
        services.telemetry.record(TelemetryEvent.EVENT_NOT_WATCHED, scope=nudge.scope)
        return None
    return _flow(nudge, services)


def _flow(nudge: Event, services: Services) -> object:
    match nudge:
        case DeploymentEvent(status=DeploymentStatus.FAILED):
            diagnose_failure(nudge, services)
        case DeploymentEvent():
            settle(nudge, services)
        case WakeUp(scope, request_id) if request_id:
            answer_request(scope, request_id, services)
        case WakeUp(scope) if scope.app_id == ALL:
            look_after_storm(scope, services)
        case WakeUp(scope):
            look_after(scope, services)
        case RuntimeWakeUp():
            diagnose_runtime(nudge, services)
        case TestAlertRequest():
            sample = compose_test(nudge.scope.account, nudge.scope.region)
            return {"channels": [asdict(trial) for trial in try_out(sample, services.channels)]}
    return None
