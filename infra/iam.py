"""IAM permissions as data, each with its reason. The reasons travel into the template and onto docs/permissions.md."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from aws_cdk import Acknowledgment, ArnFormat, CfnResource, Stack, Validations
from aws_cdk import aws_iam as iam

from medic.arns import parameter_of
from medic.aws.logs import log_group
from medic.aws.trail import HOMES_OF_IAM
from medic.events import OWN_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from constructs import Construct

WHY = "amplify-medic:why"
"""The template metadata key under which a policy stores the reason for each statement, by Sid."""

ALL_APPS = "the bot serves every app unless the setting `apps` limits it to some"
"""For cdk-nag: why the ARN of every app is a wildcard."""

_ENCRYPTED = frozenset({"dynamodb", "sns", "sqs"})
_READS_NO_MESSAGE = "sns:GetTopicAttributes"
"""It needs no key, because only messages are encrypted."""
"""Services whose callers need the key themselves. For logs, the service uses it."""

_ANY_ROLE = "an app's roles are not known before the app is read; all of these actions are read-only"


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement of an IAM policy, with its reason."""

    sid: str
    why: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    effect: iam.Effect = iam.Effect.ALLOW
    wildcard: str | None = None
    """Why a resource contains a `*`. Without this reason, cdk-nag stops the synthesis."""

    @property
    def statement(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=self.sid,
            effect=self.effect,
            actions=self.actions,
            resources=self.resources,
            conditions=self.conditions,
        )


def attach(role: iam.Role, grants: Sequence[Grant], kms_key: str | None = None) -> None:
    """Attach all of a role's permissions as one policy below the role.

    Whatever depends on the role then also waits for the policy, so nothing runs with half of its permissions. With a
    `kms_key`, they include its use through the encrypted services that the grants name.
    """
    grants = [*grants, *_key_grants(Stack.of(role), grants, kms_key)]
    policy = iam.Policy(role, "Permissions", statements=[grant.statement for grant in grants], roles=[role])
    resource = policy.node.default_child
    if isinstance(resource, CfnResource):
        resource.add_metadata(WHY, {grant.sid: grant.why for grant in grants})
    for grant in grants:
        _acknowledge_wildcards(policy, grant)


def _key_grants(stack: Stack, grants: Sequence[Grant], kms_key: str | None) -> Iterator[Grant]:
    """To use the key, but only through SQS, SNS or DynamoDB, and only those that the grants name.

    The actions are those that the services' pages ask for:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """
    actions = {action for grant in grants for action in grant.actions} - {_READS_NO_MESSAGE}
    services = {action.partition(":")[0] for action in actions} & _ENCRYPTED
    if kms_key is not None and services:
        through = [f"{service}.{stack.region}.amazonaws.com" for service in sorted(services)]
        yield Grant(
            sid="UseTheKey",
            why="Uses `kms_key` through these services only.",
            actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
            resources=[kms_key],
            conditions={"StringEquals": {"kms:ViaService": through}},
        )


def _acknowledge_wildcards(policy: Construct, grant: Grant) -> None:
    """Give cdk-nag the reason for a wildcard. The finding's id contains the resource as `flatten` writes it."""
    if grant.wildcard is None:
        return
    for resource in map(flatten, Stack.of(policy).resolve(list(grant.resources))):
        if "*" in resource:
            finding = Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{resource}]", reason=grant.wildcard)
            Validations.of(policy).acknowledge(finding)


def flatten(value: object) -> str:
    """A template value as one line: a Ref becomes `<X>`, a Fn::GetAtt `<X.Arn>`, and a Fn::Join is joined.

    cdk-nag writes the resource into the id of a wildcard finding in the same way.
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


def send_grant(queue_arn: str, why: str) -> Grant:
    """To put messages into the remediator's queue."""
    return Grant(sid="SendToTheQueue", why=why, actions=["sqs:SendMessage"], resources=[queue_arn])


