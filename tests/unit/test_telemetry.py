"""Metrics in the log, in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from medic.telemetry import DIMENSIONS, Telemetry, TelemetryEvent


@pytest.fixture(name="telemetry")
def _telemetry() -> Telemetry:
    return Telemetry(Logger(service="test"), Metrics(namespace="Test", service="remediator"))


def emitted(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, tuple[tuple[str, str], ...]], tuple[str, Any]]:
    """(metric, its dimensions) -> (unit, value)."""
    found = {}
    for blob in map(json.loads, capsys.readouterr().out.splitlines()):
        if "_aws" not in blob:
            continue
        (directive,) = blob["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Test"
        for names in directive["Dimensions"]:
            dimensions = tuple(sorted((name, blob[name]) for name in names))
            for metric in directive["Metrics"]:
                value = blob[metric["Name"]]
                found[metric["Name"], dimensions] = (metric["Unit"], value[0] if isinstance(value, list) else value)
    return found


SERVICE = ("service", "remediator")


def test_an_event_is_counted_once_for_its_function(telemetry: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.record(TelemetryEvent.RESOLVED, scope="d1/main", job="7")
    telemetry.flush()

    assert emitted(capsys) == {("Resolved", (SERVICE,)): ("Count", 1.0)}


def test_a_diagnosis_is_counted_by_label_and_by_cause_too(
    telemetry: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.record(
        TelemetryEvent.DIAGNOSED, job="7", label="service_role_unassumable", cause="repository_connection_lost"
    )
    telemetry.flush()

    assert emitted(capsys) == {
        ("Diagnosed", (SERVICE,)): ("Count", 1.0),
        ("Diagnosed", (("label", "service_role_unassumable"), SERVICE)): ("Count", 1.0),
        ("Diagnosed", (("cause", "repository_connection_lost"), SERVICE)): ("Count", 1.0),
    }


@pytest.mark.parametrize("hostile", ["Feature/X", "", "a" * 65, "app d1a2b3c4d5e6f7", "{}\n"])
def test_an_unexpected_dimension_value_is_counted_as_other(
    hostile: str, telemetry: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.record(TelemetryEvent.REFUSED, rule=hostile)
    telemetry.flush()

    assert ("Refused", (("rule", "other"), SERVICE)) in emitted(capsys)


def test_no_dimension_is_a_name_that_users_choose() -> None:
    names = {name for several in DIMENSIONS.values() for name in several}

    assert names == {"label", "cause", "rule"}


def test_an_event_that_nothing_shows_is_logged_and_not_counted(
    telemetry: Telemetry, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.record(TelemetryEvent.RUNTIME_LOOKED, apps=7)
    telemetry.flush()

    assert (emitted(capsys), caplog.messages) == ({}, ["RuntimeLooked"])


def test_the_same_unreadable_item_is_recorded_once_an_hour(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise the alarm would never end, and tell of nothing else."""
    for seconds, key in ((0, "a"), (60, "a"), (60, "b"), (3599, "a"), (3600, "a")):
        monkeypatch.setattr("medic.telemetry.time.monotonic", lambda seconds=seconds: float(seconds))
        telemetry.unreadable(key, "damaged")
        telemetry.flush()

    assert caplog.messages == ["RecordUnreadable"] * 3


@pytest.mark.parametrize(("waited", "milliseconds"), [(2.3456, 2346), (0, 0), (-5, 0)])
def test_the_time_from_event_to_alert_is_never_negative(
    waited: float, milliseconds: float, telemetry: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.alerted(timedelta(seconds=waited))
    telemetry.flush()

    assert emitted(capsys) == {("EventToAlert", (SERVICE,)): ("Milliseconds", milliseconds)}
