"""Adds Amplify as a service of the emulator, also to its IAM. Uses private names of ministack 1.5.33."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack import app as gateway
from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.responses import get_account_id
from ministack.services import tagging

from tests.fakes.amplify import wire
from tests.fakes.amplify.ministack_adapter import REQUEST_LINE, Answer, MinistackAmplify

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Query = dict[str, list[str]]
    Handler = Callable[[str, str, dict[str, str], bytes, Query], Awaitable[Answer]]


def register_amplify(amplify: MinistackAmplify) -> None:
    router.SERVICE_PATTERNS["amplify"] = {"host_patterns": [r"amplify\."]}
    gateway.SERVICE_REGISTRY["amplify"] = {"module": "amplify"}
    gateway._loaded_modules["amplify"] = amplify
    gateway.SERVICE_HANDLERS["amplify"] = amplify.handle_request


def authorize_amplify(amplify: MinistackAmplify) -> None:
    """With AUTH=true, check resource and tags of every call to Amplify, and iam:PassRole for the roles passed to it.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amplify.html
    """
    iam_actions.SERVICE_TO_IAM_NAMESPACE["amplify"] = "amplify"
    tagging._RESOURCE_TAG_COLLECTORS["amplify"] = amplify.tags
    iam_actions.extract_iam_action = _for_amplify(iam_actions.extract_iam_action, _action)
    iam_actions.extract_resource_arn = _for_amplify(iam_actions.extract_resource_arn, _resource)
    iam_actions.access_denied_response = _naming_the_resource(iam_actions.access_denied_response)
    gateway.SERVICE_HANDLERS["amplify"] = _checking_passed_roles(gateway.SERVICE_HANDLERS["amplify"])


def _for_amplify(original: Callable[..., Any], own: Callable[..., Any]) -> Callable[..., Any]:
    def choose(service: str, *args: Any) -> Any:
        return own(*args) if service == "amplify" else original(service, *args)

    return choose


def _action(method: str, *_: object) -> str | None:
    routed = wire.route(method, REQUEST_LINE.get()[0])
    return f"amplify:{routed.operation}" if routed else None


def _resource(method: str, *request: Any) -> str:
    """The ARN that IAM checks. Branch names in it are not encoded, so they may contain slashes."""
    region, account_id = request[-2:]
    routed = wire.route(method, REQUEST_LINE.get()[0])
    if routed is None or (not routed.path):
        return "*"
    if "resourceArn" in routed.path:
        return str(routed.path["resourceArn"])
    arn = f"arn:aws:amplify:{region}:{account_id}:apps/{routed.path['appId']}"
    if "branchName" in routed.path:
        arn += f"/branches/{routed.path['branchName']}"
    if routed.operation == "StartJob":
        return f"{arn}/jobs/*"
    return f"{arn}/jobs/{routed.path['jobId']}" if "jobId" in routed.path else arn


def _naming_the_resource(original: Callable[..., Answer]) -> Callable[..., Answer]:
    """Add the resource to the message of Amplify's denials."""

    def denied(service: str, action: str, principal_arn: str, request_id: str, **details: Any) -> Answer:
        if service == "amplify" and not details.get("message") and not details.get("error_code"):
            explicit = details.get("explicit_deny", False)
            resource = details.get("resource_arn", "*")
            details["message"] = iam_actions.identity_denial_message(action, principal_arn, resource, explicit)
        return original(service, action, principal_arn, request_id, **details)

    return denied


def _checking_passed_roles(original: Handler) -> Handler:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Query) -> Answer:
        if gateway.AUTH:
            access_key = router.extract_access_key_id(headers, query)
            for role_arn in _passed_roles(body):
                service = headers.get(wire.PASSED_TO, "amplify.amazonaws.com")
                denied = _pass_role_denied(access_key, role_arn, router.extract_region(headers), service)
                if denied is not None:
                    return denied
        return await original(method, path, headers, body, query)

    return handle


def _passed_roles(body: bytes) -> list[str]:
    try:
        sent = json.loads(body)
    except ValueError:
        return []  # No body, or one that the service refuses.
    return [sent[member] for member in ("computeRoleArn", "iamServiceRoleArn") if sent.get(member)]


def _pass_role_denied(access_key: str, role_arn: str, region: str, service: str) -> Answer | None:
    """The error response if the caller may not pass this role to the service, otherwise None."""
    passed_to = {"iam:PassedToService": service}
    denied = iam_evaluator.enforce(
        access_key, "iam:PassRole", "iam", region, resource_arn=role_arn, service_context=passed_to
    )
    if denied is None:
        return None
    principal = getattr(denied, "principal_arn", f"arn:aws:iam::{get_account_id()}:root")
    explicit = getattr(denied, "decision", "") == "Deny"
    answer: Answer = iam_actions.access_denied_response(
        "amplify", "iam:PassRole", principal, "", resource_arn=role_arn, explicit_deny=explicit
    )
    return answer
