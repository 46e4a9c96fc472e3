"""How the two functions run: their roles, their logs, their environment, and who may invoke them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from infra.iam import flatten
from medic.incidents.table import LEASE
from medic.settings import Mode, Runtime
from tests.infra.stacks import APP, EVERYTHING, of_type, properties_of, template

each_function = pytest.mark.parametrize("name", ["remediator", "watcher"])


def test_there_are_two_functions() -> None:
    handlers = {f["Properties"]["Handler"] for f in of_type(template(), "AWS::Lambda::Function").values()}

    assert handlers == {"remediator.handler.handler", "watcher.handler.handler"}


@each_function
def test_functions_have_the_agreed_runtime_settings(name: str) -> None:
    function = properties_of(template(), "AWS::Lambda::Function", name.title())

    assert function["Handler"] == f"{name}.handler.handler"
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["Timeout"] == 90
    assert "ReservedConcurrentExecutions" not in function


def test_only_the_function_that_people_wait_for_gets_a_whole_processor() -> None:
    remediator, watcher = (
        properties_of(template(), "AWS::Lambda::Function", name)["MemorySize"] for name in ("Remediator", "Watcher")
    )

    assert (remediator, watcher) == (1769, 256)


def test_a_lease_outlasts_the_run_that_holds_it() -> None:
    function = properties_of(template(), "AWS::Lambda::Function", "Remediator")

    assert timedelta(seconds=function["Timeout"]) < LEASE


@each_function
def test_functions_have_a_role_of_their_own_with_one_policy(name: str) -> None:
    (role,) = [n for n in of_type(template(), "AWS::IAM::Role") if n.startswith(f"{name.title()}Role")]
    policies = [p["Properties"] for p in of_type(template(), "AWS::IAM::Policy").values()]

    assert properties_of(template(), "AWS::Lambda::Function", name.title())["Role"] == {"Fn::GetAtt": [role, "Arn"]}
    assert [policy["Roles"] for policy in policies if {"Ref": role} in policy["Roles"]] == [[{"Ref": role}]]
    assert not properties_of(template(), "AWS::IAM::Role", role).keys() & {"Policies", "ManagedPolicyArns"}


@each_function
def test_functions_wait_for_their_permissions(name: str) -> None:
    (function,) = [r for n, r in of_type(template(), "AWS::Lambda::Function").items() if n.startswith(name.title())]
    (policy,) = [n for n in of_type(template(), "AWS::IAM::Policy") if n.startswith(f"{name.title()}Role")]

    assert policy in function["DependsOn"]


@each_function
def test_log_groups_are_outside_amplifys_and_expire_after_three_months(name: str) -> None:
    group = properties_of(template(), "AWS::Logs::LogGroup", name.title())
    logging = properties_of(template(), "AWS::Lambda::Function", name.title())["LoggingConfig"]

    assert group == {"LogGroupName": f"/amplify-medic/{name}", "RetentionInDays": 90}
    assert flatten(logging["LogGroup"]).startswith(f"<{name.title()}Logs")


def test_a_lost_run_of_the_watcher_is_not_retried_and_no_backlog_builds_up() -> None:
    (invoke,) = of_type(template(), "AWS::Lambda::EventInvokeConfig").values()

    assert flatten(invoke["Properties"]["FunctionName"]).startswith("<WatcherFunction")
    assert invoke["Properties"]["MaximumRetryAttempts"] == 0
    assert invoke["Properties"]["MaximumEventAgeInSeconds"] == 60
    assert "DestinationConfig" not in invoke["Properties"]


@pytest.mark.parametrize("rule", ["WatcherSchedule", "WatcherDeployments"])
def test_the_watchers_rules_may_invoke_it(rule: str) -> None:
    permission = properties_of(template(), "AWS::Lambda::Permission", rule)

    assert (permission["Principal"], permission["Action"]) == ("events.amazonaws.com", "lambda:InvokeFunction")
    assert flatten(permission["SourceArn"]).startswith(f"<{rule}")
    assert flatten(permission["FunctionName"]).startswith("<WatcherFunction")


def test_nothing_else_may_invoke_a_function() -> None:
    assert len(of_type(template(), "AWS::Lambda::Permission")) == 2
    assert not of_type(template(), "AWS::Lambda::Url")


def test_the_remediator_handles_one_message_a_run_and_reports_which_failed() -> None:
    mapping = properties_of(template(), "AWS::Lambda::EventSourceMapping")

    assert flatten(mapping["FunctionName"]).startswith("<RemediatorFunction")
    assert re.fullmatch(r"<Queue[0-9A-F]{8}\.Arn>", flatten(mapping["EventSourceArn"]))
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 10}
    assert mapping.get("Enabled") is None, "a deployment must not resume a paused bot"


def test_a_deployer_may_change_how_many_messages_are_handled_at_the_same_time() -> None:
    mapping = properties_of(template(concurrency={"messages": 2}), "AWS::Lambda::EventSourceMapping")

    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}


@pytest.mark.parametrize("mode", Mode)
def test_the_remediator_can_read_its_environment(mode: Mode) -> None:
    function = properties_of(template(mode=mode, apps=[APP]), "AWS::Lambda::Function", "Remediator")
    as_deployed = {name: flatten(value) for name, value in function["Environment"]["Variables"].items()}

    runtime = Runtime.of_remediator({**as_deployed, "AWS_REGION": "eu-central-1"})

    assert runtime.settings.apps == (APP,)
    assert (runtime.account, runtime.partition) == ("<AWS::AccountId>", "<AWS::Partition>")
    assert runtime.table.startswith("<IncidentsTable")
    assert runtime.topic_arn.startswith("<AlertsTopic")
    assert runtime.default_role_arn.startswith("<DefaultComputeRole")
    assert bool(runtime.actor_role_arn) is (mode is not Mode.REPORT)
    assert re.fullmatch(r"<Queue[0-9A-F]{8}>", runtime.queue_url)
    assert runtime.operator_role_id.startswith("<OperatorRole")
    assert runtime.slack_role_id is None


def test_the_remediator_knows_the_role_of_the_slack_function_if_there_is_one() -> None:
    variables = properties_of(template(**EVERYTHING), "AWS::Lambda::Function", "Remediator")["Environment"]["Variables"]

    assert re.fullmatch(r"<OperatorRole[0-9A-F]{8}\.RoleId>", flatten(variables["OPERATOR_ROLE_ID"]))
    assert re.fullmatch(r"<SlackInteractivityRole[0-9A-F]{8}\.RoleId>", flatten(variables["SLACK_ROLE_ID"]))


def test_the_remediator_gets_the_settings_as_given_and_compact() -> None:
    function = properties_of(template(mode="ask", apps=[APP]), "AWS::Lambda::Function", "Remediator")

    assert function["Environment"]["Variables"]["AMPLIFY_MEDIC_SETTINGS"] == f'{{"mode":"ask","apps":["{APP}"]}}'


@each_function
def test_metrics_and_logs_name_the_function(name: str) -> None:
    variables = properties_of(template(), "AWS::Lambda::Function", name.title())["Environment"]["Variables"]

    assert variables["POWERTOOLS_SERVICE_NAME"] == name
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "AmplifyMedic"
