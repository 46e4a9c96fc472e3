"""One test for each patch of the emulator, and tests that follow an Amplify build through the emulator."""

from __future__ import annotations

import base64
import gzip
import io
import json
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.emulator.cloud import EMULATOR_PYTHON, REPOSITORY, CloudError, LocalCloud
from tests.fakes.sns_inbox import QueueInbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = pytest.mark.e2e

ROLE = "arn:aws:iam::000000000000:role/lambda"
TRUST = {"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}
FORWARD = """
import boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=QUEUE, MessageBody=__import__("json").dumps(event))
"""
INSPECT_ENVIRONMENT = """
import importlib.util, os
def handler(event, context):
    found = [name for name in event["modules"] if importlib.util.find_spec(name)]
    return {"found": found, "environment": sorted(os.environ)}
"""


def make_function(cloud: LocalCloud, name: str, source: str, role: str = ROLE) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        bundle.writestr("index.py", source)
    created = cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
        Timeout=10,
    )
    return str(created["FunctionArn"])


def make_rule(cloud: LocalCloud, name: str, source: str, target_arn: str) -> None:
    events = cloud.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": target_arn}])


def make_app(cloud: LocalCloud, **settings: Any) -> str:
    amplify = cloud.client("amplify")
    app = amplify.create_app(name="shop", platform="WEB_COMPUTE", repository="https://github.com/acme/shop", **settings)
    amplify.create_branch(appId=app["app"]["appId"], branchName="main")
    return str(app["app"]["appId"])


def deploy_template(cloud: LocalCloud, stack: str, resources: Mapping[str, Any], **outputs: Any) -> dict[str, str]:
    template = {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def make_user(cloud: LocalCloud, name: str, *statements: Mapping[str, Any]) -> dict[str, str]:
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}


def make_compute_role(cloud: LocalCloud, name: str) -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    return str(cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])


def test_a_failed_build_reaches_a_queue_as_an_event_and_its_log_can_be_read(cloud: LocalCloud) -> None:
    inbox = QueueInbox.create(cloud.client("sqs"), "deployments")
    make_rule(cloud, "deployments", "aws.amplify", inbox.queue_arn)
    app_id = make_app(cloud)
    cloud.client("amplify").create_branch(appId=app_id, branchName="feature/ü x")
    cloud.control("set_connection", app_id, "lost")

    cloud.client("amplify").start_job(appId=app_id, branchName="feature/ü x", jobType="RELEASE")

    event = inbox.wait_for(lambda event: event["detail"]["jobStatus"] == "FAILED")
    assert event["detail"] == {"appId": app_id, "branchName": "feature/ü x", "jobId": "1", "jobStatus": "FAILED"}
    assert event["detail-type"] == "Amplify Deployment Status Change"
    assert event["resources"][0].endswith(f":apps/{app_id}/branches/feature/ü x/jobs/0000000001")
    job = cloud.client("amplify").get_job(appId=app_id, branchName="feature/ü x", jobId="1")["job"]
    with urllib.request.urlopen(job["steps"][0]["logUrl"]) as log:  # noqa: S310 - the emulator's
        assert b"[ERROR]: !!! Unable to assume specified IAM Role." in log.read()


def test_a_slow_build_ends_after_its_build_time(cloud: LocalCloud) -> None:
    inbox = QueueInbox.create(cloud.client("sqs"), "slow-deployments")
    make_rule(cloud, "slow-deployments", "aws.amplify", inbox.queue_arn)
    app_id = make_app(cloud)
    cloud.control("set_build_time", 0.5)

    cloud.client("amplify").start_job(appId=app_id, branchName="main", jobType="RELEASE")
    cloud.control("set_build_time", 0)

    ended = inbox.wait_for(lambda event: event["detail"]["jobStatus"] == "SUCCEED")
    assert ended["detail"]["appId"] == app_id


