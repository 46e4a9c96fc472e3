"""The composition root: connects clients, gateways, tables and alert channels. Each is created on first use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
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

_MAX_READ_SECONDS = 20.0
"""Time limit for reading an SSR log."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """Everything that the flows use. The handler creates it once and passes it down; there is no global instance."""

    runtime: Runtime
    session: Session
    telemetry: Telemetry
    clock: Callable[[], datetime] = _now
    pause: Pause = time.sleep

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.session)

    @cached_property
    def amplify(self) -> AmplifyReader:
        return AmplifyReader(self.clients.amplify)

    @cached_property
    def iam(self) -> IamReader:
        return IamReader(self.clients.iam, self.runtime.account)

    @cached_property
    def gatherer(self) -> Gatherer:
        settings = self.runtime.settings
        max_bytes = settings.limits.log_mebibytes * 1024 * 1024
        return Gatherer(self.amplify, self._role, BuildLogSource(settings.log_url_origins, max_bytes=max_bytes))

    @cached_property
    def table(self) -> IncidentsTable:
        return IncidentsTable(self.clients.dynamodb, self.runtime.table, self.clock)

    @cached_property
    def region(self) -> RegionTable:
        """Counters and mutes of the whole region."""
        return RegionTable(self.clients.dynamodb, self.runtime.table, self.clock)

    @cached_property
    def requests(self) -> RequestsTable:
        return RequestsTable(self.clients.dynamodb, self.runtime.table, self.clock)

    def runtime_logs(self) -> RuntimeLogs:
        """A reader for one read of an SSR log. Its time limit starts now."""
        rate = SharedRate(CALLS_A_SECOND, time.monotonic() + _MAX_READ_SECONDS, pause=self.pause)
        return RuntimeLogs(lambda: self.clients.logs, rate)

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Where alerts go: always the SNS topic and the event bus, and Slack if the settings name a Slack secret."""
        settings = self.runtime.settings
        amazon_q = settings.sns.format is SnsFormat.AMAZON_Q
        topic = SnsTopic(lambda: self.clients.sns, self.runtime.topic_arn, amazon_q=amazon_q)
        always = (topic, EventBus(lambda: self.clients.events))
        if not settings.slack.secrets:
            return always
        from medic.alerts.slack import SlackPost  # noqa: PLC0415 - it imports slack_sdk, which few runs need

        return (SlackPost(lambda: self.clients.secrets, settings.slack), *always)

    def actor_for(self, actor_scope: ActorScope) -> Callable[[], AmplifyActor]:
        """A function that returns the actor for this scope. Its first call assumes the actor role; later ones reuse it.

        Calling the returned function raises AwsError if the role can't be assumed. That includes DeniedError if the
        stack's mode is `report`, because there is no actor role then.
        """

        @cache
        def actor() -> AmplifyActor:
            return AmplifyActor(self._actor_sessions().amplify_for(actor_scope))

        return actor

    def policies(self, role_name: str) -> Item[RolePolicies]:
        """A role's policies, Absent if there is no such role, or Unreadable."""
        try:
            return Present(self.iam.policies(role_name))
        except AbsentError as error:
            return Absent(str(error))
        except DeniedError as error:
            return Unreadable(str(error))

    def _role(self, role_arn: str) -> Item[Role]:
        # Not `self.iam.role` itself, so that the IAM client is only created when a role is read.
        return self.iam.role(role_arn)

    def _actor_sessions(self) -> ActorSessions:
        arn = self.runtime.actor_role_arn
        if arn is None:
            raise DeniedError(
                "sts:AssumeRole", "ModeReport", "the stack's mode is report: it has no role that may write"
            )
        return ActorSessions(self.session, arn)
