"""Patches for queues, and for who sends to them and who writes to a table. Uses private names of ministack 1.5.33."""

from __future__ import annotations

import hashlib
import json
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions, iam_evaluator, lambda_runtime, router
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import dynamodb, iam, lambda_svc, sqs, sts
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Queue = dict[str, Any]
    Message = dict[str, Any]

_ACCESS_KEY: ContextVar[str] = ContextVar("access_key", default="")
"""The access key that signed the current request to SQS."""
_MOVING_NEEDS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_MAPPING_ACTIONS = {"GET": "Get", "PUT": "Update", "DELETE": "Delete"}


def apply_all(wait_factor: float) -> None:
    run_functions_as_their_role()
    name_the_sender()
    move_dead_letters()
    shorten_waits(wait_factor)
    name_actions_on_one_mapping()
    name_the_role_of_a_session()
    enforce_table_policies()


def run_functions_as_their_role() -> None:
    """Give a function a session of its role also if IAM is not enforced. The session's id begins with the role's id."""

    def credentials(config: Mapping[str, Any]) -> dict[str, str]:
        account, _ = lambda_runtime._account_region_from_function_config(config)
        role, name = config["Role"], config["FunctionName"][:64]
        digest = hashlib.sha256(f"{config['FunctionArn']}:{role}".encode()).hexdigest()
        key, secret, token = f"ASIA{digest[:16].upper()}", digest, digest[::-1]
        session = {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role.rsplit('/', 1)[-1]}/{name}",
            "UserId": f"{sts._role_id(role)}:{name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        }
        sts.register_session(key, session)
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}

    lambda_runtime.execution_credentials = credentials


