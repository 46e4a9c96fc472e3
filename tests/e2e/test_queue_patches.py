"""One test for each patch of the emulator's queues, senders and table policies."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.test_emulator_patches import deploy_template, is_allowed, make_function, make_user
from tests.fakes.sns_inbox import QueueInbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.emulator.cloud import LocalCloud

ACCOUNT = "000000000000"
TRUST = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
FORWARD_SENDER = """
import boto3, json
def handler(event, context):
    caller = boto3.client("sts").get_caller_identity()["UserId"]
    for record in event["Records"]:
        found = json.dumps({"sender": record["attributes"]["SenderId"], "caller": caller})
        boto3.client("sqs").send_message(QueueUrl=QUEUE, MessageBody=found)
"""


def make_role(cloud: LocalCloud, name: str, *statements: Mapping[str, Any]) -> Mapping[str, Any]:
    iam = cloud.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    role: Mapping[str, Any] = iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=trust)["Role"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    return role


def session_of(cloud: LocalCloud, role: Mapping[str, Any], name: str) -> dict[str, str]:
    given = cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName=name)
    return dict(given["Credentials"])


def make_dead_letters(cloud: LocalCloud, name: str) -> tuple[QueueInbox, QueueInbox]:
    """A queue, and its dead-letter queue with one message that was received once."""
    sqs = cloud.client("sqs")
    queue, dead = QueueInbox.create(sqs, name), QueueInbox.create(sqs, f"{name}-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead.queue_arn, "maxReceiveCount": "1"})
    sqs.set_queue_attributes(QueueUrl=queue.queue_url, Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=queue.queue_url, MessageBody='{"from": "queue"}')
    sqs.receive_message(QueueUrl=queue.queue_url)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue.queue_url)
    return queue, dead


def test_a_message_names_the_id_of_the_role_and_its_session(cloud: LocalCloud) -> None:
    role = make_role(cloud, "sender")
    sqs = cloud.client("sqs", session_of(cloud, role, "jane"))
    url = sqs.create_queue(QueueName="sent")["QueueUrl"]

    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={})
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="y")

    received = sqs.receive_message(QueueUrl=url, AttributeNames=["SenderId"], MaxNumberOfMessages=10)["Messages"]
    assert [message["Attributes"]["SenderId"] for message in received] == [f"{role['RoleId']}:jane", ACCOUNT]


def test_a_mapping_passes_the_sender_on_and_a_function_runs_as_its_role(cloud: LocalCloud) -> None:
    sqs, role = cloud.client("sqs"), make_role(cloud, "forwarder")
    source, found = QueueInbox.create(sqs, "mapped"), QueueInbox.create(sqs, "forwarded-senders")
    make_function(cloud, "forward-sender", f"QUEUE = {found.queue_url!r}\n{FORWARD_SENDER}", role["Arn"])
    cloud.client("lambda").create_event_source_mapping(
        FunctionName="forward-sender", EventSourceArn=source.queue_arn, BatchSize=1
    )

    cloud.client("sqs", session_of(cloud, role, "joe")).send_message(QueueUrl=source.queue_url, MessageBody="x")

    sent = found.wait_for(lambda _: True)
    assert sent == {"sender": f"{role['RoleId']}:joe", "caller": f"{role['RoleId']}:forward-sender"}


def test_dead_letters_are_moved_as_new_messages_of_the_same_sender(cloud: LocalCloud) -> None:
    sqs = cloud.client("sqs")
    queue, dead = make_dead_letters(cloud, "moved")
    sqs.send_message(QueueUrl=dead.queue_url, MessageBody='{"from": "elsewhere"}')

    sqs.start_message_move_task(SourceArn=dead.queue_arn)

    (message,) = sqs.receive_message(QueueUrl=queue.queue_url, AttributeNames=["All"], VisibilityTimeout=30)["Messages"]
    assert (message["Body"], message["Attributes"]["ApproximateReceiveCount"]) == ('{"from": "queue"}', "1")
    assert message["Attributes"]["SenderId"] == ACCOUNT
    sqs.start_message_move_task(SourceArn=dead.queue_arn, DestinationArn=queue.queue_arn)
    assert [message["from"] for message in queue.take()] == ["elsewhere"]
    assert dead.take() == []
    with pytest.raises(ClientError, match="Dead Letter Queue"):
        sqs.start_message_move_task(SourceArn=queue.queue_arn)


def test_moving_dead_letters_takes_rights_on_both_queues(strict: LocalCloud) -> None:
    queue, dead = make_dead_letters(strict, "guarded")
    start, others = "sqs:StartMessageMoveTask", ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    send = {"Action": "sqs:SendMessage", "Resource": queue.queue_arn}
    full = {"Action": [start, *others], "Resource": dead.queue_arn}
    rights: dict[str, list[Mapping[str, object]]] = {
        "start": [{**full, "Action": start}, send],
        "no-send": [full],
        "both": [full, send],
    }
    users = {name: make_user(strict, name, *statements) for name, statements in rights.items()}

    def moved(name: str) -> bool:
        sqs = strict.client("sqs", users[name])
        arns = {"SourceArn": dead.queue_arn, "DestinationArn": queue.queue_arn}
        return is_allowed(lambda: sqs.start_message_move_task(**arns))

    assert [moved("start"), moved("no-send"), len(queue.take())] == [False, False, 0]
    assert [moved("both"), len(queue.take())] == [True, 1]


def test_waits_are_shortened(cloud: LocalCloud) -> None:
    queue = QueueInbox.create(cloud.client("sqs"), "waits")
    queue.sqs.send_message(QueueUrl=queue.queue_url, MessageBody="{}")
    (message,) = queue.sqs.receive_message(QueueUrl=queue.queue_url, VisibilityTimeout=600)["Messages"]

    queue.sqs.change_message_visibility(
        QueueUrl=queue.queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=50
    )

    assert queue.take() == []
    time.sleep(1.1)  # 50 s * 0.02
    assert queue.take() == [{}]


def test_iam_distinguishes_reading_from_changing_a_mapping(strict: LocalCloud) -> None:
    sqs, role = strict.client("sqs"), make_role(strict, "mapped-role")
    queue = QueueInbox.create(sqs, "guarded-mapping")
    make_function(strict, "guarded-mapping", "def handler(event, context): pass", role["Arn"])
    created = strict.client("lambda").create_event_source_mapping(
        FunctionName="guarded-mapping", EventSourceArn=queue.queue_arn, Enabled=False
    )
    arn = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:event-source-mapping:{created['UUID']}"
    reader = make_user(strict, "mapping-reader", {"Action": "lambda:GetEventSourceMapping", "Resource": arn})
    functions = strict.client("lambda", reader)

    assert functions.get_event_source_mapping(UUID=created["UUID"])["State"] == "Disabled"
    assert not is_allowed(lambda: functions.update_event_source_mapping(UUID=created["UUID"], Enabled=True))


def test_a_tables_policy_denies_writes_to_everyone_but_the_roles_that_it_names(strict: LocalCloud) -> None:
    everything = {"Action": "dynamodb:*", "Resource": "*"}
    writer, user = make_role(strict, "writer", everything), make_user(strict, "dynamodb-admin", everything)
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem"],
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [writer["Arn"]]}},
    }
    table = {
        "TableName": "policed",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "ResourcePolicy": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}},
    }
    deploy_template(strict, "policed", {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}})

    def may(credentials: dict[str, str], call: str, **parameters: Any) -> bool:
        dynamodb = strict.client("dynamodb", credentials)
        return is_allowed(lambda: getattr(dynamodb, call)(**parameters))

    item = {"TableName": "policed", "Item": {"pk": {"S": "1"}}}
    assert may(session_of(strict, writer, "run"), "put_item", **item)
    assert not may(user, "put_item", **item)
    assert not may(user, "transact_write_items", TransactItems=[{"Put": item}])
    assert may(user, "get_item", TableName="policed", Key={"pk": {"S": "1"}})
    assert may(user, "delete_resource_policy", ResourceArn=f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/policed")
