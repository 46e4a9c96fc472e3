"""What the remediator may read, and where it may put what it learnt. Nothing here changes an app or a role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat

from infra.amplify_arns import ALL_APPS, apps_and_all_below
from infra.grants import Grant
from medic.aws.runtime_logs import log_group
from medic.events import OWN_SOURCE

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


def runtime_log_grants(stack: Stack, app_ids: Sequence[str]) -> Iterator[Grant]:
    """Reading SSR logs, and the branches of their apps."""
    yield Grant(
        sid="ReadRuntimeLogs",
        why="The lines of SSR logs that look like a credential failure; CloudWatch Logs filters them.",
        actions=["logs:FilterLogEvents"],
        resources=[_log_groups(stack, log_group(app_id)) for app_id in app_ids or ("*",)],
        wildcard=ALL_APPS,
    )
    yield Grant(
        sid="ReadBranches",
        why="The branches of an app: which one a line belongs to, and whether all of them are to be ignored.",
        actions=["amplify:ListBranches"],
        resources=apps_and_all_below(stack, app_ids),
        wildcard=ALL_APPS,
    )


def _log_groups(stack: Stack, name: str) -> str:
    """A log group's ARN with the `:*` in which it ends in IAM; a name that ends in a wildcard covers that too.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    resource_name = name if name.endswith("*") else f"{name}:*"
    return stack.format_arn(
        service="logs", resource="log-group", resource_name=resource_name, arn_format=ArnFormat.COLON_RESOURCE_NAME
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
        secrets: names or full ARNs of Slack's secrets. A secret under a customer key also needs this role
            in the policy of that key.
    """
    yield Grant(sid="SendAlerts", why="Alerts to the stack's topic.", actions=["sns:Publish"], resources=[topic_arn])
    yield Grant(
        sid="NotifyTheEventBus",
        why="The same for machines, on the default event bus and in the bot's own name; no rule of the stack listens.",
        actions=["events:PutEvents"],
        resources=[stack.format_arn(service="events", resource="event-bus", resource_name="default")],
        conditions={"StringEquals": {"events:source": OWN_SOURCE}},
    )
    if secrets:
        yield Grant(
            sid="ReadSlackSecrets",
            why="Slack's webhooks and bot token that the settings name, and no other secret.",
            actions=["secretsmanager:GetSecretValue"],
            resources=[secret_arn(stack, secret) for secret in dict.fromkeys(secrets)],
        )


def secret_arn(stack: Stack, secret: str) -> str:
    """A full ARN as it is; a name with the six characters that Secrets Manager appends, which are not known before.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
    """
    if secret.startswith("arn:"):
        return secret
    return stack.format_arn(service="secretsmanager", resource=f"secret:{secret}-??????")
