"""The watcher: every minute it reads due items and SSR logs, and wakes the remediator. It can change nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from infra.iam import flatten
from medic.settings import Mode, Runtime, Settings
from tests.infra.stacks import APP, EVERYTHING, OTHER_APP, actions, of_type, properties_of, reader, template, watcher

if TYPE_CHECKING:
    from infra.iam import Template


def variables(**settings: object) -> dict[str, object]:
    """The watcher's environment."""
    function = properties_of(template(**settings), "AWS::Lambda::Function", "Watcher")
    return dict(function["Environment"]["Variables"])


def resources(stack: Template) -> set[str]:
    """The logical ids of the watcher's resources."""
    return {name for name in stack["Resources"] if name.startswith("Watcher")}


@pytest.mark.parametrize(
    ("sid", "rights", "resource"),
    [
        ("FindWhatIsDue", ["dynamodb:Query"], r"<IncidentsTable\w+\.Arn>/index/due"),
        ("SendToTheQueue", ["sqs:SendMessage"], r"<Queue[0-9A-F]{8}\.Arn>"),
        ("KeepCursors", ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], r"<IncidentsTable\w+\.Arn>"),
        ("HearWhatIsHandled", ["dynamodb:GetItem"], r"<IncidentsTable\w+\.Arn>"),
        ("HearWhoIsMuted", ["dynamodb:GetItem"], r"<IncidentsTable\w+\.Arn>"),
        ("FindApps", ["amplify:ListApps"], r"\*"),
        (
            "FindMissedFailures",
            ["amplify:ListBranches", "amplify:ListJobs"],
            r"arn:<AWS::Partition>:amplify:<AWS::Region>:<AWS::AccountId>:apps/\*",
        ),
        (
            "ReadRuntimeLogs",
            ["logs:FilterLogEvents"],
            r"arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/amplify/\*",
        ),
        ("WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], r"<WatcherLogs\w+\.Arn>"),
    ],
)
def test_each_permission_is_for_exactly_one_resource(sid: str, rights: list[str], resource: str) -> None:
    statement = watcher()[sid]

    assert (statement["Effect"], actions(statement)) == ("Allow", rights)
    assert re.fullmatch(resource, flatten(statement["Resource"]))


KEEPS_STATE = {"FindWhatIsDue", "KeepCursors", "HearWhatIsHandled"}
ALWAYS = KEEPS_STATE | {"SendToTheQueue", "WriteOwnLog", "FindApps", "FindMissedFailures"}
FOR_RUNTIME_LOGS = {"HearWhoIsMuted", "ReadRuntimeLogs"}


def test_there_is_no_other_permission() -> None:
    assert watcher().keys() == ALWAYS | FOR_RUNTIME_LOGS


@pytest.mark.parametrize(
    ("sid", "items"), [("KeepCursors", "cursor#*"), ("HearWhatIsHandled", "branch#*"), ("HearWhoIsMuted", "region#*")]
)
def test_only_these_items_of_the_table_can_be_accessed(sid: str, items: str) -> None:
    assert watcher()[sid]["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": items},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_if_apps_are_listed_only_their_logs_can_be_read() -> None:
    groups = [flatten(resource) for resource in watcher(**EVERYTHING)["ReadRuntimeLogs"]["Resource"]]  # type: ignore[attr-defined]

    assert [group.partition("log-group:")[2] for group in groups] == [
        f"/aws/amplify/{APP}:*",
        f"/aws/amplify/{OTHER_APP}:*",
    ]


def test_if_no_runtime_log_is_watched_no_function_can_read_logs() -> None:
    assert watcher(watch_runtime="none").keys() == ALWAYS
    assert not {"ReadRuntimeLogs", "ReadBranches"} & reader(watch_runtime="none").keys()
    assert {"ReadRuntimeLogs", "ReadBranches"} <= reader().keys()
    assert "WatcherDeployments" not in "".join(of_type(template(watch_runtime="none"), "AWS::Events::Rule"))


@pytest.mark.parametrize("mode", Mode)
def test_the_watcher_is_the_same_in_every_mode(mode: Mode) -> None:
    assert resources(template(mode=mode)) == resources(template()) != set()
    assert watcher(mode=mode) == watcher()


def test_the_watcher_runs_every_minute() -> None:
    rule = properties_of(template(), "AWS::Events::Rule", "WatcherSchedule")
    (target,) = rule["Targets"]

    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    assert "EventPattern" not in rule
    assert flatten(target["Arn"]).startswith("<WatcherFunction")


@pytest.mark.parametrize(("settings", "apps"), [({}, None), (EVERYTHING, [APP, OTHER_APP])], ids=["all", "listed"])
def test_the_watcher_receives_events_of_successful_deployments(
    settings: dict[str, object], apps: list[str] | None
) -> None:
    rule = properties_of(template(**settings), "AWS::Events::Rule", "WatcherDeployments")

    detail = {"jobStatus": ["SUCCEED"], **({"appId": apps} if apps else {})}
    assert rule["EventPattern"] == {
        "source": ["aws.amplify"],
        "detail-type": ["Amplify Deployment Status Change"],
        "detail": detail,
    }
    assert flatten(rule["Targets"][0]["Arn"]).startswith("<WatcherFunction")


def test_an_undelivered_scheduled_run_is_not_retried() -> None:
    (target,) = properties_of(template(), "AWS::Events::Rule", "WatcherSchedule")["Targets"]

    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0}
    assert "DeadLetterConfig" not in target


def test_the_watcher_can_read_its_environment() -> None:
    deployed = variables(**EVERYTHING)
    runtime = Runtime.of_watcher(
        {"AWS_REGION": "eu-central-1", **{name: flatten(value) for name, value in deployed.items()}}
    )

    assert runtime.table.startswith("<IncidentsTable")
    assert re.fullmatch(r"<Queue[0-9A-F]{8}>", runtime.queue_url)
    assert runtime.settings == Settings.parse(EVERYTHING)


def test_the_watchers_environment_contains_only_what_it_needs() -> None:
    assert {name for name in variables() if "POWERTOOLS" not in name} == {
        *("AMPLIFY_MEDIC_SETTINGS", "MEDIC_ACCOUNT", "MEDIC_PARTITION", "INCIDENTS_TABLE", "QUEUE_URL"),
    }
