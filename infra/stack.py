"""The stack. It composes the constructs of the other modules; the alert topic and the incidents table are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, Aspects, CfnOutput, Environment, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.bundle import medic_code
from infra.central_bus import CentralBus
from infra.company import CompanyRules
from infra.iam import app_arn
from infra.monitoring import Alarms, Dashboard
from infra.operator import OperatorRole
from infra.queue import RemediatorQueue
from infra.remediator import RemediatorFunction
from infra.roles import DEFAULT_ROLE_PATH, DefaultComputeRole
from infra.slack_interactivity import SlackInteractivity
from infra.watcher import WatcherFunction
from medic import VERSION
from medic.incidents.table import DUE_INDEX
from medic.plan.optin import AUTO_FIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import IStackSynthesizer

    from medic.settings import Settings

_NO_RECIPIENTS = (
    "No one would receive alerts: the settings name no Slack channel and no SNS e-mail address. Set"
    " slack.webhook_secret or sns.emails in the amplify-medic settings, or subscribe to the topic in the output"
    " AlertTopicArn."
)

_ITEM_WRITES = (
    *("BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"),
    *("PartiQLDelete", "PartiQLInsert", "PartiQLUpdate"),
)


class AmplifyMedicStack(Stack):
    """Everything that Amplify Medic needs in one account and region.

    `raw_settings` is the object that `settings` was parsed from; the functions get it unchanged. The `synthesizer`
    says where the functions' code is; by default in the bucket of `cdk bootstrap`.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        raw_settings: object,
        environment: Environment,
        synthesizer: IStackSynthesizer | None = None,
    ) -> None:
        description = "Amplify Medic: diagnoses AWS Amplify Hosting's IAM failures and fixes opted-in branches"
        super().__init__(scope, construct_id, env=environment, description=description, synthesizer=synthesizer)
        # A boundary that the settings require of every compute role also goes on this one, or the bot would refuse it.
        boundary = settings.default_role.permissions_boundary or settings.required_permissions_boundary
        Aspects.of(self).add(CompanyRules(settings))
        self.alerts = AlertTopic(self, "Alerts", settings.sns.emails)
        self.incidents = IncidentsTableResource(self, "Incidents")
        self.default_compute_role = DefaultComputeRole(
            self,
            "DefaultComputeRole",
            settings.default_role.policies,
            boundary,
            settings.role_path or DEFAULT_ROLE_PATH,
        )
        self.queue = RemediatorQueue(self, "Queue", settings.apps)
        code, self._bundle_hash = medic_code(self)
        table, queue = self.incidents.table, self.queue.queue
        self.remediator = RemediatorFunction(
            self,
            "Remediator",
            settings=settings,
            raw_settings=raw_settings,
            code=code,
            table=table,
            topic=self.alerts.topic,
            queue=queue,
            default_role=self.default_compute_role.role,
        )
        # So an update from a version without a queue lets new events wait there before it changes the function's code.
        self.remediator.function.node.add_dependency(self.queue)
        self.watcher = WatcherFunction(
            self, "Watcher", settings=settings, raw_settings=raw_settings, code=code, table=table, queue=queue
        )
        self.operator = OperatorRole(
            self,
            "Operator",
            settings=settings,
            table=table,
            topic=self.alerts.topic,
            queue=self.queue,
            remediator=self.remediator,
        )
        self.slack: SlackInteractivity | None = None
        if settings.slack.takes_approvals:
            self.slack = SlackInteractivity(
                self,
                "SlackInteractivity",
                settings=settings,
                raw_settings=raw_settings,
                code=code,
                table=table,
                queue=queue,
            )
        self.remediator.accept_requests(self.operator.role, self.slack.role if self.slack is not None else None)
        self.incidents.accept_writes([self.remediator.role, self.watcher.role])
        functions = (self.remediator.function, self.watcher.function)
        slack = self.slack.function if self.slack is not None else None
        queues = {"queue": queue, "dead_letters": self.queue.dead_letters}
        bus = None if settings.central_bus is None else CentralBus(self, "CentralBus", settings.central_bus)
        if settings.alarms:
            Alarms(
                self,
                "Alarms",
                topic=self.alerts.topic,
                functions=functions,
                slack=slack,
                forwarding_rule=None if bus is None else bus.rule_name,
                **queues,
            )
        if settings.dashboard:
            Dashboard(self, "Dashboard", functions=[*functions, *([slack] if slack else [])], **queues)
        if not settings.slack.secrets and not settings.sns.emails:
            Annotations.of(self).add_warning_v2("amplify-medic:nobody-is-told", _NO_RECIPIENTS)
        self._outputs()

    def _outputs(self) -> None:
        queue, branch = self.queue, app_arn(self, "APP_ID/branches/BRANCH")
        opt_in = f"aws amplify tag-resource --region {self.region} --resource-arn '{branch}' --tags '{AUTO_FIX}=fix'"
        outputs = {
            "Version": (VERSION, "The release of Amplify Medic, as `medic --version` prints it"),
            "AlertTopicArn": (self.alerts.topic.topic_arn, "Alerts and alarms; add further subscriptions here"),
            "DefaultComputeRoleArn": (
                self.default_compute_role.role.role_arn,
                "The compute role for branches without a paired role. It stays when the stack is deleted",
            ),
            "OptInCommand": (opt_in, "Opts a branch in. Replace APP_ID and BRANCH. No effect in mode report"),
            "DoctorCommand": (
                f"medic doctor --stack {self.stack_name} --region {self.region}",
                "Checks whether this stack keeps its promises, and shows how to repair what does not",
            ),
            "RemediatorFunctionName": (
                self.remediator.function.function_name,
                "The function that diagnoses failures and applies fixes",
            ),
            "IncidentsTableName": (self.incidents.table.table_name, "Incidents, leases, change limits and requests"),
            "OperatorRoleArn": (
                self.operator.role.role_arn,
                "Assumed for `medic fix`, approve, undo, mute, history and similar commands",
            ),
            "QueueUrl": (queue.queue.queue_url, "The remediator's queue: events, wake-ups and requests"),
            "DeadLettersUrl": (
                queue.dead_letters.queue_url,
                "Dead-letter queue: messages that failed every time, and events that did not get into the queue",
            ),
            "EventSourceMappingId": (
                self.remediator.mapping.event_source_mapping_id,
                "Gives the queue's messages to the remediator; `medic pause` and `medic resume` switch it",
            ),
        }
        if self.slack is not None:
            outputs["SlackRequestUrl"] = (self.slack.url.url, "The Interactivity Request URL for the Slack app")
        if self._bundle_hash is not None:
            outputs["BundleSha256"] = (
                self._bundle_hash,
                "The code; `python -m infra.bundle hash` prints the same",
            )
        for name, (value, description) in outputs.items():
            CfnOutput(self, name, value=value, description=description)


