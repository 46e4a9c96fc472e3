"""CloudWatch alarms whose text says what to do, and a dashboard if the settings ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.aws_cloudwatch_actions import SnsAction
from constructs import Construct

from infra.function import METRICS_NAMESPACE, TIMEOUT
from medic.telemetry import ATTENTION, ATTENTION_SERVICE, EVENT_TO_ALERT, TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs

_NAME = "AmplifyMedic"
_PERIOD = Duration.minutes(5)
_SLOW_SHARE = 0.8
"""A run that takes more than this share of its time-out raises an alarm, before Lambda cuts off a run."""
_LONGEST_WAIT = Duration.minutes(15)
_LOGS = "the log groups /amplify-medic/remediator and /amplify-medic/watcher"


@dataclass(frozen=True, slots=True)
class AlarmText:
    name: str
    section: str
    """The anchor of the alarm's section in docs/runbook.md."""
    means: str
    do: str

    @property
    def description(self) -> str:
        """The alarm's description. CloudWatch accepts at most 1,024 characters."""
        return f"{self.means} What to do: {self.do} Runbook: docs/runbook.md#{self.section}"


DEAD_LETTERS = AlarmText(
    name="DeadLetters",
    section="dead-letters",
    means="A message failed every time for hours, or EventBridge could not put an event into the queue. The dead-letter"
    " queue keeps it for 14 days.",
    do="search the log group /amplify-medic/remediator for the app and job in the message, fix the cause, then run"
    " `medic replay-dlq`.",
)
MESSAGES_WAIT = AlarmText(
    name="MessagesWait",
    section="messages-wait",
    means="No one has taken the oldest message from the queue for 15 minutes. Nothing is lost: it keeps messages for 14"
    " days.",
    do="if the bot is paused, run `medic resume`. Otherwise check whether Lambda throttles the remediator.",
)
SILENT_WATCHER = AlarmText(
    name="WatcherSilent",
    section="the-watcher-is-silent",
    means="The watcher has not finished a run for 15 minutes. Deadlines, undelivered alerts and SSR logs wait.",
    do="read the log group /amplify-medic/watcher. If it has no new lines, check whether someone disabled the schedule,"
    " or whether Lambda throttles the function.",
)
ALERT_FAILED = AlarmText(
    name="AlertFailed",
    section="a-channel-fails",
    means="A channel did not accept an alert, so some people may not know about the incident.",
    do="find the reason in the log line AlertFailed (such as a revoked webhook or a deleted channel) and fix it. The"
    " bot retries the alert.",
)
FUNCTIONS = AlarmText(
    name="Functions",
    section="a-function-is-in-trouble",
    means="Lambda throttled a function, or a run took more than 80 % of its time-out, or the function behind the Slack"
    " buttons failed.",
    do="look at the alarm's graph, which shows the function and what happened. If it was throttled, find what uses the"
    " account's concurrency. Otherwise read the function's log group below /amplify-medic/.",
)
NEEDS_ATTENTION = AlarmText(
    name="NeedsAttention",
    section="something-needs-attention",
    means="An unexpected error, a message that is retried for half an hour, an untrusted request, a malformed message,"
    " an item of the table, an SSR log or an app's jobs that can't be read, a storm, a fix that did not help, or a"
    " failure that could not be diagnosed.",
    do=f"search {_LOGS} for MessageFault, MessageRetried, RequestUntrusted, EventMalformed, RecordUnreadable,"
    " RuntimeUnread, JobsUnread, Storm, NotHelped and Undiagnosed. The runbook says what to do about each.",
)
NOT_FORWARDED = AlarmText(
    name="NotForwarded",
    section="events-are-not-forwarded",
    means="EventBridge could not put the bot's own events on the central event bus, and dropped them. Alerts still"
    " arrive.",
    do="check that the bus of the setting `central_bus` exists, and that its policy accepts this account.",
)

ALARM_TEXTS = (DEAD_LETTERS, MESSAGES_WAIT, SILENT_WATCHER, ALERT_FAILED, FUNCTIONS, NEEDS_ATTENTION, NOT_FORWARDED)


