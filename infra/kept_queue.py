"""Queues that keep what could not be handled, until somebody replays it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_sqs as sqs

if TYPE_CHECKING:
    from constructs import Construct


def kept_queue(scope: Construct, construct_id: str) -> sqs.Queue:
    """An encrypted queue that takes messages over TLS only and keeps them for 14 days, the longest SQS can."""
    queue = sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
        removal_policy=RemovalPolicy.DESTROY,
    )
    reason = "this is itself where failed messages end up; nothing polls it, so there is nothing to move on"
    Validations.of(queue).acknowledge(Acknowledgment(id="AwsSolutions-SQS3", reason=reason))
    return queue