def test_a_log_url_can_be_expired_early(cloud: LocalCloud) -> None:
    app_id = make_app(cloud)
    amplify = cloud.client("amplify")
    amplify.start_job(appId=app_id, branchName="main", jobType="RELEASE")
    stale = amplify.get_job(appId=app_id, branchName="main", jobId="1")["job"]["steps"][0]["logUrl"]

    cloud.control("expire_logs")

    with pytest.raises(urllib.error.HTTPError, match="403") as raised:
        urllib.request.urlopen(stale)  # noqa: S310 - the emulator's
    raised.value.close()


def test_the_ssr_runtime_writes_to_the_apps_log_group(cloud: LocalCloud) -> None:
    app_id = make_app(cloud)
    cloud.client("amplify").start_job(appId=app_id, branchName="main", jobType="RELEASE")

    before = cloud.control("request", app_id, "main")
    role = make_compute_role(cloud, "compute-of-runtime")
    cloud.client("amplify").update_branch(appId=app_id, branchName="main", computeRoleArn=role)
    after = cloud.control("request", app_id, "main")

    found = cloud.client("logs").filter_log_events(logGroupName=f"/aws/amplify/{app_id}")["events"]
    assert [event["message"] for event in found] == [before["message"], after["message"]]
    assert (before["status"], after["status"]) == (500, 200)


def test_the_control_endpoint_returns_the_calls_that_the_service_received(cloud: LocalCloud) -> None:
    app_id = make_app(cloud)
    role = make_compute_role(cloud, "compute-of-record")
    cloud.control("forget_calls")

    cloud.client("amplify").update_branch(appId=app_id, branchName="main", computeRoleArn=role)

    (call,) = cloud.control("recorded_calls", "UpdateBranch")
    assert call["body"] == {"computeRoleArn": role}
    with pytest.raises(CloudError, match="NotFoundException"):
        cloud.control("set_connection", "dmissing", "lost")


def test_a_lost_answer_is_a_read_timeout(cloud: LocalCloud) -> None:
    app_id = make_app(cloud)
    impatient = cloud.session().client(
        "amplify",
        endpoint_url=cloud.endpoint_url,
        config=Config(read_timeout=1, retries={"total_max_attempts": 1, "mode": "standard"}),
    )
    cloud.control("fail_call", "StartJob", "timeout_after_effect")

    with pytest.raises(Exception, match="Read timeout"):
        impatient.start_job(appId=app_id, branchName="main", jobType="RELEASE")

    assert len(impatient.list_jobs(appId=app_id, branchName="main")["jobSummaries"]) == 1


def test_a_reset_deletes_apps_too(cloud: LocalCloud) -> None:
    make_app(cloud)

    cloud.reset()

    assert cloud.client("amplify").list_apps()["apps"] == []


def test_updates_can_be_denied_to_every_caller(cloud: LocalCloud) -> None:
    app_id = make_app(cloud)
    cloud.control("deny", "UpdateBranch")

    with pytest.raises(ClientError) as raised:
        cloud.client("amplify").update_branch(appId=app_id, branchName="main", description="x")
    cloud.control("deny", "UpdateBranch", denied=False)

    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"


