"""What the remediator's flows use: the gateways, with the stack's settings, the actor role and the alert channels."""

from __future__ import annotations

import time
from functools import cache, cached_property
from typing import TYPE_CHECKING

from medic.alerts.event_bus import EventBus
from medic.alerts.sns import SnsTopic
from medic.aws.amplify import AmplifyActor
from medic.aws.errors import DeniedError
from medic.aws.gather import Gatherer
from medic.aws.logs import BuildLogSource
from medic.gateways import Gateways, utc_now
from medic.settings import Runtime, SnsFormat

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from boto3.session import Session

    from medic.actions.set_role import Pause
    from medic.alerts.delivery import Channel
    from medic.aws.iam import IamReader
    from medic.plan.session import ActorScope
    from medic.telemetry import Telemetry


class Services(Gateways):
    """The handler creates it once and passes it down; there is no global instance."""

    def __init__(
        self,
        runtime: Runtime,
        session: Session,
        telemetry: Telemetry,
        clock: Callable[[], datetime] = utc_now,
        pause: Pause = time.sleep,
    ) -> None:
        super().__init__(session, clock, pause, table_name=runtime.table, on_unreadable=telemetry.unreadable)
        self.runtime = runtime
        self.telemetry = telemetry

    @cached_property
    def iam(self) -> IamReader:
        return self.iam_of(self.runtime.account)

    @cached_property
    def _account_alias(self) -> str:
        """Read once in the life of the function's environment, and not again if that failed."""
        return self.iam.account_alias()

    def alias_of(self, account: str) -> str:
        """The account's alias, or "". Only this function's own account can be asked for its alias."""
        return self._account_alias if account == self.runtime.account else ""

    @cached_property
    def gatherer(self) -> Gatherer:
        settings = self.runtime.settings
        max_bytes = settings.limits.log_mebibytes * 1024 * 1024
        logs = BuildLogSource(settings.log_url_origins, max_bytes=max_bytes)
        return Gatherer(self.amplify, self.iam, logs, self._seconds_left)

    def _seconds_left(self) -> float:
        """Asked anew each time, because each run sets `time_left`."""
        return self.time_left()

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Where alerts go: always the SNS topic and the event bus, and Slack if the settings name a Slack secret.

        Slack comes last, because its secret and its SDK take the longest and may fail in most ways.
        """
        settings = self.runtime.settings
        amazon_q = settings.sns.format is SnsFormat.AMAZON_Q
        topic = SnsTopic(lambda: self.clients.sns, self.runtime.topic_arn, amazon_q=amazon_q)
        always = (topic, EventBus(lambda: self.clients.events))
        if not settings.slack.secrets:
            return always
        from medic.alerts.slack import SlackPost  # noqa: PLC0415 - it imports slack_sdk, which few runs need

        return (*always, SlackPost(self.secret, settings.slack))

    def actor_for(self, actor_scope: ActorScope) -> Callable[[], AmplifyActor]:
        """A function that returns the actor for this scope. Its first call assumes the actor role; later ones reuse it.

        Calling the returned function raises AwsError if the role can't be assumed. That includes DeniedError if the
        stack's mode is `report`, because there is no actor role then.
        """

        @cache
        def actor() -> AmplifyActor:
            arn = self.runtime.actor_role_arn
            if arn is None:
                raise DeniedError(
                    "sts:AssumeRole", "ModeReport", "the stack's mode is report: it has no role that may write"
                )
            return AmplifyActor(self.clients.assume_actor(arn, actor_scope))

        return actor
