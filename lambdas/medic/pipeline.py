"""The remediator's dispatcher: runs the flow for one message.

A message only says where to look. What the flows do depends on AWS and on the incidents table alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from medic.alerts.compose import compose_test
from medic.alerts.delivery import send_test_alert
from medic.events import ALL, Attempt, DeploymentEvent, DeploymentStatus, RuntimeWakeUp, Scope, WakeUp
from medic.flows.deadlines import handle_overdue
from medic.flows.failure import diagnose_failure
from medic.flows.requests import retry_request, take_request
from medic.flows.runtime import diagnose_runtime
from medic.flows.settle import settle
from medic.flows.storm import check_storm
from medic.incidents.model import Request
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.services import Services

Message: TypeAlias = DeploymentEvent | WakeUp | RuntimeWakeUp | Request


def run(message: Message, services: Services, attempt: Attempt | None = None) -> None:
    """Handle one message.

    Args:
        message: what to handle.
        services: AWS, the table, channels and telemetry.
        attempt: the delivery of the message. Without it, a failure that can't be read yet is never reported as such.

    Raises:
        RetryableError: AWS throttled or could not be reached.
        BusyError: another invocation works on the branch.
        LeaseLostError: this invocation took too long, and another one works on the branch.
        RecordedError: the flow failed after its incident was saved with a due time.
    """
    # What was begun is also ended if the settings no longer name its app, and a request is always answered.
    always = isinstance(message, WakeUp | Request) or message.scope.app_id == ALL
    if not (always or services.runtime.settings.watches(message.scope.app_id)):
        services.telemetry.record(TelemetryEvent.EVENT_NOT_WATCHED, scope=message.scope)
        return
    match message:
        case DeploymentEvent(status=DeploymentStatus.FAILED):
            diagnose_failure(message, services, attempt=attempt)
        case DeploymentEvent():
            settle(message, services)
        case WakeUp(scope, request_id) if request_id:
            retry_request(scope, request_id, services)
        case WakeUp(scope) if scope.app_id == ALL:
            check_storm(scope, services)
        case WakeUp(scope):
            handle_overdue(scope, services)
        case RuntimeWakeUp():
            diagnose_runtime(message, services, attempt)
        case Request():
            take_request(message, services)


def send_test_alerts(region: Scope, services: Services) -> dict[str, object]:
    """Send a test alert to every channel. Returns the result of each."""
    return {
        "channels": list(send_test_alert(compose_test(region, services.alias_of(region.account)), services.channels))
    }
