"""The role that people assume for the commands of `medic` that need the deployed bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.iam import Grant, attach
from medic.incidents.table import BRANCH, REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.queue import RemediatorQueue
    from infra.remediator import RemediatorFunction
    from medic.settings import Settings

_LEADING_KEYS = "dynamodb:LeadingKeys"


class OperatorRole(Construct):
    """The role that operators assume. Anyone whom the account's policies allow `sts:AssumeRole` on it may approve.

    It has no permission on Amplify or IAM, and writes nothing to the table. The remediator executes the requests, and
    checks every guardrail. With `operator.require_source_identity`, the caller's session must have a source identity,
    which CloudTrail then shows for each call.
    """

    def __init__(  # noqa: PLR0913
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        table: dynamodb.ITable,
        topic: sns.ITopic,
        queue: RemediatorQueue,
        remediator: RemediatorFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        account: iam.PrincipalBase = iam.AccountPrincipal(Stack.of(self).account)
        if settings.operator.require_source_identity:
            account = account.with_conditions({"StringLike": {"sts:SourceIdentity": "?*"}})
        self.role = iam.Role(
            self,
            "Role",
            description="Amplify Medic's operators: send requests to the bot, read incidents, pause, replay messages",
            assumed_by=account,
            max_session_duration=Duration.hours(1),
        )
        if self.role.assume_role_policy is not None:
            # A session with a source identity passes it on, which needs this permission too.
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
            passed_on = iam.PolicyStatement(actions=["sts:SetSourceIdentity"], principals=[account])
            self.role.assume_role_policy.add_statements(passed_on)
        grants = [*_table_grants(table.table_arn), *self._control_grants(remediator), *_queue_grants(queue)]
        grants.append(
            Grant(
                sid="CountSubscribers",
                why="`medic test-alert` fails if no subscription is confirmed. It reads only how many there are.",
                actions=["sns:GetTopicAttributes"],
                resources=[topic.topic_arn],
            )
        )
        attach(self.role, grants, settings.kms_key)

    def _control_grants(self, remediator: RemediatorFunction) -> Iterator[Grant]:
        yield Grant(
            sid="SendTestAlerts",
            why="`medic test-alert` asks for a sample alert. The remediator accepts no other direct call.",
            actions=["lambda:InvokeFunction"],
            resources=[remediator.function.function_arn],
        )
        mapping = Stack.of(self).format_arn(
            service="lambda",
            resource="event-source-mapping",
            resource_name=remediator.mapping.event_source_mapping_id,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        yield Grant(
            sid="PauseAndResume",
            why="`medic pause` and `medic resume` switch the queue's mapping off and on.",
            actions=["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"],
            resources=[mapping],
        )


def _table_grants(table_arn: str) -> Iterator[Grant]:
    yield Grant(
        sid="ReadAnswers",
        why="Reads the result of a request, and the incident that the request is about.",
        actions=["dynamodb:GetItem"],
        resources=[table_arn],
        conditions=_leading_keys(f"{REQUEST}#*", f"{BRANCH}#*"),
    )
    yield Grant(
        sid="ReadHistory",
        why="For `medic history`. IAM can't limit a scan by key; the table holds no secret.",
        actions=["dynamodb:Scan"],
        resources=[table_arn],
    )


def _leading_keys(*patterns: str) -> dict[str, dict[str, object]]:
    """Only items whose key matches. The Null check is needed because ForAllValues also matches a call without a key."""
    return {"ForAllValues:StringLike": {_LEADING_KEYS: list(patterns)}, "Null": {_LEADING_KEYS: "false"}}


def _queue_grants(queue: RemediatorQueue) -> Iterator[Grant]:
    yield Grant(
        sid="SendToTheQueue",
        why="Sends requests (approve, fix, undo, mute), and dead letters again. The remediator checks each message.",
        actions=["sqs:GetQueueAttributes", "sqs:SendMessage"],
        resources=[queue.queue.queue_arn],
    )
    yield Grant(
        sid="ReplayDeadLetters",
        why="`medic replay-dlq` has SQS move dead letters back, which takes all of these rights.",
        actions=["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask"],
        resources=[queue.dead_letters.queue_arn],
    )
