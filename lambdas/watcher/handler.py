"""Lambda entry point of the watcher: it runs every minute and after each deployment."""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics

from medic.gateways import Gateways
from medic.settings import Runtime, started_by_lambda
from medic.telemetry import Telemetry
from medic.watch.watcher import Watcher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_RESERVED_SECONDS = 15.0
"""Time before the function's time-out that is kept free for writing cursors and metrics."""


@cache
def watcher() -> Watcher:
    """Created when Lambda starts the function, with the clients that each run needs."""
    runtime, telemetry = Runtime.of_watcher(), Telemetry(Logger(), Metrics())
    gateways = Gateways(boto3.Session(), table_name=runtime.table, on_unreadable=telemetry.unreadable)
    gateways.clients.create("amplify", "dynamodb", "logs", "sqs")
    return Watcher(runtime, gateways, telemetry)


def handler(event: object, context: LambdaContext) -> None:
    """Handle one deployment event, or one event of the schedule.

    Raises:
        AwsError: AWS could not be reached. The next run, a minute later, tries again.
    """
    cached = watcher()
    cached.telemetry.logger.append_keys(request_id=context.aws_request_id)
    try:
        cached.run(event, context.get_remaining_time_in_millis() / 1000 - _RESERVED_SECONDS)
    finally:
        cached.telemetry.flush()


if started_by_lambda():
    watcher()
gc.freeze()  # what is imported stays, so later collections need not look at it
gc.enable()
