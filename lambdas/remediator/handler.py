"""Lambda entry point of the remediator: passes each batch of its queue on."""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics

from medic import queue
from medic.services import Services
from medic.settings import Runtime, started_by_lambda
from medic.telemetry import Telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def services() -> Services:
    """Created when Lambda starts the function, with the clients that each event needs."""
    created = Services(Runtime.of_remediator(), boto3.Session(), Telemetry(Logger(), Metrics()))
    created.clients.create("amplify", "dynamodb")
    return created


def handler(event: object, context: LambdaContext) -> dict[str, object] | None:
    """Handle one batch of the queue, or a direct invocation that asks for a test alert.

    Returns:
        The messages that stay in the queue, or the result of each channel.
    """
    cached = services()
    cached.telemetry.logger.append_keys(request_id=context.aws_request_id)
    cached.time_left = lambda: context.get_remaining_time_in_millis() / 1000
    try:
        return queue.handle(event, cached)
    finally:
        cached.telemetry.flush()


if started_by_lambda():
    services()
gc.freeze()  # what is imported stays, so later collections need not look at it
gc.enable()
