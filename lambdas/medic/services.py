"""Everything a flow works with, wired once for a function's life. Clients are made when first used."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from medic.alerts.event_bus import EventBus
from medic.alerts.sns import SnsTopic
from medic.aws.amplify import AmplifyActor, AmplifyReader
from medic.aws.clients import ActorScope, ActorSessions, Clients
from medic.aws.errors import AbsentError, DeniedError
from medic.aws.gather import Gatherer
from medic.aws.iam import IamReader
from medic.aws.logs import CALLS_A_SECOND, BuildLogSource, RuntimeLogs
from medic.aws.rate import SharedRate
from medic.evidence import Absent, Item, Present, Role, RolePolicies, Unreadable
from medic.incidents.region import RegionTable
from medic.incidents.requests import RequestsTable
from medic.incidents.table import IncidentsTable
from medic.settings import SnsFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from boto3.session import Session

    from medic.actions.set_role import Pause
    from medic.alerts.delivery import Channel
    from medic.settings import Runtime
    from medic.telemetry import Telemetry


_LONGEST_READING = 20.0
"""Seconds."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """The composition root: built in a handler, passed down, never looked up."""

    runtime: Runtime
    session: Session
    telemetry: Telemetry
    clock: Callable[[], datetime] = _now
    pause: Pause = time.sleep

    @cached_property
    def reader(self) -> Clients:
        """Clients of the function's own role."""
        return Clients(self.session)

    @cached_property
    def amplify(self) -> AmplifyReader:
        """Amplify, read only."""
        return AmplifyReader(self.reader.amplify)

    @cached_property
    def iam(self) -> IamReader:
        """IAM, read only."""
        return IamReader(self.reader.iam, self.runtime.account)

    @cached_property
    def gatherer(self) -> Gatherer:
        """Evidence."""
        settings = self.runtime.settings
        most = settings.limits.log_mebibytes * 1024 * 1024
        return Gatherer(self.amplify, self._role, BuildLogSource(settings.log_url_origins, most_bytes=most))

    @cached_property
    def table(self) -> IncidentsTable:
        """Incidents."""
        return IncidentsTable(self.reader.dynamodb, self.runtime.table, self.clock)

    @cached_property
    def region(self) -> RegionTable:
        """What is counted and muted in the whole region."""
        return RegionTable(self.reader.dynamodb, self.runtime.table, self.clock)

    @cached_property
    def requests(self) -> RequestsTable:
        """What people ask for."""
        return RequestsTable(self.reader.dynamodb, self.runtime.table, self.clock)

    def runtime_logs(self) -> RuntimeLogs:
        """SSR logs, for one reading: its time begins now."""
        rate = SharedRate(CALLS_A_SECOND, time.monotonic() + _LONGEST_READING, pause=self.pause)
        return RuntimeLogs(lambda: self.reader.logs, rate)

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Where alerts go: the topic and the event bus always, Slack if the settings name a place there."""
        settings = self.runtime.settings
        amazon_q = settings.sns.format is SnsFormat.AMAZON_Q
        topic = SnsTopic(lambda: self.reader.sns, self.runtime.topic_arn, amazon_q=amazon_q)
        always = (topic, EventBus(lambda: self.reader.events))
        if not settings.slack.secrets:
            return always
        from medic.alerts.slack import SlackPost  # noqa: PLC0415 - it imports slack_sdk, which few runs need

        return (SlackPost(lambda: self.reader.secrets, settings.slack), *always)

    def actor_for(self, actor_scope: ActorScope) -> Callable[[], AmplifyActor]:
        """The actor for one errand: its session is made when it first acts, and kept for that errand.

        Raises:
            DeniedError: (when called) the stack's mode is report, so there is no actor.
        """
        made: list[AmplifyActor] = []

        def actor() -> AmplifyActor:
            if not made:
                made.append(AmplifyActor(self._actor_sessions().amplify_for(actor_scope)))
            return made[0]

        return actor

    def policies(self, role_name: str) -> Item[RolePolicies]:
        """A role's policies, or why they can't be read."""
        try:
            return Present(self.iam.policies(role_name))
        except AbsentError as error:
            return Absent(str(error))
        except DeniedError as error:
            return Unreadable(str(error))

    def _role(self, role_arn: str) -> Item[Role]:
        return self.iam.role(role_arn)

    def _actor_sessions(self) -> ActorSessions:
        arn = self.runtime.actor_role_arn
        if arn is None:
            raise DeniedError(
                "sts:AssumeRole", "ModeReport", "the stack's mode is report: it has no role that may write"
            )
        return ActorSessions(self.session, arn)
