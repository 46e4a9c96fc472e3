"""The compute role given to opted-in branches that have no role of their own paired."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct

PATH = "/amplify-medic/"


@dataclass(frozen=True, slots=True)
class DefaultComputeRoleProps:
    """What the role may do: nothing, unless policies are named."""

    policies: tuple[str, ...] = ()
    permissions_boundary: str | None = None


class DefaultComputeRole(Construct):
    """A role that Amplify's SSR runtime may assume. It carries no permission unless the settings name policies.

    The trust is the plain statement AWS documents: whether conditions are accepted on a compute role is contested.
    https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html

    CloudFormation makes up the name: IAM is global, and a fixed one would clash as soon as a second region is set up.
    The role goes with the stack: detach it from the branches that wear it before uninstalling.
    """

    def __init__(self, scope: Construct, construct_id: str, props: DefaultComputeRoleProps) -> None:
        super().__init__(scope, construct_id)
        policies = [
            iam.ManagedPolicy.from_managed_policy_arn(self, f"Policy{number}", arn)
            for number, arn in enumerate(props.policies, start=1)
        ]
        self.role = iam.Role(
            self,
            "Role",
            path=PATH,
            description="SSR compute role that Amplify Medic gives to opted-in branches without one",
            assumed_by=iam.ServicePrincipal("amplify.amazonaws.com"),
            managed_policies=policies,
            permissions_boundary=self._boundary(props.permissions_boundary),
        )
        self._acknowledge(props.policies)

    def _boundary(self, arn: str | None) -> iam.IManagedPolicy | None:
        return iam.ManagedPolicy.from_managed_policy_arn(self, "Boundary", arn) if arn else None

    def _acknowledge(self, policies: tuple[str, ...]) -> None:
        reason = "the deployer named this policy, and the apps that may hold it, in the settings"
        for arn in policies:
            finding = Acknowledgment(id=f"AwsSolutions-IAM4[Policy::{arn}]", reason=reason)
            Validations.of(self.role).acknowledge(finding)
