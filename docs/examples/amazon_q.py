"""A CDK stack that subscribes Amazon Q Developer to the alert topic, for a Slack and a Microsoft Teams channel.

First authorise Slack or Teams once, in the console of Amazon Q Developer in chat applications. It has no API for that.
https://docs.aws.amazon.com/chatbot/latest/adminguide/setting-up.html
"""

from aws_cdk import Stack
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from constructs import Construct

TOPIC = "arn:aws:sns:eu-central-1:111122223333:replace-by-AlertTopicArn"


class AlertsInChat(Stack):
    """The channel's role has no permission: Amazon Q only delivers what the topic gets."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(self, "Channel", assumed_by=iam.ServicePrincipal("chatbot.amazonaws.com"))
        chatbot.CfnSlackChannelConfiguration(
            self,
            "Slack",
            configuration_name="amplify-medic-slack",
            iam_role_arn=role.role_arn,
            slack_workspace_id="T0123456789",
            slack_channel_id="C0123456789",
            sns_topic_arns=[TOPIC],
        )
        chatbot.CfnMicrosoftTeamsChannelConfiguration(
            self,
            "Teams",
            configuration_name="amplify-medic-teams",
            iam_role_arn=role.role_arn,
            team_id="00000000-0000-0000-0000-000000000000",
            teams_tenant_id="00000000-0000-0000-0000-000000000000",
            teams_channel_id="19%3areplace-by-the-channels-id%40thread.tacv2",
            sns_topic_arns=[TOPIC],
        )
