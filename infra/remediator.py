"""The remediator function, and the rule that sends it Amplify's deployment events."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.function import MedicFunction, dead_letter_queue, function_environment
from infra.iam import Grant, alert_grants, evidence_grants, incident_grants, runtime_log_grants
from infra.roles import ActorRole
from medic.events import DETAIL_TYPE, SOURCE, DeploymentStatus
from medic.settings import ACTOR_ROLE_VARIABLE, Mode, Settings, WatchRuntime


class RemediatorFunction(Construct):
    """Diagnoses failures. Unless the mode is `report`, it changes roles and retries jobs through the actor role.

    It gets `raw_settings`, the settings as the deployer wrote them, unchanged.
    """

    def __init__(  # noqa: PLR0913
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        raw_settings: object,
        code: lambda_.Code,
        table: dynamodb.ITable,
        topic: sns.ITopic,
        default_role: iam.IRole,
    ) -> None:
        super().__init__(scope, construct_id)
        self.failed_runs = dead_letter_queue(self, "FailedRuns")
        medic = MedicFunction(
            self,
            "Default",  # CDK leaves this id out of logical ids
            name="remediator",
            description="Diagnoses failed Amplify deployments and applies the fixes that a branch's owner opted in to",
            permissions="reads Amplify, IAM and SSR logs, writes to the bot's table, sends alerts",
            code=code,
            environment=function_environment(
                self,
                raw_settings,
                table,
                ALERT_TOPIC_ARN=topic.topic_arn,
                DEFAULT_COMPUTE_ROLE_ARN=default_role.role_arn,
            ),
            failed_runs=self.failed_runs,
        )
        self.function = medic.function
        stack = Stack.of(self)
        reads_logs = settings.watch_runtime is not WatchRuntime.NONE
        medic.grant([
            *evidence_grants(stack, settings.apps),
            *(runtime_log_grants(stack, settings.apps) if reads_logs else []),
            *incident_grants(table.table_arn),
            *alert_grants(stack, topic.topic_arn, settings.slack.secrets),
            *self._actor_grants(medic, settings, default_role),
        ])  # fmt: skip

    def _actor_grants(self, medic: MedicFunction, settings: Settings, default_role: iam.IRole) -> list[Grant]:
        """To assume the actor role, which this creates. In mode `report` there is no actor role."""
        if settings.mode is Mode.REPORT:
            return []
        actor = ActorRole(self, "Actor", medic.role, settings, default_role.role_arn)
        medic.function.add_environment(ACTOR_ROLE_VARIABLE, actor.role.role_arn)
        why = "Assumes the actor role with a session policy limited to one branch and one role."
        return [Grant(sid="BecomeActor", why=why, actions=["sts:AssumeRole"], resources=[actor.role.role_arn])]


class DeploymentEvents(Construct):
    """Sends the final statuses of Amplify jobs to the function: of these apps, or if there are none, of all.

    EventBridge retries for one hour instead of its default of a day, because the bot acts only on fresh failures (30
    minutes by default).
    https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-amplify.html
    """

    def __init__(
        self, scope: Construct, construct_id: str, function: lambda_.IFunction, apps: tuple[str, ...] = ()
    ) -> None:
        super().__init__(scope, construct_id)
        self.undelivered = dead_letter_queue(self, "Undelivered")
        detail: dict[str, list[str]] = {"jobStatus": [str(status) for status in DeploymentStatus]}
        if apps:
            detail["appId"] = list(apps)
        target = targets.LambdaFunction(
            function,
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
