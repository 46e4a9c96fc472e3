"""Lambda entry point of the remediator: passes each event to the pipeline."""

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
    """Created on the first event and kept while the function is warm."""
    telemetry = Telemetry(Logger(), Metrics())
    return Services(Runtime.of_remediator(), boto3.Session(), telemetry)


def handler(event: object, context: LambdaContext) -> object:
    """Handle one Amplify event or one of the bot's own messages.

    Returns:
        For a test alert, the result of each channel; otherwise None.

    Raises:
        Exception: a fault that a retry may fix. Lambda retries, then sends the event to the on-failure destination.
    """
    cached = services()
    cached.telemetry.logger.append_keys(request_id=context.aws_request_id)
    try:
        return pipeline.run(event, cached)
    finally:
        cached.telemetry.flush()
