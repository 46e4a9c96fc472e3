"""The only role that may change anything. Assumed for one errand at a time, under a session policy that names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.amplify_arns import ALL_APPS, app_arn, branches, jobs
from infra.grants import Grant, attach
from medic.plan.optin import AUTO_FIX, SERVICE_ROLE

if TYPE_CHECKING:
    from medic.settings import Settings

AMPLIFY = "amplify.amazonaws.com"


@dataclass(frozen=True, slots=True)
class ActorRoleProps:
    """Who may assume the role, and what the deployer allows it."""

    trusted: iam.IRole
    settings: Settings
    default_role_arn: str


class ActorRole(Construct):
    """UpdateBranch where a branch's tag opts in, StartJob, PassRole for paired roles; UpdateApp only if asked for."""

    def __init__(self, scope: Construct, construct_id: str, props: ActorRoleProps) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            description="Amplify Medic's writing rights, assumed by its remediator for one branch and one role",
            assumed_by=iam.ArnPrincipal(props.trusted.role_arn),
            max_session_duration=Duration.hours(1),
        )
        stack = Stack.of(self)
        attach(self.role, [*_branch_grants(stack, props), *_service_role_grants(stack, props.settings), *_denials()])


def _branch_grants(stack: Stack, props: ActorRoleProps) -> Iterator[Grant]:
    apps = props.settings.apps
    yield Grant(
        sid="UpdateOptedInBranches",
        why="Sets a branch's compute role, only where the branch's own tag opts in. IAM can't limit UpdateBranch to one"
        " parameter; the bot sends computeRoleArn alone.",
        actions=["amplify:UpdateBranch"],
        resources=branches(stack, apps),
        conditions={"StringEquals": {f"aws:ResourceTag/{AUTO_FIX}": ["fix", "ask"]}},
        wildcard="a branch opts in by its tag, which the condition checks; " + ALL_APPS,
    )
    yield Grant(
        sid="RetryJobs",
        why="Rebuilds the failed job. Jobs carry no tags, so IAM can't ask for the opt-in: list `apps` to narrow it.",
        actions=["amplify:StartJob"],
        resources=jobs(stack, apps),
        wildcard="job ids are not known before they run; " + ALL_APPS,
    )
    compute_roles = [pairing.role_arn for pairing in props.settings.compute_roles]
    yield _pass(
        "PassPairedComputeRoles",
        "Hands a branch one of the roles the deployer paired with its app, or the stack's default role.",
        [*compute_roles, props.default_role_arn],
    )


def _service_role_grants(stack: Stack, settings: Settings) -> Iterator[Grant]:
    if not settings.service_roles:
        return
    apps = sorted({target.partition("/")[0] for pairing in settings.service_roles for target in pairing.targets})
    yield Grant(
        sid="UpdateAppsThatNameAServiceRole",
        why="Repairs the service role of the apps listed in `service_roles`, only where the app's tag asks for it.",
        actions=["amplify:UpdateApp"],
        resources=[app_arn(stack, app_id) for app_id in apps],
        conditions={"Null": {f"aws:ResourceTag/{SERVICE_ROLE}": "false"}},
    )
    yield _pass(
        "PassPairedServiceRoles",
        "Hands an app the service role the deployer paired with it.",
        [pairing.role_arn for pairing in settings.service_roles],
    )


def _pass(sid: str, why: str, role_arns: Sequence[str]) -> Grant:
    to_amplify = {"StringEquals": {"iam:PassedToService": AMPLIFY}}
    return Grant(sid=sid, why=why, actions=["iam:PassRole"], resources=role_arns, conditions=to_amplify)


def _denials() -> Iterator[Grant]:
    yield Grant(
        sid="NeverOptInOrCreate",
        why="The bot can't opt a branch in by itself, nor make apps, branches, roles or policies, whatever else this"
        " role is given.",
        effect=iam.Effect.DENY,
        actions=[
            *("amplify:TagResource", "amplify:UntagResource", "amplify:CreateApp", "amplify:CreateBranch"),
            *("iam:CreateRole", "iam:Put*", "iam:Attach*"),
        ],
        resources=["*"],
    )
    yield Grant(
        sid="NeverPassRolesElsewhere",
        why="Roles go to Amplify only. A negated condition also holds where the key is missing, so this fails closed.",
        effect=iam.Effect.DENY,
        actions=["iam:PassRole"],
        resources=["*"],
        conditions={"StringNotEquals": {"iam:PassedToService": AMPLIFY}},
    )
