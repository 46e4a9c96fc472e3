"""Lambda entry point for Slack: sends a click on a button to the remediator's queue. It can do nothing else."""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics

from medic.gateways import Gateways
from medic.settings import Runtime, started_by_lambda
from medic.slack_actions.approve import SlackApprovalHandler
from medic.telemetry import Telemetry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def approval_handler() -> SlackApprovalHandler:
    """Created when Lambda starts the function, with the clients that each click needs."""
    gateways = Gateways(boto3.Session())
    gateways.clients.create("secrets", "sqs")
    return SlackApprovalHandler(Runtime.of_slack(), gateways, Telemetry(Logger(), Metrics()))


def handler(event: object, context: LambdaContext) -> dict[str, object]:
    """Answer one HTTP request from Slack.

    Raises:
        SecretError: the signing secret could not be read. Slack then shows that the click failed.
        AwsError: the queue could not be reached. Slack then shows that the click failed.
    """
    cached = approval_handler()
    cached.telemetry.logger.append_keys(request_id=context.aws_request_id)
    try:
        return cached.handle(event)
    finally:
        cached.telemetry.flush()


if started_by_lambda():
    approval_handler()
gc.freeze()  # what is imported stays, so later collections need not look at it
gc.enable()
