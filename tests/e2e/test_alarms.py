"""An alarm notifies the subscribers of its topic. The emulator evaluates a deployed alarm whenever a metric is put."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.monitoring import ALERT_FAILED, NEEDS_ATTENTION
from medic.telemetry import ATTENTION, ATTENTION_SERVICE

if TYPE_CHECKING:
    from demo.stage import Stage
    from infra.monitoring import AlarmText


@pytest.mark.parametrize(
    ("metric", "service", "text"),
    [("AlertFailed", "remediator", ALERT_FAILED), (ATTENTION, ATTENTION_SERVICE, NEEDS_ATTENTION)],
)
def test_an_alarm_reaches_the_topics_subscribers_with_instructions(
    stage: Stage, metric: str, service: str, text: AlarmText
) -> None:
    datum = {
        "MetricName": metric,
        "Dimensions": [{"Name": "service", "Value": service}],
        "Unit": "Count",
        "Value": 1,
    }
    stage.cloud.client("cloudwatch").put_metric_data(Namespace="AmplifyMedic", MetricData=[datum])

    notification: dict[str, Any] = json.loads(stage.email(f"AmplifyMedic-{text.name}", containing=text.section))
    assert notification["NewStateValue"] == "ALARM"
    assert notification["AlarmDescription"] == text.description
