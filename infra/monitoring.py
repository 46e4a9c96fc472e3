"""Alarms that say what to do, and one dashboard: what the bot did, for whom it failed, and whether it is well."""

from __future__ import annotations

from collections.abc import Mapping
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

from infra.alarm_texts import (
    ALERT_FAILED,
    FAILED_RUNS,
    NOT_HELPED,
    REMEDIATOR_FAILING,
    SILENT_WATCHER,
    SLACK_FAILING,
    SLOW,
    STORM,
    THROTTLED,
    UNDELIVERED_EVENTS,
    WATCHER_FAILING,
    AlarmText,
)
from infra.bot_metrics import PERIOD, by, count, waiting
from infra.medic_function import METRICS_NAMESPACE, TIME_OUT
from medic.telemetry import Fact

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs

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
                by("Failed deployments by label", Fact.DIAGNOSED, "label"),
                by("Failed deployments by likeliest cause", Fact.DIAGNOSED, "cause"),
                CustomMetricGroup(title="Looked at", metrics=[count(Fact.DIAGNOSED), count(Fact.NOT_IAM)]),
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
                        count(Fact.APPLIED),
                        count(Fact.RESOLVED),
                        self._alarmed("Fix", Fact.NOT_HELPED, NOT_HELPED),
                        count(Fact.OUTCOME_UNKNOWN),
                    ],
                ),
                by("Refused, by guardrail", Fact.REFUSED, "rule"),
                CustomMetricGroup(title="Storms", metrics=[self._alarmed("Incidents", Fact.STORM, STORM)]),
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
                    metrics=[count(Fact.ALERT_SENT), self._alarmed("Channel", Fact.ALERT_FAILED, ALERT_FAILED)],
                ),
            ],
        )

    def _alarmed(self, name: str, fact: Fact, text: AlarmText) -> CustomMetricWithAlarm:
        once = CustomThreshold(
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data_override=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description_override=text.description,
        )
        return CustomMetricWithAlarm(alarm_friendly_name=name, metric=count(fact), add_alarm={fact.value: once})

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