def test_another_version_of_the_emulator_is_refused() -> None:
    script = "from tests.emulator import patches; patches.PATCHED_VERSION = '0'; patches.check_version()"

    done = subprocess.run(  # noqa: S603 - our own script
        [EMULATOR_PYTHON, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert "WrongVersionError: These patches fit ministack 0, but 1.5.33 is installed" in done.stderr


def test_lambdas_see_boto3_and_nothing_of_the_emulator(cloud: LocalCloud) -> None:
    make_function(cloud, "look-around", INSPECT_ENVIRONMENT)
    asked = {"modules": ["boto3", "botocore", "urllib3", "ministack", "hypercorn", "yaml", "pip"]}

    answer = cloud.client("lambda").invoke(FunctionName="look-around", Payload=json.dumps(asked))
    seen = json.loads(answer["Payload"].read())

    assert seen["found"] == ["boto3", "botocore", "urllib3"]
    assert {"AWS_REGION", "AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT"} <= set(
        seen["environment"]
    )
    own = ("BIND_HOST", "GATEWAY_PORT", "IOT_", "LAMBDA_ASYNC", "MINISTACK_", "PYTHON", "SFTP_")
    assert not [name for name in seen["environment"] if name.startswith(own)]


def test_a_templates_ttl_is_set_on_the_table(cloud: LocalCloud) -> None:
    table = {
        "TableName": "with-ttl",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
    }

    deploy_template(cloud, "with-ttl", {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}})

    described = cloud.client("dynamodb").describe_time_to_live(TableName="with-ttl")["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_a_templates_point_in_time_recovery_is_set_on_the_table(cloud: LocalCloud) -> None:
    table = {
        "TableName": "recovery",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }

    deploy_template(cloud, "recovery", {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}})

    shown = cloud.client("dynamodb").describe_continuous_backups(TableName="recovery")["ContinuousBackupsDescription"]
    assert shown["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_the_simulator_judges_every_resource_with_context_and_boundary(cloud: LocalCloud) -> None:
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="simulated", Path="/some/", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    allow = {
        "Effect": "Allow",
        "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
        "Resource": "arn:aws:sqs:::a",
        "Condition": {"ForAllValues:StringLike": {"some:Keys": "x*"}, "StringEquals": {"aws:ResourceTag/t": "v"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="simulated", PolicyName="p", PolicyDocument=document)

    def decisions(tag: str, keys: list[str]) -> dict[tuple[str, str], str]:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=role["Arn"],
            ActionNames=["sqs:SendMessage", "sqs:ReceiveMessage"],
            ResourceArns=["arn:aws:sqs:::b", "arn:aws:sqs:::a"],
            ContextEntries=[
                {"ContextKeyName": "aws:ResourceTag/t", "ContextKeyValues": [tag], "ContextKeyType": "string"},
                {"ContextKeyName": "some:Keys", "ContextKeyValues": keys, "ContextKeyType": "stringList"},
            ],
        )
        results = answer["EvaluationResults"]
        return {(each["EvalActionName"][4:8], each["EvalResourceName"][-1]): each["EvalDecision"] for each in results}

    denied = {(action, queue): "implicitDeny" for action in ("Send", "Rece") for queue in "ab"}
    assert decisions("v", ["x1", "x2"]) == {**denied, ("Send", "a"): "allowed", ("Rece", "a"): "allowed"}
    assert decisions("other", ["x1"]) == denied
    assert decisions("v", ["x1", "y"]) == denied

    only_receive = {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}
    boundary = json.dumps({"Version": "2012-10-17", "Statement": [only_receive]})
    arn = iam.create_policy(PolicyName="boundary", PolicyDocument=boundary)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="simulated", PermissionsBoundary=arn)
    assert decisions("v", ["x1"]) == {**denied, ("Rece", "a"): "allowed"}


def test_ref_of_a_secret_is_its_arn_and_its_stack_can_be_deleted(cloud: LocalCloud) -> None:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "token", "SecretString": "invented"}}

    outputs = deploy_template(cloud, "with-secret", {"Secret": secret}, Ref={"Ref": "Secret"})

    secrets = cloud.client("secretsmanager")
    assert outputs["Ref"].startswith("arn:aws:secretsmanager:eu-central-1:000000000000:secret:token-")
    assert secrets.get_secret_value(SecretId=outputs["Ref"])["SecretString"] == "invented"
    cloud.client("cloudformation").delete_stack(StackName="with-secret")
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="with-secret", WaiterConfig={"Delay": 1}
    )
    assert secrets.list_secrets()["SecretList"] == []


