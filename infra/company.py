"""What a company asks of every resource of the stack: boundary and path of roles, one key, logs that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import CfnResource, IAspect, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

if TYPE_CHECKING:
    from constructs import IConstruct

    from medic.settings import Settings

_ROLE = "AWS::IAM::Role"


@jsii.implements(IAspect)
class CompanyRules:
    """CDK shows it every resource, so it also reaches the roles that CDK makes for resources of its own.

    A role that already has a boundary or a path keeps it. https://docs.aws.amazon.com/cdk/v2/guide/aspects.html
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def visit(self, node: IConstruct) -> None:
        """Change one resource."""
        if not isinstance(node, CfnResource):
            return
        if node.cfn_resource_type == _ROLE:
            self._place(node)
        if self._settings.kms_key is not None:
            _encrypt(node, self._settings.kms_key)
        if isinstance(node, logs.CfnLogGroup) and self._settings.keep_logs:
            node.apply_removal_policy(RemovalPolicy.RETAIN)

    def _place(self, role: CfnResource) -> None:
        """Set the role's boundary and path. CDK makes some roles as raw resources, which have no typed properties."""
        wanted = {
            "PermissionsBoundary": (self._settings.permissions_boundary, "permissions_boundary"),
            "Path": (self._settings.role_path, "path"),
        }
        for name, (value, attribute) in wanted.items():
            if value is not None and getattr(role, attribute, None) is None:
                role.add_property_override(name, value)


def _encrypt(node: CfnResource, key: str) -> None:
    match node:
        case dynamodb.CfnTable():
            node.sse_specification = dynamodb.CfnTable.SSESpecificationProperty(
                sse_enabled=True, sse_type="KMS", kms_master_key_id=key
            )
        case sqs.CfnQueue():
            node.kms_master_key_id, node.sqs_managed_sse_enabled = key, None
        case sns.CfnTopic():
            node.kms_master_key_id = key
        case logs.CfnLogGroup():
            node.kms_key_id = key
        case _:
            pass  # nothing else of the stack stores data
