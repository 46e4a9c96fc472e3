"""What all Lambda functions of the bot share: runtime, log group, role and environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.iam import Grant, attach
from medic.settings import SETTINGS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_dynamodb as dynamodb

METRICS_NAMESPACE = "AmplifyMedic"
TIMEOUT = Duration.seconds(90)
MEMORY_MEBIBYTES = 256
"""Nobody waits for most functions, so they get little more than they use."""


class MedicFunction(Construct):
    """A function with its own role. Call `grant` exactly once: it attaches all of the role's permissions.

    Args:
        scope: the parent construct.
        construct_id: its id in the parent.
        name: its folder below `lambdas/`, which holds `handler.py`.
        description: of the function.
        permissions: what its role may do, in a few words for the role's description.
        code: the bundle.
        environment: the environment variables.
        kms_key: encrypts what the function reads and writes, if set.
        reserved: its reserved concurrency. The incidents table already serialises the work on a branch.
        timeout: of one run.
        memory: in MiB. Lambda gives a share of a processor with it.
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
        kms_key: str | None,
        reserved: int | None = None,
        timeout: Duration = TIMEOUT,
        memory: int = MEMORY_MEBIBYTES,
    ) -> None:
        super().__init__(scope, construct_id)
        self._kms_key = kms_key
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
            memory_size=memory,
            timeout=timeout,
            reserved_concurrent_executions=reserved,
            log_group=self._log_group,
            # CDK must not add permissions on its own: each one is a Grant with its reason.
            role=self.role.without_policy_updates(),
            environment={
                **environment,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
            },
        )
        reason = "the bundle is resolved, tested and precompiled for Python 3.13; all of these change version together"
        Validations.of(self.function).acknowledge(Acknowledgment(id="AwsSolutions-L1", reason=reason))

    def grant(self, grants: Sequence[Grant]) -> None:
        """Attach these permissions, and the one to write the log."""
        own_log = Grant(
            sid="WriteOwnLog",
            why="Writes to the function's own log group.",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[self._log_group.log_group_arn],
        )
        attach(self.role, [own_log, *grants], self._kms_key)


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
