"""One run of the watcher: wakes the remediator for what is due, and reads SSR logs or notes a deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from medic.events import (
    ALL,
    SOURCE,
    DeploymentStatus,
    MalformedEventError,
    Scope,
    missed_failure,
    parse_deployment_event,
    runtime_wake_up,
    wake_up,
)
from medic.records import replace
from medic.telemetry import Telemetry, TelemetryEvent
from medic.watch.cursor import BOOST_DURATION, watched_apps
from medic.watch.cursor_store import Cursors
from medic.watch.job_store import KnownJobsTable
from medic.watch.look import RuntimeWatch
from medic.watch.missed import MissedFailures
from medic.watch.rounds import RoundsTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from medic.evidence import App, Job, TimeSpan
    from medic.gateways import Gateways
    from medic.incidents.store import OnUnreadable
    from medic.settings import Runtime

_MAX_SECONDS = 55.0
"""So that a run ends before the next one starts, a minute later."""

_MAX_JOBS_TIME = timedelta(seconds=15)
"""How long a run may look for missed failures, so that time is left for the SSR logs."""


class Watcher:
    """Writes cursors and wakes the remediator. Its role can change nothing else."""

    def __init__(self, runtime: Runtime, gateways: Gateways, telemetry: Telemetry) -> None:
        self.runtime = runtime
        self.gateways = gateways
        self.telemetry = telemetry

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
        waiting = list(self.gateways.table.due())
        self.gateways.send_all(self.runtime.queue_url, [wake_up(due.scope, due.request_id) for due in waiting])
        for due in waiting:
            self.telemetry.record(TelemetryEvent.BRANCH_WOKEN, scope=due.scope, request=due.request_id)
        self._take_turns(min(seconds, _MAX_SECONDS))
        self.telemetry.record(TelemetryEvent.WATCHER_RAN)

    def _take_turns(self, seconds: float) -> None:
        """Look at the jobs and the logs of the apps whose turn it is, and note how far that went."""
        settings, clock = self.runtime.settings, self.gateways.clock
        begun = clock()
        before = self._rounds.read(begun)
        apps = [app for app in self.gateways.amplify.apps() if settings.watches(app.id)]
        jobs_until = self._look_for_missed_failures(apps, before.jobs_until)
        due = before.due(watched_apps(apps, settings), begun)
        behind = self._look(due, seconds - (clock() - begun).total_seconds()) if due else []
        self._rounds.write(before, before.after_run(begun, jobs_until, behind), begun)

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
            self._rounds.boost(deployment.scope.app_id, self.gateways.clock() + BOOST_DURATION)
            self.telemetry.record(TelemetryEvent.APP_BOOSTED, scope=deployment.scope)

    def _look_for_missed_failures(self, apps: Sequence[App], done: datetime | None) -> datetime | None:
        gateways = self.gateways
        return MissedFailures(
            amplify=gateways.amplify,
            known_jobs=KnownJobsTable(*self._stored),
            heard=self._heard,
            tell=self._tell_of_missed_failure,
            telemetry=self.telemetry,
            clock=gateways.clock,
        ).look(apps, done, gateways.clock() + _MAX_JOBS_TIME)

    def _heard(self, app_id: str, branch: str) -> frozenset[str]:
        return self.gateways.table.read(replace(self._app_scope(app_id), branch=branch)).heard

    def _tell_of_missed_failure(self, app_id: str, branch: str, job: Job) -> None:
        scope = replace(self._app_scope(app_id), branch=branch)
        message = missed_failure(scope, job.id, job.ended_at or self.gateways.clock())
        self.gateways.send(self.runtime.queue_url, message)

    def _look(self, due: Sequence[App], seconds: float) -> list[str]:
        """Read the logs of these apps. Returns those that the next run must go on with."""
        gateways = self.gateways
        region = gateways.region.read(self._app_scope(ALL))
        results = RuntimeWatch(
            settings=self.runtime.settings,
            amplify=gateways.amplify,
            logs=gateways.runtime_logs(seconds),
            cursors=Cursors(*self._stored),
            wake=self._wake,
            muted=lambda app_id: region.muted(self._app_scope(app_id), gateways.clock()),
            telemetry=self.telemetry,
            clock=gateways.clock,
        ).look(due)
        return [result.app_id for result in results if result.behind]

    def _wake(self, app_id: str, span: TimeSpan) -> None:
        message = runtime_wake_up(self._app_scope(app_id), span.start, span.end)
        self.gateways.send(self.runtime.queue_url, message)

    def _app_scope(self, app_id: str) -> Scope:
        here = self.runtime
        return Scope(here.partition, here.account, here.region, app_id, ALL)

    @cached_property
    def _rounds(self) -> RoundsTable:
        return RoundsTable(*self._stored)

    @property
    def _stored(self) -> tuple[DynamoDBClient, str, tuple[str, str, str], OnUnreadable]:
        """The arguments of a WatchStore."""
        region = (self.runtime.partition, self.runtime.account, self.runtime.region)
        return self.gateways.clients.dynamodb, self.runtime.table, region, self.gateways.on_unreadable
