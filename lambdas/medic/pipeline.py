"""The remediator's dispatcher: parses one message and runs the flow for it.

A message only says where to look. What the flows do depends on AWS and on the incidents table alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.compose import compose_test
from medic.alerts.delivery import send_test_alert
from medic.events import (
    ALL,
    DeploymentEvent,
    DeploymentStatus,
    MalformedEventError,
    RuntimeWakeUp,
    TestAlertRequest,
    WakeUp,
    parse_event,
)
from medic.flows.deadlines import handle_overdue
from medic.flows.failure import diagnose_failure
from medic.flows.requests import answer_request
from medic.flows.runtime import diagnose_runtime
from medic.flows.settle import settle
from medic.flows.storm import check_storm
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.services import Services


def run(event: object, services: Services) -> object:
    """Handle one message.

    A malformed message is logged, counted and dropped, because a retry can't help.

    Returns:
        For a test alert, the result of each channel; otherwise None.

    Raises:
        Exception: a fault that a retry may fix. Lambda retries, then sends the message to the on-failure destination.
    """
    runtime = services.runtime
    try:
        trigger = parse_event(event, account=runtime.account, region=runtime.region, partition=runtime.partition)
    except MalformedEventError as error:
        services.telemetry.record(TelemetryEvent.EVENT_MALFORMED, why=error)
        return None
    # What was begun is also ended if the settings no longer name its app.
    begun = isinstance(trigger, WakeUp) and not trigger.request_id
    if not (begun or trigger.scope.app_id == ALL or runtime.settings.watches(trigger.scope.app_id)):
        services.telemetry.record(TelemetryEvent.EVENT_NOT_WATCHED, scope=trigger.scope)
        return None
    match trigger:
        case DeploymentEvent(status=DeploymentStatus.FAILED):
            diagnose_failure(trigger, services)
        case DeploymentEvent():
            settle(trigger, services)
        case WakeUp(scope, request_id) if request_id:
            answer_request(scope, request_id, services)
        case WakeUp(scope) if scope.app_id == ALL:
            check_storm(scope, services)
        case WakeUp(scope):
            handle_overdue(scope, services)
        case RuntimeWakeUp():
            diagnose_runtime(trigger, services)
        case TestAlertRequest():
            return {"channels": list(send_test_alert(compose_test(trigger.scope), services.channels))}
    return None
