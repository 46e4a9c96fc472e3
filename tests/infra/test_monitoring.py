"""The alarms: what they watch, whom they notify and what they say. And the dashboard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.iam import flatten
from infra.monitoring import ALARM_TEXTS
from medic.telemetry import DIMENSIONS, EVENT_TO_ALERT, RETRIED_AGE, TelemetryEvent
from tests.infra.stacks import COMPANY, of_type, properties_of
from tests.infra.stacks import template as template_of

if TYPE_CHECKING:
    from infra.iam import Template

QUEUES = "AWS::SQS::Queue"
FUNCTIONS = "AWS::Lambda::Function"
LONGEST_DESCRIPTION = 1024


def template() -> Template:
    """The template with every option set."""
    return template_of(**COMPANY)


def alarms() -> dict[str, dict[str, Any]]:
    """The alarms' properties, by name."""
    found = of_type(template(), "AWS::CloudWatch::Alarm").values()
    return {alarm["Properties"]["AlarmName"]: alarm["Properties"] for alarm in found}


def watched(alarm: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """Namespace, metric, and the values of its dimensions."""
    (metric,) = [entry["MetricStat"]["Metric"] for entry in alarm["Metrics"]]
    return metric["Namespace"], metric["MetricName"], tuple(flatten(each["Value"]) for each in metric["Dimensions"])


def watched_by_all() -> set[tuple[str, str, tuple[str, ...]]]:
    return {watched(alarm) for alarm in alarms().values()}


def test_every_alarm_notifies_the_alert_topic() -> None:
    (topic,) = of_type(template(), "AWS::SNS::Topic")

    assert alarms()
    for alarm in alarms().values():
        assert alarm["AlarmActions"] == [{"Ref": topic}]
        assert alarm["ActionsEnabled"] is True


def test_every_alarm_says_what_to_do_and_names_its_section() -> None:
    descriptions = {alarm["AlarmDescription"] for alarm in alarms().values()}

    assert descriptions == {text.description for text in ALARM_TEXTS}
    for description in descriptions:
        assert "What to do: " in description
        assert "docs/runbook.md#" in description
        assert len(description) <= LONGEST_DESCRIPTION


def test_a_dead_letter_raises_an_alarm() -> None:
    (dead_letters,) = [name for name in of_type(template(), QUEUES) if name.startswith("QueueDeadLetters")]

    assert ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (f"<{dead_letters}.QueueName>",)) in watched_by_all()


def test_messages_that_nobody_takes_raise_an_alarm() -> None:
    (queue,) = [name for name in of_type(template(), QUEUES) if not name.startswith("QueueDeadLetters")]

    assert ("AWS/SQS", "ApproximateAgeOfOldestMessage", (f"<{queue}.QueueName>",)) in watched_by_all()


def test_messages_that_are_retried_for_half_an_hour_raise_an_alarm() -> None:
    (alarm,) = [alarm for alarm in alarms().values() if watched(alarm)[1] == RETRIED_AGE]

    assert (alarm["Threshold"], alarm["Metrics"][0]["MetricStat"]["Stat"]) == (30 * 60, "Maximum")


def test_an_event_that_is_not_forwarded_to_the_central_bus_raises_an_alarm() -> None:
    (rule,) = [name for name in of_type(template(), "AWS::Events::Rule") if name.startswith("CentralBus")]

    assert ("AWS/Events", "FailedInvocations", (f"<{rule}>",)) in watched_by_all()


@pytest.mark.parametrize("metric", ["Throttles", "Duration"])
def test_every_function_is_watched(metric: str) -> None:
    assert {("AWS/Lambda", metric, (f"<{name}>",)) for name in of_type(template(), FUNCTIONS)} <= watched_by_all()


def test_only_the_function_without_a_queue_or_a_next_run_is_watched_by_lambdas_errors() -> None:
    (function,) = [function for _, metric, (function, *_) in watched_by_all() if metric == "Errors"]

    assert function.startswith("<SlackInteractivity")


def test_a_slow_run_raises_an_alarm_before_it_times_out() -> None:
    time_outs = {name: one["Properties"]["Timeout"] for name, one in of_type(template(), FUNCTIONS).items()}
    limits = [(watched(alarm)[2], alarm["Threshold"]) for alarm in alarms().values() if watched(alarm)[1] == "Duration"]

    assert len(limits) == len(time_outs)
    for (function,), milliseconds in limits:
        assert 0.5 < milliseconds / 1000 / time_outs[function.strip("<>")] < 1


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        (TelemetryEvent.ALERT_FAILED, "Remediator"),
        (TelemetryEvent.STORM, "Remediator"),
        (TelemetryEvent.NOT_HELPED, "Remediator"),
        (TelemetryEvent.UNDIAGNOSED, "Remediator"),
        (TelemetryEvent.RECORD_UNREADABLE, "Remediator"),
        (TelemetryEvent.RECORD_UNREADABLE, "Watcher"),
        (TelemetryEvent.MESSAGE_FAULT, "Remediator"),
        (TelemetryEvent.REQUEST_UNTRUSTED, "Remediator"),
        (RETRIED_AGE, "Remediator"),
        (TelemetryEvent.WATCHER_RAN, "Watcher"),
    ],
)
def test_the_bots_own_metrics_are_watched_under_the_names_that_it_emits(metric: str, function: str) -> None:
    variables = properties_of(template(), FUNCTIONS, function)["Environment"]["Variables"]
    namespace, service = variables["POWERTOOLS_METRICS_NAMESPACE"], variables["POWERTOOLS_SERVICE_NAME"]

    assert (namespace, str(metric), (service,)) in watched_by_all()


def test_missing_data_raises_an_alarm_only_for_the_watchers_heartbeat() -> None:
    (silent,) = [alarm for alarm in alarms().values() if watched(alarm)[1] == TelemetryEvent.WATCHER_RAN]
    others = [alarm for alarm in alarms().values() if alarm is not silent and watched(alarm)[1] != "Duration"]

    assert silent["TreatMissingData"] == "breaching"
    assert (silent["Threshold"], silent["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert {alarm["TreatMissingData"] for alarm in others} == {"notBreaching"}


def test_no_alarm_is_composite() -> None:
    assert not of_type(template(), "AWS::CloudWatch::CompositeAlarm")


def test_the_dashboard_shows_the_dimensions_of_the_metrics() -> None:
    body = json.dumps(flatten(properties_of(template(), "AWS::CloudWatch::Dashboard")["DashboardBody"]))

    assert EVENT_TO_ALERT in body
    for dimension in ("label", "cause", "rule"):
        event, *_ = [event for event, names in DIMENSIONS.items() if dimension in names]
        assert dimension in body
        assert event.value in body


def test_the_dashboard_of_another_region_has_another_name() -> None:
    assert (
        flatten(properties_of(template(), "AWS::CloudWatch::Dashboard")["DashboardName"])
        == "AmplifyMedic-<AWS::Region>"
    )


def test_alarms_and_dashboard_can_be_left_out() -> None:
    assert not of_type(template_of(alarms=False), "AWS::CloudWatch::Alarm")
    assert not of_type(template_of(alarms=False), "AWS::CloudWatch::Dashboard")
