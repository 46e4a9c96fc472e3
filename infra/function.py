"""What every Lambda function of the bot has in common: the bundle, the runtime, a log group and a role of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.iam import Grant, attach
from medic.settings import SETTINGS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aws_cdk import aws_dynamodb as dynamodb


def function_environment(
    scope: Construct, raw_settings: object, table: dynamodb.ITable, **names: str
) -> dict[str, str]:
    """The variables of a function.

    Args:
        scope: anything in the stack.
        raw_settings: the settings as the deployer gave them, handed on unchanged.
        table: the incidents table.
        names: what else the function works with, by variable.
    """
    stack = Stack.of(scope)
    return {
        SETTINGS_VARIABLE: json.dumps(raw_settings, separators=(",", ":")),
        "MEDIC_ACCOUNT": stack.account,
        "MEDIC_PARTITION": stack.partition,
        "INCIDENTS_TABLE": table.table_name,
        **names,
    }


def dead_letter_queue(scope: Construct, construct_id: str) -> sqs.Queue:
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


METRICS_NAMESPACE = "AmplifyMedic"
TIME_OUT = Duration.seconds(90)
MEMORY_MEBIBYTES = 512


@dataclass(frozen=True, slots=True)
class MedicFunctionProps:
    """One function."""

    name: str
    """Its folder below `lambdas/`, which holds `handler.py`."""
    description: str
    rights: str
    """What its role may do, in a few words for the role's description."""
    code: lambda_.Code
    environment: Mapping[str, str]
    failed_runs: sqs.Queue | None
    """Where failed asynchronous runs end up; None for a function that answers whoever calls it."""
    time_out: Duration = TIME_OUT


class MedicFunction(Construct):
    """A function with its own role, whose permissions are exactly what `grant` is called with, once.

    Failed asynchronous runs are retried for at most an hour and then kept in a queue, with the event they failed on. No
    reserved concurrency: it would be taken out of the account's pool, which is 10 in a new account, while the incidents
    table already serialises the work on a branch and caps what is changed.
    """

    def __init__(self, scope: Construct, construct_id: str, props: MedicFunctionProps) -> None:
        super().__init__(scope, construct_id)
        self._failed_runs = props.failed_runs
        self.role = iam.Role(
            self,
            "Role",
            description=f"Amplify Medic's {props.name}: {props.rights}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        # Outside /aws/amplify/, so that the bot never reads its own log lines as an app's.
        self._log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/amplify-medic/{props.name}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.function = self._function(props)

    def _function(self, props: MedicFunctionProps) -> lambda_.Function:
        function = lambda_.Function(
            self,
            "Function",
            description=props.description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{props.name}.handler.handler",
            code=props.code,
            memory_size=MEMORY_MEBIBYTES,
            timeout=props.time_out,
            log_group=self._log_group,
            role=self.role.without_policy_updates(),  # every permission is a Grant, with its reason
            environment={
                **props.environment,
                "POWERTOOLS_SERVICE_NAME": props.name,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
            },
        )
        if self._failed_runs is not None:
            function.configure_async_invoke(
                max_event_age=Duration.hours(1),
                retry_attempts=2,
                on_failure=destinations.SqsDestination(self._failed_runs),
            )
        reason = "the bundle is resolved, tested and precompiled for Python 3.13; it is moved on together with these"
        Validations.of(function).acknowledge(Acknowledgment(id="AwsSolutions-L1", reason=reason))
        return function

    def grant(self, grants: Sequence[Grant]) -> None:
        """Give the function its permissions, besides those to write its log and to hand over failed runs."""
        attach(self.role, [*self._own_grants(), *grants])

    def _own_grants(self) -> Iterator[Grant]:
        yield Grant(
            sid="WriteOwnLog",
            why="Its log, in a group of its own.",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[self._log_group.log_group_arn],
        )
        if self._failed_runs is not None:
            yield Grant(
                sid="KeepFailedRuns",
                why="Lambda hands over an event whose every run failed, in the function's name.",
                actions=["sqs:SendMessage"],
                resources=[self._failed_runs.queue_arn],
            )
