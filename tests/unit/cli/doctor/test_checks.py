"""Each check passes on a healthy stack, fails on its own fault alone, and is unknown where a call is denied."""

from __future__ import annotations

import json
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from medic.telemetry import TelemetryEvent
from medic_cli.doctor.checks import functions
from medic_cli.doctor.facts import RAN
from medic_cli.doctor.model import Status
from medic_cli.doctor.output import as_answer
from medic_cli.scan.model import FindingKind, Gap, ScanFinding, Severity
from tests.unit.cli.doctor.recorded import NOW, RecordedAws, key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PARAMETERS = "arn:aws:ssm:eu-central-1:111122223333:parameter/"
Fault = tuple["Callable[[RecordedAws], None]", str]
"""Breaks something; the check that it turns to fail."""


def _set(call: str, containing: str = "", **members: Any) -> Callable[[RecordedAws], None]:
    return lambda aws: aws.change(call, lambda answer: answer.update(members), containing)


def _inside(call: str, path: str, value: Any, containing: str = "") -> Callable[[RecordedAws], None]:
    """Set a member, `A.B`, of every answer of a call."""

    def change(answer: Any) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            answer = answer[int(parent) if parent.isdigit() else parent]
        answer[last] = value

    return lambda aws: aws.change(call, change, containing)


def _gone(call: str, containing: str = "", code: str = "ResourceNotFoundException") -> Callable[[RecordedAws], None]:
    error = {"Code": code, "Message": "no such thing"}
    return _set(call, containing, Error=error)


def _without_policy(answer: Any) -> None:
    answer["PolicyNames"] = []


def _denies(answer: Any) -> None:
    answer["EvaluationResults"][0] |= {
        "EvalDecision": "implicitDeny",
        "OrganizationsDecisionDetail": {"AllowedByOrganizations": False},
    }


def _no_alarm(answer: Any) -> None:
    del answer["MetricAlarms"][0]


def _on_expressions(answer: Any) -> list[Any]:
    """The alarms on an expression of several metrics."""
    return [each for each in answer["MetricAlarms"] if any("Expression" in query for query in each.get("Metrics", ()))]


def _other_expression(answer: Any) -> None:
    _on_expressions(answer)[0]["Metrics"][0]["Expression"] = "FILL(m0,0)"


def _in_another_order(answer: Any) -> None:
    for alarm in _on_expressions(answer):
        alarm["Metrics"].reverse()
        for query in alarm["Metrics"]:
            if query["ReturnData"]:
                del query["ReturnData"]  # it is the default
            query.get("MetricStat", {"Metric": {"Dimensions": []}})["Metric"]["Dimensions"].reverse()


def _refused(kind: FindingKind = FindingKind.FIX_REFUSED) -> Callable[[RecordedAws], None]:
    found = ScanFinding(
        kind=kind, severity=Severity.WARNING, detail="The guardrail trust would refuse it.", region="eu-central-1",
        app_id="d1", app_name="shop", branches=("main",), role=None, statement=None,
    )  # fmt: skip
    return lambda aws: setattr(aws, "findings", (found,))


ELSEWHERE = json.dumps({"Version": "2012-10-17", "Statement": []})
RULE, WATCHER, REMEDIATOR = "QueueDeploymentEvents", "WatcherFunction", "RemediatorFunction"
FUNCTION = "lambda.get_function_configuration"
ATTRIBUTES = "Attributes"

