"""The watcher: by the clock it reads one index and wakes the remediator. It can change nothing, whatever the mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from infra.intrinsics import flatten
from medic.settings import Mode, WatcherRuntime
from tests.infra.stacks import EVERYTHING, actions, template, the, watcher

if TYPE_CHECKING:
    from infra.permissions import Template


def variables(**settings: object) -> dict[str, object]:
    """The watcher's environment."""
    function = the(template(**settings), "AWS::Lambda::Function", "Watcher")
    return dict(function["Environment"]["Variables"])


def resources(stack: Template) -> set[str]:
    """The logical ids of what belongs to the watcher."""
    return {name for name in stack["Resources"] if name.startswith("Watcher")}


@pytest.mark.parametrize(
    ("sid", "rights", "resource"),
    [
        ("FindWhatIsDue", ["dynamodb:Query"], r"<IncidentsTable\w+\.Arn>/index/due"),
        ("WakeTheRemediator", ["lambda:InvokeFunction"], r"<RemediatorFunction\w+\.Arn>"),
        ("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], r"<WatcherLogs\w+\.Arn>"),
        ("KeepFailedRuns", ["sqs:SendMessage"], r"<WatcherFailedRuns\w+\.Arn>"),
    ],
)
def test_each_right_is_for_exactly_one_resource(sid: str, rights: list[str], resource: str) -> None:
    statement = watcher()[sid]

    assert (statement["Effect"], actions(statement)) == ("Allow", rights)
    assert re.fullmatch(resource, flatten(statement["Resource"]))


def test_there_is_no_other_right() -> None:
    assert watcher().keys() == {"FindWhatIsDue", "WakeTheRemediator", "WriteOwnLog", "KeepFailedRuns"}


@pytest.mark.parametrize("mode", Mode)
def test_the_watcher_is_the_same_in_every_mode_and_under_all_settings(mode: Mode) -> None:
    settings = {**EVERYTHING, "mode": mode}

    assert resources(template(**settings)) == resources(template()) != set()
    assert watcher(**settings) == watcher()
    assert variables(**settings) == variables()


def test_the_watcher_runs_every_five_minutes() -> None:
    rule = the(template(), "AWS::Events::Rule", "WatcherSchedule")
    (target,) = rule["Targets"]

    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")
    assert "EventPattern" not in rule
    assert flatten(target["Arn"]).startswith("<WatcherFunction")


def test_a_run_that_was_not_delivered_is_left_to_the_next() -> None:
    (target,) = the(template(), "AWS::Events::Rule", "WatcherSchedule")["Targets"]

    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0}
    assert "DeadLetterConfig" not in target


def test_the_watcher_understands_its_environment() -> None:
    runtime = WatcherRuntime.from_environment({name: flatten(value) for name, value in variables().items()})

    assert runtime.table.startswith("<IncidentsTable")
    assert runtime.remediator_function.startswith("<RemediatorFunction")


def test_the_watcher_is_told_no_more_than_it_needs() -> None:
    assert {name for name in variables() if "POWERTOOLS" not in name} == {"INCIDENTS_TABLE", "REMEDIATOR_FUNCTION"}
