"""The one stack. It only composes; what a thing is like stands in its construct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Annotations, CfnOutput, Environment, Stack

from infra.alert_topic import AlertTopic, AlertTopicProps
from infra.amplify_arns import app_arn
from infra.asset import medic_code
from infra.default_compute_role import DefaultComputeRole, DefaultComputeRoleProps
from infra.deployment_events import DeploymentEvents, DeploymentEventsProps
from infra.incidents_table import IncidentsTable
from infra.monitoring import Monitoring, MonitoringProps
from infra.operator_role import OperatorRole, OperatorRoleProps
from infra.remediator import Remediator, RemediatorProps
from infra.slack_interactivity import SlackInteractivity, SlackInteractivityProps
from infra.watcher import Watcher, WatcherProps
from medic.plan.optin import AUTO_FIX

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from medic.settings import Settings

_NOBODY = (
    "Nobody would be told: neither a place in Slack nor an SNS e-mail address is set. Set slack.webhook_secret or"
    " sns.emails in the amplify-medic settings, or subscribe something to the topic in the output AlertTopicArn."
)


@dataclass(frozen=True, slots=True)
class AmplifyMedicProps:
    """What a deployer chooses, and where it goes."""

    settings: Settings
    raw_settings: object
    """The object `settings` was read from; the functions get it unchanged."""
    environment: Environment


class AmplifyMedicStack(Stack):
    """Everything Amplify Medic needs in one account and region."""

    def __init__(self, scope: Construct, construct_id: str, props: AmplifyMedicProps) -> None:
        description = "Amplify Medic: diagnoses AWS Amplify Hosting's IAM failures, mends what a branch opted in to"
        super().__init__(scope, construct_id, env=props.environment, description=description)
        settings = props.settings
        self.alerts = AlertTopic(self, "Alerts", AlertTopicProps(settings.sns.emails))
        self.incidents = IncidentsTable(self, "Incidents")
        self.default_compute_role = DefaultComputeRole(self, "DefaultComputeRole", _default_role(settings))
        code = medic_code(self)
        self.remediator = Remediator(self, "Remediator", self._remediator(props, code))
        self.watcher = Watcher(self, "Watcher", self._watcher(props, code))
        events = DeploymentEventsProps(self.remediator.function, settings.apps)
        self.events = DeploymentEvents(self, "DeploymentEvents", events)
        self.operator = OperatorRole(self, "Operator", self._operator())
        self.slack = self._slack(props, code) if settings.slack.takes_approvals else None
        if settings.alarms:
            Monitoring(self, "Monitoring", self._monitored())
        self._warn_if_nobody_is_told(settings)
        self._outputs()

    def _remediator(self, props: AmplifyMedicProps, code: lambda_.Code) -> RemediatorProps:
        return RemediatorProps(
            settings=props.settings,
            raw_settings=props.raw_settings,
            code=code,
            table=self.incidents.table,
            topic=self.alerts.topic,
            default_role=self.default_compute_role.role,
        )

    def _operator(self) -> OperatorRoleProps:
        queues = (self.events.undelivered, self.remediator.failed_runs)
        return OperatorRoleProps(self.incidents.table, self.remediator.function, queues)

    def _slack(self, props: AmplifyMedicProps, code: lambda_.Code) -> SlackInteractivity:
        slack = SlackInteractivityProps(
            signing_secret=props.settings.slack.signing_secret or "",
            raw_settings=props.raw_settings,
            code=code,
            table=self.incidents.table,
            remediator=self.remediator.function,
        )
        return SlackInteractivity(self, "SlackInteractivity", slack)

    def _monitored(self) -> MonitoringProps:
        return MonitoringProps(
            topic=self.alerts.topic,
            remediator=self.remediator.function,
            watcher=self.watcher.function,
            slack=self.slack.function if self.slack is not None else None,
            undelivered=self.events.undelivered,
            failed_runs={"Remediator": self.remediator.failed_runs, "Watcher": self.watcher.failed_runs},
        )

    def _watcher(self, props: AmplifyMedicProps, code: lambda_.Code) -> WatcherProps:
        return WatcherProps(
            settings=props.settings,
            raw_settings=props.raw_settings,
            code=code,
            table=self.incidents.table,
            remediator=self.remediator.function,
        )

    def _warn_if_nobody_is_told(self, settings: Settings) -> None:
        if not settings.slack.secrets and not settings.sns.emails:
            Annotations.of(self).add_warning_v2("amplify-medic:nobody-is-told", _NOBODY)

    def _outputs(self) -> None:
        branch = app_arn(self, "APP_ID/branches/BRANCH")
        opt_in = f"aws amplify tag-resource --region {self.region} --resource-arn '{branch}' --tags '{AUTO_FIX}=fix'"
        outputs = {
            "AlertTopicArn": (self.alerts.topic.topic_arn, "Alerts; subscribe whatever should hear of them"),
            "DefaultComputeRoleArn": (self.default_compute_role.role.role_arn, "For branches without a paired role"),
            "OptInCommand": (opt_in, "Opts a branch in; put in its app id and name. No effect in mode report"),
            "RemediatorFunctionName": (self.remediator.function.function_name, "The function that diagnoses and mends"),
            "IncidentsTableName": (self.incidents.table.table_name, "Incidents, leases, caps and requests"),
            "OperatorRoleArn": (
                self.operator.role.role_arn,
                "For `medic fix`, approve, undo, mute, history and the like",
            ),
            "UndeliveredEventsQueueUrl": (self.events.undelivered.queue_url, "Events the remediator never received"),
            "FailedRunsQueueUrl": (self.remediator.failed_runs.queue_url, "Events on which every run failed"),
            "WatcherFailedRunsQueueUrl": (self.watcher.failed_runs.queue_url, "The watcher's runs that failed"),
        }
        if self.slack is not None:
            outputs["SlackRequestUrl"] = (self.slack.url.url, "The Slack app's Interactivity Request URL")
        for name, (value, description) in outputs.items():
            CfnOutput(self, name, value=value, description=description)


def _default_role(settings: Settings) -> DefaultComputeRoleProps:
    """A boundary required of every compute role is also the default role's, or the bot would refuse its own."""
    boundary = settings.default_role.permissions_boundary or settings.required_permissions_boundary
    return DefaultComputeRoleProps(settings.default_role.policies, boundary)
