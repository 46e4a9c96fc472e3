"""What all Lambda functions of the bot share: runtime, log group, role, environment and dead-letter queue."""

from __future__ import annotations

import json
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

METRICS_NAMESPACE = "AmplifyMedic"
TIMEOUT = Duration.seconds(90)
MEMORY_MEBIBYTES = 512


class MedicFunction(Construct):
    """A function with its own role. Call `grant` exactly once: it attaches all of the role's permissions.

    Lambda retries a failed asynchronous run for at most an hour. Then it moves the event to the dead-letter queue.

    No reserved concurrency: it would be taken from the account's pool, which is 10 in a new account. The incidents
    table already serialises the work on a branch and limits the number of changes.

    Args:
        scope: the parent construct.
        construct_id: its id in the parent.
        name: its folder below `lambdas/`, which holds `handler.py`.
        description: of the function.
        permissions: what its role may do, in a few words for the role's description.
        code: the bundle.
        environment: the environment variables.
        failed_runs: the dead-letter queue for asynchronous runs; None for a function that is only called synchronously.
        timeout: of one run.
    """

    def __init__(  # noqa: PLR0913
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        permissions: str,
        code: lambda_.Code,
        environment: Mapping[str, str],
        failed_runs: sqs.Queue | None,
        timeout: Duration = TIMEOUT,
    ) -> None:
        super().__init__(scope, construct_id)
        self._failed_runs = failed_runs
        self.role = iam.Role(
            self,
            "Role",
            description=f"Amplify Medic's {name}: {permissions}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        # Outside /aws/amplify/, so the bot never mistakes its own log lines for those of an app.
        self._log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/amplify-medic/{name}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{name}.handler.handler",
            code=code,
            memory_size=MEMORY_MEBIBYTES,
            timeout=timeout,
            log_group=self._log_group,
            # CDK must not add permissions on its own: each one is a Grant with its reason.
            role=self.role.without_policy_updates(),
            environment={
                **environment,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
            },
        )
        if failed_runs is not None:
            self.function.configure_async_invoke(
                max_event_age=Duration.hours(1),
                retry_attempts=2,
                on_failure=destinations.SqsDestination(failed_runs),
            )
        reason = "the bundle is resolved, tested and precompiled for Python 3.13; all of these change version together"
        Validations.of(self.function).acknowledge(Acknowledgment(id="AwsSolutions-L1", reason=reason))

    def grant(self, grants: Sequence[Grant]) -> None:
        """Attach these permissions, and those to write the log and to store failed runs."""
        attach(self.role, [*self._own_grants(), *grants])

    def _own_grants(self) -> Iterator[Grant]:
        yield Grant(
            sid="WriteOwnLog",
            why="Writes to the function's own log group.",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[self._log_group.log_group_arn],
        )
        if self._failed_runs is not None:
            yield Grant(
                sid="KeepFailedRuns",
                why="Lambda uses this role to send an event to the dead-letter queue after every run on it failed.",
                actions=["sqs:SendMessage"],
                resources=[self._failed_runs.queue_arn],
            )


def function_environment(
    scope: Construct, raw_settings: object, table: dynamodb.ITable, **names: str
) -> dict[str, str]:
    """The environment variables of a function.

    Args:
        scope: any construct in the stack.
        raw_settings: the settings as the deployer wrote them, passed on unchanged.
        table: the incidents table.
        names: further variables, by name.
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
    """An encrypted queue that accepts messages over TLS only. It keeps them for 14 days, the SQS maximum."""
    queue = sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
        removal_policy=RemovalPolicy.DESTROY,
    )
    reason = "this is a dead-letter queue itself; no function polls it, so no message can fail here"
    Validations.of(queue).acknowledge(Acknowledgment(id="AwsSolutions-SQS3", reason=reason))
    return queue
