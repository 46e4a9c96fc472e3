"""Lambda entry point: one click on a button in Slack becomes a request record. It can change nothing else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics

from medic.settings import SlackRuntime
from medic.slack_actions.approve import approval_handler, handle
from medic.telemetry import Telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from medic.slack_actions.approve import SlackApprovalHandler


@cache
def wiring() -> SlackApprovalHandler:
    """What a run works with, made once and kept while the function is warm."""
    return approval_handler(SlackRuntime.from_environment(), boto3.Session(), Telemetry(Logger(), Metrics()))


def handler(event: object, context: LambdaContext) -> dict[str, object]:
    """Answer one HTTP request of Slack's.

    Raises:
        AwsError: the secret or the table could not be reached; Slack shows that the click failed.
    """
    wired = wiring()
    wired.telemetry.logger.append_keys(request_id=context.aws_request_id)
    try:
        return handle(event, wired)
    finally:
        wired.telemetry.flush()
