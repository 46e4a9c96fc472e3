"""The IAM API, read only: roles, their policies, and the account's alias."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING

from medic.arns import RoleArn
from medic.aws.errors import AbsentError, AwsError, DeniedError, read_item, translated
from medic.evidence import Absent, Item, Present, Role, RolePolicies, Unreadable

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_iam.type_defs import RoleTypeDef


_ALIAS = re.compile(r"(?=[a-z0-9-]{3,63}\Z)(?![0-9]+\Z)[a-z0-9]+(-[a-z0-9]+)*")
"""IAM takes no other alias. One of digits alone would look like an account's number, so it is not shown.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html"""


class IamReader:
    """Reads roles, the documents of their policies, and the account's alias."""

    def __init__(self, client: Callable[[], IAMClient], account: str) -> None:
        self._client = client
        self._account = account
        self._versions: dict[tuple[str, str], Mapping[str, object]] = {}
        """Documents of AWS-managed policies by ARN and version id: AWS never changes a version."""

    def role(self, role_arn: str) -> Item[Role]:
        """Call GetRole: Absent if the role does not exist, Unreadable if it may not be read.

        GetRole takes only a name. So a role of another account is Unreadable, even if this account has a role of that
        name.

        Raises:
            RetryableError: AWS throttled, failed, or was not reached.
        """
        parts = RoleArn.parse(role_arn)
        if parts is None:
            return Unreadable(f"{role_arn[:200]} is not the ARN of a role")
        if parts.account != self._account:
            return Unreadable(f"the role belongs to account {parts.account} and can't be read from {self._account}")
        found = read_item(
            "iam:GetRole",
            f"IAM has no role {parts.name} in account {self._account}",
            lambda: _role(self._client().get_role(RoleName=parts.name)["Role"]),
        )
        if isinstance(found, Present) and found.value.arn != role_arn:
            # GetRole ignores the path and the case of the name, but a role is assumed by its exact ARN.
            return Absent(f"IAM has no role {role_arn[:200]}: the one named {parts.name} is {found.value.arn}")
        return found

    def account_alias(self) -> str:
        """The name that somebody gave the account. Empty if it has none, or if it can't be read."""
        try:
            with translated("iam:ListAccountAliases"):
                aliases = self._client().list_account_aliases()["AccountAliases"]
        except AwsError:
            return ""
        return next(filter(_ALIAS.fullmatch, aliases), "")

    def policies(self, role_name: str) -> Item[RolePolicies]:
        """The role's policies: Absent if the role or a policy does not exist, Unreadable if one may not be read.

        Raises:
            RetryableError: AWS throttled, failed, or was not reached.
        """
        try:
            return Present(self.read_policies(role_name))
        except (AbsentError, DeniedError) as error:
            return Absent(str(error)) if isinstance(error, AbsentError) else Unreadable(str(error))

    def read_policies(self, role_name: str) -> RolePolicies:
        """Like `policies`, but raises the error, for a caller that reports which call failed.

        Raises:
            AwsError: a policy could not be read. Don't judge the role by the others.
        """
        client = self._client()
        with translated("iam:ListAttachedRolePolicies"):
            pages = client.get_paginator("list_attached_role_policies").paginate(RoleName=role_name)
            attached = tuple(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])
        with translated("iam:ListRolePolicies"):
            names = client.get_paginator("list_role_policies").paginate(RoleName=role_name)
            inline = tuple(name for page in names for name in page["PolicyNames"])
        documents = (
            *(self._inline(role_name, name) for name in inline),
            *(self._managed(arn) for arn in attached if not _is_aws_managed(arn)),
        )
        aws_managed = {arn: self._managed(arn) for arn in attached if _is_aws_managed(arn)}
        return RolePolicies(attached, documents, inline, aws_managed)

    def _inline(self, role_name: str, policy_name: str) -> Mapping[str, object]:
        with translated("iam:GetRolePolicy"):
            response = self._client().get_role_policy(RoleName=role_name, PolicyName=policy_name)
            return _as_mapping(response["PolicyDocument"])

    def _managed(self, arn: str) -> Mapping[str, object]:
        client = self._client()
        with translated("iam:GetPolicy"):
            version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        if (arn, version) in self._versions:
            return self._versions[arn, version]
        with translated("iam:GetPolicyVersion"):
            response = client.get_policy_version(PolicyArn=arn, VersionId=version)
            document = _as_mapping(response["PolicyVersion"]["Document"])
        if _is_aws_managed(arn):  # a policy of the account may be deleted and made anew with the same version id
            self._versions[arn, version] = document
        return document


def _role(raw: RoleTypeDef) -> Role:
    return Role(
        arn=raw["Arn"],
        name=raw["RoleName"],
        path=raw["Path"],
        created_at=raw["CreateDate"].astimezone(UTC),
        trust_policy=_as_json(raw.get("AssumeRolePolicyDocument", "")),
        permissions_boundary=raw.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        max_session_seconds=raw.get("MaxSessionDuration", 3600),
        tags={tag["Key"]: tag["Value"] for tag in raw.get("Tags", [])},
    )


def _is_aws_managed(policy_arn: str) -> bool:
    return ":iam::aws:policy/" in policy_arn


def _as_json(document: object) -> str:
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))


def _as_mapping(document: object) -> Mapping[str, object]:
    parsed = json.loads(document) if isinstance(document, str) else document
    return parsed if isinstance(parsed, Mapping) else {}
