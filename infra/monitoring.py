"""Alarms that say what to do, and one dashboard: what the bot did, for whom it failed, and whether it is well."""

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

from infra.function import METRICS_NAMESPACE, TIME_OUT
from medic.telemetry import EVENT_TO_ALERT, TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs


@dataclass(frozen=True, slots=True)
class AlarmText:
    """One alarm's words."""

    section: str
    """The anchor of its section in docs/runbook.md."""
    means: str
    do: str

    @property
    def description(self) -> str:
        """The alarm's description: at most 1,024 characters, which is what CloudWatch takes."""
        return f"{self.means} What to do: {self.do} Runbook: docs/runbook.md#{self.section}"


UNDELIVERED_EVENTS = AlarmText(
    section="undelivered-events",
    means="EventBridge could not hand an Amplify event to the remediator for an hour; it is kept for 14 days.",
    do="see whether the function exists and whether Lambda throttles it, then replay the queue.",
)
FAILED_RUNS = AlarmText(
    section="failed-runs",
    means="A run failed three times on the same event; the event is kept for 14 days.",
    do="read the error in the message and in the function's log, mend it, then replay the queue.",
)
REMEDIATOR_FAILING = AlarmText(
    section="the-remediator-fails",
    means="The remediator raised in two of the last three five-minute spans: failures go undiagnosed for now.",
    do="read its log group /amplify-medic/remediator; a denied call names the right that is missing.",
)
WATCHER_FAILING = AlarmText(
    section="the-watcher-fails",
    means="The watcher raised in two of the last three five-minute spans: nothing overdue is taken up for now.",
    do="read its log group /amplify-medic/watcher.",
)
SLACK_FAILING = AlarmText(
    section="the-slack-function-fails",
    means="The function behind Slack's buttons raised in two of the last three five-minute spans.",
    do="read its log group /amplify-medic/slack_interactivity; meanwhile approve with medic approve.",
)
SILENT_WATCHER = AlarmText(
    section="the-watcher-is-silent",
    means="The watcher has not run for a quarter of an hour: what got lost stays lost.",
    do="see whether somebody disabled its schedule, and enable it again.",
)
THROTTLED = AlarmText(
    section="throttled",
    means="Lambda throttled the function: the account has no concurrency left in this region.",
    do="find what uses it up, or ask for a higher quota. Events are tried again for an hour, then kept.",
)
SLOW = AlarmText(
    section="near-the-time-out",
    means="A run took more than 80 % of the function's time-out.",
    do="see in the log what it waited for: a huge build log, a slow Slack, or a role that is still propagating.",
)
ALERT_FAILED = AlarmText(
    section="a-channel-fails",
    means="A channel did not take an alert: somebody may not have been told.",
    do="find out why in the log line AlertFailed (a revoked webhook, a deleted channel); it is sent again meanwhile.",
)
STORM = AlarmText(
    section="a-storm",
    means="Many incidents opened at once: the bot changes nothing until it is over.",
    do="look for what the apps that the storm alert lists have in common, such as a role or a policy that was changed.",
)
NOT_HELPED = AlarmText(
    section="a-fix-did-not-help",
    means="The bot changed a role and the deployment or runtime still fails the same way.",
    do="read the incident's alert, undo the change if it is unwanted, and mend the cause it names next.",
)

ALARM_TEXTS = (
    *(UNDELIVERED_EVENTS, FAILED_RUNS, REMEDIATOR_FAILING, WATCHER_FAILING, SLACK_FAILING),
    *(SILENT_WATCHER, THROTTLED, SLOW, ALERT_FAILED, STORM, NOT_HELPED),
)
"""All of them."""

PERIOD = Duration.minutes(5)


def count(event: TelemetryEvent) -> cloudwatch.Metric:
    """How often the remediator recorded a fact."""
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=event.value,
        dimensions_map={"service": "remediator"},
        statistic="Sum",
        period=PERIOD,
        label=event.value,
    )


def by(title: str, event: TelemetryEvent, dimension: str) -> CustomMetricGroup:
    """One line a value. Plain CDK: the library's own search asks for a value of every dimension it names."""
    schema = f'{{"{METRICS_NAMESPACE}","{dimension}","service"}} MetricName="{event.value}" "service"="remediator"'
    search = cloudwatch.MathExpression(
        expression=f"SEARCH('{schema}', 'Sum', {PERIOD.to_seconds()})",
        using_metrics={},
        label=" ",  # CloudWatch then names each line by what tells it from the others
        period=PERIOD,
    )
    return CustomMetricGroup(title=title, metrics=[search])


def waiting() -> Sequence[cloudwatch.Metric]:
    """How long people waited for an alert."""
    return [
        cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=EVENT_TO_ALERT,
            dimensions_map={"service": "remediator"},
            statistic=statistic,
            period=PERIOD,
            label=f"{statistic}, ms",
        )
        for statistic in ("p50", "p90", "Maximum")
    ]


NAME = "AmplifyMedic"
_NEARLY = 0.8
"""Of the time-out: a run that takes longer is about to be cut off."""


@dataclass(frozen=True, slots=True)
class MonitoringProps:
    """What is watched, and who is told."""

    topic: sns.ITopic
    remediator: lambda_.Function
    watcher: lambda_.Function
    slack: lambda_.Function | None
    """The function behind Slack's buttons, where there are any."""
    undelivered: sqs.IQueue
    failed_runs: Mapping[str, sqs.IQueue]
    """The functions' queues of failed runs, by the function's name."""


