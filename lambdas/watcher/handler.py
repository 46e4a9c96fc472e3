"""Lambda entry point: settings and clients once, then every minute, and after each deployment, the watcher."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics

from medic.aws.clients import Clients
from medic.settings import WatcherRuntime
from medic.telemetry import Telemetry
from medic.watch.watcher import Watcher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

KEPT_IN_HAND = 15.0
"""Seconds before the function's time-out in which cursors are written and metrics go out."""


@cache
def watcher() -> Watcher:
    """What a run works with, made once and kept while the function is warm."""
    return Watcher(WatcherRuntime.from_environment(), Clients(boto3.Session()), Telemetry(Logger(), Metrics()))


def handler(event: object, context: LambdaContext) -> None:
    """Keep time, look at SSR logs; or take note of a deployment.

    Raises:
        AwsError: AWS could not be reached; the next run comes in a minute.
    """
    wired = watcher()
    wired.telemetry.logger.append_keys(request_id=context.aws_request_id)
    try:
        wired.run(event, context.get_remaining_time_in_millis() / 1000 - KEPT_IN_HAND)
    finally:
        wired.telemetry.flush()
