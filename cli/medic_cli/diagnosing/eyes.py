"""What a live diagnosis looks with: the gateways of the Lambda, under the user's own credentials. All of it reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

from medic.aws.amplify import AmplifyReader
from medic.aws.build_log import BuildLogSource
from medic.aws.iam import IamReader
from medic.aws.rate import SharedRate
from medic.aws.runtime_logs import CALLS_A_SECOND, RuntimeLogs
from medic.aws.sessions import Reader
from medic.evidence.gather import Gatherer
from medic_cli.aws_session import region_of
from medic_cli.diagnosing.bot import Bot

if TYPE_CHECKING:
    from boto3.session import Session

    from medic.evidence.model import Item, Role
    from medic_cli.stack import DeployedStack

_MOST_BYTES_OF_A_LOG = 1 << 26
_LONGEST_READING = 60.0
"""Seconds that reading an SSR log may take."""


@dataclass(frozen=True)
class Eyes:
    """Gateways, each made when first needed.

    Attributes:
        session: the user's credentials.
        clock: gives now, UTC.
        log_url_origins: further origins that build logs may come from, for an emulator.
        stack: the deployed stack whose settings say what the bot would do; None if that is not asked.
    """

    session: Session
    clock: Callable[[], datetime]
    log_url_origins: tuple[str, ...] = ()
    stack: DeployedStack | None = None

    @property
    def region(self) -> str:
        """Where everything is looked for."""
        return region_of(self.session)

    @cached_property
    def amplify(self) -> AmplifyReader:
        """Apps, branches and jobs."""
        return AmplifyReader(self._reader.amplify)

    def iam(self, account: str) -> IamReader:
        """Roles of the app's account, which the app's ARN names: nothing else need be asked for it."""
        return IamReader(self._reader.iam, account)

    def gatherer(self, account: str) -> Gatherer:
        """Evidence on apps of this account."""
        logs = BuildLogSource(self.log_url_origins, most_bytes=_MOST_BYTES_OF_A_LOG)
        return Gatherer(self.amplify, partial(self._role, account), logs)

    def runtime_logs(self) -> RuntimeLogs:
        """SSR logs, for one reading: its time begins now."""
        return RuntimeLogs(lambda: self._reader.logs, SharedRate(CALLS_A_SECOND, time.monotonic() + _LONGEST_READING))

    def bot(self, account: str) -> Bot:
        """What the bot would do on apps of this account."""
        return Bot(self.stack, partial(self.iam, account))

    def _role(self, account: str, role_arn: str) -> Item[Role]:
        return self.iam(account).role(role_arn)

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.session)
