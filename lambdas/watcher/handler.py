"""Lambda entry point: every few minutes, find what is due and wake the remediator."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics

from medic.aws.errors import translated
from medic.aws.sessions import Reader
from medic.events import wake_up
from medic.incidents.table import IncidentsTable
from medic.settings import WatcherRuntime
from medic.telemetry import Fact, Telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def wiring() -> tuple[WatcherRuntime, Reader, Telemetry]:
    """What a run works with, made once and kept while the function is warm."""
    return WatcherRuntime.from_environment(), Reader(boto3.Session()), Telemetry(Logger(), Metrics())


def handler(_event: object, context: LambdaContext) -> None:
    """Wake the remediator for each branch on which something is due. The message says no more than where.

    Raises:
        AwsError: the table or the remediator could not be reached; the next run comes in a few minutes.
    """
    runtime, reader, telemetry = wiring()
    telemetry.logger.append_keys(request_id=context.aws_request_id)
    table = IncidentsTable(reader.dynamodb, runtime.table, lambda: datetime.now(UTC))
    try:
        for due in table.due():
            with translated("lambda:InvokeFunction"):
                message = json.dumps(wake_up(due.scope, due.request_id)).encode()
                reader.functions.invoke(
                    FunctionName=runtime.remediator_function, InvocationType="Event", Payload=message
                )
            telemetry.record(Fact.WOKEN, scope=due.scope, request=due.request_id)
    finally:
        telemetry.flush()
