"""A scan from its beginning to its end: clients, event loop, progress bar."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medic_cli.aws_session import explained
from medic_cli.scan.bar import progress_bar
from medic_cli.scan.estate import Estate
from medic_cli.scan.rate import WallTime
from medic_cli.scan.scanner import Scanner, Wish

if TYPE_CHECKING:
    from boto3.session import Session

    from medic_cli.scan.model import Scan


def run(session: Session, wish: Wish, *, rate: float, iam_rate: float) -> Scan:
    """Scan the regions that the wish has terms for; Ctrl-C ends it with what is known so far.

    Args:
        session: whose credentials to ask with.
        wish: what to look at.
        rate: calls a second to Amplify, in each region.
        iam_rate: calls a second to IAM.

    Raises:
        CouldNotLookError: nothing at all could be looked at.
    """
    with explained(), progress_bar() as tell, asyncio.Runner() as runner:
        estate = Estate.reached_by(session, tuple(wish.terms), rate=rate, iam_rate=iam_rate, time=WallTime())

        async def scan() -> Scan:
            return await Scanner(estate, wish, lambda: datetime.now(UTC), tell).run()

        return runner.run(scan())