def name_the_sender() -> None:
    """Make a message's SenderId the id of the user, or of the role and its session.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
    """
    handle, attributes, dispatch = sqs.handle_request, sqs._build_send_sys_attrs, lambda_svc._dispatch_esm_batch

    async def handle_as_caller(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        _ACCESS_KEY.set(router.extract_access_key_id(headers, query) or "")
        answer: Awaitable[Any] = handle(method, path, headers, body, query)
        return await answer

    def attributes_with_sender(now: float, given: Any) -> dict[str, str]:
        caller = iam_evaluator.resolve_caller_identity(_ACCESS_KEY.get()) or {}
        return {**attributes(now, given), "SenderId": caller.get("userId") or get_account_id()}

    def dispatch_with_sender(mapping_id: str, run: Callable[..., None], *args: Any) -> None:
        if run is lambda_svc._run_sqs_batch:
            _, _, event, batch, *_ = args
            for record, message in zip(event["Records"], batch, strict=True):
                record["attributes"]["SenderId"] = message["sys"]["SenderId"]
        dispatch(mapping_id, run, *args)

    sqs.handle_request = handle_as_caller
    sqs._build_send_sys_attrs = attributes_with_sender
    lambda_svc._dispatch_esm_batch = dispatch_with_sender


def move_dead_letters() -> None:
    """Add StartMessageMoveTask. It moves all messages at once, as new ones with their old sender.

    AWS does not document the SenderId of a moved message.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    """
    resource_arn = iam_actions.extract_resource_arn

    def with_source(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        source = _json_of(body).get("SourceArn") if service == "sqs" else None
        return source or resource_arn(service, method, path, headers, body, *rest)

    iam_actions.extract_resource_arn = with_source
    sqs._HANDLERS["StartMessageMoveTask"] = _start_message_move_task


def _start_message_move_task(data: Mapping[str, Any], _url: str) -> dict[str, str]:
    source_arn = data.get("SourceArn", "")
    source = _queue(source_arn)
    redrives = (json.loads(queue["attributes"].get("RedrivePolicy", "{}")) for _, queue in sqs._queues.items())
    if not any(redrive.get("deadLetterTargetArn") == source_arn for redrive in redrives):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    for action in _MOVING_NEEDS:
        _require(action, source_arn)
    with sqs._queues_lock:
        kept = []
        for message in source["messages"]:
            arn = data.get("DestinationArn") or message["sys"].get("DeadLetterQueueSourceArn")
            if arn is None:  # it did not come from a queue
                kept.append(message)
                continue
            destination = _queue(arn)
            _require("SendMessage", arn)
            destination["messages"].append(_as_new(message))
        source["messages"] = kept
    sqs.esm_wake.set()
    return {"TaskHandle": new_uuid()}


def _queue(arn: str) -> Queue:
    found: Queue | None = sqs._queue_by_arn(arn)
    if found is None:
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the request doesn't exist.")
    return found


def _require(action: str, queue_arn: str) -> None:
    """Raise AccessDenied if IAM is enforced and the caller may not do this."""
    from ministack.app import AUTH  # noqa: PLC0415 - the emulator's own switch

    allowed = not AUTH or not iam_evaluator.enforce(
        _ACCESS_KEY.get(), f"sqs:{action}", "sqs", get_region(), resource_arn=queue_arn
    )
    if not allowed:
        raise sqs._Err("AccessDenied", f"The caller is not authorized to perform: sqs:{action} on {queue_arn}", 403)


def _as_new(message: Message) -> Message:
    now = time.time()
    sent = {"SenderId": message["sys"]["SenderId"], "SentTimestamp": str(int(now * 1000))}
    fresh = {"id": new_uuid(), "receipt_handle": None, "receive_count": 0, "first_receive_at": None}
    return {**message, **fresh, "sent_at": now, "visible_at": now, "sys": sent}


def shorten_waits(factor: float) -> None:
    """Multiply every wait that ChangeMessageVisibility asks for, so that tests need not sit through the bot's waits."""
    change = sqs._HANDLERS["ChangeMessageVisibility"]

    def change_sooner(data: Mapping[str, Any], url: str) -> dict[str, Any]:
        with sqs._queues_lock:
            answer: dict[str, Any] = change(data, url)
            for message in sqs._get_q(data.get("QueueUrl", url))["messages"]:
                if message["receipt_handle"] == data["ReceiptHandle"]:
                    message["visible_at"] = time.time() + factor * int(data["VisibilityTimeout"])
        return answer

    sqs._HANDLERS["ChangeMessageVisibility"] = change_sooner


def name_actions_on_one_mapping() -> None:
    """Authorise calls on one event source mapping as Get, Update or DeleteEventSourceMapping."""
    known = iam_actions._lambda_action

    def action(method: str, path: str) -> str | None:
        parts = [part for part in path.split("/") if part]
        if parts[1:2] == ["event-source-mappings"] and len(parts) > 2 and method in _MAPPING_ACTIONS:
            return f"{_MAPPING_ACTIONS[method]}EventSourceMapping"
        found: str | None = known(method, path)
        return found

    iam_actions._lambda_action = action


def name_the_role_of_a_session() -> None:
    """Make `aws:PrincipalArn` of a role's session the ARN of the role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """
    resolve = iam_evaluator._resolve_condition_key

    def resolved(key: str, context: Any) -> Any:
        value = resolve(key, context)
        if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(value):
            return value
        name = iam_evaluator._role_name_from_assumed_arn(value)
        role = iam._roles.get_scoped(context.principal_account, None, name)
        return role["Arn"] if role else value

    iam_evaluator._resolve_condition_key = resolved


def enforce_table_policies() -> None:
    """Store a table's resource policy from a template, and apply it to every request on the table or its indexes."""

    def policy_for_arn(arn: str) -> tuple[str, str] | None:
        table = arn.partition("/index/")[0]
        found = dynamodb._resource_policies.get(table)
        return (found["Policy"], get_account_id()) if found else None

    dynamodb.table_policy_for_arn = policy_for_arn
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "table_policy_for_arn")
    handler = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    handler["create"] = _with_policy(handler["create"], properties_at=1)
    handler["update"] = _with_policy(handler["update"], properties_at=2)


def _with_policy(provision: Callable[..., tuple[str, Any]], properties_at: int) -> Callable[..., tuple[str, Any]]:
    def provisioned(*args: Any, **options: Any) -> tuple[str, Any]:
        name, attributes = provision(*args, **options)
        if policy := args[properties_at].get("ResourcePolicy"):
            asked = {"ResourceArn": attributes["Arn"], "Policy": json.dumps(policy["PolicyDocument"])}
            dynamodb._put_resource_policy(asked)
        return name, attributes

    return provisioned


def _json_of(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
