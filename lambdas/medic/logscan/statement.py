"""The smallest IAM statement that a denied identity lacks. It is for people to read and is never applied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from medic.labels import Identity, Label, PolicyType
from medic.logscan.denial import label_of

if TYPE_CHECKING:
    from medic.logscan.model import Denial

UNKNOWN_SERVICE = "SERVICE.amazonaws.com"
"""Stands for the service that a role is passed to, where neither message nor role names it."""

_ARN = re.compile(r"arn:aws[\w-]{0,16}:[\w-]{1,60}:[\w-]{0,30}:(?:\d{12}|aws)?:[^\"\\\x00-\x1f]{1,500}")
_OBJECT = re.compile(r"(?P<bucket>arn:aws[\w-]{0,16}:s3:::[^/]{1,100}/)(?P<key>.+)", re.DOTALL)
_IAM_NAME = re.compile(r"(?P<kind>user|role|group|instance profile) (?P<name>[\w+=,.@-]{1,128})")
_PARTITION = re.compile(r"arn:(?P<partition>aws[\w-]{0,16}):")
_SERVICE_LINKED = re.compile(r":role/aws-service-role/(?P<service>[\w.-]{1,80}\.amazonaws\.com)/")
_ROLE = re.compile(r":iam::(?P<account>\d{12}):role/(?:.*/)?(?P<name>[^/]+)$")
_NOT_GRANTABLE = frozenset({Identity.AMPLIFY_OWN, Identity.NOBODY, Identity.AWS_SERVICE})
_PASSED_TO = {
    **dict.fromkeys(("CreateApp", "UpdateApp", "CreateBranch", "UpdateBranch", "Amplify", "AWSAmplify"), "amplify"),
    **dict.fromkeys(("CreateFunction", "UpdateFunctionConfiguration", "Lambda", "AWSLambda"), "lambda"),
    **dict.fromkeys(("CreateStack", "UpdateStack", "CreateChangeSet", "CloudFormation"), "cloudformation"),
    **dict.fromkeys(("CreateStateMachine", "UpdateStateMachine", "AWSStepFunctions", "Sfn"), "states"),
    **dict.fromkeys(("RegisterTaskDefinition", "RunTask", "Ecs", "AmazonECS"), "ecs-tasks"),
    **dict.fromkeys(("CreateUserPool", "UpdateUserPool", "SetUserPoolMfaConfig"), "cognito-idp"),
    **dict.fromkeys(("CreateGraphqlApi", "CreateDataSource", "AppSync", "AWSAppSync"), "appsync"),
    **dict.fromkeys(("CreateProject", "UpdateProject", "CodeBuild", "AWSCodeBuild"), "codebuild"),
    "SetIdentityPoolRoles": "cognito-identity",
    "RunInstances": "ec2",
    "CreateSchedule": "scheduler",
}
"""The service that a role is passed to, by the operation or service that refused.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""


def least_statement(denial: Denial, passed_to: str | None = None) -> dict[str, object] | None:
    """The smallest IAM statement that the identity lacks.

    None if no identity-based permission can help: an explicit deny; a boundary, SCP, RCP, session, endpoint, trust or
    resource-based policy, or a setting that refuses; Amplify's own build role, or a service; a role that assumes
    itself. None also where the text does not name the action, or no resource that becomes an ARN: no statement grants
    on `*` unless AWS itself printed `*`.

    Args:
        denial: the message.
        passed_to: for iam:PassRole, the service that gets the role, if it is known from elsewhere.
    """
    grantable = denial.policy_type in {None, PolicyType.IDENTITY} and not denial.explicit and denial.reason is None
    resource = arn_of_resource(denial)
    if denial.action is None or resource is None or not grantable or denial.identity in _NOT_GRANTABLE:
        return None
    if assumes_itself(denial):
        return None
    statement: dict[str, object] = {"Effect": "Allow", "Action": denial.action, "Resource": resource}
    if label_of(denial) is not Label.PASS_ROLE_DENIED:
        return statement
    if resource == "*":
        return None
    service = passed_to or service_passed_to(denial) or UNKNOWN_SERVICE
    return statement | {"Condition": {"StringEquals": {"iam:PassedToService": service}}}


def service_passed_to(denial: Denial) -> str | None:
    """The service that a role was to be passed to: named by the role's path, or known from the refused call."""
    linked = _SERVICE_LINKED.search(denial.resource or "")
    if linked:
        return linked["service"]
    service = _PASSED_TO.get(denial.called or "")
    return f"{service}.amazonaws.com" if service else None


def assumes_itself(denial: Denial) -> bool:
    """True if a role was to assume itself. Its own trust policy must name it; no permission alone helps."""
    role = _ROLE.search(denial.resource or "")
    return (
        (denial.action or "").lower() == "sts:assumerole"
        and role is not None
        and denial.role_name == role["name"]
        and denial.account in {None, role["account"]}
    )


def is_cross_account(denial: Denial) -> bool:
    """True if a role of another account was to be assumed: both sides must allow it."""
    role = _ROLE.search(denial.resource or "")
    assumes = (denial.action or "").lower() == "sts:assumerole"
    return assumes and role is not None and denial.account not in {None, role["account"]}


def arn_of_resource(denial: Denial) -> str | None:
    """The resource as a policy names it; None if the text gives no ARN and none can be made of it.

    In a policy `*`, `?` and `${` are special, so they are escaped where a message means the characters themselves.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    resource = denial.resource or ""
    if resource == "*":
        return resource
    if _ARN.fullmatch(resource):
        return _escaped(resource)
    named, partition = _IAM_NAME.fullmatch(resource), _PARTITION.match(denial.principal or "")
    if named and partition and denial.account and denial.service == "iam":
        kind = named["kind"].replace(" ", "-")
        return f"arn:{partition['partition']}:iam::{denial.account}:{kind}/{named['name']}"
    return None


def _escaped(arn: str) -> str:
    key = _OBJECT.fullmatch(arn)
    if key is None:
        return re.sub(r"[?$]", r"${\g<0>}", arn)
    return key["bucket"] + re.sub(r"[*?$]", r"${\g<0>}", key["key"])