def test_log_searches_match_as_documented(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    put_lines(cloud, "/searched", "Could not load it", "is not authorized to perform", "could NOT LOAD", "fine")

    found = logs.filter_log_events(
        logGroupName="/searched", filterPattern='?"Could not load" ?"is not authorized to perform"'
    )["events"]

    assert [event["message"] for event in found] == ["Could not load it", "is not authorized to perform"]
    with pytest.raises(logs.exceptions.InvalidParameterException, match="unstructured"):
        logs.filter_log_events(logGroupName="/searched", filterPattern='{ $.level = "ERROR" }')


def test_log_subscriptions_match_as_documented(cloud: LocalCloud) -> None:
    forwarded = QueueInbox.create(cloud.client("sqs"), "forwarded")
    arn = make_function(cloud, "forward", f"QUEUE = {forwarded.queue_url!r}\n{FORWARD}")
    cloud.client("logs").create_log_group(logGroupName="/subscribed")
    cloud.client("logs").put_subscription_filter(
        logGroupName="/subscribed", filterName="either", filterPattern="?alpha ?beta", destinationArn=arn
    )

    put_lines(cloud, "/subscribed", "ALPHA", "one beta", "alpha", "gamma")

    packed = forwarded.wait_for(lambda _: True)["awslogs"]["data"]
    unpacked = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert [event["message"] for event in unpacked["logEvents"]] == ["one beta", "alpha"]


def test_log_searches_are_paged(cloud: LocalCloud) -> None:
    put_lines(cloud, "/paged", *[f"line {number}" for number in range(5)])
    pages = (
        cloud.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName="/paged", limit=2, filterPattern="line")
    )

    assert [[event["message"] for event in page["events"]] for page in pages] == [
        ["line 0", "line 1"],
        ["line 2", "line 3"],
        ["line 4"],
    ]


def put_lines(cloud: LocalCloud, group: str, *messages: str) -> None:
    logs = cloud.client("logs")
    stream = f"stream-{time.monotonic_ns()}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + offset, "message": message} for offset, message in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_iam_limits_updates_to_tagged_branches(strict: LocalCloud) -> None:
    app_id = make_app(strict)
    root = strict.client("amplify")
    root.create_branch(appId=app_id, branchName="feature/opted-in", tags={"opted-in": "yes"})
    tagged = {"Action": "amplify:UpdateBranch", "Resource": f"arn:aws:amplify:*:*:apps/{app_id}/branches/*"}
    condition = {"StringEquals": {"aws:ResourceTag/opted-in": "yes"}}
    user = strict.client("amplify", make_user(strict, "tagger", {**tagged, "Condition": condition}))

    user.update_branch(appId=app_id, branchName="feature/opted-in", description="x")
    with pytest.raises(ClientError) as raised:
        user.update_branch(appId=app_id, branchName="main", description="x")

    denied = raised.value.response["Error"]
    assert denied["Code"] == "AccessDeniedException"
    assert denied["Message"] == (
        "User: arn:aws:iam::000000000000:user/tagger is not authorized to perform: amplify:UpdateBranch on resource: "
        f"arn:aws:amplify:eu-central-1:000000000000:apps/{app_id}/branches/main "
        "because no identity-based policy allows the amplify:UpdateBranch action"
    )


def test_iam_distinguishes_jobs_from_branches(strict: LocalCloud) -> None:
    app_id = make_app(strict)
    branches = f"arn:aws:amplify:eu-central-1:000000000000:apps/{app_id}/branches"
    reader = make_user(strict, "reader", {"Action": "amplify:*", "Resource": f"{branches}/main/jobs/*"})
    user = strict.client("amplify", reader)

    user.start_job(appId=app_id, branchName="main", jobType="RELEASE")
    assert user.get_job(appId=app_id, branchName="main", jobId="1")["job"]["summary"]["status"] == "SUCCEED"
    with pytest.raises(ClientError, match="AccessDenied"):
        user.list_jobs(appId=app_id, branchName="main")


