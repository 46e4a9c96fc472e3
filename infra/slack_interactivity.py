"""The function behind Slack's buttons. It is deployed only if the settings say who may approve."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.function import MedicFunction, MedicFunctionProps, function_environment
from infra.iam import Grant, secret_arn

_TIME_OUT = Duration.seconds(15)
"""Slack waits for three; what comes later is shown as failed, but what was written stands."""


@dataclass(frozen=True, slots=True)
class SlackInteractivityProps:
    """What a click is verified with, and where it goes."""

    signing_secret: str
    """The secret's name or full ARN."""
    raw_settings: object
    """The settings as the deployer gave them, handed on unchanged."""
    code: lambda_.Code
    table: dynamodb.ITable
    remediator: lambda_.IFunction


class SlackInteractivity(Construct):
    """A function URL that Slack posts clicks to. Anybody can reach it, so it believes only what Slack signed.

    What it may do is write a request, which the remediator judges like any other, and nudge it.
    """

    def __init__(self, scope: Construct, construct_id: str, props: SlackInteractivityProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        medic = MedicFunction(
            self,
            "Default",  # leaves no trace in logical ids
            MedicFunctionProps(
                name="slack_interactivity",
                description="Takes the clicks on Amplify Medic's buttons in Slack, and writes approvals down",
                rights="reads Slack's signing secret, writes requests, and wakes the remediator",
                code=props.code,
                environment=function_environment(
                    self, props.raw_settings, props.table, REMEDIATOR_FUNCTION=props.remediator.function_name
                ),
                failed_runs=None,
                time_out=_TIME_OUT,
            ),
        )
        self.function = medic.function
        # Both permissions that a function URL needs since October 2025 come with it:
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        self.url = medic.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)
        medic.grant(
            [
                Grant(
                    sid="ReadSigningSecret",
                    why="Tells Slack's requests from everybody else's.",
                    actions=["secretsmanager:GetSecretValue"],
                    resources=[secret_arn(stack, props.signing_secret)],
                ),
                Grant(
                    sid="WriteRequests",
                    why="Writes an approval once, and reads who was first; no other item of the table.",
                    actions=["dynamodb:GetItem", "dynamodb:PutItem"],
                    resources=[props.table.table_arn],
                    conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["request#*"]}},
                ),
                Grant(
                    sid="WakeTheRemediator",
                    why="Tells the remediator that a request stands there; what to do it finds out itself.",
                    actions=["lambda:InvokeFunction"],
                    resources=[props.remediator.function_arn],
                ),
            ]
        )
