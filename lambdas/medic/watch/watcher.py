"""What the watcher does: wakes the remediator for what is due, looks at SSR logs, and hears of deployments."""

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
from medic.watch.cursor import BOOST
from medic.watch.cursor_store import Cursors
from medic.watch.look import RuntimeWatch

if TYPE_CHECKING:
    from medic.aws.clients import Clients
    from medic.settings import WatcherRuntime
    from medic.telemetry import Telemetry

LONGEST_LOOK = 50.0
"""Seconds: a run ends before the next one begins."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Watcher:
    """Reads, writes cursors, and wakes the remediator. It can change nothing else."""

    runtime: WatcherRuntime
    reader: Clients
    telemetry: Telemetry
    clock: Callable[[], datetime] = _now

    def run(self, event: object, seconds: float) -> None:
        """Handle one message: an Amplify deployment's event, or the clock's.

        Args:
            event: the message as Lambda hands it over.
            seconds: how long the run may take.

        Raises:
            AwsError: the table, Amplify or the remediator could not be reached; the next run comes in a minute.
        """
        if isinstance(event, Mapping) and event.get("source") == SOURCE:
            self._hear(event)
            return
        for due in IncidentsTable(self.reader.dynamodb, self.runtime.table, self.clock).due():
            self._wake(wake_up(due.scope, due.request_id))
            self.telemetry.record(TelemetryEvent.BRANCH_WOKEN, scope=due.scope, request=due.request_id)
        self._look(min(seconds, LONGEST_LOOK))

    def _hear(self, event: object) -> None:
        """A deployment succeeded: whatever credentials its code lacks will show soon."""
        here = self.runtime
        try:
            deployed = parse_deployment_event(event, account=here.account, region=here.region, partition=here.partition)
        except MalformedEventError as error:
            self.telemetry.record(TelemetryEvent.EVENT_MALFORMED, why=error)
            return
        if deployed.status is DeploymentStatus.SUCCEED:
            self._cursors.boost(deployed.scope.app_id, self.clock() + BOOST)
            self.telemetry.record(TelemetryEvent.APP_BOOSTED, scope=deployed.scope)

    def _look(self, seconds: float) -> None:
        if self.runtime.settings.watch_runtime is WatchRuntime.NONE:
            return
        region = RegionTable(self.reader.dynamodb, self.runtime.table, self.clock).look(self._whole(ALL))
        rate = SharedRate(CALLS_A_SECOND, time.monotonic() + seconds)
        RuntimeWatch(
            settings=self.runtime.settings,
            amplify=AmplifyReader(self.reader.amplify),
            logs=RuntimeLogs(lambda: self.reader.logs, rate),
            cursors=self._cursors,
            wake=lambda app_id, span: self._wake(runtime_wake_up(self._whole(app_id), span.start, span.end)),
            muted=lambda app_id: region.muted(self._whole(app_id), self.clock()),
            telemetry=self.telemetry,
            clock=self.clock,
        ).look()

    def _wake(self, message: Mapping[str, object]) -> None:
        with translated("lambda:InvokeFunction"):
            self.reader.functions.invoke(
                FunctionName=self.runtime.remediator_function,
                InvocationType="Event",
                Payload=json.dumps(message).encode(),
            )

    def _whole(self, app_id: str) -> Scope:
        here = self.runtime
        return Scope(here.partition, here.account, here.region, app_id, ALL)

    @cached_property
    def _cursors(self) -> Cursors:
        here = self.runtime
        return Cursors(self.reader.dynamodb, here.table, (here.partition, here.account, here.region))
