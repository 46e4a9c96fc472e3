"""The alarms: what they watch, whom they notify, what they say, and that none is lost. And the dashboard."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from infra.iam import flatten
from infra.monitoring import ALARM_TEXTS, NOT_FORWARDED
from medic.telemetry import ATTENTION, COUNTED, DIMENSIONS, EVENT_TO_ALERT, LONGEST_RETRY, Telemetry, TelemetryEvent
from tests.infra.stacks import BUS, EVERYTHING, of_type, properties_of
from tests.infra.stacks import template as template_of
from tests.unit.cli.doctor.recorded import HEALTHY as RECORDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.iam import Template

FUNCTIONS = "AWS::Lambda::Function"
LONGEST_DESCRIPTION = 1024
MINUTES = 60


def template() -> Template:
    """The template with every option set."""
    return template_of(**EVERYTHING, dashboard=True, central_bus=BUS)


def alarms() -> dict[str, dict[str, Any]]:
    """The alarms' properties, by name."""
    found = of_type(template(), "AWS::CloudWatch::Alarm").values()
    return {alarm["Properties"]["AlarmName"].removeprefix("AmplifyMedic-"): alarm["Properties"] for alarm in found}


def key(metric: dict[str, Any]) -> tuple[str, str]:
    """A metric's name, and the logical id or the name of what it is about, without CDK's hash."""
    (dimension,) = metric["Dimensions"]
    about = re.sub(r"(Function)?[0-9A-F]{8}.*", "", flatten(dimension["Value"]).strip("<>"))
    return metric["MetricName"], about


