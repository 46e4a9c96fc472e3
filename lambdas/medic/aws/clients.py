"""Two ways into AWS: a reader with retries, and an actor that may touch one branch and one role, once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.config import Config

from medic.arns import branch_resources
from medic.aws.errors import translated

if TYPE_CHECKING:
    from boto3.session import Session
    from types_boto3_amplify import AmplifyClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_iam import IAMClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient

# The default read time-out (60 s) times the default attempts would outlive the function.
READING = Config(connect_timeout=3, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 3})
# Calls under a shared rate are repeated by whoever keeps the rate.
RATED = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1})
# A writing call that is sent twice may act twice: one attempt, and what it did is read back.
WRITING = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Clients:
    """Clients of the function's own role, each made when first used."""

    session: Session

    @cached_property
    def amplify(self) -> AmplifyClient:
        """Amplify, for reading only: the role holds no writing right."""
        return self.session.client("amplify", config=READING)

    @cached_property
    def iam(self) -> IAMClient:
        """IAM, for reading roles."""
        return self.session.client("iam", config=READING)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """The incidents table; its conditional writes make a second attempt harmless."""
        return self.session.client("dynamodb", config=READING)

    @cached_property
    def functions(self) -> LambdaClient:
        """Lambda, to wake the remediator."""
        return self.session.client("lambda", config=READING)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs, for reading apps' SSR logs."""
        return self.session.client("logs", config=RATED)

    @cached_property
    def sns(self) -> SNSClient:
        """The alert topic."""
        return self.session.client("sns", config=READING)

    @cached_property
    def events(self) -> EventBridgeClient:
        """The default event bus; an event that is put twice bears the same incident."""
        return self.session.client("events", config=READING)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        """Slack's webhooks, token and signing secret."""
        return self.session.client("secretsmanager", config=READING)


@dataclass(frozen=True, slots=True)
class ActorScope:
    """What the actor is sent to do, and the most it is allowed to."""

    reference: str
    """Names the session in CloudTrail: the incident's id."""
    branch_arn: str
    role_arn: str
    """The role that may be passed; empty where one is only taken off."""
    app_arn: str | None = None
    """Set for a service-role repair, which updates the app."""


class ActorSessions:
    """Assumes the actor role for one errand at a time."""

    def __init__(self, session: Session, actor_role_arn: str) -> None:
        self._session = session
        self._actor_role_arn = actor_role_arn

    def amplify_for(self, actor_scope: ActorScope) -> AmplifyClient:
        """An Amplify client that can update the errand's branch (or app) with its role, and nothing else.

        Raises:
            AwsError: the actor role could not be assumed.
        """
        sts = self._session.client("sts", config=READING)
        with translated("sts:AssumeRole"):
            answer = sts.assume_role(
                RoleArn=self._actor_role_arn,
                RoleSessionName=f"amplify-medic-{actor_scope.reference}"[:64],
                DurationSeconds=900,
                Policy=json.dumps(session_policy(actor_scope), separators=(",", ":")),
            )
        credentials = answer["Credentials"]
        return self._session.client(
            "amplify",
            config=WRITING,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )


def session_policy(actor_scope: ActorScope) -> dict[str, object]:
    """The session policy for one errand: exactly one branch (raw and percent-encoded) and exactly one role.

    It narrows the actor role and never widens it: the tag condition on the branch stands in the role's own policy.
    """
    branches = branch_resources(actor_scope.branch_arn)
    statements: list[dict[str, object]] = [
        {"Effect": "Allow", "Action": "amplify:UpdateBranch", "Resource": list(branches)},
        {"Effect": "Allow", "Action": "amplify:StartJob", "Resource": [f"{branch}/jobs/*" for branch in branches]},
    ]
    if actor_scope.role_arn:  # taking a role off passes none
        statements.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": actor_scope.role_arn})
    if actor_scope.app_arn is not None:
        statements[0] = {"Effect": "Allow", "Action": "amplify:UpdateApp", "Resource": actor_scope.app_arn}
    return {"Version": "2012-10-17", "Statement": statements}