def evidence_grants(stack: Stack, app_ids: Sequence[str]) -> Iterator[Grant]:
    """To read apps, branches, jobs and the roles they name."""
    yield Grant(
        sid="ReadApps",
        why="Reads the facts of a failure: app, branch, job, log, and newer jobs.",
        actions=["amplify:GetApp", "amplify:GetBranch", "amplify:GetJob", "amplify:ListJobs"],
        resources=_apps_with_branches_and_jobs(stack, app_ids),
        wildcard=ALL_APPS,
    )
    yield Grant(
        sid="ReadRoles",
        why="Checks whether a role exists, whom it trusts, and whether it leads to more power.",
        actions=["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
        resources=[stack.format_arn(service="iam", region="", resource="role", resource_name="*")],
        wildcard=_ANY_ROLE,
    )
    yield Grant(
        sid="ReadManagedPolicies",
        why="Reads what managed policies allow, AWS's too.",
        actions=["iam:GetPolicy", "iam:GetPolicyVersion"],
        resources=[
            stack.format_arn(service="iam", region="", resource="policy", resource_name="*"),
            stack.format_arn(service="iam", region="", account="aws", resource="policy", resource_name="*"),
        ],
        wildcard=_ANY_ROLE,
    )


def alias_grant() -> Grant:
    """To name the account in alerts. IAM limits this call to no resource."""
    return Grant(
        sid="NameTheAccount",
        why="Names the account in alerts.",
        actions=["iam:ListAccountAliases"],
        resources=["*"],
        wildcard="ListAccountAliases can't be limited to a resource; it returns the name of this account alone",
    )


def trail_grant(stack: Stack) -> Grant:
    """To find out who changed a role, an app or a branch. CloudTrail limits this call to no resource."""
    return Grant(
        sid="FindWhoChangedIt",
        why="Says who made changes, unless `cloudtrail` is false.",
        actions=["cloudtrail:LookupEvents"],
        resources=["*"],
        conditions={"StringEquals": {"aws:RequestedRegion": [stack.region, *HOMES_OF_IAM.values()]}},
        wildcard="LookupEvents can't be limited to a resource; it is read-only, and limited to two regions",
    )


def job_grant(stack: Stack, app_ids: Sequence[str]) -> Grant:
    """To find failed jobs that no event told of."""
    return Grant(
        sid="FindMissedFailures",
        why="Looks once an hour for failed jobs that no event told of. Finds the branch of a log line.",
        actions=["amplify:ListBranches", "amplify:ListJobs"],
        resources=_apps_with_branches_and_jobs(stack, app_ids),
        wildcard=ALL_APPS,
    )


def runtime_log_grant(stack: Stack, app_ids: Sequence[str]) -> Grant:
    """To read SSR logs."""
    return Grant(
        sid="ReadRuntimeLogs",
        why="Reads the SSR log lines that look like a credential failure.",
        actions=["logs:FilterLogEvents"],
        resources=[_log_group_arn(stack, log_group(app_id)) for app_id in app_ids or ("*",)],
        wildcard=ALL_APPS,
    )


def branches_grant(stack: Stack, app_ids: Sequence[str]) -> Grant:
    """To find the branch of an SSR log line."""
    return Grant(
        sid="ReadBranches",
        why="Finds the branch of a log line, and whether its tags let the bot read the log.",
        actions=["amplify:ListBranches"],
        resources=_apps_with_branches_and_jobs(stack, app_ids),
        wildcard=ALL_APPS,
    )


def incident_grants(table_arn: str) -> Iterator[Grant]:
    """To read and write the incidents table."""
    yield Grant(
        sid="KeepIncidents",
        why="Stores incidents, leases, limits, undelivered alerts, requests and what last worked. Writes are"
        " conditional; the same actions authorise transactions.",
        actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        resources=[table_arn],
    )


def alert_grants(stack: Stack, topic_arn: str, secrets: Sequence[str]) -> Iterator[Grant]:
    """To send alerts.

    Args:
        stack: supplies region and account for secrets that are given by name.
        topic_arn: the alert topic.
        secrets: Slack's secrets, as in the settings. If a customer-managed key encrypts a secret of Secrets Manager,
            that key's policy must also allow this role.
    """
    yield Grant(
        sid="SendAlerts",
        why="Publishes alerts to the stack's topic.",
        actions=["sns:Publish"],
        resources=[topic_arn],
    )
    yield Grant(
        sid="NotifyTheEventBus",
        why="Publishes the same alerts for machines on the default event bus, under the bot's own source only. No rule"
        " of this stack matches them.",
        actions=["events:PutEvents"],
        resources=[stack.format_arn(service="events", resource="event-bus", resource_name="default")],
        conditions={"StringEquals": {"events:source": OWN_SOURCE}},
    )
    why = "Reads the Slack webhooks and the bot token that the settings name, and no other secret."
    yield from secret_grants(stack, "ReadSlackSecrets", why, secrets)


def secret_grants(stack: Stack, sid: str, why: str, secrets: Sequence[str]) -> Iterator[Grant]:
    """To read these secrets, in Secrets Manager or among the SSM parameters.

    Any key may encrypt a parameter. So the permission to decrypt is for one parameter, through SSM, and not for a key.
    https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
    """
    named = dict.fromkeys(secrets)
    stored = [_secret_arn(stack, secret) for secret in named if parameter_of(secret) is None]
    if stored:
        yield Grant(sid=sid, why=why, actions=["secretsmanager:GetSecretValue"], resources=stored)
    parameters = [_parameter_arn(stack, name) for name in map(parameter_of, named) if name is not None]
    if parameters:
        yield Grant(sid=f"{sid}OfSsm", why=why, actions=["ssm:GetParameter"], resources=parameters)
        yield Grant(
            sid=f"{sid}Key",
            why="Decrypts these parameters, through SSM only.",
            actions=["kms:Decrypt"],
            resources=[stack.format_arn(service="kms", resource="key", resource_name="*")],
            conditions={
                "StringEquals": {
                    "kms:ViaService": f"ssm.{stack.region}.amazonaws.com",
                    "kms:EncryptionContext:PARAMETER_ARN": parameters,
                }
            },
            wildcard="the conditions limit it to the parameters that the settings name",
        )


def app_arn(stack: Stack, app_id: str) -> str:
    """An app's ARN. `app_id` may go on with a path below the app, such as `ID/branches/NAME`."""
    return stack.format_arn(service="amplify", resource="apps", resource_name=app_id)


def branch_arns(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    """Every branch of these apps; of all apps if the list is empty."""
    return [app_arn(stack, f"{app_id}/branches/*") for app_id in app_ids or ("*",)]


def job_arns(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    """Every job of these apps; of all apps if the list is empty."""
    return [app_arn(stack, f"{app_id}/branches/*/jobs/*") for app_id in app_ids or ("*",)]


def _apps_with_branches_and_jobs(stack: Stack, app_ids: Sequence[str]) -> list[str]:
    if not app_ids:
        return [app_arn(stack, "*")]
    return [app_arn(stack, name) for app_id in app_ids for name in (app_id, f"{app_id}/*")]


def _log_group_arn(stack: Stack, name: str) -> str:
    """A log group's ARN, which ends in `:*` in IAM. A name that ends in a wildcard already covers that suffix.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    resource_name = name if name.endswith("*") else f"{name}:*"
    return stack.format_arn(
        service="logs", resource="log-group", resource_name=resource_name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


def _parameter_arn(stack: Stack, parameter: str) -> str:
    """The ARN of a parameter. A name's first slash is not repeated in it. A full ARN is returned unchanged."""
    if parameter.startswith("arn:"):
        return parameter
    return stack.format_arn(service="ssm", resource="parameter", resource_name=parameter.removeprefix("/"))


def _secret_arn(stack: Stack, secret: str) -> str:
    """The ARN of a secret for IAM. A full ARN is returned unchanged.

    Secrets Manager appends a hyphen and six random characters to a name. They are unknown here, so each is a `?`.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
    """
    if secret.startswith("arn:"):
        return secret
    return stack.format_arn(service="secretsmanager", resource=f"secret:{secret}-??????")


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
