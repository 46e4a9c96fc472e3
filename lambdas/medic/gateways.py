"""The composition root of the functions and the command line: gateways to AWS and the incidents table.

Each gateway is created, and its module imported, when it is first used. So no function pays for code that it does not
need.
"""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from medic.aws.clients import Clients, require_compute_role_support
from medic.aws.errors import RetryableError, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from boto3.session import Session

    from medic.aws.amplify import AmplifyReader
    from medic.aws.iam import IamReader
    from medic.aws.logs import RuntimeLogs
    from medic.aws.secrets import SecretForm
    from medic.aws.trail import TrailReader
    from medic.incidents.region import RegionTable
    from medic.incidents.requests import RequestsTable
    from medic.incidents.store import OnUnreadable
    from medic.incidents.table import IncidentsTable


_SECONDS_TO_RESPOND = 25.0
_BATCH = 10
"""SQS takes at most this many messages in one call."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Gateways:
    """Gateways that share one session's clients.

    Args:
        session: gives the credentials.
        clock: returns the current time, UTC.
        pause: waits for a number of seconds.
        table_name: the incidents table; empty if it is not used.
        on_unreadable: called for each item of the table, or part of one, that can't be read.

    Raises:
        OutdatedBotocoreError: botocore is too old for compute roles.
    """

    def __init__(
        self,
        session: Session,
        clock: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
        *,
        table_name: str = "",
        on_unreadable: OnUnreadable = lambda _key, _why, **_: None,
    ) -> None:
        require_compute_role_support()
        self.session = session
        self.clock = clock
        self.pause = pause
        self.on_unreadable = on_unreadable
        self.time_left: Callable[[], float] = lambda: math.inf
        """The seconds that this run may still take. The function's handler sets it for each run."""
        self._table_name = table_name

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.session)

    @cached_property
    def amplify(self) -> AmplifyReader:
        from medic.aws.amplify import AmplifyReader

        return AmplifyReader(self.clients.amplify)

    def iam_of(self, account: str) -> IamReader:
        """A reader of the roles in an account."""
        from medic.aws.iam import IamReader

        return IamReader(lambda: self.clients.iam, account)

    def runtime_logs(self, seconds: float = 20.0) -> RuntimeLogs:
        """A reader of SSR logs. Its time limit starts now. It leaves time to respond to what it finds."""
        from medic.aws.logs import CALLS_A_SECOND, RuntimeLogs
        from medic.aws.rate import RateLimiter

        seconds = min(seconds, self.time_left() - _SECONDS_TO_RESPOND)
        rate = RateLimiter(CALLS_A_SECOND, deadline=time.monotonic() + seconds, pause=self.pause)
        return RuntimeLogs(lambda: self.clients.logs, rate)

    @cached_property
    def table(self) -> IncidentsTable:
        from medic.incidents.table import IncidentsTable

        return IncidentsTable(self.clients.dynamodb, self._table_name, self.clock, self.on_unreadable)

    @cached_property
    def region(self) -> RegionTable:
        """Counters and mutes of the whole region."""
        from medic.incidents.region import RegionTable

        return RegionTable(self.clients.dynamodb, self._table_name, self.clock, self.on_unreadable)

    @cached_property
    def trail(self) -> TrailReader:
        from medic.aws.trail import TrailReader

        return TrailReader(self.clients.cloudtrail)

    @cached_property
    def requests(self) -> RequestsTable:
        from medic.incidents.requests import RequestsTable

        return RequestsTable(self.clients.dynamodb, self._table_name, self.clock, self.on_unreadable)

    def secret(self, name: str, form: SecretForm) -> str:
        """Read a secret that the settings name.

        Raises:
            SecretError: it can't be read, or holds something else.
        """
        from medic.aws.secrets import read_secret

        return read_secret(self.clients, name, form)

    def send(self, queue_url: str, message: Mapping[str, object]) -> None:
        """Send a message to the remediator's queue.

        Raises:
            AwsError: SQS did not accept the message.
        """
        with translated("sqs:SendMessage"):
            self.clients.sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(message))

    def send_all(self, queue_url: str, messages: Sequence[Mapping[str, object]]) -> None:
        """Send messages to the remediator's queue, ten in a call.

        Raises:
            AwsError: SQS did not accept all of them.
        """
        for start in range(0, len(messages), _BATCH):
            bodies = map(json.dumps, messages[start : start + _BATCH])
            with translated("sqs:SendMessageBatch"):
                answer = self.clients.sqs.send_message_batch(
                    QueueUrl=queue_url,
                    Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)],
                )
            for failed in answer.get("Failed", ()):
                raise RetryableError("sqs:SendMessageBatch", failed["Code"], failed.get("Message", ""))