@pytest.mark.parametrize(("passed_to", "allowed"), [("amplify.amazonaws.com", True), ("lambda.amazonaws.com", False)])
def test_iam_requires_pass_role_to_attach_a_role(strict: LocalCloud, passed_to: str, *, allowed: bool) -> None:
    app_id = make_app(strict)
    service = passed_to.partition(".")[0]
    role = make_compute_role(strict, f"compute-{service}")
    pass_role = {
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": passed_to}},
    }
    credentials = make_user(strict, f"passer-{service}", {"Action": "amplify:*", "Resource": "*"}, pass_role)
    user = strict.client("amplify", credentials)

    if allowed:
        user.update_branch(appId=app_id, branchName="main", computeRoleArn=role)
    else:
        with pytest.raises(ClientError, match=f"not authorized to perform: iam:PassRole on resource: {role}"):
            user.update_branch(appId=app_id, branchName="main", computeRoleArn=role)

    attached = strict.client("amplify").get_branch(appId=app_id, branchName="main")["branch"].get("computeRoleArn")
    assert attached == (role if allowed else None)


@pytest.mark.parametrize(("source", "allowed"), [("amplify-medic", True), ("somebody-else", False)])
def test_iam_evaluates_the_condition_key_events_source(strict: LocalCloud, source: str, *, allowed: bool) -> None:
    condition = {"StringEquals": {"events:source": "amplify-medic"}}
    only_ours = {"Action": "events:PutEvents", "Resource": "*", "Condition": condition}
    user = strict.client("events", make_user(strict, f"sender-{source}", only_ours))

    entry = {"Source": source, "DetailType": "Test", "Detail": "{}"}
    assert is_allowed(lambda: user.put_events(Entries=[entry])) is allowed


@pytest.mark.parametrize(("kind", "allowed"), [("request", True), ("branch", False)])
def test_iam_evaluates_the_condition_key_dynamodb_leading_keys(strict: LocalCloud, kind: str, *, allowed: bool) -> None:
    strict.client("dynamodb").create_table(
        TableName=kind,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["request#*"]}}
    only_requests = {"Action": "dynamodb:PutItem", "Resource": "*", "Condition": condition}
    user = strict.client("dynamodb", make_user(strict, f"writer-{kind}", only_requests))

    assert is_allowed(lambda: user.put_item(TableName=kind, Item={"pk": {"S": f"{kind}#1"}})) is allowed


def is_allowed(call: Callable[[], object]) -> bool:
    """False if IAM denies the call."""
    try:
        call()
    except ClientError as error:
        if "AccessDenied" not in error.response["Error"]["Code"]:
            raise
        return False
    return True


def test_an_alarm_on_an_expression_is_shown_as_given_and_evaluated_by_its_first_metric(cloud: LocalCloud) -> None:
    metric = {"Namespace": "Bot", "MetricName": "Failed", "Dimensions": [{"Name": "service", "Value": "x"}]}
    alarm = {
        "AlarmName": "in trouble",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "EvaluationPeriods": 1,
        "Metrics": [
            {"Id": "e1", "Expression": "MAX([FILL(m1,0)])"},
            {"Id": "m1", "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}},
        ],
    }
    deploy_template(cloud, "alarms", {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}})
    cloudwatch = cloud.client("cloudwatch")
    (created,) = cloudwatch.describe_alarms(AlarmNames=["in trouble"])["MetricAlarms"]
    assert (created["Metrics"], "MetricName" in created) == (alarm["Metrics"], False)
    cloudwatch.put_metric_alarm(**{**alarm, "Threshold": 0.5})
    (changed,) = cloudwatch.describe_alarms(AlarmNames=["in trouble"])["MetricAlarms"]
    assert (changed["Metrics"], changed["Threshold"]) == (alarm["Metrics"], 0.5)

    datum = {"MetricName": "Failed", "Dimensions": metric["Dimensions"], "Value": 1}
    cloudwatch.put_metric_data(Namespace="Bot", MetricData=[datum])
    (evaluated,) = cloudwatch.describe_alarms(AlarmNames=["in trouble"])["MetricAlarms"]
    assert evaluated["StateValue"] == "ALARM"
