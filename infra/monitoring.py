"""CloudWatch alarms whose text says what to do, and one dashboard with the bot's results and health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from cdk_monitoring_constructs import (
    AlarmFactoryDefaults,
    CustomMetricGroup,
    CustomMetricWithAlarm,
    CustomThreshold,
    DefaultDashboardFactory,
    ErrorCountThreshold,
    LatencyThreshold,
    LatencyType,
    MaxMessageAgeThreshold,
    MaxMessageCountThreshold,
    MetricFactoryDefaults,
    MonitoringFacade,
    SnsAlarmActionStrategy,
)
from constructs import Construct

from infra.function import METRICS_NAMESPACE, TIMEOUT
from medic.telemetry import EVENT_TO_ALERT, RETRIED_AGE, TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs


_NAME = "AmplifyMedic"
_PERIOD = Duration.minutes(5)
_SLOW_SHARE = 0.8
"""A run that takes more than this share of its time-out raises the alarm SLOW, before Lambda cuts off a run."""
_LONGEST_WAIT = Duration.minutes(15)
_LONGEST_RETRY = Duration.minutes(30)


@dataclass(frozen=True, slots=True)
class AlarmText:
    section: str
    """The anchor of the alarm's section in docs/runbook.md."""
    means: str
    do: str

    @property
    def description(self) -> str:
        """The alarm's description. CloudWatch accepts at most 1,024 characters."""
        return f"{self.means} What to do: {self.do} Runbook: docs/runbook.md#{self.section}"


DEAD_LETTERS = AlarmText(
    section="dead-letters",
    means="A message failed every time for hours, or EventBridge could not put an event into the queue. The dead-letter"
    " queue keeps it for 14 days.",
    do="search the log group /amplify-medic/remediator for the app and job in the message, fix the cause, then run"
    " `medic replay-dlq`.",
)
MESSAGES_RETRIED = AlarmText(
    section="messages-are-retried",
    means="The remediator has failed on the same message for half an hour, and goes on retrying. A failed deployment"
    " may not be diagnosed yet.",
    do="read MessageRetried in the log group /amplify-medic/remediator: it names the call that AWS throttled or denied,"
    " or the service that is down.",
)
MESSAGES_WAIT = AlarmText(
    section="messages-wait",
    means="No one has taken the oldest message from the queue for 15 minutes. Nothing is lost: it keeps messages for 14"
    " days.",
    do="if the bot is paused, run `medic resume`. Otherwise check whether Lambda throttles the remediator.",
)
FAULT = AlarmText(
    section="an-unexpected-error",
    means="The remediator met an error that it does not expect: a fault of the bot, or a missing permission. It retries"
    " the message.",
    do="read MessageFault in the log group /amplify-medic/remediator. If AWS denied a call, an SCP or a boundary blocks"
    " an action that docs/permissions.md lists.",
)
UNTRUSTED = AlarmText(
    section="an-untrusted-request",
    means="Someone who is neither an operator nor an approver put a request into the queue. The bot dropped it.",
    do="find the sender's id in the log line RequestUntrusted, and take away that principal's sqs:SendMessage.",
)
SLACK_FAILING = AlarmText(
    section="the-slack-function-fails",
    means="The function behind the Slack buttons failed in two of the last three 5-minute periods.",
    do="read the log group /amplify-medic/slack_interactivity. Meanwhile, approve changes with `medic approve`.",
)
SILENT_WATCHER = AlarmText(
    section="the-watcher-is-silent",
    means="The watcher has not finished a run for 15 minutes. Deadlines, undelivered alerts and SSR logs wait.",
    do="read the log group /amplify-medic/watcher. If it has no new lines, check whether someone disabled the schedule,"
    " or whether Lambda throttles the function.",
)
THROTTLED = AlarmText(
    section="throttled",
    means="Lambda throttled the function, because the account has no concurrency left in this region.",
    do="find what uses the concurrency, or request a higher quota. Meanwhile, messages to the remediator wait in the"
    " queue.",
)
SLOW = AlarmText(
    section="near-the-time-out",
    means="A run took more than 80 % of the function's time-out.",
    do="find in the log what it waited for, such as a huge build log, a slow Slack answer or a role that is still"
    " propagating.",
)
ALERT_FAILED = AlarmText(
    section="a-channel-fails",
    means="A channel did not accept an alert, so some people may not know about the incident.",
    do="find the reason in the log line AlertFailed (such as a revoked webhook or a deleted channel) and fix it. The"
    " bot retries the alert.",
)
STORM = AlarmText(
    section="a-storm",
    means="Many incidents opened at once. The bot changes nothing until the storm is over.",
    do="look for a cause that the apps in the storm alert have in common, such as a changed role or policy.",
)
NOT_HELPED = AlarmText(
    section="a-fix-did-not-help",
    means="The bot changed a role, but the deployment or the SSR runtime still fails in the same way.",
    do="read the incident's alert and fix the next cause that it names. To undo the change, run `medic undo`.",
)
UNDIAGNOSED = AlarmText(
    section="a-failure-is-undiagnosed",
    means="A deployment failed, and the bot could not find out why: a call was denied, or the log could not be read.",
    do="read the alert, which names what was in the way. If a call was denied, let the bot's role make it.",
)
RECORD_UNREADABLE = AlarmText(
    section="an-item-cant-be-read",
    means="The bot skipped an item of the incidents table, or a part of it: a newer release wrote it, or it is"
    " damaged.",
    do="find its key in the log line RecordUnreadable. Deploy the newer release again, or delete a damaged item.",
)
NOT_FORWARDED = AlarmText(
    section="events-are-not-forwarded",
    means="EventBridge could not put the bot's own events on the central event bus, and dropped them. Alerts still"
    " arrive.",
    do="check that the bus of the setting `central_bus` exists, and that its policy accepts this account.",
)

