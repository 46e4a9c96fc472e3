"""The cost per month, from measured times and the template. Prices are assumptions with source and date."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.measurement import Measured
from infra.function import MEMORY_MEBIBYTES
from infra.remediator import MEMORY_MEBIBYTES as REMEDIATOR_MEBIBYTES
from infra.synthesis import synthesise
from infra.watcher import INTERVAL

if TYPE_CHECKING:
    from benchmarks.runs import Timed

COST = "A month's cost"
SUCCEEDED, NOT_IAM, FAILED_FOR_IAM = 1000, 100, 20
"""Deployments per month of a team with about ten apps: an assumption."""
_METRICS = 25
"""Custom metrics written in the same month; each label, cause and rule is one."""
_DAYS = 30
_VCPU_MEBIBYTES = 1769
"""With so much memory a function gets a whole processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
_INIT_SECONDS = 0.45
"""The billed init of a Python function with boto3 on arm64:
https://github.com/cebert/aws-lambda-performance-benchmarks/blob/main/published-results/december-2025/tables/light/cold.md"""
_NETWORK_SECONDS = 1.0
"""Waiting for AWS's answers per run: an assumption."""
_POLLS_A_MINUTE = 15
"""Five readers that wait 20 s each, which Lambda keeps on a quiet queue:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""


# US dollars in us-east-1, as published in November 2026, without free tiers:
# https://aws.amazon.com/lambda/pricing/ https://aws.amazon.com/cloudwatch/pricing/
# https://aws.amazon.com/dynamodb/pricing/on-demand/ https://aws.amazon.com/secrets-manager/pricing/
# https://aws.amazon.com/sqs/pricing/
_GIGABYTE_SECOND_PRICE = 0.0000133334
_REQUEST_PRICE = 0.0000002
_ALARM_PRICE = 0.10
_METRIC_PRICE = 0.30
_DASHBOARD_PRICE = 3.00
_SECRET_PRICE = 0.40
_SQS_PRICE = 0.0000004


def cost(timed: list[Timed]) -> list[Measured]:
    """One line: dollars per month, with a breakdown."""
    processor = {one.name: statistics.median(one.first) for one in timed}
    seconds = {name: _billed(needed, REMEDIATOR_MEBIBYTES) for name, needed in processor.items()}
    watcher_runs = _DAYS * 24 * 60 / INTERVAL.to_minutes()
    runs = SUCCEEDED + NOT_IAM + FAILED_FOR_IAM + watcher_runs
    remediator = (SUCCEEDED + NOT_IAM) * seconds["not-iam"] + FAILED_FOR_IAM / 2 * (
        seconds["diagnosis"] + seconds["fix"]
    )
    watcher = watcher_runs * _billed(processor["not-iam"], MEMORY_MEBIBYTES)
    gigabyte_seconds = (remediator * REMEDIATOR_MEBIBYTES + watcher * MEMORY_MEBIBYTES) / 1024
    functions = runs * _REQUEST_PRICE + gigabyte_seconds * _GIGABYTE_SECOND_PRICE
    alarms = _count("AWS::CloudWatch::Alarm")
    monitoring = alarms * _ALARM_PRICE + _DASHBOARD_PRICE
    metrics = _METRICS * _METRIC_PRICE
    queue = _DAYS * 24 * 60 * _POLLS_A_MINUTE * _SQS_PRICE
    total = functions + monitoring + metrics + queue + _SECRET_PRICE
    note = (
        f"functions {functions:.2f}, {alarms} alarms and the dashboard {monitoring:.2f}, about {_METRICS} custom"
        f" metrics {metrics:.2f}, reading the queue {queue:.2f}, the webhook's secret {_SECRET_PRICE:.2f}; DynamoDB,"
        " SNS and EventBridge cents"
    )
    return [Measured(COST, "", f"{total:.2f} US dollars", None, note)]


def paragraph(one: Measured) -> str:
    """The cost with its assumptions, as a Markdown paragraph."""
    return (
        f"{one.seen} a month for {SUCCEEDED} deployments that succeed, {NOT_IAM} that fail for other reasons and"
        f" {FAILED_FOR_IAM} that fail because of IAM: {one.note}. Run times are measured, each as a cold run on the"
        f" share of a processor that its memory gets, {REMEDIATOR_MEBIBYTES} or {MEMORY_MEBIBYTES} MB."
        f" Assumed are {_INIT_SECONDS} s of init,"
        f" {_NETWORK_SECONDS} s of waiting for AWS, and prices (us-east-1, November 2026,"
        f" without free tiers): [Lambda](https://aws.amazon.com/lambda/pricing/)"
        f" {_GIGABYTE_SECOND_PRICE * 1e6:.2f} dollars per"
        f" million GB-seconds on arm64, [CloudWatch](https://aws.amazon.com/cloudwatch/pricing/) {_ALARM_PRICE:.2f} per"
        f" alarm, {_DASHBOARD_PRICE:.2f} per dashboard (three per account are free) and {_METRIC_PRICE:.2f} per custom"
        f" metric, [Secrets Manager](https://aws.amazon.com/secrets-manager/pricing/) {_SECRET_PRICE:.2f} per secret."
        " CloudWatch charges a metric only for the hours in which it is written. With `alarms: false` there are no"
        " alarms and no dashboard."
    )


def _billed(processor_seconds: float, memory: int) -> float:
    """The seconds that Lambda would bill for a run, which takes longer on a share of a processor."""
    return _INIT_SECONDS + processor_seconds * max(1.0, _VCPU_MEBIBYTES / memory) + _NETWORK_SECONDS


def _count(kind: str) -> int:
    template = synthesise({"sns": {"emails": ["team@example.com"]}}).template
    return sum(resource["Type"] == kind for resource in template["Resources"].values())
