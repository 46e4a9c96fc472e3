"""`medic doctor` on a deployed stack: each deliberate fault fails its own check, and its command repairs it.

Only `make proof` runs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from demo.narrator import Narrator
from demo.stage import SECRET, open_stage
from tests.e2e.conftest import use_cloud
from tests.e2e.doctor_stack import AMPLIFY_TRUST, SETTINGS, TOKEN, make_healthy
from tests.emulator.cloud import ACCOUNT_ID, REPOSITORY
from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from demo.stage import Stage

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

NOTHING = json.dumps({"Version": "2012-10-17", "Statement": []})
DENY_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
WEBHOOK = "https://hooks.slack.com/services/T0/B0/abc"

_AWS = f"""#!/bin/bash
exec {REPOSITORY / ".build/awscli/bin/aws"} --endpoint-url "$AWS_ENDPOINT_URL" "$@"
"""
"""For SQS, version 1 of the CLI ignores the variable. Only the option is more to it than its own list of names."""


class Account:
    """The deployed stack's resources by the beginning of their logical ids, and clients."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.left: frozenset[str] = frozenset()
        """Checks that the repair of an earlier fault left failing."""
        listed = self.client("cloudformation").list_stack_resources(StackName="AmplifyMedic")
        self.names = {
            each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed["StackResourceSummaries"]
        }

    def client(self, service: str) -> Any:
        return self.stage.cloud.client(service)

    def name(self, begin: str) -> str:
        """The physical id of the resource with this logical id and CDK's hash."""
        (found,) = (name for logical, name in self.names.items() if logical[:-8] == begin)
        return str(found)

    def repair(self, text: str, typed: str) -> None:
        """Run what doctor printed, with the real AWS CLI."""
        cloud = self.stage.cloud
        programs = cloud.workdir / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "aws").write_text(_AWS)
        (programs / "aws").chmod(0o755)
        environment = {
            **{name: value for name, value in cloud.cli_environment.items() if name.startswith("AWS_")},
            "PATH": os.pathsep.join([str(programs), cloud.cli_environment["PATH"]]),
            "PYTHONPATH": f"{REPOSITORY / 'lambdas'}:{REPOSITORY / 'cli'}",
            "HOME": str(cloud.workdir),
            "AWS_PAGER": "",
        }
        done = subprocess.run(  # noqa: S603 - what doctor printed
            ["/bin/bash", "-euc", text], cwd=cloud.workdir, env=environment, input=typed, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"

    def failed(self, *, until: str | None = None) -> dict[str, Any]:
        """The checks that fail, by id. Waits for a while until it is only the given one, since some writes lag."""
        deadline = time.monotonic() + 60
        while True:
            checks = valid("doctor", medic("doctor", "--json").stdout)["checks"]
            found = {each["id"]: each for each in checks if each["status"] != "pass" and each["id"] not in self.left}
            if list(found) == ([until] if until else []) or time.monotonic() > deadline:
                return found
            time.sleep(2)


Break = "Callable[[Account], object]"


def _policy(account: Account) -> object:
    role = account.name("RemediatorRole")
    iam = account.client("iam")
    return [
        iam.delete_role_policy(RoleName=role, PolicyName=name)
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]


def _weaker_policy(account: Account) -> object:
    role, iam = account.name("RemediatorActorRole"), account.client("iam")
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [each for each in document["Statement"] if each["Action"] != "iam:PassRole"]
    return iam.put_role_policy(
        RoleName=role, PolicyName=name, PolicyDocument=json.dumps({**document, "Statement": kept})
    )


def _boundary(account: Account) -> object:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    policy = account.client("iam").create_policy(PolicyName="boundary", PolicyDocument=document)["Policy"]
    name = account.name("WatcherRole")
    return account.client("iam").put_role_permissions_boundary(RoleName=name, PermissionsBoundary=policy["Arn"])


def _subscription(account: Account) -> object:
    sns = account.client("sns")
    listed = sns.list_subscriptions_by_topic(TopicArn=account.name("AlertsTopic"))["Subscriptions"]
    (arn,) = (each["SubscriptionArn"] for each in listed if each["Protocol"] == "email")
    return sns.unsubscribe(SubscriptionArn=arn)


def _permission(account: Account) -> object:
    function, lambda_ = account.name("WatcherFunction"), account.client("lambda")
    statements = json.loads(lambda_.get_policy(FunctionName=function)["Policy"])["Statement"]
    (sid,) = (each["Sid"] for each in statements if "WatcherSchedule" in json.dumps(each.get("Condition")))
    return lambda_.remove_permission(FunctionName=function, StatementId=sid)


def _opted_in(account: Account) -> object:
    return account.stage.make_app("refused", {"amplify-medic:auto-fix": "fix", "amplify-medic:compute-role": "no-such"})


def _alarm(account: Account, which: int) -> str:
    alarms = account.client("cloudwatch").describe_alarms(AlarmNamePrefix="AmplifyMedic-")["MetricAlarms"]
    return str(alarms[which]["AlarmName"])


def _expression(account: Account) -> object:
    """Let an alarm look at its first metric alone."""
    cloudwatch = account.client("cloudwatch")
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix="AmplifyMedic-")["MetricAlarms"]
    alarm = next(each for each in alarms if any("Expression" in query for query in each.get("Metrics", ())))
    members = ("AlarmName", "AlarmActions", "ComparisonOperator", "EvaluationPeriods", "Threshold", "Metrics")
    given = {name: alarm[name] for name in members}
    (expression,) = [query for query in given["Metrics"] if "Expression" in query]
    expression["Expression"] = "FILL(m0,0)"
    return cloudwatch.put_metric_alarm(**given)


