"""The SNS topic that carries every alert."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct


@dataclass(frozen=True, slots=True)
class AlertTopicProps:
    """Who is subscribed."""

    emails: tuple[str, ...] = ()


class AlertTopic(Construct):
    """A topic that takes alerts over TLS only, from the bot and from this account's CloudWatch alarms.

    No KMS key: SNS encrypts its disks anyway, alerts are redacted before they are sent and leave SNS as plain e-mail,
    and alarms can't publish to a topic under the AWS managed key. A customer key would cost a dollar a month a region
    and protect nothing more.
    https://docs.aws.amazon.com/securityhub/latest/userguide/sns-controls.html#sns-1
    """

    def __init__(self, scope: Construct, construct_id: str, props: AlertTopicProps) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", display_name="Amplify Medic", enforce_ssl=True)
        self._admit_alarms()
        for email in props.emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))

    def _admit_alarms(self) -> None:
        """The TLS rule takes the place of the default topic policy, which would have let alarms publish.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        """
        stack = Stack.of(self)
        alarms = stack.format_arn(service="cloudwatch", resource="alarm:*")
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccountPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": alarms},
                },
            )
        )