class Monitoring(Construct):
    """Alarms to the alert topic and a dashboard, made with AWS Labs' monitoring constructs.

    No composite alarms: each alarm stands for one thing to do. The dashboard's name bears the region, for dashboards
    are global to an account and the stack is not.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
    """

    def __init__(self, scope: Construct, construct_id: str, props: MonitoringProps) -> None:
        super().__init__(scope, construct_id)
        self._facade = self._make_facade(props.topic)
        self._what_was_found()
        self._what_was_done()
        self._telling()
        self._functions(props)
        self._queue("Undelivered", props.undelivered, UNDELIVERED_EVENTS)
        for name, queue in props.failed_runs.items():
            self._queue(f"{name}FailedRuns", queue, FAILED_RUNS)

    def _make_facade(self, topic: sns.ITopic) -> MonitoringFacade:
        return MonitoringFacade(
            self,
            "Facade",
            alarm_factory_defaults=AlarmFactoryDefaults(
                alarm_name_prefix=NAME,
                actions_enabled=True,
                action=SnsAlarmActionStrategy(on_alarm_topic=topic),
                datapoints_to_alarm=1,
            ),
            metric_factory_defaults=MetricFactoryDefaults(namespace=METRICS_NAMESPACE, period=PERIOD),
            dashboard_factory=DefaultDashboardFactory(
                self,
                "Dashboards",
                dashboard_name_prefix=f"{NAME}-{Aws.REGION}",
                create_dashboard=True,
                create_summary_dashboard=False,
                create_alarm_dashboard=False,
            ),
        )

    def _what_was_found(self) -> None:
        """Failures by label and by cause: SEARCH finds those that there are, so a quiet account shows nothing."""
        self._facade.monitor_custom(
            alarm_friendly_name="Found",
            human_readable_name="What was found",
            metric_groups=[
                by("Failed deployments by label", TelemetryEvent.DIAGNOSED, "label"),
                by("Failed deployments by likeliest cause", TelemetryEvent.DIAGNOSED, "cause"),
                CustomMetricGroup(
                    title="Looked at", metrics=[count(TelemetryEvent.DIAGNOSED), count(TelemetryEvent.NOT_IAM)]
                ),
            ],
        )

    def _what_was_done(self) -> None:
        self._facade.monitor_custom(
            alarm_friendly_name="Done",
            human_readable_name="What was done",
            metric_groups=[
                CustomMetricGroup(
                    title="Fixes and what became of them",
                    metrics=[
                        count(TelemetryEvent.APPLIED),
                        count(TelemetryEvent.RESOLVED),
                        self._alarmed("Fix", TelemetryEvent.NOT_HELPED, NOT_HELPED),
                        count(TelemetryEvent.OUTCOME_UNKNOWN),
                    ],
                ),
                by("Refused, by guardrail", TelemetryEvent.REFUSED, "rule"),
                CustomMetricGroup(title="Storms", metrics=[self._alarmed("Incidents", TelemetryEvent.STORM, STORM)]),
            ],
        )

    def _telling(self) -> None:
        self._facade.monitor_custom(
            alarm_friendly_name="Alerts",
            human_readable_name="Telling people",
            metric_groups=[
                CustomMetricGroup(title="From event to alert", metrics=waiting()),
                CustomMetricGroup(
                    title="Alerts sent, and not taken by a channel",
                    metrics=[
                        count(TelemetryEvent.ALERT_SENT),
                        self._alarmed("Channel", TelemetryEvent.ALERT_FAILED, ALERT_FAILED),
                    ],
                ),
            ],
        )

    def _alarmed(self, name: str, event: TelemetryEvent, text: AlarmText) -> CustomMetricWithAlarm:
        once = CustomThreshold(
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description_override=text.description,
        )
        return CustomMetricWithAlarm(alarm_friendly_name=name, metric=count(event), add_alarm={event.value: once})

    def _functions(self, props: MonitoringProps) -> None:
        self._function("Remediator", props.remediator, REMEDIATOR_FAILING)
        silent = MinUsageCountThreshold(
            min_count=1,
            period=PERIOD,
            datapoints_to_alarm=3,
            evaluation_periods=3,
            # No run, no data point.
            treat_missing_data_override=cloudwatch.TreatMissingData.BREACHING,
            alarm_description_override=SILENT_WATCHER.description,
        )
        self._function("Watcher", props.watcher, WATCHER_FAILING, {"Silent": silent})
        if props.slack is not None:
            self._function("Slack", props.slack, SLACK_FAILING)

    def _function(
        self,
        name: str,
        function: lambda_.Function,
        failing: AlarmText,
        too_quiet: Mapping[str, MinUsageCountThreshold] | None = None,
    ) -> None:
        """Errors twice within a quarter of an hour: one alone is Lambda's or the watcher's to try again."""
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
                    max_latency=_nearly(function),
                    treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
                    alarm_description_override=SLOW.description,
                )
            },
            add_min_invocations_count_alarm=too_quiet,
        )

    def _queue(self, name: str, queue: sqs.IQueue, text: AlarmText) -> None:
        self._facade.monitor_sqs_queue(
            queue=queue,
            alarm_friendly_name=name,
            human_readable_name=name,
            add_queue_max_size_alarm={
                "NotEmpty": MaxMessageCountThreshold(
                    max_message_count=0,
                    # SQS says nothing of a queue that has been empty and idle for hours.
                    treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
                    alarm_description_override=text.description,
                )
            },
        )


def _nearly(function: lambda_.Function) -> Duration:
    return Duration.seconds(_NEARLY * (function.timeout or TIME_OUT).to_seconds())
