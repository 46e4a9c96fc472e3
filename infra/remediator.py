"""The remediator: the one function that may change anything, and the role it changes things with."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.function import MedicFunction, MedicFunctionProps, dead_letter_queue, function_environment
from infra.iam import Grant, alert_grants, evidence_grants, incident_grants, runtime_log_grants
from infra.roles import ActorRole, ActorRoleProps
from medic.events import DETAIL_TYPE, SOURCE, DeploymentStatus
from medic.settings import ACTOR_ROLE_VARIABLE, Mode, Settings, WatchRuntime


@dataclass(frozen=True, slots=True)
class DeploymentEventsProps:
    """Whose events go where."""

    function: lambda_.IFunction
    apps: tuple[str, ...] = ()
    """If not empty, only these apps' events."""


class DeploymentEvents(Construct):
    """Final statuses of Amplify jobs. What can't be delivered within an hour is kept in `undelivered`.

    An hour, for the bot acts on fresh failures only (30 minutes by default); EventBridge itself would try for a day.
    https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-amplify.html
    """

    def __init__(self, scope: Construct, construct_id: str, props: DeploymentEventsProps) -> None:
        super().__init__(scope, construct_id)
        self.undelivered = dead_letter_queue(self, "Undelivered")
        detail: dict[str, list[str]] = {"jobStatus": [str(status) for status in DeploymentStatus]}
        if props.apps:
            detail["appId"] = list(props.apps)
        target = targets.LambdaFunction(
            props.function,
            dead_letter_queue=self.undelivered,
            max_event_age=Duration.hours(1),
            retry_attempts=10,
        )
        events.Rule(
            self,
            "Rule",
            description="Amplify Hosting deployments that failed, succeeded or were cancelled, for Amplify Medic",
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=[DETAIL_TYPE], detail=detail),
            targets=[target],
        )


@dataclass(frozen=True, slots=True)
class RemediatorFunctionProps:
    """What the remediator works with."""

    settings: Settings
    raw_settings: object
    """The settings as the deployer gave them, handed on unchanged."""
    code: lambda_.Code
    table: dynamodb.ITable
    topic: sns.ITopic
    default_role: iam.IRole


class RemediatorFunction(Construct):
    """Diagnoses; and, unless the mode is `report`, acts through a role of its own."""

    def __init__(self, scope: Construct, construct_id: str, props: RemediatorFunctionProps) -> None:
        super().__init__(scope, construct_id)
        self.failed_runs = dead_letter_queue(self, "FailedRuns")
        medic = MedicFunction(
            self,
            "Default",  # leaves no trace in logical ids
            MedicFunctionProps(
                name="remediator",
                description="Diagnoses failed Amplify deployments and mends what a branch's owner opted in to",
                rights="reads, and writes to the bot's own table and topic",
                code=props.code,
                environment=function_environment(
                    self,
                    props.raw_settings,
                    props.table,
                    ALERT_TOPIC_ARN=props.topic.topic_arn,
                    DEFAULT_COMPUTE_ROLE_ARN=props.default_role.role_arn,
                ),
                failed_runs=self.failed_runs,
            ),
        )
        self.function = medic.function
        medic.grant([*_reading(Stack.of(self), props), *self._acting(medic, props)])

    def _acting(self, medic: MedicFunction, props: RemediatorFunctionProps) -> list[Grant]:
        """The way to the writing rights. In mode `report` there are none."""
        if props.settings.mode is Mode.REPORT:
            return []
        actor = ActorRole(
            self,
            "Actor",
            ActorRoleProps(medic.role, props.settings, props.default_role.role_arn),
        )
        medic.function.add_environment(ACTOR_ROLE_VARIABLE, actor.role.role_arn)
        why = "Becomes the actor for one errand, under a session policy that names one branch and one role."
        return [Grant(sid="BecomeActor", why=why, actions=["sts:AssumeRole"], resources=[actor.role.role_arn])]


def _reading(stack: Stack, props: RemediatorFunctionProps) -> list[Grant]:
    watches = props.settings.watch_runtime is not WatchRuntime.NONE
    return [
        *evidence_grants(stack, props.settings.apps),
        *(runtime_log_grants(stack, props.settings.apps) if watches else []),
        *incident_grants(props.table.table_arn),
        *alert_grants(stack, props.topic.topic_arn, props.settings.slack.secrets),
    ]