FAULTS: Mapping[str, Fault] = {
    "failed update": (_inside("cloudformation.describe_stacks", "Stacks.0.StackStatus", "UPDATE_ROLLBACK_COMPLETE"),
                      "stack-complete"),
    "drift": (_inside("cloudformation.describe_stacks", "Stacks.0.DriftInformation",
                      {"StackDriftStatus": "DRIFTED"}), "stack-drift"),
    "rule disabled": (_set("events.describe_rule", RULE, State="DISABLED"), f"rule-enabled:{RULE}"),
    "other pattern": (_set("events.describe_rule", RULE, EventPattern='{"source":["x"]}'), f"rule-pattern:{RULE}"),
    "no target": (_set("events.list_targets_by_rule", RULE, Targets=[]), f"rule-targets:{RULE}"),
    "slow schedule": (_set("events.describe_rule", "WatcherSchedule", ScheduleExpression="rate(1 day)"),
                      "rule-pattern:WatcherSchedule"),
    "visibility": (_inside("sqs.get_queue_attributes", f"{ATTRIBUTES}.VisibilityTimeout", "5", "-Queue4"),
                   "queue-settings:Queue"),
    "retention": (_inside("sqs.get_queue_attributes", f"{ATTRIBUTES}.MessageRetentionPeriod", "60", "DeadLetters"),
                  "queue-settings:QueueDeadLetters"),
    "queue policy": (_inside("sqs.get_queue_attributes", f"{ATTRIBUTES}.Policy", ELSEWHERE, "-Queue4"),
                     "queue-policy:Queue"),
    "dead letter": (_inside("sqs.get_queue_attributes", f"{ATTRIBUTES}.ApproximateNumberOfMessages", "1", "Dead"),
                    "dead-letters:QueueDeadLetters"),
    "dead letter in flight": (_inside("sqs.get_queue_attributes",
                                      f"{ATTRIBUTES}.ApproximateNumberOfMessagesNotVisible", "1", "Dead"),
                              "dead-letters:QueueDeadLetters"),
    "paused": (_set("lambda.get_event_source_mapping", State="Disabled"), "mapping-enabled:RemediatorFunctionMessages"),
    "batches": (_set("lambda.get_event_source_mapping", BatchSize=10), "mapping-settings:RemediatorFunctionMessages"),
    "failed function": (_set(FUNCTION, WATCHER, State="Failed"), f"function-healthy:{WATCHER}"),
    "short time-out": (_set(FUNCTION, REMEDIATOR, Timeout=3), f"function-settings:{REMEDIATOR}"),
    "lost variable": (_inside(FUNCTION, "Environment.Variables", {}, WATCHER), f"function-environment:{WATCHER}"),
    "throttled": (_set("lambda.get_function_concurrency", REMEDIATOR, ReservedConcurrentExecutions=0),
                  f"function-concurrency:{REMEDIATOR}"),
    "no run": (_set("logs.filter_log_events", "WatcherRan", events=[]), "watcher-runs"),
    "old botocore": (_set("logs.filter_log_events", "OutdatedBotocoreError", events=[{}]), "botocore"),
    "table not active": (_inside("dynamodb.describe_table", "Table.TableStatus", "ARCHIVED"),
                         "table-ready:IncidentsTable"),
    "table policy": (_set("dynamodb.get_resource_policy", Policy=ELSEWHERE), "table-policy:IncidentsTable"),
    "no table policy": (_gone("dynamodb.get_resource_policy", code="PolicyNotFoundException"),
                        "table-policy:IncidentsTable"),
    "no recovery": (_inside("dynamodb.describe_continuous_backups",
                            "ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus",
                            "DISABLED"), "table-recovery:IncidentsTable"),
    "no expiry": (_inside("dynamodb.describe_time_to_live", "TimeToLiveDescription.TimeToLiveStatus", "DISABLED"),
                  "table-expiry:IncidentsTable"),
    "log kept for ever": (_set("logs.describe_log_groups", "/amplify-medic/watcher",
                               logGroups=[{"logGroupName": "/amplify-medic/watcher"}]), "log-group:WatcherLogs"),
    "no log group": (_set("logs.describe_log_groups", "/amplify-medic/remediator", logGroups=[]),
                     "log-group:RemediatorLogs"),
    "trust": (_inside("iam.get_role", "Role.AssumeRolePolicyDocument", json.loads(ELSEWHERE), "RemediatorActor"),
              "role-trust:RemediatorActorRole"),
    "boundary": (_inside("iam.get_role", "Role.PermissionsBoundary", {"PermissionsBoundaryArn": "arn:x"},
                         "WatcherRole"), "role-boundary:WatcherRole"),
    "policy lost": (lambda aws: aws.change("iam.list_role_policies", _without_policy, "OperatorRole"),
                    "role-rights:OperatorRole"),
    "policy changed": (_set("iam.get_role_policy", "OperatorRole", PolicyDocument=json.loads(ELSEWHERE)),
                       "role-rights:OperatorRole"),
    "denied by an SCP": (lambda aws: aws.change("iam.simulate_principal_policy", _denies, "-WatcherRole"),
                         "role-rights:WatcherRole"),
    "administrator": (_set("iam.list_attached_role_policies", "-WatcherRole",
                           AttachedPolicies=[{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]),
                      "role-extras:WatcherRole"),
    "paired role gone": (_gone("iam.get_role", "web-compute", "NoSuchEntity"), "compute-role:web-compute"),
    "paired role trusts another": (_inside("iam.get_role", "Role.AssumeRolePolicyDocument", json.loads(ELSEWHERE),
                                           "web-compute"), "compute-role:web-compute"),
    "webhook": (_set("secretsmanager.get_secret_value", "slack-webhook", SecretString="hunter2"),
                "slack-secret:amplify-medic/slack-webhook"),
    "no token": (_gone("secretsmanager.get_secret_value", "amplify-medic/bot"), "slack-secret:amplify-medic/bot"),
    "topic policy": (_inside("sns.get_topic_attributes", f"{ATTRIBUTES}.Policy", ELSEWHERE),
                     "topic-policy:AlertsTopic"),
    "mail not confirmed": (_inside("sns.list_subscriptions_by_topic", "Subscriptions.0.SubscriptionArn",
                                   "PendingConfirmation"), "emails-confirmed:AlertsTopic"),
    "alarm gone": (lambda aws: aws.change("cloudwatch.describe_alarms", _no_alarm), "alarms-exist"),
    "alarm changed": (_inside("cloudwatch.describe_alarms", "MetricAlarms.0.Threshold", 99.0), "alarms-exist"),
    "other expression": (lambda aws: aws.change("cloudwatch.describe_alarms", _other_expression), "alarms-exist"),
    "alarm muted": (_inside("cloudwatch.describe_alarms", "MetricAlarms.0.ActionsEnabled", value=False),
                    "alarms-wired"),
    "alarm to nobody": (_inside("cloudwatch.describe_alarms", "MetricAlarms.0.AlarmActions", []), "alarms-wired"),
    "alarm raised": (_inside("cloudwatch.describe_alarms", "MetricAlarms.0.StateValue", "ALARM"), "alarms-quiet"),
    "branch refused": (_refused(), "opted-in-branches"),
    "unknown tag": (_refused(FindingKind.OPT_IN_UNKNOWN), "opted-in-branches"),
}  # fmt: skip


def test_every_check_passes_on_a_healthy_stack() -> None:
    found = RecordedAws().check_up()

    assert [check for check in found.checks if check.status is not Status.PASS] == []
    assert found.exit_code == 0
    ids = [check.id for check in found.checks]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_turns_its_own_check_to_fail_and_no_other(name: str) -> None:
    aws = RecordedAws()
    fault, check_id = FAULTS[name]
    fault(aws)

    found = aws.check_up()

    assert [check.id for check in found.of(Status.FAIL)] == [check_id]
    assert found.exit_code == 1
    (failed,) = found.of(Status.FAIL)
    assert failed.verdict.repair or failed.verdict.advice


def test_every_kind_of_check_is_broken_by_some_fault() -> None:
    kinds = {check.id.partition(":")[0] for check in RecordedAws().check_up().checks}

    assert kinds - {check_id.partition(":")[0] for _, check_id in FAULTS.values()} == {
        "function-runtime",  # see test_functions
        "function-permission",
        "topic-heard",
        "log-streams",
    }


def test_nobody_subscribed_to_the_topic() -> None:
    aws = RecordedAws()
    aws.change("sns.list_subscriptions_by_topic", lambda answer: answer.update(Subscriptions=[]))

    failed = {check.id: check for check in aws.check_up().of(Status.FAIL)}

    assert set(failed) == {"topic-heard:AlertsTopic", "emails-confirmed:AlertsTopic"}
    assert "read -rp" in failed["topic-heard:AlertsTopic"].verdict.repair


def test_functions_without_their_permissions() -> None:
    aws = RecordedAws()
    aws.change("lambda.get_policy", lambda answer: answer.update(Policy=ELSEWHERE), WATCHER)

    failed = [check.id for check in aws.check_up().of(Status.FAIL)]

    assert len(failed) == 2
    assert all(name.startswith("function-permission:Watcher") for name in failed)


def test_the_order_of_an_alarms_metrics_means_nothing() -> None:
    aws = RecordedAws()
    aws.change("cloudwatch.describe_alarms", _in_another_order)

    assert aws.checks()["alarms-exist"].status is Status.PASS


def test_a_stream_that_names_no_branch() -> None:
    aws = RecordedAws()
    aws.calls |= {
        key("logs", "describe_log_groups", {"logGroupNamePrefix": "/aws/amplify/"}): {
            "logGroups": [{"logGroupName": "/aws/amplify/d1"}]
        },
        key(
            "logs",
            "describe_log_streams",
            {"logGroupName": "/aws/amplify/d1", "orderBy": "LastEventTime", "descending": True},
        ): {"logStreams": [{"logStreamName": "main/2026/11/29/abc"}, {"logStreamName": "lambda-7"}]},
    }

    (failed,) = aws.check_up().of(Status.FAIL)

    assert failed.id == "log-streams"
    assert "/aws/amplify/d1: lambda-7" in failed.verdict.evidence
    assert "abc" not in failed.verdict.evidence


NEEDED = {
    "events.describe_rule": ("events:DescribeRule", 6),
    "events.list_targets_by_rule": ("events:ListTargetsByRule", 3),
    "sqs.get_queue_attributes": ("sqs:GetQueueAttributes", 5),
    "lambda.get_event_source_mapping": ("lambda:GetEventSourceMapping", 2),
    "lambda.get_function_configuration": ("lambda:GetFunctionConfiguration", 10),
    "lambda.get_function_concurrency": ("lambda:GetFunctionConcurrency", 3),
    "lambda.get_policy": ("lambda:GetPolicy", 4),
    "dynamodb.describe_table": ("dynamodb:DescribeTable", 1),
    "dynamodb.get_resource_policy": ("dynamodb:GetResourcePolicy", 1),
    "dynamodb.describe_continuous_backups": ("dynamodb:DescribeContinuousBackups", 1),
    "dynamodb.describe_time_to_live": ("dynamodb:DescribeTimeToLive", 1),
    "logs.describe_log_groups": ("logs:DescribeLogGroups", 4),
    "logs.filter_log_events": ("logs:FilterLogEvents", 2),
    "iam.get_role": ("iam:GetRole", 15),
    "iam.list_role_policies": ("iam:ListRolePolicies", 13),
    "iam.get_role_policy": ("iam:GetRolePolicy", 5),
    "iam.list_attached_role_policies": ("iam:ListAttachedRolePolicies", 8),
    "iam.simulate_principal_policy": ("iam:SimulatePrincipalPolicy", 5),
    "secretsmanager.get_secret_value": ("secretsmanager:GetSecretValue", 3),
    "sns.get_topic_attributes": ("sns:GetTopicAttributes", 1),
    "sns.list_subscriptions_by_topic": ("sns:ListSubscriptionsByTopic", 2),
    "cloudwatch.describe_alarms": ("cloudwatch:DescribeAlarms", 3),
}
"""Each call, the permission that it needs, and how many checks are unknown without it."""


def test_the_list_of_calls_is_complete() -> None:
    aws = RecordedAws()
    aws.check_up()

    assert {call for call in aws.asked if not call.startswith("cloudformation.")} == set(NEEDED)


@pytest.mark.parametrize("call", NEEDED)
def test_a_denied_call_is_unknown_and_names_the_permission(call: str) -> None:
    healthy = RecordedAws().checks()

    found = RecordedAws(fails={call: "AccessDenied"}).check_up()

    permission, number = NEEDED[call]
    changed = [check for check in found.checks if check.status is not healthy[check.id].status]
    assert {check.status for check in changed} == {Status.UNKNOWN}
    # A function's environment names a role's id: without GetRole, a difference there proves nothing.
    assert (len(changed), {check.verdict.permission for check in changed} - {""}) == (number, {permission})
    assert found.exit_code == 3


CODES = ("ThrottlingException", "InternalFailure", "ValidationException")


@pytest.mark.parametrize(("call", "code"), list(zip(NEEDED, cycle(CODES), strict=False)))
def test_a_failed_call_is_unknown(call: str, code: str) -> None:
    found = RecordedAws(fails={call: code}).check_up()

    assert not found.of(Status.FAIL)
    assert found.of(Status.UNKNOWN)


def test_a_role_that_the_simulator_does_not_know_is_unknown() -> None:
    aws = RecordedAws(fails={"iam.simulate_principal_policy": "NoSuchEntity"})

    assert {check.id.partition(":")[0] for check in aws.check_up().of(Status.UNKNOWN)} == {"role-rights"}


def test_a_scan_that_did_not_see_everything_is_unknown() -> None:
    aws = RecordedAws(gaps=(Gap("amplify:ListBranches", "denied"),))

    (check,) = aws.check_up().of(Status.UNKNOWN)

    assert (check.id, check.verdict.permission) == ("opted-in-branches", "amplify:ListBranches")


def test_no_secret_and_no_value_of_a_variable_is_shown() -> None:
    aws = RecordedAws()
    aws.change("secretsmanager.get_secret_value", lambda answer: answer.update(SecretString="hunter2"))
    aws.change(
        FUNCTION, lambda answer: answer["Environment"]["Variables"].update(MEDIC_ACCOUNT="hunter3", ADDED="hunter4")
    )

    shown = json.dumps(as_answer(aws.check_up()))

    assert "MEDIC_ACCOUNT" in shown
    assert "This drops what somebody added: ADDED." in shown
    assert "hunter" not in shown


@pytest.mark.parametrize(
    ("setting", "asked", "name"),
    [
        ("ssm:/team/slack", "/team/slack", "/team/slack"),
        ("ssm:slack", "slack", "slack"),
        (f"{PARAMETERS}team/slack", f"{PARAMETERS}team/slack", "/team/slack"),
        (f"{PARAMETERS}slack", f"{PARAMETERS}slack", "slack"),
    ],
)
def test_a_parameter_that_is_gone_is_made_again_under_its_name(setting: str, asked: str, name: str) -> None:
    aws = RecordedAws()
    _settings(aws, slack={"webhook_secret": setting})
    gone = {"Error": {"Code": "ParameterNotFound", "Message": "no such thing"}}
    aws.calls[key("ssm", "get_parameter", {"Name": asked, "WithDecryption": True})] = gone

    (check,) = [each for each in aws.check_up().of(Status.FAIL) if each.id == f"slack-secret:{setting}"]

    assert f" --name {name} --type SecureString " in check.verdict.repair


def test_the_line_of_a_finished_run_is_the_one_that_the_watcher_writes() -> None:
    assert RAN == TelemetryEvent.WATCHER_RAN


def test_a_change_that_is_under_way_is_unknown() -> None:
    aws = RecordedAws()
    aws.change(
        "cloudformation.describe_stacks", lambda answer: answer["Stacks"][0].update(StackStatus="UPDATE_IN_PROGRESS")
    )
    aws.change("lambda.get_event_source_mapping", lambda answer: answer.update(State="Enabling"))
    aws.change(FUNCTION, lambda answer: answer.update(LastUpdateStatus="InProgress"), WATCHER)

    found = aws.check_up()

    assert [check.id for check in found.of(Status.UNKNOWN)] == [
        "stack-complete", "mapping-enabled:RemediatorFunctionMessages", f"function-healthy:{WATCHER}",
    ]  # fmt: skip
    assert not found.of(Status.FAIL)


def test_a_drift_detection_that_never_ran_proves_nothing() -> None:
    aws = RecordedAws()
    aws.change("cloudformation.describe_stacks", lambda answer: answer["Stacks"][0].pop("DriftInformation"))

    (check,) = aws.check_up().of(Status.UNKNOWN)

    assert check.id == "stack-drift"
    assert "detect-stack-drift" in check.verdict.advice


def test_a_runtime_that_aws_no_longer_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(functions.DEPRECATED_AT, "python3.13", NOW.date())

    failed = [check.id for check in RecordedAws().check_up().of(Status.FAIL)]

    assert len(failed) == 3
    assert all(name.startswith("function-runtime:") for name in failed)


def test_a_layer_on_one_function_leaves_its_botocore_unknown() -> None:
    aws = RecordedAws()
    aws.change(FUNCTION, lambda answer: answer.update(Layers=[{"Arn": "arn:x"}]), REMEDIATOR)

    (check,) = aws.check_up().of(Status.UNKNOWN)

    assert check.id == "botocore"


KEY = "arn:aws:kms:eu-central-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def _settings(aws: RecordedAws, **changed: Any) -> None:
    """Deploy other settings."""

    def change(template: Any) -> None:
        resources = template["TemplateBody"]["Resources"]
        (function,) = (
            each for name, each in resources.items() if name.startswith(REMEDIATOR) and name[18:22] != "Mess"
        )
        variables = function["Properties"]["Environment"]["Variables"]
        old = json.loads(variables["AMPLIFY_MEDIC_SETTINGS"])
        variables["AMPLIFY_MEDIC_SETTINGS"] = json.dumps({**old, **changed})

    aws.change("cloudformation.get_template", change)
    aws.change(
        FUNCTION,
        lambda answer: answer["Environment"]["Variables"].update(
            AMPLIFY_MEDIC_SETTINGS=json.dumps(
                {**json.loads(answer["Environment"]["Variables"]["AMPLIFY_MEDIC_SETTINGS"]), **changed}
            )
        ),
        REMEDIATOR,
    )


PAIRED = "arn:aws:iam::000000000000:role/web-compute"
ADMIN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def test_a_paired_service_role_must_pass_the_guardrails_too() -> None:
    aws = RecordedAws()
    _settings(aws, service_roles={PAIRED: ["d1a2b3c4d5e6f7"]})
    assert aws.checks()["service-role:web-compute"].status is Status.PASS

    aws.change("iam.get_role", lambda answer: answer["Role"].update(AssumeRolePolicyDocument=json.loads(ELSEWHERE)),
               "web-compute")  # fmt: skip

    failed = aws.checks()["service-role:web-compute"].verdict
    assert "guardrail trust" in failed.evidence
    assert "update-assume-role-policy --role-name web-compute" in failed.repair


def test_a_paired_role_with_an_administrators_policy_is_refused() -> None:
    aws = RecordedAws()
    aws.change("iam.list_role_policies", lambda answer: answer.update(PolicyNames=["all"]), "web-compute")
    name = key("iam", "get_role_policy", {"RoleName": "web-compute", "PolicyName": "all"})
    aws.calls[name] = {"PolicyDocument": ADMIN}

    (failed,) = aws.check_up().of(Status.FAIL)

    assert (failed.id, failed.verdict.repair) == ("compute-role:web-compute", "")
    assert "guardrail not_admin" in failed.verdict.evidence


def test_a_paired_role_of_another_account_is_refused_although_it_can_not_be_read() -> None:
    aws = RecordedAws()
    _settings(aws, compute_roles={"arn:aws:iam::111122223333:role/theirs": ["d1a2b3c4d5e6f7"]})

    failed = aws.checks()["compute-role:theirs"]

    assert failed.status is Status.FAIL
    assert "same_account" in failed.verdict.evidence


@pytest.mark.parametrize(
    ("state", "status", "repair"),
    [
        ("Enabled", Status.PASS, ""),
        ("Disabled", Status.FAIL, "aws kms enable-key"),
        ("PendingDeletion", Status.FAIL, ""),
    ],
)
def test_the_key_must_be_enabled(state: str, status: Status, repair: str) -> None:
    aws = RecordedAws()
    _settings(aws, kms_key=KEY)
    aws.calls[key("kms", "describe_key", {"KeyId": KEY})] = {"KeyMetadata": {"KeyState": state}}

    found = aws.checks()["kms-key"]

    assert (found.status, found.verdict.repair[:18]) == (status, repair)


def test_a_key_that_can_not_be_read_is_unknown() -> None:
    aws = RecordedAws(fails={"kms.describe_key": "AccessDeniedException"})
    _settings(aws, kms_key=KEY)

    found = aws.checks()["kms-key"]

    assert (found.status, found.verdict.permission) == (Status.UNKNOWN, "kms:DescribeKey")


def test_in_mode_report_no_role_has_to_be_fit_for_a_change() -> None:
    aws = RecordedAws()
    _settings(aws, mode="report")

    assert not [name for name in aws.checks() if name.startswith("compute-role")]


def test_what_the_template_does_not_tell_is_unknown_and_never_a_pass() -> None:
    aws = RecordedAws()

    def unclear(template: Any) -> None:
        rule = next(each for name, each in template["TemplateBody"]["Resources"].items() if name.startswith(RULE))
        rule["Properties"]["EventPattern"] = {"Fn::If": ["Some", {}, {}]}

    aws.change("cloudformation.get_template", unclear)

    (check,) = aws.check_up().of(Status.UNKNOWN)

    assert check.id == f"rule-pattern:{RULE}"
    assert "Fn::If" in check.verdict.evidence
