"""The cost per month, from measured times and the template. Prices are assumptions with source and date."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.measurement import Measured
from benchmarks.watching import watched
from infra.synthesis import synthesise
from infra.watcher import INTERVAL
from medic.watch.rounds import JOB_MINUTES

if TYPE_CHECKING:
    from benchmarks.runs import Timed
    from benchmarks.watching import Watched
    from infra.iam import Template

COST = "A month's cost, one account"
MOST = 2.00
"""US dollars. The budget for one account, without free tiers."""
ACCOUNTS = 20
APPS = 10
SUCCEEDED, NOT_IAM, FAILED_FOR_IAM = 1000, 100, 20
"""Deployments per month of a team with ten SSR apps: an assumption."""
_HOURS = 720
_MINUTES = 60 * _HOURS
_VCPU_MEBIBYTES = 1769
"""With so much memory a function gets a whole processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
_INIT_SECONDS = 0.45
"""The billed init of a Python function with boto3 on arm64:
https://github.com/cebert/aws-lambda-performance-benchmarks/blob/main/published-results/december-2025/tables/light/cold.md"""
_NETWORK_SECONDS = 1.0
"""Waiting for AWS's answers in a run of the remediator: an assumption."""
_WATCHER_NETWORK_SECONDS = 0.1
"""Waiting for AWS's answers in a run of the watcher, besides those of the logs: an assumption."""
_POLLS_A_MINUTE = 15
"""Five readers that wait 20 s each, which Lambda keeps on a quiet queue:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
_METRICS_OF_FAILURE = 7
"""Custom metrics that a failure with an alert writes: diagnosed, by label, by cause, alert, its time, and two of its
outcome. Each is charged for an hour."""
_LOG_BYTES_A_RUN = 1500
"""Our log lines and metrics, and Lambda's START, END and REPORT."""

# US dollars in us-east-1, as published in November 2026, without free tiers:
# https://aws.amazon.com/lambda/pricing/ https://aws.amazon.com/cloudwatch/pricing/
# https://aws.amazon.com/dynamodb/pricing/on-demand/ https://aws.amazon.com/secrets-manager/pricing/
# https://aws.amazon.com/sqs/pricing/ https://aws.amazon.com/systems-manager/pricing/
_GIGABYTE_SECOND_PRICE = 0.0000133334
_REQUEST_PRICE = 0.0000002
_ALARM_METRIC_PRICE = 0.10
_METRIC_PRICE = 0.30
_DASHBOARD_PRICE = 3.00
_SECRET_PRICE = 0.40
_SQS_PRICE = 0.0000004
_LOG_BYTE_PRICE = 0.50 / 1024**3
_READ_PRICE, _WRITE_PRICE = 0.000000125, 0.000000625
"""DynamoDB on demand, per 4 KB read consistently and per 1 KB written."""


def cost(timed: list[Timed]) -> list[Measured]:
    """Dollars per month for one account, with a breakdown, and for many accounts with the same load in all."""
    template = synthesise({"sns": {"emails": ["team@example.com"]}}).template
    first = {one.name: statistics.median(one.first) for one in timed}
    warm = {one.name: statistics.median(one.warm) for one in timed}
    fixed = _fixed(template, warm["not-iam"], watched(APPS))
    load = _load(template, first)
    total = sum(fixed.values()) + sum(load.values())
    note = ", ".join(
        f"{name} {dollars:.2f}" for name, dollars in sorted((fixed | load).items(), key=lambda one: -one[1])
    )
    many = ACCOUNTS * sum(fixed.values()) + sum(load.values())
    return [
        Measured(COST, f"≤ {MOST:.2f} US dollars", f"{total:.2f} US dollars", round(total, 2) <= MOST, note),
        Measured(
            f"A month's cost, {ACCOUNTS} accounts",
            "",
            f"{many:.2f} US dollars",
            None,
            f"{sum(fixed.values()):.2f} an account, used or not, and {sum(load.values()):.2f} for the same deployments",
        ),
    ]


