"""What it costs a month, from measured times and the template. Prices are assumptions, with source and date."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measurement import Measured
from infra.function import MEMORY_MEBIBYTES
from infra.synthesis import synthesise
from infra.watcher import EVERY

if TYPE_CHECKING:
    from benchmarks.runs import Timed

COST = "A month's cost"
SUCCEEDED, NOT_IAM, FAILED_FOR_IAM = 1000, 100, 20
"""Deployments a month of a team with some ten apps: an assumption."""
_METRICS = 25
"""That are written in the same month; each label, cause and rule is one."""
_DAYS = 30
_VCPU_MEBIBYTES = 1769
"""A whole processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
_INIT_SECONDS = 0.45
"""A Python function's init with boto3 on arm64, billed:
https://github.com/cebert/aws-lambda-performance-benchmarks/blob/main/published-results/december-2025/tables/light/cold.md"""
_NETWORK_SECONDS = 1.0
"""Waiting for AWS's answers, a run: an assumption."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars, us-east-1, as published in November 2026; free tiers left out.

    https://aws.amazon.com/lambda/pricing/ https://aws.amazon.com/cloudwatch/pricing/
    https://aws.amazon.com/dynamodb/pricing/on-demand/ https://aws.amazon.com/secrets-manager/pricing/
    """

    gigabyte_second: float = 0.0000133334
    request: float = 0.0000002
    alarm: float = 0.10
    metric: float = 0.30
    dashboard: float = 3.00
    secret: float = 0.40


def cost(timed: list[Timed]) -> list[Measured]:
    """One line: a month's dollars, and what they are made of."""
    prices = Prices()
    seconds = {one.name: _billed(statistics.median(one.first)) for one in timed}
    watching = _DAYS * 24 * 60 / EVERY.to_minutes()
    runs = SUCCEEDED + NOT_IAM + FAILED_FOR_IAM + watching
    duration = (SUCCEEDED + watching + NOT_IAM) * seconds["not-iam"] + FAILED_FOR_IAM / 2 * (
        seconds["diagnosis"] + seconds["fix"]
    )
    functions = runs * prices.request + duration * MEMORY_MEBIBYTES / 1024 * prices.gigabyte_second
    alarms = _count("AWS::CloudWatch::Alarm")
    watched = alarms * prices.alarm + prices.dashboard
    metrics = _METRICS * prices.metric
    total = functions + watched + metrics + prices.secret
    note = (
        f"functions {functions:.2f}, {alarms} alarms and the dashboard {watched:.2f}, some {_METRICS} custom metrics"
        f" {metrics:.2f}, the webhook's secret {prices.secret:.2f}; DynamoDB, SQS, SNS and EventBridge cents"
    )
    return [Measured(COST, "", f"{total:.2f} US dollars", None, note)]


def paragraph(one: Measured) -> str:
    """The cost in words, with what it assumes."""
    prices = Prices()
    return " ".join(
        (
            f"{one.seen} a month for {SUCCEEDED} deployments that succeed, {NOT_IAM} that fail for other reasons and",
            f"{FAILED_FOR_IAM} that fail for IAM: {one.note}. The runs' times are the measured ones, each taken as a",
            f"cold one and stretched by the share of a processor that {MEMORY_MEBIBYTES} MB buy, with",
            f"{_INIT_SECONDS} s of init and {_NETWORK_SECONDS} s of waiting for AWS, which are assumptions. So are the",
            "prices (us-east-1, November 2026, free tiers left out): [Lambda](https://aws.amazon.com/lambda/pricing/)",
            f"{prices.gigabyte_second * 1e6:.2f} dollars a million GB-seconds on arm64,",
            f"[CloudWatch](https://aws.amazon.com/cloudwatch/pricing/) {prices.alarm:.2f} an alarm,",
            f"{prices.dashboard:.2f} a dashboard (three an account are free) and {prices.metric:.2f} a custom metric,",
            "charged by the hour in which it is written, so that a quiet bot pays a fraction;",
            f"[Secrets Manager](https://aws.amazon.com/secrets-manager/pricing/) {prices.secret:.2f} a secret.",
            "`alarms: false` leaves the alarms and the dashboard out.",
        )
    )


def _billed(processor_seconds: float) -> float:
    """What Lambda would bill a run: a share of a processor makes it take longer."""
    return _INIT_SECONDS + processor_seconds * max(1.0, _VCPU_MEBIBYTES / MEMORY_MEBIBYTES) + _NETWORK_SECONDS


def _count(kind: str) -> int:
    template = synthesise({"sns": {"emails": ["team@example.com"]}}).template
    return sum(resource["Type"] == kind for resource in template["Resources"].values())
