"""Two IAM roles besides the functions' own: the actor, and the default compute role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.iam import ALL_APPS, Grant, app_arn, attach, branch_arns, job_arns
from medic.plan.optin import AUTO_FIX, SERVICE_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from medic.settings import Settings

_AMPLIFY = "amplify.amazonaws.com"
DEFAULT_ROLE_PATH = "/amplify-medic/"


class ActorRole(Construct):
    """The only role that may change anything in Amplify: UpdateBranch, StartJob, PassRole and, if set, UpdateApp.

    The remediator assumes it with a session policy limited to one branch and one role.
    No other role than `trusted` may assume it.
    """

    def __init__(
        self, scope: Construct, construct_id: str, trusted: iam.IRole, settings: Settings, default_role_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            description="Write permissions of Amplify Medic. Its remediator assumes this role for one branch and one"
            " role at a time",
            assumed_by=iam.ArnPrincipal(trusted.role_arn),
            max_session_duration=Duration.hours(1),
        )
        stack = Stack.of(self)
        attach(
            self.role,
            [*_branch_grants(stack, settings, default_role_arn), *_service_role_grants(stack, settings), *_denials()],
        )


def _branch_grants(stack: Stack, settings: Settings, default_role_arn: str) -> Iterator[Grant]:
    yield Grant(
        sid="UpdateOptedInBranches",
        why="Sets a branch's compute role, only if the branch's own tag opts in. IAM can't limit UpdateBranch to one"
        " parameter; the bot sends only computeRoleArn.",
        actions=["amplify:UpdateBranch"],
        resources=branch_arns(stack, settings.apps),
        conditions={"StringEquals": {f"aws:ResourceTag/{AUTO_FIX}": ["fix", "ask"]}},
        wildcard="the condition checks the branch's opt-in tag; " + ALL_APPS,
    )
    yield Grant(
        sid="RetryJobs",
        why="Retries the failed job. Jobs have no tags, so IAM can't check the opt-in. The setting `apps` limits it.",
        actions=["amplify:StartJob"],
        resources=job_arns(stack, settings.apps),
        wildcard="job ids are not known before the jobs run; " + ALL_APPS,
    )
    compute_roles = [pairing.role_arn for pairing in settings.compute_roles]
    yield _pass_role(
        "PassPairedComputeRoles",
        "Sets a role that the deployer paired with the app, or the stack's default role, on a branch.",
        [*compute_roles, default_role_arn],
    )


def _service_role_grants(stack: Stack, settings: Settings) -> Iterator[Grant]:
    if not settings.service_roles:
        return
    apps = sorted({target.partition("/")[0] for pairing in settings.service_roles for target in pairing.targets})
    yield Grant(
        sid="UpdateAppsThatNameAServiceRole",
        why="Repairs the service role of the apps in `service_roles`, only if the app's tag asks for it.",
        actions=["amplify:UpdateApp"],
        resources=[app_arn(stack, app_id) for app_id in apps],
        conditions={"Null": {f"aws:ResourceTag/{SERVICE_ROLE}": "false"}},
    )
    yield _pass_role(
        "PassPairedServiceRoles",
        "Sets the service role that the deployer paired with an app on that app.",
        [pairing.role_arn for pairing in settings.service_roles],
    )


def _pass_role(sid: str, why: str, role_arns: Sequence[str]) -> Grant:
    to_amplify = {"StringEquals": {"iam:PassedToService": _AMPLIFY}}
    return Grant(sid=sid, why=why, actions=["iam:PassRole"], resources=role_arns, conditions=to_amplify)


def _denials() -> Iterator[Grant]:
    yield Grant(
        sid="NeverOptInOrCreate",
        why="The bot can't opt a branch in, and can't create apps, branches, roles or policies, even if this role gets"
        " more permissions.",
        effect=iam.Effect.DENY,
        actions=[
            *("amplify:TagResource", "amplify:UntagResource", "amplify:CreateApp", "amplify:CreateBranch"),
            *("iam:CreateRole", "iam:Put*", "iam:Attach*"),
        ],
        resources=["*"],
    )
    yield Grant(
        sid="NeverPassRolesElsewhere",
        why="The bot can pass roles to Amplify only. A negated condition also matches a missing key, so this fails"
        " closed.",
        effect=iam.Effect.DENY,
        actions=["iam:PassRole"],
        resources=["*"],
        conditions={"StringNotEquals": {"iam:PassedToService": _AMPLIFY}},
    )


class DefaultComputeRole(Construct):
    """A role that Amplify's SSR runtime may assume. It has no permissions unless the settings name policies.

    Its trust policy is the plain statement from the AWS documentation. Reports differ on whether Amplify accepts
    conditions on a compute role.
    https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html

    CloudFormation generates the name: IAM is global, so a fixed name would clash with a second region's stack.
    It stays when the stack is deleted, because live branches may use it. `medic uninstall --check` lists them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        policies: tuple[str, ...],
        permissions_boundary: str | None,
        path: str,
    ) -> None:
        super().__init__(scope, construct_id)
        existing = iam.ManagedPolicy.from_managed_policy_arn
        boundary = existing(self, "Boundary", permissions_boundary) if permissions_boundary else None
        self.role = iam.Role(
            self,
            "Role",
            path=path,
            description="SSR compute role that Amplify Medic sets on opted-in branches that have none",
            assumed_by=iam.ServicePrincipal(_AMPLIFY),
            managed_policies=[existing(self, f"Policy{number}", arn) for number, arn in enumerate(policies, start=1)],
            permissions_boundary=boundary,
        )
        self.role.apply_removal_policy(RemovalPolicy.RETAIN)
        reason = "the deployer named this policy, and the apps that may use the role, in the settings"
        for arn in policies:
            finding = Acknowledgment(id=f"AwsSolutions-IAM4[Policy::{arn}]", reason=reason)
            Validations.of(self.role).acknowledge(finding)