def _fixed(template: Template, warm: float, watch: Watched) -> dict[str, float]:
    """What an account costs whether it deploys or not: the watcher, reading the queue, and the alarms."""
    runs = _MINUTES / INTERVAL.to_minutes()
    memory = _memory(template, "watcher")
    seconds = warm * _slowness(memory) + _WATCHER_NETWORK_SECONDS + statistics.fmean(watch.seconds)
    due = statistics.fmean(watch.cursors)
    jobs = watch.apps * _MINUTES / JOB_MINUTES
    # Each run queries what is due (half a unit), and reads how far the last run came and what is muted.
    reads, writes = runs * (2.5 + due) + jobs, runs * (1 + due) + jobs
    return {
        f"{_alarm_metrics(template)} metrics with an alarm": _alarm_metrics(template) * _ALARM_METRIC_PRICE,
        "the watcher's metric": _METRIC_PRICE,
        "reading the queue": _MINUTES * _POLLS_A_MINUTE * _SQS_PRICE,
        "the watcher": runs * (_REQUEST_PRICE + seconds * memory / 1024 * _GIGABYTE_SECOND_PRICE),
        "its table": reads * _READ_PRICE + writes * _WRITE_PRICE,
        "its log": runs * _LOG_BYTES_A_RUN * _LOG_BYTE_PRICE,
    }


def _load(template: Template, first: dict[str, float]) -> dict[str, float]:
    """What the deployments cost. Each run of the remediator counts as a cold one."""
    memory = _memory(template, "remediator")
    diagnosed = FAILED_FOR_IAM / 2 * (first["diagnosis"] + first["fix"])
    runs = SUCCEEDED + NOT_IAM + FAILED_FOR_IAM
    processor = (SUCCEEDED + NOT_IAM) * first["not-iam"] + diagnosed
    seconds = processor * _slowness(memory) + runs * (_INIT_SECONDS + _NETWORK_SECONDS)
    hours = NOT_IAM + FAILED_FOR_IAM * _METRICS_OF_FAILURE
    return {
        "the remediator": runs * _REQUEST_PRICE + seconds * memory / 1024 * _GIGABYTE_SECOND_PRICE,
        "its metrics": hours / _HOURS * _METRIC_PRICE,
    }


def paragraph(one: Measured) -> str:
    """The cost with its assumptions, as a Markdown paragraph."""
    return (
        f"{one.seen} a month for {APPS} SSR apps with {SUCCEEDED} deployments that succeed, {NOT_IAM} that fail for"
        f" other reasons and {FAILED_FOR_IAM} that fail because of IAM: {one.note}. SNS, EventBridge and the table's"
        " storage are below a cent. Run times are measured, each of the remediator as a cold run, on the share of a"
        f" processor that the function's memory gets. Assumed are {_INIT_SECONDS} s of init, {_NETWORK_SECONDS} s of"
        f" waiting for AWS, and prices (us-east-1, November 2026, without free tiers):"
        f" [Lambda](https://aws.amazon.com/lambda/pricing/) {_GIGABYTE_SECOND_PRICE * 1e6:.2f} dollars per"
        f" million GB-seconds on arm64, [CloudWatch](https://aws.amazon.com/cloudwatch/pricing/)"
        f" {_ALARM_METRIC_PRICE:.2f} per metric of an alarm and {_METRIC_PRICE:.2f} per custom metric, charged by the"
        f" hours in which it is written. A SecureString parameter for Slack is free, a secret in"
        f" [Secrets Manager](https://aws.amazon.com/secrets-manager/pricing/) costs {_SECRET_PRICE:.2f}. The setting"
        f" `dashboard` adds {_DASHBOARD_PRICE:.2f}, unless the account has fewer than three; `alarms: false` saves the"
        " alarms."
    )


def _slowness(memory: float) -> float:
    """How many times longer a run takes on the share of a processor that so much memory gets."""
    return max(1.0, _VCPU_MEBIBYTES / memory)


def _memory(template: Template, function: str) -> float:
    """MiB."""
    (memory,) = [
        resource["Properties"]["MemorySize"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function" and resource["Properties"]["Handler"].startswith(f"{function}.")
    ]
    return float(memory)


def _alarm_metrics(template: Template) -> int:
    """CloudWatch charges an alarm for each metric in it."""
    alarms = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    return sum(sum("MetricStat" in entry for entry in alarm.get("Metrics", [{"MetricStat": {}}])) for alarm in alarms)
