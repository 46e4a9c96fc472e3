"""Permissions as data: each statement bears its reason, and the reason travels with it into the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, CfnResource, Stack, Validations
from aws_cdk import aws_iam as iam

from infra.intrinsics import flatten

if TYPE_CHECKING:
    from constructs import Construct

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