ALARM_TEXTS = (
    *(DEAD_LETTERS, MESSAGES_RETRIED, MESSAGES_WAIT, FAULT, UNTRUSTED, SLACK_FAILING, SILENT_WATCHER),
    *(THROTTLED, SLOW, ALERT_FAILED, STORM, NOT_HELPED, UNDIAGNOSED, RECORD_UNREADABLE, NOT_FORWARDED),
)


class Monitoring(Construct):
    """Alarms to the alert topic and a dashboard, built with AWS Labs' monitoring constructs.

    A message that fails is retried without failing the run, so Lambda counts no error. The alarms watch the queues and
    the bot's own metrics instead. No composite alarms: each alarm means one thing to do. The dashboard's name contains
    the region, because dashboards are global to an account and the stack is not.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
    """

    def __init__(  # noqa: PLR0913
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        remediator: lambda_.Function,
        watcher: lambda_.Function,
        slack: lambda_.Function | None,
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
        forwarding_rule: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._facade = self._create_facade(topic)
        self._monitor_diagnoses()
        self._monitor_changes()
        self._monitor_alerts()
        self._monitor_functions(remediator, watcher, slack)
        self._monitor_queues(queue, dead_letters)
        if forwarding_rule is not None:
            self._monitor_forwarding(forwarding_rule)

    def _create_facade(self, topic: sns.ITopic) -> MonitoringFacade:
        return MonitoringFacade(
            self,
            "Facade",
            alarm_factory_defaults=AlarmFactoryDefaults(
                alarm_name_prefix=_NAME,
                actions_enabled=True,
                action=SnsAlarmActionStrategy(on_alarm_topic=topic),
                datapoints_to_alarm=1,
            ),
            metric_factory_defaults=MetricFactoryDefaults(namespace=METRICS_NAMESPACE, period=_PERIOD),
            dashboard_factory=DefaultDashboardFactory(
                self,
                "Dashboards",
                dashboard_name_prefix=f"{_NAME}-{Aws.REGION}",
                create_dashboard=True,
                create_summary_dashboard=False,
                create_alarm_dashboard=False,
            ),
        )

    def _monitor_diagnoses(self) -> None:
        """Failures by label and by cause. SEARCH finds only metrics that exist, so a quiet account shows no line."""
        self._facade.monitor_custom(
            alarm_friendly_name="Found",
            human_readable_name="Diagnoses",
            metric_groups=[
                _split_by("Failed deployments by label", TelemetryEvent.DIAGNOSED, "label"),
                _split_by("Failed deployments by most likely cause", TelemetryEvent.DIAGNOSED, "cause"),
                CustomMetricGroup(
                    title="Examined", metrics=[_count(TelemetryEvent.DIAGNOSED), _count(TelemetryEvent.NOT_IAM)]
                ),
            ],
        )

    def _monitor_changes(self) -> None:
        self._facade.monitor_custom(
            alarm_friendly_name="Done",
            human_readable_name="Changes",
            metric_groups=[
                CustomMetricGroup(
                    title="Fixes and their results",
                    metrics=[
                        _count(TelemetryEvent.APPLIED),
                        _count(TelemetryEvent.RESOLVED),
                        self._with_alarm("Fix", TelemetryEvent.NOT_HELPED, NOT_HELPED),
                        _count(TelemetryEvent.OUTCOME_UNKNOWN),
                        self._with_alarm("Diagnosis", TelemetryEvent.UNDIAGNOSED, UNDIAGNOSED),
                    ],
                ),
                _split_by("Refused, by guardrail", TelemetryEvent.REFUSED, "rule"),
                CustomMetricGroup(title="Storms", metrics=[self._with_alarm("Incidents", TelemetryEvent.STORM, STORM)]),
                CustomMetricGroup(
                    title="Items that can't be read",
                    metrics=[
                        self._with_alarm(name, TelemetryEvent.RECORD_UNREADABLE, RECORD_UNREADABLE, service=service)
                        for name, service in (("Table", "remediator"), ("WatcherTable", "watcher"))
                    ],
                ),
            ],
        )

    def _monitor_alerts(self) -> None:
        self._facade.monitor_custom(
            alarm_friendly_name="Alerts",
            human_readable_name="Alerts",
            metric_groups=[
                CustomMetricGroup(title="Time from event to alert", metrics=_time_to_alert()),
                CustomMetricGroup(
                    title="Alerts sent, and failed deliveries",
                    metrics=[
                        _count(TelemetryEvent.ALERT_SENT),
                        self._with_alarm("Channel", TelemetryEvent.ALERT_FAILED, ALERT_FAILED),
                    ],
                ),
            ],
        )

    def _with_alarm(
        self, name: str, event: TelemetryEvent, text: AlarmText, service: str = "remediator"
    ) -> CustomMetricWithAlarm:
        """A metric with an alarm on its first occurrence."""
        return _watched(name, event.value, _count(event, service), 0, text)

    def _monitor_functions(
        self, remediator: lambda_.Function, watcher: lambda_.Function, slack: lambda_.Function | None
    ) -> None:
        self._monitor_function("Remediator", remediator)
        self._monitor_function("Watcher", watcher)
        silent = CustomThreshold(
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            datapoints_to_alarm=3,
            evaluation_periods=3,
            # Without a run, CloudWatch has no data point.
            treat_missing_data_override=cloudwatch.TreatMissingData.BREACHING,
            alarm_description_override=SILENT_WATCHER.description,
        )
        runs = CustomMetricWithAlarm(
            alarm_friendly_name="Runs",
            metric=_count(TelemetryEvent.WATCHER_RAN, "watcher"),
            add_alarm={"Silent": silent},
        )
        self._facade.monitor_custom(
            alarm_friendly_name="Watcher",
            human_readable_name="Watcher's finished runs",
            metric_groups=[CustomMetricGroup(title="Finished runs", metrics=[runs])],
        )
        if slack is not None:
            failing = ErrorCountThreshold(
                max_error_count=0,
                datapoints_to_alarm=2,
                evaluation_periods=3,
                alarm_description_override=SLACK_FAILING.description,
            )
            self._monitor_function("Slack", slack, {"Failing": failing})

    def _monitor_function(
        self, name: str, function: lambda_.Function, failing: Mapping[str, ErrorCountThreshold] | None = None
    ) -> None:
        timeout = function.timeout or TIMEOUT
        self._facade.monitor_lambda_function(
            lambda_function=function,
            alarm_friendly_name=name,
            human_readable_name=name,
            latency_types_to_render=[LatencyType.P50, LatencyType.MAX],
            add_fault_count_alarm=failing,
            add_throttles_count_alarm={
                "Throttled": ErrorCountThreshold(max_error_count=0, alarm_description_override=THROTTLED.description)
            },
            add_max_latency_alarm={
                "NearTimeOut": LatencyThreshold(
                    max_latency=Duration.seconds(_SLOW_SHARE * timeout.to_seconds()),
                    treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
                    alarm_description_override=SLOW.description,
                )
            },
        )

    def _monitor_queues(self, queue: sqs.IQueue, dead_letters: sqs.IQueue) -> None:
        """SQS leaves a message out of its metric of the age once it was received three times.

        So the queue's metric shows messages that no one takes, and the bot's own metric shows those it retries.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        self._facade.monitor_sqs_queue(
            queue=queue,
            alarm_friendly_name="Queue",
            human_readable_name="Queue",
            add_queue_max_message_age_alarm={
                "Waiting": MaxMessageAgeThreshold(
                    max_age_in_seconds=_LONGEST_WAIT.to_seconds(),
                    treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
                    alarm_description_override=MESSAGES_WAIT.description,
                )
            },
        )
        retried = cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=RETRIED_AGE,
            dimensions_map={"service": "remediator"},
            statistic="Maximum",
            period=_PERIOD,
            label="seconds",
        )
        alarm = _watched("Message", RETRIED_AGE, retried, _LONGEST_RETRY.to_seconds(), MESSAGES_RETRIED)
        self._facade.monitor_custom(
            alarm_friendly_name="Retries",
            human_readable_name="Retries",
            metric_groups=[
                CustomMetricGroup(title="Age of the oldest message that is retried", metrics=[alarm]),
                CustomMetricGroup(
                    title="Retries, and unexpected errors",
                    metrics=[
                        _count(TelemetryEvent.MESSAGE_RETRIED),
                        self._with_alarm("Unexpected", TelemetryEvent.MESSAGE_FAULT, FAULT),
                    ],
                ),
                CustomMetricGroup(
                    title="Untrusted requests",
                    metrics=[self._with_alarm("Sender", TelemetryEvent.REQUEST_UNTRUSTED, UNTRUSTED)],
                ),
            ],
        )
        self._facade.monitor_sqs_queue(
            queue=dead_letters,
            alarm_friendly_name="DeadLetters",
            human_readable_name="Dead letters",
            add_queue_max_size_alarm={
                "NotEmpty": MaxMessageCountThreshold(
                    max_message_count=0,
                    # SQS sends no metrics for a queue that has been empty and idle for hours.
                    treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
                    alarm_description_override=DEAD_LETTERS.description,
                )
            },
        )

    def _monitor_forwarding(self, rule_name: str) -> None:
        """Events that EventBridge gave up on. Retries do not count.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
        """
        failed = cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="FailedInvocations",
            dimensions_map={"RuleName": rule_name},
            statistic="Sum",
            period=_PERIOD,
            label="events",
        )
        alarm = _watched("Event", "NotForwarded", failed, 0, NOT_FORWARDED)
        self._facade.monitor_custom(
            alarm_friendly_name="CentralBus",
            human_readable_name="Central event bus",
            metric_groups=[CustomMetricGroup(title="Own events that were not forwarded", metrics=[alarm])],
        )


def _watched(
    name: str, alarm: str, metric: cloudwatch.Metric, threshold: float, text: AlarmText
) -> CustomMetricWithAlarm:
    """A metric with an alarm on the first value above the threshold."""
    above = CustomThreshold(
        threshold=threshold,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
        alarm_description_override=text.description,
    )
    return CustomMetricWithAlarm(alarm_friendly_name=name, metric=metric, add_alarm={alarm: above})


def _count(event: TelemetryEvent, service: str = "remediator") -> cloudwatch.Metric:
    """How often a function recorded the event."""
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=event.value,
        dimensions_map={"service": service},
        statistic="Sum",
        period=_PERIOD,
        label=event.value,
    )


def _split_by(title: str, event: TelemetryEvent, dimension: str) -> CustomMetricGroup:
    """One line for each value of the dimension.

    It uses plain CDK, because the library's own search requires a value for every dimension it names.
    """
    schema = f'{{"{METRICS_NAMESPACE}","{dimension}","service"}} MetricName="{event.value}" "service"="remediator"'
    search = cloudwatch.MathExpression(
        expression=f"SEARCH('{schema}', 'Sum', {_PERIOD.to_seconds()})",
        using_metrics={},
        label=" ",  # CloudWatch then labels each line with what distinguishes it from the others
        period=_PERIOD,
    )
    return CustomMetricGroup(title=title, metrics=[search])


def _time_to_alert() -> Sequence[cloudwatch.Metric]:
    return [
        cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=EVENT_TO_ALERT,
            dimensions_map={"service": "remediator"},
            statistic=statistic,
            period=_PERIOD,
            label=f"{statistic}, ms",
        )
        for statistic in ("p50", "p90", "Maximum")
    ]
