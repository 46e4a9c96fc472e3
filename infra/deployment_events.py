"""The rule that hands Amplify's deployment events to the remediator."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.kept_queue import kept_queue
from medic.events import DETAIL_TYPE, SOURCE, DeploymentStatus


@dataclass(frozen=True, slots=True)
class DeploymentEventsProps:
    """Whose events go where."""

    function: lambda_.IFunction
    apps: tuple[str, ...] = ()
    """If not empty, only these apps' events."""


class DeploymentEvents(Construct):
    """Final statuses of Amplify jobs. What can't be delivered within an hour is kept in `undelivered`.

    An hour, for the bot acts on fresh failures only (30 minutes by default); EventBridge itself would try for a day.
    https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-amplify.html
    """

    def __init__(self, scope: Construct, construct_id: str, props: DeploymentEventsProps) -> None:
        super().__init__(scope, construct_id)
        self.undelivered = kept_queue(self, "Undelivered")
        detail: dict[str, list[str]] = {"jobStatus": [str(status) for status in DeploymentStatus]}
        if props.apps:
            detail["appId"] = list(props.apps)
        target = targets.LambdaFunction(
            props.function,
            dead_letter_queue=self.undelivered,
            max_event_age=Duration.hours(1),
            retry_attempts=10,
        )
        events.Rule(
            self,
            "Rule",
            description="Amplify Hosting deployments that failed, succeeded or were cancelled, for Amplify Medic",
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=[DETAIL_TYPE], detail=detail),
            targets=[target],
        )