class AlertTopic(Construct):
    """A topic that accepts alerts over TLS only, from the bot and from this account's CloudWatch alarms.

    No KMS key, unless the setting `kms_key` names one. SNS encrypts its disks anyway, and alerts are redacted before
    they are sent and leave SNS as plain e-mail. Alarms can't publish to a topic under the AWS managed key.
    https://docs.aws.amazon.com/securityhub/latest/userguide/sns-controls.html#sns-1
    """

    def __init__(self, scope: Construct, construct_id: str, emails: tuple[str, ...]) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", display_name="Amplify Medic", enforce_ssl=True)
        self._allow_alarms()
        for email in emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))

    def _allow_alarms(self) -> None:
        """The TLS rule replaces the default topic policy, which would have allowed alarms to publish.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        """
        stack = Stack.of(self)
        alarms = stack.format_arn(service="cloudwatch", resource="alarm:*")
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccountPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": alarms},
                },
            )
        )


class IncidentsTableResource(Construct):
    """An on-demand table with point-in-time recovery to any second of the last 35 days.

    It is deleted with the stack. A deletion by mistake loses nothing: DynamoDB
    keeps a free backup of such a table for 35 days.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/pointintimerecovery_beforeyoubegin.html
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            removal_policy=RemovalPolicy.DESTROY,
        )
        # A sparse index: only branches with pending work have the attribute `due`. Keys are enough: before the bot does
        # anything, it gets the branch's record from the table with a consistent read.
        self.table.add_global_secondary_index(
            index_name=DUE_INDEX,
            partition_key=dynamodb.Attribute(name="due", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="due_at", type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )

    def accept_writes(self, roles: Sequence[iam.IRole]) -> None:
        """Deny everybody else to write items, whatever their own policies allow.

        It denies no action on the table itself or on its policy: those who deploy the stack must stay able to change
        both. IAM authorises a transaction by the single writes in it. A negated condition also matches a missing key.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html
        """
        writers = [role.role_arn for role in roles]
        self.table.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OnlyTheBotWrites",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=[f"dynamodb:{action}" for action in _ITEM_WRITES],
                resources=["*"],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": writers}},
            )
        )