class Alarms(Construct):
    """Alarms to the alert topic.

    CloudWatch charges for each metric of an alarm. So the bot counts what needs attention in one metric. A failed alert
    has its own alarm: an alarm tells of no second event while it lasts, and an alert that fails is told nowhere else.
    A message that fails is retried without failing the run, so Lambda counts no error of the remediator.
    """

    def __init__(  # noqa: PLR0913
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        functions: Sequence[lambda_.Function],
        slack: lambda_.Function | None,
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
        forwarding_rule: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._action = SnsAction(topic)
        # SQS leaves a message out of its metric of the age once it was received three times.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        age = queue.metric_approximate_age_of_oldest_message(period=_PERIOD, statistic="Maximum")
        dead = dead_letters.metric_approximate_number_of_messages_visible(period=_PERIOD, statistic="Maximum")
        self._above(DEAD_LETTERS, dead)
        self._above(MESSAGES_WAIT, age, _LONGEST_WAIT.to_seconds())
        self._above(ALERT_FAILED, _count(TelemetryEvent.ALERT_FAILED))
        self._above(NEEDS_ATTENTION, _metric(ATTENTION, "Sum", ATTENTION_SERVICE))
        self._above(FUNCTIONS, _trouble(functions, slack))
        if forwarding_rule is not None:
            self._above(NOT_FORWARDED, _dropped(forwarding_rule))
        self._alarm(
            SILENT_WATCHER,
            _count(TelemetryEvent.WATCHER_RAN, "watcher"),
            threshold=1,
            operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            periods=3,
            # Without a run, CloudWatch has no data point.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def _above(self, text: AlarmText, metric: cloudwatch.IMetric, threshold: float = 0) -> None:
        """An alarm on the first value above the threshold. A quiet queue, and a quiet bot, have no data points."""
        self._alarm(
            text,
            metric,
            threshold=threshold,
            operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            periods=1,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _alarm(  # noqa: PLR0913
        self,
        text: AlarmText,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        operator: cloudwatch.ComparisonOperator,
        periods: int,
        missing: cloudwatch.TreatMissingData,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            text.name,
            alarm_name=f"{_NAME}-{text.name}",
            alarm_description=text.description,
            metric=metric,
            threshold=threshold,
            comparison_operator=operator,
            evaluation_periods=periods,
            datapoints_to_alarm=periods,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self._action)


def _trouble(functions: Sequence[lambda_.Function], slack: lambda_.Function | None) -> cloudwatch.MathExpression:
    """Above 0 if a function was throttled or slow, or if the Slack function failed.

    A throttled function has no duration. So each metric is filled with 0, and one that is missing hides no other.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    terms: list[str] = []
    metrics: dict[str, cloudwatch.IMetric] = {}

    def add(metric: cloudwatch.Metric, term: str) -> None:
        name = f"m{len(metrics)}"
        metrics[name] = metric
        terms.append(term.format(f"FILL({name},0)"))

    for function in (*functions, *([slack] if slack else [])):
        limit = 1000 * _SLOW_SHARE * (function.timeout or TIMEOUT).to_seconds()
        add(function.metric_throttles(period=_PERIOD), "{}")
        add(function.metric_duration(period=_PERIOD, statistic="Maximum"), f"IF({{}} > {limit:.0f}, 1, 0)")
    if slack is not None:
        add(slack.metric_errors(period=_PERIOD), "{}")
    return cloudwatch.MathExpression(
        expression=f"MAX([{', '.join(terms)}])", using_metrics=metrics, label="trouble", period=_PERIOD
    )


def _dropped(rule_name: str) -> cloudwatch.Metric:
    """Events that EventBridge gave up on. Retries do not count.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    """
    return cloudwatch.Metric(
        namespace="AWS/Events",
        metric_name="FailedInvocations",
        dimensions_map={"RuleName": rule_name},
        statistic="Sum",
        period=_PERIOD,
    )


class Dashboard(Construct):
    """The bot's results and health.

    Its name contains the region, because dashboards are global to an account and the stack is not.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Sequence[lambda_.Function],
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=f"{_NAME}-{Aws.REGION}")
        dashboard.add_widgets(
            _graph("Failed deployments by label", [_split(TelemetryEvent.DIAGNOSED, "label")]),
            _graph("Failed deployments by most likely cause", [_split(TelemetryEvent.DIAGNOSED, "cause")]),
            _graph("Refused, by guardrail", [_split(TelemetryEvent.REFUSED, "rule")]),
            _counts("Examined", TelemetryEvent.DIAGNOSED, TelemetryEvent.NOT_IAM, TelemetryEvent.UNDIAGNOSED),
        )
        dashboard.add_widgets(
            _counts(
                "Fixes and their results",
                *(TelemetryEvent.APPLIED, TelemetryEvent.RESOLVED),
                *(TelemetryEvent.NOT_HELPED, TelemetryEvent.OUTCOME_UNKNOWN),
            ),
            _counts("Alerts sent, and failed deliveries", TelemetryEvent.ALERT_SENT, TelemetryEvent.ALERT_FAILED),
            _graph("Time from event to alert, ms", [_metric(EVENT_TO_ALERT, each) for each in ("p50", "p90", "max")]),
            _graph("Needs attention", [_metric(ATTENTION, "Sum", ATTENTION_SERVICE)]),
        )
        oldest = queue.metric_approximate_age_of_oldest_message(period=_PERIOD, statistic="Maximum")
        dashboard.add_widgets(
            _graph("Age of the oldest message, s", [oldest]),
            _counts("Messages retried", TelemetryEvent.MESSAGE_RETRIED),
            _graph("Dead letters", [dead_letters.metric_approximate_number_of_messages_visible(period=_PERIOD)]),
            _graph("Watcher's finished runs", [_count(TelemetryEvent.WATCHER_RAN, "watcher")]),
        )
        dashboard.add_widgets(
            _graph("Runs", [function.metric_invocations(period=_PERIOD) for function in functions]),
            _graph(
                "Duration", [function.metric_duration(period=_PERIOD, statistic="Maximum") for function in functions]
            ),
            _graph("Errors", [function.metric_errors(period=_PERIOD) for function in functions]),
            _graph("Throttles", [function.metric_throttles(period=_PERIOD) for function in functions]),
        )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics))


def _counts(title: str, *events: TelemetryEvent) -> cloudwatch.GraphWidget:
    return _graph(title, [_count(event) for event in events])


def _count(event: TelemetryEvent, service: str = "remediator") -> cloudwatch.Metric:
    """How often a function recorded the event."""
    return _metric(event.value, "Sum", service)


def _metric(name: str, statistic: str, service: str = "remediator") -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map={"service": service},
        statistic=statistic,
        period=_PERIOD,
    )


def _split(event: TelemetryEvent, dimension: str) -> cloudwatch.MathExpression:
    """One line for each value of the dimension. SEARCH finds only metrics that exist, so a quiet account has none."""
    schema = f'{{"{METRICS_NAMESPACE}","{dimension}","service"}} MetricName="{event.value}" "service"="remediator"'
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{schema}', 'Sum', {_PERIOD.to_seconds()})",
        using_metrics={},
        label=" ",  # CloudWatch then labels each line with what distinguishes it from the others
        period=_PERIOD,
    )
