"""boto3 clients: those of the function's own role, and the actor's client, limited to one branch and one role."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import botocore
from botocore.config import Config

from medic.aws.errors import AwsRejectedError, translated
from medic.plan.session import ActorScope, session_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session
    from types_boto3_amplify import AmplifyClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_iam import IAMClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_sts import STSClient

    from medic.aws.trail import CloudTrailClient

# botocore's default read time-out (60 s), times its default attempts, is longer than the function's time-out.
READING = Config(connect_timeout=3, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 3})
# RuntimeLogs retries these calls itself, so that each attempt counts against the shared rate (medic.aws.rate).
RATE_LIMITED = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1})
# CloudTrail may take a minute to answer. An alert does not wait for it.
ONE_SHORT_ATTEMPT = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1})
# A write that botocore sends again may act twice. So there is one attempt, and the caller reads back what it did.
WRITING = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})

_TOO_LARGE = "PackedPolicyTooLarge"
"""STS compresses a policy before it measures it, so that one within the limit on characters may be too large.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""

_FIRST_BOTOCORE = (1, 36, 22)
"""The first version whose Amplify model has `computeRoleArn`.
https://github.com/boto/botocore/blob/develop/CHANGELOG.rst"""


class OutdatedBotocoreError(Exception):
    """This botocore drops `computeRoleArn` from Amplify's answers, so every compute role would look unset."""


def require_compute_role_support(version: str = botocore.__version__) -> None:
    """Compare versions, because loading Amplify's model costs about 35 ms and a cold start may not need it.

    Raises:
        OutdatedBotocoreError: botocore is older than compute roles.
    """
    if tuple(map(int, re.findall(r"\d+", version)[:3])) < _FIRST_BOTOCORE:
        first = ".".join(map(str, _FIRST_BOTOCORE))
        raise OutdatedBotocoreError(
            f"botocore {version} does not know computeRoleArn of Amplify's UpdateBranch: {first} or newer is needed. "
            "Remove the layer or bundled package that brings it, and set the function's runtime updates to automatic"
        )


class ParameterStore(Protocol):
    """The part of the SSM client that is used."""

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> Mapping[str, Any]:  # noqa: N803 - AWS's names
        """Read one parameter.

        https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
        """


class Clients:
    """Clients of the function's own role. Each is created on first use, or at init by `create`."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def create(self, *names: str) -> None:
        """Create these clients now."""
        for name in names:
            getattr(self, name)

    @cached_property
    def amplify(self) -> AmplifyClient:
        """For reading only: the function's own role has no permission to write to Amplify."""
        return self.session.client("amplify", config=READING)

    @cached_property
    def iam(self) -> IAMClient:
        return self.session.client("iam", config=READING)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """For the incidents table. A write may be retried, because the table's writes are conditional."""
        return self.session.client("dynamodb", config=READING)

    @cached_property
    def sqs(self) -> SQSClient:
        """For the remediator's queue. A retry may send a message twice; the table makes that harmless."""
        return self.session.client("sqs", config=READING)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self.session.client("logs", config=RATE_LIMITED)

    def cloudtrail(self, region: str) -> CloudTrailClient:
        """For the event history of a region."""
        client: CloudTrailClient = self.session.client("cloudtrail", region_name=region, config=ONE_SHORT_ATTEMPT)
        return client

    @cached_property
    def sns(self) -> SNSClient:
        return self.session.client("sns", config=READING)

    @cached_property
    def events(self) -> EventBridgeClient:
        """For the event bus. A retry may put an event twice; both then name the same incident."""
        return self.session.client("events", config=READING)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        return self.session.client("secretsmanager", config=READING)

    @cached_property
    def ssm(self) -> ParameterStore:
        client: ParameterStore = self.session.client("ssm", config=READING)
        return client

    @cached_property
    def sts(self) -> STSClient:
        return self.session.client("sts", config=READING)

    def assume_actor(self, role_arn: str, actor_scope: ActorScope) -> AmplifyClient:
        """Assume the actor role with a session policy limited to this scope. The credentials expire after 15 minutes.

        Raises:
            AwsError: the actor role could not be assumed.
        """
        try:
            with translated("sts:AssumeRole"):
                response = self.sts.assume_role(
                    RoleArn=role_arn,
                    RoleSessionName=f"amplify-medic-{actor_scope.reference}"[:64],
                    DurationSeconds=900,
                    Policy=session_policy(actor_scope),
                )
        except AwsRejectedError as error:
            if error.code != _TOO_LARGE:
                raise
            why = (
                "by the rule branch_name, because the branch's name makes the session policy too large:"
                f" {error.message}"
            )
            raise AwsRejectedError(error.operation, error.code, why) from error
        credentials = response["Credentials"]
        return self.session.client(
            "amplify",
            config=WRITING,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
