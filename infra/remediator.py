"""The remediator function, and the mapping by which Lambda gives it the queue's messages."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import MedicFunction, function_environment
from infra.iam import (
    Grant,
    alert_grants,
    alias_grant,
    branches_grant,
    evidence_grants,
    incident_grants,
    runtime_log_grant,
    trail_grant,
)
from infra.queue import receive_grant
from infra.roles import ActorRole
from medic.settings import ACTOR_ROLE_VARIABLE, Mode, Settings, WatchRuntime

MEMORY_MEBIBYTES = 1769
"""Lambda gives a whole processor with it: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html

People wait for its alerts, and it runs so seldom that this costs about one cent a month more than 512.
"""


class RemediatorFunction(Construct):
    """Diagnoses failures. Unless the mode is `report`, it changes roles and retries jobs through the actor role.

    It gets `raw_settings`, the settings as the deployer wrote them, unchanged.
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
        topic: sns.ITopic,
        queue: sqs.IQueue,
        default_role: iam.IRole,
    ) -> None:
        super().__init__(scope, construct_id)
        medic = MedicFunction(
            self,
            "Default",  # CDK leaves this id out of logical ids
            name="remediator",
            description="Diagnoses failed Amplify deployments and applies the fixes that a branch's owner opted in to",
            permissions="reads Amplify, IAM and SSR logs, writes to the bot's table, sends alerts",
            code=code,
            environment=function_environment(
                self,
                raw_settings,
                table,
                QUEUE_URL=queue.queue_url,
                ALERT_TOPIC_ARN=topic.topic_arn,
                DEFAULT_COMPUTE_ROLE_ARN=default_role.role_arn,
            ),
            kms_key=settings.kms_key,
            reserved=settings.concurrency.reserved_remediator,
            memory=MEMORY_MEBIBYTES,
        )
        self.function, self.role = medic.function, medic.role
        stack = Stack.of(self)
        reads_logs = settings.watch_runtime is not WatchRuntime.NONE
        medic.grant([
            receive_grant(queue.queue_arn),
            *evidence_grants(stack, settings.apps),
            alias_grant(),
            *([trail_grant(stack)] if settings.cloudtrail else []),
            *([grant(stack, settings.apps) for grant in (runtime_log_grant, branches_grant)] if reads_logs else []),
            *incident_grants(table.table_arn),
            *alert_grants(stack, topic.topic_arn, settings.slack.secrets),
            *self._actor_grants(medic, settings, default_role),
        ])  # fmt: skip
        # One message a run, so that a slow or a killed run delays no other message.
        self.mapping = medic.function.add_event_source_mapping(
            "Messages",
            event_source_arn=queue.queue_arn,
            batch_size=1,
            report_batch_item_failures=True,
            max_concurrency=settings.concurrency.messages,
        )

    def accept_requests(self, operator: iam.Role, slack: iam.Role | None) -> None:
        """Accept requests that these roles put into the queue. SQS names the sender of each message by its role's id.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
        """
        self.function.add_environment("OPERATOR_ROLE_ID", operator.role_id)
        if slack is not None:
            self.function.add_environment("SLACK_ROLE_ID", slack.role_id)

    def _actor_grants(self, medic: MedicFunction, settings: Settings, default_role: iam.IRole) -> list[Grant]:
        """To assume the actor role, which this creates. In mode `report` there is no actor role."""
        if settings.mode is Mode.REPORT:
            return []
        actor = ActorRole(self, "Actor", medic.role, settings, default_role.role_arn)
        medic.function.add_environment(ACTOR_ROLE_VARIABLE, actor.role.role_arn)
        why = "Assumes the actor role with a session policy limited to one branch and one role."
        return [Grant(sid="BecomeActor", why=why, actions=["sts:AssumeRole"], resources=[actor.role.role_arn])]
