"""The role that people's command line works under: it asks the bot, reads what the bot remembers, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.grants import Grant, attach
from medic.incidents.keys import BRANCH, REQUEST

_LEADING_KEYS = "dynamodb:LeadingKeys"


@dataclass(frozen=True, slots=True)
class OperatorRoleProps:
    """What an operator works with."""

    table: dynamodb.ITable
    remediator: lambda_.IFunction
    queues: Sequence[sqs.IQueue]
    """Where failed messages wait to be replayed."""


class OperatorRole(Construct):
    """Assumed by whoever this account's own policies let: `sts:AssumeRole` on this role is the right to approve.

    It holds no right on Amplify or IAM. What it asks for is done by the remediator, under every guardrail.
    """

    def __init__(self, scope: Construct, construct_id: str, props: OperatorRoleProps) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            description="Amplify Medic's operators: ask the bot, read its incidents, replay what failed",
            assumed_by=iam.AccountPrincipal(Stack.of(self).account),
            max_session_duration=Duration.hours(1),
        )
        attach(self.role, [*_table_grants(props.table.table_arn), *_other_grants(props)])


def _table_grants(table_arn: str) -> Iterator[Grant]:
    yield Grant(
        sid="AskTheBot",
        why="Writes requests (approve, fix, undo, mute), and no other item: a request is checked and done by the"
        " remediator alone.",
        actions=["dynamodb:PutItem"],
        resources=[table_arn],
        conditions=_keys(f"{REQUEST}#*"),
    )
    yield Grant(
        sid="ReadAnswers",
        why="Reads what became of a request, and the incident that it is about.",
        actions=["dynamodb:GetItem"],
        resources=[table_arn],
        conditions=_keys(f"{REQUEST}#*", f"{BRANCH}#*"),
    )
    yield Grant(
        sid="ReadHistory",
        why="`medic history` reads every incident. A scan can't be narrowed by key; the table holds no secret.",
        actions=["dynamodb:Scan"],
        resources=[table_arn],
    )


def _other_grants(props: OperatorRoleProps) -> Iterator[Grant]:
    yield Grant(
        sid="WakeTheRemediator",
        why="Tells the remediator that a request waits, or to send a test alert; nothing in the message is believed.",
        actions=["lambda:InvokeFunction"],
        resources=[props.remediator.function_arn],
    )
    yield Grant(
        sid="ReplayFailures",
        why="`medic replay-dlq` hands kept messages to the remediator again, then deletes them.",
        actions=["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        resources=[queue.queue_arn for queue in props.queues],
    )


def _keys(*patterns: str) -> dict[str, dict[str, object]]:
    """Only items whose key is like this. ForAllValues alone would also hold where a call names no key at all."""
    return {"ForAllValues:StringLike": {_LEADING_KEYS: list(patterns)}, "Null": {_LEADING_KEYS: "false"}}
