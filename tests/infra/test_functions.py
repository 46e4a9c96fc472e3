"""How the two functions run: their roles, their logs, their failed runs, and who may invoke them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.iam import flatten
from medic.incidents.table import LEASE
from medic.settings import Mode, Runtime
from tests.infra.stacks import APP, of_type, properties_of, template

each_function = pytest.mark.parametrize("name", ["remediator", "watcher"])


def test_there_are_two_functions() -> None:
    handlers = {f["Properties"]["Handler"] for f in of_type(template(), "AWS::Lambda::Function").values()}

    assert handlers == {"remediator.handler.handler", "watcher.handler.handler"}


@each_function
def test_functions_have_the_agreed_runtime_settings(name: str) -> None:
    function = properties_of(template(), "AWS::Lambda::Function", name.title())

    assert function["Handler"] == f"{name}.handler.handler"
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert (function["MemorySize"], function["Timeout"]) == (512, 90)
    assert "ReservedConcurrentExecutions" not in function


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


@each_function
def test_runs_are_retried_for_an_hour_and_then_kept(name: str) -> None:
    invoke = properties_of(template(), "AWS::Lambda::EventInvokeConfig", name.title())

    assert (invoke["MaximumEventAgeInSeconds"], invoke["MaximumRetryAttempts"]) == (3600, 2)
    assert flatten(invoke["FunctionName"]).startswith(f"<{name.title()}Function")
    assert flatten(invoke["DestinationConfig"]["OnFailure"]["Destination"]).startswith(f"<{name.title()}FailedRuns")


@pytest.mark.parametrize(
    ("rule", "function"), [("DeploymentEventsRule", "RemediatorFunction"), ("WatcherSchedule", "WatcherFunction")]
)
def test_a_rule_may_invoke_its_own_function(rule: str, function: str) -> None:
    permission = properties_of(template(), "AWS::Lambda::Permission", rule)

    assert (permission["Principal"], permission["Action"]) == ("events.amazonaws.com", "lambda:InvokeFunction")
    assert flatten(permission["SourceArn"]).startswith(f"<{rule}")
    assert flatten(permission["FunctionName"]).startswith(f"<{function}")


def test_only_the_three_rules_may_invoke_the_functions() -> None:
    assert len(of_type(template(), "AWS::Lambda::Permission")) == len(of_type(template(), "AWS::Events::Rule")) == 3
    assert not of_type(template(), "AWS::Lambda::Url")


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


def test_the_remediator_gets_the_settings_as_given_and_compact() -> None:
    function = properties_of(template(mode="ask", apps=[APP]), "AWS::Lambda::Function", "Remediator")

    assert function["Environment"]["Variables"]["AMPLIFY_MEDIC_SETTINGS"] == f'{{"mode":"ask","apps":["{APP}"]}}'


@each_function
def test_metrics_and_logs_name_the_function(name: str) -> None:
    variables = properties_of(template(), "AWS::Lambda::Function", name.title())["Environment"]["Variables"]

    assert variables["POWERTOOLS_SERVICE_NAME"] == name
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "AmplifyMedic"
