"""One run of the watcher: wakes the remediator for what is due, and reads SSR logs or notes a deployment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import translated
from medic.aws.logs import CALLS_A_SECOND, RuntimeLogs
from medic.aws.rate import SharedRate
from medic.events import (
    ALL,
    SOURCE,
    DeploymentStatus,
    MalformedEventError,
    Scope,
    parse_deployment_event,
    runtime_wake_up,
    wake_up,
)
from medic.incidents.region import RegionTable
from medic.incidents.table import IncidentsTable
from medic.settings import WatchRuntime
from medic.telemetry import TelemetryEvent
from medic.watch.cursor import BOOST_DURATION
from medic.watch.cursor_store import Cursors
from medic.watch.look import RuntimeWatch

if TYPE_CHECKING:
    from medic.aws.clients import Clients
    from medic.settings import Runtime
    from medic.telemetry import Telemetry

_MAX_LOOK_SECONDS = 50.0
"""So that a run ends before the next one starts, a minute later."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Watcher:
    """Writes cursors and wakes the remediator. Its role can change nothing else."""

    runtime: Runtime
    clients: Clients
    telemetry: Telemetry
    clock: Callable[[], datetime] = _now

    def run(self, event: object, seconds: float) -> None:
        """Handle one message: an Amplify deployment event, or the schedule's event every minute.

        Args:
            event: the message as Lambda passes it.
            seconds: how long the run may take.

        Raises:
            AwsError: the table, Amplify or the remediator could not be reached. The next run tries again.
        """
        if isinstance(event, Mapping) and event.get("source") == SOURCE:
            self._note_deployment(event)
            return
        for due in IncidentsTable(self.clients.dynamodb, self.runtime.table, self.clock).due():
            self._wake(wake_up(due.scope, due.request_id))
            self.telemetry.record(TelemetryEvent.BRANCH_WOKEN, scope=due.scope, request=due.request_id)
        self._look(min(seconds, _MAX_LOOK_SECONDS))

    def _note_deployment(self, event: object) -> None:
        """After a successful deployment, read the app's log more often: missing credentials will show soon."""
        here = self.runtime
        try:
            deployment = parse_deployment_event(
                event, account=here.account, region=here.region, partition=here.partition
            )
        except MalformedEventError as error:
            self.telemetry.record(TelemetryEvent.EVENT_MALFORMED, why=error)
            return
        if deployment.status is DeploymentStatus.SUCCEED:
            self._cursors.boost(deployment.scope.app_id, self.clock() + BOOST_DURATION)
            self.telemetry.record(TelemetryEvent.APP_BOOSTED, scope=deployment.scope)

    def _look(self, seconds: float) -> None:
        if self.runtime.settings.watch_runtime is WatchRuntime.NONE:
            return
        region = RegionTable(self.clients.dynamodb, self.runtime.table, self.clock).read(self._app_scope(ALL))
        rate = SharedRate(CALLS_A_SECOND, time.monotonic() + seconds)
        RuntimeWatch(
            settings=self.runtime.settings,
            amplify=AmplifyReader(self.clients.amplify),
            logs=RuntimeLogs(lambda: self.clients.logs, rate),
            cursors=self._cursors,
            wake=lambda app_id, span: self._wake(runtime_wake_up(self._app_scope(app_id), span.start, span.end)),
            muted=lambda app_id: region.muted(self._app_scope(app_id), self.clock()),
            telemetry=self.telemetry,
            clock=self.clock,
        ).look()

    def _wake(self, message: Mapping[str, object]) -> None:
        with translated("lambda:InvokeFunction"):
            self.clients.functions.invoke(
                FunctionName=self.runtime.remediator_function,
                InvocationType="Event",
                Payload=json.dumps(message).encode(),
            )

    def _app_scope(self, app_id: str) -> Scope:
        here = self.runtime
        return Scope(here.partition, here.account, here.region, app_id, ALL)

    @cached_property
    def _cursors(self) -> Cursors:
        here = self.runtime
        return Cursors(self.clients.dynamodb, here.table, (here.partition, here.account, here.region))
