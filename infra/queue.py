"""The remediator's queue with its dead-letter queue, and the rule that sends it Amplify's deployment events."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.iam import Grant
from medic.events import DETAIL_TYPE, SOURCE, DeploymentStatus
from medic.queue import MAX_RECEIVES, VISIBILITY_SECONDS

_RETENTION = Duration.days(14)
"""The maximum of SQS."""


class RemediatorQueue(Construct):
    """Every message to the remediator waits here: Amplify's events, wake-ups by the watcher, requests by people.

    The dead-letter queue also gets the events that EventBridge could not put into the queue, in the same format.

    Args:
        scope: the parent construct.
        construct_id: its id in the parent.
        apps: the apps whose events are received; empty for all.
    """

    def __init__(self, scope: Construct, construct_id: str, apps: tuple[str, ...] = ()) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = self._make_queue("DeadLetters")
        reason = "this is the dead-letter queue itself; no function reads it, so no message can fail here"
        Validations.of(self.dead_letters).acknowledge(Acknowledgment(id="AwsSolutions-SQS3", reason=reason))
        self.queue = self._make_queue(
            "Default",  # CDK leaves this id out of logical ids
            visibility=Duration.seconds(VISIBILITY_SECONDS),
            dead_letters=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
        )
        self._receive_deployments(apps)

    def _make_queue(
        self, name: str, *, visibility: Duration | None = None, dead_letters: sqs.DeadLetterQueue | None = None
    ) -> sqs.Queue:
        """An encrypted queue that accepts messages over TLS only."""
        return sqs.Queue(
            self,
            name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=_RETENTION,
            visibility_timeout=visibility,
            dead_letter_queue=dead_letters,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _receive_deployments(self, apps: tuple[str, ...]) -> None:
        """The final statuses of Amplify jobs. EventBridge retries for a day, then uses the dead-letter queue.

        https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-amplify.html
        """
        detail: dict[str, list[str]] = {"jobStatus": [str(status) for status in DeploymentStatus]}
        if apps:
            detail["appId"] = list(apps)
        rule = events.CfnRule(
            self,
            "DeploymentEvents",
            description="Amplify Hosting deployments that failed, succeeded or were cancelled, for Amplify Medic",
            event_pattern={"source": [SOURCE], "detail-type": [DETAIL_TYPE], "detail": detail},
            targets=[
                events.CfnRule.TargetProperty(
                    id="Queue",
                    arn=self.queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self.dead_letters.queue_arn),
                )
            ],
        )
        for queue in (self.queue, self.dead_letters):
            queue.add_to_resource_policy(_from_rule(queue, rule.attr_arn))


def _from_rule(queue: sqs.Queue, rule_arn: str) -> iam.PolicyStatement:
    """Accept messages from EventBridge for this rule of this account only.

    CDK's own target for queues allows more actions and does not check the account, so the rule is built without it.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
    """
    return iam.PolicyStatement(
        sid="EventsOfThisRule",
        principals=[iam.ServicePrincipal("events.amazonaws.com")],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions={
            "ArnEquals": {"aws:SourceArn": rule_arn},
            "StringEquals": {"aws:SourceAccount": Stack.of(queue).account},
        },
    )


def receive_grant(queue_arn: str) -> Grant:
    """To handle the queue's messages."""
    return Grant(
        sid="HandleMessages",
        why="Lambda receives messages with this role and deletes handled ones. The function lets the others wait.",
        actions=["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        resources=[queue_arn],
    )