def metrics_of(alarm: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What the alarm watches, each with its statistic."""
    if "MetricName" in alarm:
        return {key(alarm): alarm["Statistic"]}
    stats = [entry["MetricStat"] for entry in alarm["Metrics"] if "MetricStat" in entry]
    return {key(stat["Metric"]): stat["Stat"] for stat in stats}


def value_of(alarm: dict[str, Any], seen: dict[tuple[str, str], float]) -> float | None:
    """What CloudWatch compares with the threshold; None if there is no data.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    if "MetricName" in alarm:
        return seen.get(key(alarm))
    values = {e["Id"]: seen.get(key(e["MetricStat"]["Metric"])) for e in alarm["Metrics"] if "MetricStat" in e}
    (expression,) = [entry["Expression"] for entry in alarm["Metrics"] if "Expression" in entry]
    functions = {
        "FILL": lambda value, filler: filler if value is None else value,
        "IF": lambda condition, yes, no: yes if condition else no,
        "MAX": max,
    }
    value = eval(expression, {"__builtins__": {}}, {**functions, **values})  # noqa: S307 - our own template
    return float(value)


def raised(seen: dict[tuple[str, str], float]) -> set[str]:
    """The alarms that go off if CloudWatch sees only this, in every period."""
    names = set()
    for name, alarm in alarms().items():
        value = value_of(alarm, seen)
        if value is None:
            breaching = alarm["TreatMissingData"] == "breaching"
        elif alarm["ComparisonOperator"] == "LessThanThreshold":
            breaching = value < alarm["Threshold"]
        else:
            assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
            breaching = value > alarm["Threshold"]
        names |= {name} if breaching else set()
    return names


HEALTHY: dict[tuple[str, str], float] = {(TelemetryEvent.WATCHER_RAN, "watcher"): 5}
NEEDS_ATTENTION = {(ATTENTION, "amplify-medic"): 1.0}


def test_a_healthy_bot_raises_no_alarm_whether_its_functions_ran_or_not() -> None:
    assert raised(HEALTHY) == set()
    quick = dict.fromkeys(metrics_of(alarms()["Functions"]), 0.0)
    assert raised(HEALTHY | quick) == set()


@pytest.mark.parametrize(
    ("seen", "alarm"),
    [
        ({("ApproximateNumberOfMessagesVisible", "QueueDeadLetters"): 1.0}, "DeadLetters"),
        ({("ApproximateAgeOfOldestMessage", "Queue"): 15.0 * MINUTES + 1}, "MessagesWait"),
        ({(TelemetryEvent.ALERT_FAILED, "remediator"): 1.0}, "AlertFailed"),
        ({(TelemetryEvent.WATCHER_RAN, "watcher"): 0.0}, "WatcherSilent"),
        (NEEDS_ATTENTION, "NeedsAttention"),
        ({("Throttles", "Remediator"): 1.0}, "Functions"),
        ({("Throttles", "Watcher"): 1.0}, "Functions"),
        ({("Throttles", "SlackInteractivity"): 1.0}, "Functions"),
        ({("Duration", "Remediator"): 73_000.0}, "Functions"),
        ({("Duration", "Watcher"): 73_000.0}, "Functions"),
        ({("Duration", "SlackInteractivity"): 12_500.0}, "Functions"),
        ({("Errors", "SlackInteractivity"): 1.0}, "Functions"),
        ({("FailedInvocations", "CentralBusOwnEvents"): 1.0}, "NotForwarded"),
    ],
)
def test_whatever_needs_a_person_raises_one_alarm(seen: dict[tuple[str, str], float], alarm: str) -> None:
    assert raised(HEALTHY | seen) == {alarm}


def test_without_a_run_the_watcher_is_silent() -> None:
    assert raised({}) == {"WatcherSilent"}
    assert (alarms()["WatcherSilent"]["EvaluationPeriods"], alarms()["WatcherSilent"]["Period"]) == (3, 5 * MINUTES)


@pytest.mark.parametrize(
    "record",
    [
        lambda telemetry: telemetry.fault(ValueError("unexpected")),
        lambda telemetry: telemetry.retried(LONGEST_RETRY + LONGEST_RETRY / 30),
        lambda telemetry: telemetry.record(TelemetryEvent.REQUEST_UNTRUSTED),
        lambda telemetry: telemetry.unreadable("branch#x", "damaged"),
        lambda telemetry: telemetry.record(TelemetryEvent.STORM),
        lambda telemetry: telemetry.record(TelemetryEvent.NOT_HELPED),
        lambda telemetry: telemetry.record(TelemetryEvent.UNDIAGNOSED),
        lambda telemetry: telemetry.record(TelemetryEvent.EVENT_MALFORMED),
        lambda telemetry: telemetry.unread(TelemetryEvent.RUNTIME_UNREAD, "d1shop", "denied", lasts=True),
    ],
    ids=[
        *("fault", "retried long", "untrusted", "unreadable", "storm", "not helped", "undiagnosed"),
        *("malformed", "unread"),
    ],
)
@pytest.mark.parametrize("service", ["remediator", "watcher"])
def test_each_event_that_once_had_an_alarm_is_counted_for_one(
    service: str, record: Callable[[Telemetry], None], capsys: pytest.CaptureFixture[str]
) -> None:
    record(Telemetry(Logger(service="test"), Metrics(namespace="AmplifyMedic", service=service)))
    blobs = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ((counted,),) = [blob["_aws"]["CloudWatchMetrics"] for blob in blobs if ATTENTION in blob]
    (blob,) = [blob for blob in blobs if ATTENTION in blob]

    assert (counted["Namespace"], blob["service"]) == ("AmplifyMedic", "amplify-medic")
    assert (counted["Dimensions"], counted["Metrics"][0]["Name"]) == ([["service"]], ATTENTION)
    assert metrics_of(alarms()["NeedsAttention"]) == {(ATTENTION, "amplify-medic"): "Sum"}


def test_a_short_retry_needs_no_attention(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry(Logger(service="test"), Metrics(namespace="AmplifyMedic", service="remediator")).retried(LONGEST_RETRY)

    assert ATTENTION not in capsys.readouterr().out


def test_every_alarm_notifies_the_alert_topic_about_the_first_data_point() -> None:
    (topic,) = of_type(template(), "AWS::SNS::Topic")

    for name, alarm in alarms().items():
        assert alarm["AlarmActions"] == [{"Ref": topic}]
        assert alarm["EvaluationPeriods"] == alarm["DatapointsToAlarm"] == (3 if name == "WatcherSilent" else 1)


def test_every_alarm_says_what_to_do_and_names_its_section() -> None:
    assert {name: alarm["AlarmDescription"] for name, alarm in alarms().items()} == {
        text.name: text.description for text in ALARM_TEXTS
    }
    for text in ALARM_TEXTS:
        assert "What to do: " in text.description
        assert "docs/runbook.md#" in text.description
        assert len(text.description) <= LONGEST_DESCRIPTION


def test_the_answers_recorded_for_doctor_say_what_the_alarms_say_today() -> None:
    deployed, described = (
        next(answer for call, answer in RECORDED.items() if call.startswith(operation))
        for operation in ("cloudformation.get_template", "cloudwatch.describe_alarms")
    )
    resources = of_type(deployed["TemplateBody"], "AWS::CloudWatch::Alarm").values()
    today = {f"AmplifyMedic-{text.name}": text.description for text in ALARM_TEXTS if text is not NOT_FORWARDED}
    for alarms_of_then in ([each["Properties"] for each in resources], described["MetricAlarms"]):
        assert {alarm["AlarmName"]: alarm["AlarmDescription"] for alarm in alarms_of_then} == today


def test_the_alarms_watch_few_metrics_because_each_is_charged() -> None:
    watched = [of_type(template_of(), "AWS::CloudWatch::Alarm"), of_type(template(), "AWS::CloudWatch::Alarm")]

    assert [len(each) for each in watched] == [6, 7]
    assert [sum(len(metrics_of(a["Properties"])) for a in each.values()) for each in watched] == [9, 13]


@pytest.mark.parametrize(
    ("metric", "function"), [(TelemetryEvent.ALERT_FAILED, "Remediator"), (TelemetryEvent.WATCHER_RAN, "Watcher")]
)
def test_the_bots_own_metrics_are_watched_under_the_names_that_it_emits(metric: TelemetryEvent, function: str) -> None:
    variables = properties_of(template(), FUNCTIONS, function)["Environment"]["Variables"]

    assert metric in COUNTED
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "AmplifyMedic"
    assert (metric, variables["POWERTOOLS_SERVICE_NAME"]) in {each for a in alarms().values() for each in metrics_of(a)}


def test_the_dashboard_shows_every_metric_and_its_dimensions() -> None:
    body = json.dumps(flatten(properties_of(template(), "AWS::CloudWatch::Dashboard")["DashboardBody"]))

    assert [name for name in (*COUNTED, EVENT_TO_ALERT, ATTENTION) if name not in body] == []
    assert [name for names in DIMENSIONS.values() for name in names if name not in body] == []
    assert DIMENSIONS.keys() <= COUNTED


def test_the_dashboard_of_another_region_has_another_name() -> None:
    name = flatten(properties_of(template(), "AWS::CloudWatch::Dashboard")["DashboardName"])
    assert name == "AmplifyMedic-<AWS::Region>"


def test_there_is_a_dashboard_only_if_the_settings_ask_for_it() -> None:
    assert not of_type(template_of(), "AWS::CloudWatch::Dashboard")


def test_alarms_can_be_left_out() -> None:
    assert not of_type(template_of(alarms=False), "AWS::CloudWatch::Alarm")
