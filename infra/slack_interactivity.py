"""The function behind the Slack buttons. The stack contains it only if the settings name approvers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import MedicFunction, function_environment
from infra.iam import secret_grants, send_grant

if TYPE_CHECKING:
    from medic.settings import Settings

_TIMEOUT = Duration.seconds(15)
"""Slack waits for 3 seconds, then shows the click as failed. An approval that was sent by then is still valid."""


class SlackInteractivity(Construct):
    """A function URL that Slack posts clicks to. Anybody can call it, so it accepts only requests that Slack signed.

    It may only put a request into the queue. The remediator checks the request like any other.

    `raw_settings` are the settings as the deployer wrote them.
    """

    def __init__(  # noqa: PLR0913
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        raw_settings: object,
        code: lambda_.Code,
        table: dynamodb.ITable,
        queue: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        medic = MedicFunction(
            self,
            "Default",  # CDK leaves this id out of logical ids
            name="slack_interactivity",
            description="Receives clicks on Amplify Medic's Slack buttons and sends approvals to the bot",
            permissions="reads Slack's signing secret, sends requests to the bot's queue",
            code=code,
            environment=function_environment(self, raw_settings, table, QUEUE_URL=queue.queue_url),
            kms_key=settings.kms_key,
            reserved=settings.concurrency.reserved_slack,
            timeout=_TIMEOUT,
        )
        self.function, self.role = medic.function, medic.role
        # CDK also creates both permissions that a function URL needs since October 2025:
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        self.url = medic.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)
        medic.grant(
            [
                *secret_grants(
                    Stack.of(self),
                    "ReadSigningSecret",
                    "Verifies that a request comes from Slack.",
                    [settings.slack.signing_secret or ""],
                ),
                send_grant(queue.queue_arn, "Sends an approval to the remediator, which itself decides what to do."),
            ]
        )
