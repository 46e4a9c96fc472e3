"""What the remediator may read, and where it may put what it learnt. Nothing here changes an app or a role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from infra.amplify_arns import ALL_APPS, apps_and_all_below
from infra.grants import Grant

if TYPE_CHECKING:
    from aws_cdk import Stack

_ANY_ROLE = "the roles of an app are known only once the app is read; all of these actions are read-only"


def evidence_grants(stack: Stack, app_ids: Sequence[str]) -> Iterator[Grant]:
    """Reading apps, branches, jobs and the roles they name."""
    yield Grant(
        sid="ReadApps",
        why="The facts of a failure: the app, its branch, the job with its log, whether a newer job exists.",
        actions=["amplify:GetApp", "amplify:GetBranch", "amplify:GetJob", "amplify:ListJobs"],
        resources=apps_and_all_below(stack, app_ids),
        wildcard=ALL_APPS,
    )
    yield Grant(
        sid="ReadRoles",
        why="Whether the service role and the compute role exist, whom they trust, and whether one looks like an"
        " administrator.",
        actions=["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
        resources=[stack.format_arn(service="iam", region="", resource="role", resource_name="*")],
        wildcard=_ANY_ROLE,
    )
    yield Grant(
        sid="ReadCustomerManagedPolicies",
        why="What a role's customer-managed policies allow; AWS managed ones are known by name.",
        actions=["iam:GetPolicy", "iam:GetPolicyVersion"],
        resources=[stack.format_arn(service="iam", region="", resource="policy", resource_name="*")],
        wildcard=_ANY_ROLE,
    )


def incident_grants(table_arn: str) -> Iterator[Grant]:
    """The bot's memory."""
    yield Grant(
        sid="KeepIncidents",
        why="Incidents, leases, caps, letters and requests. Writes are conditional; transactions are authorised by the"
        " same actions. All of it is read only to say what a storm affected.",
        actions=["dynamodb:GetItem", "dynamodb:Scan", "dynamodb:UpdateItem"],
        resources=[table_arn],
    )


def alert_grants(stack: Stack, topic_arn: str, secrets: Sequence[str]) -> Iterator[Grant]:
    """Telling people.

    Args:
        stack: where the secrets are, if they are given by name.
        topic_arn: the alert topic.
        secrets: names or full ARNs of the Slack webhooks' secrets. A secret under a customer key also needs this role
            in the policy of that key.
    """
    yield Grant(sid="SendAlerts", why="Alerts to the stack's topic.", actions=["sns:Publish"], resources=[topic_arn])
    if secrets:
        yield Grant(
            sid="ReadSlackWebhooks",
            why="The webhook URLs of the channels named in the settings, and no other secret.",
            actions=["secretsmanager:GetSecretValue"],
            resources=[_secret_arn(stack, secret) for secret in dict.fromkeys(secrets)],
        )


def _secret_arn(stack: Stack, secret: str) -> str:
    """A full ARN as it is; a name with the six characters that Secrets Manager appends, which are not known before.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
    """
    if secret.startswith("arn:"):
        return secret
    return stack.format_arn(service="secretsmanager", resource=f"secret:{secret}-??????")
