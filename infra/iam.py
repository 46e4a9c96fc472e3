"""Permissions as data: each statement bears its reason, and the reason travels with it into the template."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from aws_cdk import Acknowledgment, ArnFormat, CfnResource, Stack, Validations
from aws_cdk import aws_iam as iam

from medic.aws.logs import log_group
from medic.events import OWN_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from constructs import Construct

ALL_APPS = "no app is excluded unless the setting `apps` lists the ones the bot is limited to"
"""Why an ARN of every app has to be a wildcard."""


def app_arn(stack: Stack, app_id: str) -> str:
    """One app."""
    return stack.format_arn(service="amplify", resource="apps", resource_name=app_id)


def apps_and_all_below(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    """Apps with their branches and jobs."""
    if not app_ids:
        return [app_arn(stack, "*")]
    return [app_arn(stack, name) for app_id in app_ids for name in (app_id, f"{app_id}/*")]


def branches(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    """Every branch of the apps."""
    return [app_arn(stack, f"{app_id}/branches/*") for app_id in app_ids or ("*",)]


def jobs(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    """Every job of the apps."""
    return [app_arn(stack, f"{app_id}/branches/*/jobs/*") for app_id in app_ids or ("*",)]


def flatten(value: object) -> str:
    """A template value as one line: a Ref is `<X>`, a Fn::GetAtt `<X.Arn>`, a Fn::Join is joined.

    This is also how cdk-nag writes the resource into the id of a wildcard finding.
    """
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [str(delimiter), list(items)]}:
            return delimiter.join(flatten(item) for item in items)
        case _:
            return json.dumps(value, separators=(",", ":"))


WHY = "amplify-medic:why"
"""The template metadata key under which a policy keeps the reason of each statement, by Sid."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement of an IAM policy, and why it is there."""

    sid: str
    why: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    effect: iam.Effect = iam.Effect.ALLOW
    wildcard: str | None = None
    """Why a resource holds a `*`; without this reason, cdk-nag stops the synthesis."""

    @property
    def statement(self) -> iam.PolicyStatement:
        """The statement as CDK takes it."""
        return iam.PolicyStatement(
            sid=self.sid,
            effect=self.effect,
            actions=self.actions,
            resources=self.resources,
            conditions=self.conditions,
        )


def attach(role: iam.Role, grants: Sequence[Grant]) -> None:
    """Give a role its permissions, all of them in one policy below the role.

    Whatever depends on the role also waits for the policy, so nothing runs with half its permissions.
    """
    policy = iam.Policy(role, "Permissions", statements=[grant.statement for grant in grants], roles=[role])
    resource = policy.node.default_child
    if isinstance(resource, CfnResource):
        resource.add_metadata(WHY, {grant.sid: grant.why for grant in grants})
    for grant in grants:
        _acknowledge_wildcards(policy, grant)


def _acknowledge_wildcards(policy: Construct, grant: Grant) -> None:
    """Tell cdk-nag why the resource ends in a wildcard. It knows the finding by the resource's readable form."""
    if grant.wildcard is None:
        return
    for resource in map(flatten, Stack.of(policy).resolve(list(grant.resources))):
        if "*" in resource:
            finding = Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{resource}]", reason=grant.wildcard)
            Validations.of(policy).acknowledge(finding)


class PolicyStatement(TypedDict):
    """A statement of an IAM policy in a template."""

    Sid: str
    Effect: str
    Action: str | list[str]
    Resource: object
    Condition: NotRequired[dict[str, dict[str, object]]]


class Resource(TypedDict):
    """A resource of a template."""

    Type: str
    Properties: dict[str, Any]
    Metadata: NotRequired[dict[str, dict[str, str]]]
    DependsOn: NotRequired[list[str]]
    DeletionPolicy: NotRequired[str]


class Template(TypedDict):
    """A CloudFormation template."""

    Resources: dict[str, Resource]
    Outputs: dict[str, dict[str, object]]
    Parameters: dict[str, dict[str, object]]


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
