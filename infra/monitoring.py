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
    MaxMessageCountThreshold,
    MetricFactoryDefaults,
    MinUsageCountThreshold,
    MonitoringFacade,
    SnsAlarmActionStrategy,
)
from constructs import Construct

from infra.function import METRICS_NAMESPACE, TIMEOUT
from medic.telemetry import EVENT_TO_ALERT, TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs


_NAME = "AmplifyMedic"
_PERIOD = Duration.minutes(5)
_SLOW_SHARE = 0.8
"""A run that takes more than this share of its time-out raises the alarm SLOW, before Lambda cuts off a run."""


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


UNDELIVERED_EVENTS = AlarmText(
    section="undelivered-events",
    means="EventBridge could not deliver an Amplify event to the remediator for an hour. The dead-letter queue keeps it"
    " for 14 days.",
    do="check that the function exists and that Lambda does not throttle it, then run `medic replay-dlq`.",
)
FAILED_RUNS = AlarmText(
    section="failed-runs",
    means="A function failed three times on the same event. The dead-letter queue keeps the event for 14 days.",
    do="read the error in the queued message and in the function's log, fix the cause, then run `medic replay-dlq`."
    " Purge the watcher's queue instead, because the watcher's next run does the same work.",
)
REMEDIATOR_FAILING = AlarmText(
    section="the-remediator-fails",
    means="The remediator failed in two of the last three 5-minute periods. Failed deployments may not be diagnosed.",
    do="read the log group /amplify-medic/remediator. If AWS denied a call, the log names the missing permission.",
)
WATCHER_FAILING = AlarmText(
    section="the-watcher-fails",
    means="The watcher failed in two of the last three 5-minute periods. Deadlines, undelivered alerts and SSR logs"
    " wait.",
    do="read the log group /amplify-medic/watcher.",
)
SLACK_FAILING = AlarmText(
    section="the-slack-function-fails",
    means="The function behind the Slack buttons failed in two of the last three 5-minute periods.",
    do="read the log group /amplify-medic/slack_interactivity. Meanwhile, approve changes with `medic approve`.",
)
SILENT_WATCHER = AlarmText(
    section="the-watcher-is-silent",
    means="The watcher has not run for 15 minutes. Deadlines, undelivered alerts and SSR logs wait.",
    do="check whether someone disabled its schedule, and enable it again. Otherwise check whether Lambda throttles it.",
)
THROTTLED = AlarmText(
    section="throttled",
    means="Lambda throttled the function, because the account has no concurrency left in this region.",
    do="find what uses the concurrency, or request a higher quota. Lambda retries an event for an hour, then moves it"
    " to the dead-letter queue.",
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
RECORD_UNREADABLE = AlarmText(
    section="an-item-cant-be-read",
    means="The bot skipped an item of the incidents table, or a part of it: a newer release wrote it, or it is"
    " damaged.",
    do="find its key in the log line RecordUnreadable. Deploy the newer release again, or delete a damaged item.",
)

ALARM_TEXTS = (
    *(UNDELIVERED_EVENTS, FAILED_RUNS, REMEDIATOR_FAILING, WATCHER_FAILING, SLACK_FAILING),
    *(SILENT_WATCHER, THROTTLED, SLOW, ALERT_FAILED, STORM, NOT_HELPED, RECORD_UNREADABLE),
)


class Monitoring(Construct):
    """Alarms to the alert topic and a dashboard, built with AWS Labs' monitoring constructs.

    No composite alarms: each alarm means one thing to do. The dashboard's name contains the region, because dashboards
    are global to an account and the stack is not.
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
        undelivered: sqs.IQueue,
        failed_runs: Mapping[str, sqs.IQueue],
    ) -> None:
        super().__init__(scope, construct_id)
        self._facade = self._create_facade(topic)
        self._monitor_diagnoses()
        self._monitor_changes()
        self._monitor_alerts()
        self._monitor_functions(remediator, watcher, slack)
        self._monitor_queue("Undelivered", undelivered, UNDELIVERED_EVENTS)
        for name, queue in failed_runs.items():
            self._monitor_queue(f"{name}FailedRuns", queue, FAILED_RUNS)

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
        threshold = CustomThreshold(
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description_override=text.description,
        )
        return CustomMetricWithAlarm(
            alarm_friendly_name=name, metric=_count(event, service), add_alarm={event.value: threshold}
        )

    def _monitor_functions(
        self, remediator: lambda_.Function, watcher: lambda_.Function, slack: lambda_.Function | None
    ) -> None:
        self._monitor_function("Remediator", remediator, REMEDIATOR_FAILING)
        silent = MinUsageCountThreshold(
            min_count=1,
            period=_PERIOD,
            datapoints_to_alarm=3,
            evaluation_periods=3,
            # Without a run, CloudWatch has no data point.
            treat_missing_data_override=cloudwatch.TreatMissingData.BREACHING,
            alarm_description_override=SILENT_WATCHER.description,
        )
        self._monitor_function("Watcher", watcher, WATCHER_FAILING, {"Silent": silent})
        if slack is not None:
            self._monitor_function("Slack", slack, SLACK_FAILING)

    def _monitor_function(
        self,
        name: str,
        function: lambda_.Function,
        failing: AlarmText,
        silent: Mapping[str, MinUsageCountThreshold] | None = None,
    ) -> None:
        """The alarm on errors needs two within 15 minutes, because Lambda or the watcher retries a single one."""
        timeout = function.timeout or TIMEOUT
        self._facade.monitor_lambda_function(
            lambda_function=function,
            alarm_friendly_name=name,
            human_readable_name=name,
            latency_types_to_render=[LatencyType.P50, LatencyType.MAX],
            add_fault_count_alarm={
                "Failing": ErrorCountThreshold(
                    max_error_count=0,
                    datapoints_to_alarm=2,
                    evaluation_periods=3,
                    alarm_description_override=failing.description,
                )
            },
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
            add_min_invocations_count_alarm=silent,
        )

    def _monitor_queue(self, name: str, queue: sqs.IQueue, text: AlarmText) -> None:
        self._facade.monitor_sqs_queue(
            queue=queue,
            alarm_friendly_name=name,
            human_readable_name=name,
            add_queue_max_size_alarm={
                "NotEmpty": MaxMessageCountThreshold(
                    max_message_count=0,
                    # SQS sends no metrics for a queue that has been empty and idle for hours.
                    treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
                    alarm_description_override=text.description,
                )
            },
        )


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
