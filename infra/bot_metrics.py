"""The metrics that the bot itself writes, as the dashboard and the alarms read them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from cdk_monitoring_constructs import CustomMetricGroup

from infra.medic_function import METRICS_NAMESPACE
from medic.telemetry import EVENT_TO_ALERT, Fact

PERIOD = Duration.minutes(5)


def count(fact: Fact) -> cloudwatch.Metric:
    """How often the remediator recorded a fact."""
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=fact.value,
        dimensions_map={"service": "remediator"},
        statistic="Sum",
        period=PERIOD,
        label=fact.value,
    )


def by(title: str, fact: Fact, dimension: str) -> CustomMetricGroup:
    """One line a value. Plain CDK: the library's own search asks for a value of every dimension it names."""
    schema = f'{{"{METRICS_NAMESPACE}","{dimension}","service"}} MetricName="{fact.value}" "service"="remediator"'
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
