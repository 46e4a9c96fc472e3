"""Lambda entry point: settings and clients once, then one event at a time through the pipeline."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics

from medic import pipeline
from medic.services import Services
from medic.settings import Runtime
from medic.telemetry import Telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def services() -> Services:
    """Everything the pipeline works with, made on the first event and kept while the function is warm."""
    telemetry = Telemetry(Logger(), Metrics())
    return Services(Runtime.from_environment(), boto3.Session(), telemetry)


def handler(event: object, context: LambdaContext) -> object:
    """Handle one EventBridge event or one message of the bot's own.

    Returns:
        Nothing, but for whoever waits for an answer.

    Raises:
        Exception: a fault that another try may mend; Lambda tries again, then hands it to the on-failure destination.
    """
    wired = services()
    wired.telemetry.logger.append_keys(request_id=context.aws_request_id)
    try:
        return pipeline.run(event, wired)
    finally:
        wired.telemetry.flush()
