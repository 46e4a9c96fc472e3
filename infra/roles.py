"""The only role that may change anything. Assumed for one errand at a time, under a session policy that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Duration, Stack, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.iam import ALL_APPS, Grant, app_arn, attach, branches, jobs
from medic.incidents.table import BRANCH, REQUEST
from medic.plan.optin import AUTO_FIX, SERVICE_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from medic.settings import Settings

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


_LEADING_KEYS = "dynamodb:LeadingKeys"


@dataclass(frozen=True, slots=True)
class OperatorRoleProps:
    """What an operator works with."""

    table: dynamodb.ITable
    remediator: lambda_.IFunction
    queues: Sequence[sqs.IQueue]
    """Where failed messages wait to be replayed."""


class OperatorRole(Construct):
    """Assumed by whoever this account's own policies let: `sts:AssumeRole` on this role is the right to approve.

    It holds no right on Amplify or IAM. What it asks for is done by the remediator, under every guardrail.
    """

    def __init__(self, scope: Construct, construct_id: str, props: OperatorRoleProps) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            description="Amplify Medic's operators: ask the bot, read its incidents, replay what failed",
            assumed_by=iam.AccountPrincipal(Stack.of(self).account),
            max_session_duration=Duration.hours(1),
        )
        attach(self.role, [*_table_grants(props.table.table_arn), *_other_grants(props)])


def _table_grants(table_arn: str) -> Iterator[Grant]:
    yield Grant(
        sid="AskTheBot",
        why="Writes requests (approve, fix, undo, mute), and no other item: a request is checked and done by the"
        " remediator alone.",
        actions=["dynamodb:PutItem"],
        resources=[table_arn],
        conditions=_keys(f"{REQUEST}#*"),
    )
    yield Grant(
        sid="ReadAnswers",
        why="Reads what became of a request, and the incident that it is about.",
        actions=["dynamodb:GetItem"],
        resources=[table_arn],
        conditions=_keys(f"{REQUEST}#*", f"{BRANCH}#*"),
    )
    yield Grant(
        sid="ReadHistory",
        why="`medic history` reads every incident. A scan can't be narrowed by key; the table holds no secret.",
        actions=["dynamodb:Scan"],
        resources=[table_arn],
    )


def _other_grants(props: OperatorRoleProps) -> Iterator[Grant]:
    yield Grant(
        sid="WakeTheRemediator",
        why="Tells the remediator that a request waits, or to send a test alert; nothing in the message is believed.",
        actions=["lambda:InvokeFunction"],
        resources=[props.remediator.function_arn],
    )
    yield Grant(
        sid="ReplayFailures",
        why="`medic replay-dlq` hands kept messages to the remediator again, then deletes them.",
        actions=["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        resources=[queue.queue_arn for queue in props.queues],
    )


def _keys(*patterns: str) -> dict[str, dict[str, object]]:
    """Only items whose key is like this. ForAllValues alone would also hold where a call names no key at all."""
    return {"ForAllValues:StringLike": {_LEADING_KEYS: list(patterns)}, "Null": {_LEADING_KEYS: "false"}}


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