PERMISSION = "function-permission:WatcherScheduleAllowEventRuleAmplifyMedicWatcherFunction6AB0B0EB"

FAULTS: Mapping[str, tuple[Callable[[Account], object], str]] = {
    "a disabled rule": (
        lambda a: a.client("events").disable_rule(Name=a.name("QueueDeploymentEvents")),
        "rule-enabled:QueueDeploymentEvents"),
    "another pattern": (
        lambda a: a.client("events").put_rule(Name=a.name("QueueDeploymentEvents"), EventPattern='{"source":["x"]}'),
        "rule-pattern:QueueDeploymentEvents"),
    "no target": (
        lambda a: a.client("events").remove_targets(Rule=a.name("QueueDeploymentEvents"), Ids=["Queue"]),
        "rule-targets:QueueDeploymentEvents"),
    "a disabled schedule": (
        lambda a: a.client("events").disable_rule(Name=a.name("WatcherSchedule")), "rule-enabled:WatcherSchedule"),
    "a slow schedule": (
        lambda a: a.client("events").put_rule(Name=a.name("WatcherSchedule"), ScheduleExpression="rate(1 day)"),
        "rule-pattern:WatcherSchedule"),
    "no permission to invoke": (_permission, PERMISSION),
    "a paused bot": (
        lambda a: a.client("lambda").update_event_source_mapping(
            UUID=a.name("RemediatorFunctionMessages"), Enabled=False),
        "mapping-enabled:RemediatorFunctionMessages"),
    "batches of ten": (
        lambda a: a.client("lambda").update_event_source_mapping(
            UUID=a.name("RemediatorFunctionMessages"), BatchSize=10),
        "mapping-settings:RemediatorFunctionMessages"),
    "a short visibility": (
        lambda a: a.client("sqs").set_queue_attributes(QueueUrl=a.name("Queue"), Attributes={"VisibilityTimeout": "5"}),
        "queue-settings:Queue"),
    "dead letters kept for a minute": (
        lambda a: a.client("sqs").set_queue_attributes(
            QueueUrl=a.name("QueueDeadLetters"), Attributes={"MessageRetentionPeriod": "60"}),
        "queue-settings:QueueDeadLetters"),
    "an open queue": (
        lambda a: a.client("sqs").set_queue_attributes(QueueUrl=a.name("Queue"), Attributes={"Policy": NOTHING}),
        "queue-policy:Queue"),
    "a dead letter": (
        lambda a: a.client("sqs").send_message(QueueUrl=a.name("QueueDeadLetters"), MessageBody="{}"),
        "dead-letters:QueueDeadLetters"),
    "a short time-out": (
        lambda a: a.client("lambda").update_function_configuration(
            FunctionName=a.name("RemediatorFunction"), Timeout=3), "function-settings:RemediatorFunction"),
    "a lost variable": (
        lambda a: a.client("lambda").update_function_configuration(
            FunctionName=a.name("SlackInteractivityFunction"), Environment={"Variables": {"LOG_LEVEL": "DEBUG"}}),
        "function-environment:SlackInteractivityFunction"),
    "a throttled function": (
        lambda a: a.client("lambda").put_function_concurrency(
            FunctionName=a.name("RemediatorFunction"), ReservedConcurrentExecutions=0),
        "function-concurrency:RemediatorFunction"),
    "no policy on the table": (
        lambda a: a.client("dynamodb").delete_resource_policy(
            ResourceArn=f"arn:aws:dynamodb:eu-central-1:{ACCOUNT_ID}:table/{a.name('IncidentsTable')}"),
        "table-policy:IncidentsTable"),
    "no point-in-time recovery": (
        lambda a: a.client("dynamodb").update_continuous_backups(
            TableName=a.name("IncidentsTable"),
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}),
        "table-recovery:IncidentsTable"),
    "items that stay": (
        lambda a: a.client("dynamodb").update_time_to_live(
            TableName=a.name("IncidentsTable"),
            TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"}),
        "table-expiry:IncidentsTable"),
    "a log kept for ever": (
        lambda a: a.client("logs").delete_retention_policy(logGroupName="/amplify-medic/remediator"),
        "log-group:RemediatorLogs"),
    "no log group": (
        lambda a: a.client("logs").delete_log_group(logGroupName="/amplify-medic/slack_interactivity"),
        "log-group:SlackInteractivityLogs"),
    "anybody may be the actor": (
        lambda a: a.client("iam").update_assume_role_policy(
            RoleName=a.name("RemediatorActorRole"),
            PolicyDocument=json.dumps(AMPLIFY_TRUST).replace("amplify.", "lambda.")),
        "role-trust:RemediatorActorRole"),
    "no rights": (_policy, "role-rights:RemediatorRole"),
    "the actor may not pass roles": (_weaker_policy, "role-rights:RemediatorActorRole"),
    "an administrator": (
        lambda a: a.client("iam").attach_role_policy(
            RoleName=a.name("WatcherRole"), PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
        "role-extras:WatcherRole"),
    "a policy more": (
        lambda a: a.client("iam").put_role_policy(
            RoleName=a.name("OperatorRole"), PolicyName="more",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "amplify:*", "Resource": "*"}]})),
        "role-extras:OperatorRole"),
    "a boundary": (_boundary, "role-boundary:WatcherRole"),
    "a paired role that trusts another": (
        lambda a: a.client("iam").update_assume_role_policy(
            RoleName="web-compute", PolicyDocument=json.dumps(AMPLIFY_TRUST).replace("amplify.", "lambda.")),
        "compute-role:web-compute"),
    "an opted-in branch that would be refused": (_opted_in, "opted-in-branches"),
    "something else in a secret": (
        lambda a: a.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="none of it"),
        f"slack-secret:{SECRET}"),
    "no secret": (
        lambda a: a.client("secretsmanager").delete_secret(SecretId=TOKEN, ForceDeleteWithoutRecovery=True),
        f"slack-secret:{TOKEN}"),
    "a topic closed to alarms": (
        lambda a: a.client("sns").set_topic_attributes(
            TopicArn=a.name("AlertsTopic"), AttributeName="Policy", AttributeValue=DENY_ALL),
        "topic-policy:AlertsTopic"),
    "an unsubscribed address": (_subscription, "emails-confirmed:AlertsTopic"),
    "a deleted alarm": (
        lambda a: a.client("cloudwatch").delete_alarms(AlarmNames=[_alarm(a, 0)]), "alarms-exist"),
    "another expression": (_expression, "alarms-exist"),
    "a muted alarm": (
        lambda a: a.client("cloudwatch").disable_alarm_actions(AlarmNames=[_alarm(a, 1)]), "alarms-wired"),
}  # fmt: skip

TYPED = {"something else in a secret": f"{WEBHOOK}\n", "no secret": "xoxb-3-4-def\n"}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_stage(tmp_path_factory.mktemp("cloud"), Narrator(StringIO()), settings=SETTINGS) as stage:
        make_healthy(stage)
        yield Account(stage)


@pytest.fixture(autouse=True)
def _user(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cloud(account.stage, monkeypatch)


def test_a_healthy_stack_passes_every_check(account: Account) -> None:
    done = medic("doctor", "--verbose")

    assert account.failed() == {}
    assert (done.exit_code, " 0 failed, 0 unknown, " in done.stdout) == (0, True), done.stdout


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 25


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_fails_its_own_check_and_the_command_repairs_it(name: str, account: Account) -> None:
    break_it, check_id = FAULTS[name]
    break_it(account)

    found = account.failed(until=check_id)

    assert list(found) == [check_id], found
    try:
        account.repair(found[check_id]["repair"], TYPED.get(name, ""))
    finally:
        left = account.failed()
        account.left |= set(left)
    assert left == {}
