"""Synthesised stacks, cached by their settings, and queries on their templates."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from infra.synthesis import Synthesis, synthesise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.iam import PolicyStatement, Resource, Template

APP = "d1a2b3c4d5e6f7"
OTHER_APP = "d7f6e5d4c3b2a1"
COMPUTE_ROLE = "arn:aws:iam::111122223333:role/web-compute"
SERVICE_ROLE = "arn:aws:iam::111122223333:role/web-build"
EVERYTHING: dict[str, object] = {
    "compute_roles": {COMPUTE_ROLE: [APP]},
    "service_roles": {SERVICE_ROLE: [f"{APP}/main", APP]},
    "default_role": {
        "policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        "permissions_boundary": "arn:aws:iam::111122223333:policy/boundary",
        "apps": [APP],
    },
    "apps": [APP, OTHER_APP],
    "slack": {
        "bot_token_secret": "amplify-medic/slack",
        "channel": "C0123456789",
        "channels": {"web": {"webhook_secret": "amplify-medic/web"}},
        "signing_secret": "amplify-medic/signing",
        "app_id": "A0123456789",
        "approvers": ["T0123456789/U0123456789"],
    },
    "sns": {"emails": ["web@example.com"]},
}

BOUNDARY = "arn:aws:iam::111122223333:policy/company"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-1111-2222-3333-444455556666"
BUS = "arn:aws:events:eu-central-1:999988887777:event-bus/amplify-medic"
COMPANY: dict[str, object] = {
    **EVERYTHING,
    "central_bus": BUS,
    "permissions_boundary": BOUNDARY,
    "role_path": "/platform/medic/",
    "kms_key": KEY,
    "keep_logs": True,
    "concurrency": {"messages": 5, "reserved_remediator": 6, "reserved_slack": 2},
}

ITEM_WRITES = {
    f"dynamodb:{action}"
    for action in (
        *("BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"),
        *("PartiQLDelete", "PartiQLInsert", "PartiQLUpdate"),
    )
}
"""Every action that writes items. A transaction is authorised by the single writes in it.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""


@functools.cache
def _synthesis(settings: str, environ: tuple[tuple[str, str], ...]) -> Synthesis:
    return synthesise(json.loads(settings), dict(environ))


def synthesis(settings: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Synthesis:
    return _synthesis(json.dumps(settings), tuple((environ or {}).items()))


def template(**settings: object) -> Template:
    return synthesis(settings).template


def of_type(stack: Template, kind: str) -> dict[str, Resource]:
    """The resources of a type, by logical id."""
    return {name: resource for name, resource in stack["Resources"].items() if resource["Type"] == kind}


def properties_of(stack: Template, kind: str, name: str = "") -> dict[str, Any]:
    """The properties of the only resource of a type whose logical id starts with this name."""
    (resource,) = [r for logical_id, r in of_type(stack, kind).items() if logical_id.startswith(name)]
    return resource["Properties"]


def statements(stack: Template, role: str) -> dict[str, PolicyStatement]:
    """The statements of a role's policy, by Sid."""
    document = properties_of(stack, "AWS::IAM::Policy", role)["PolicyDocument"]
    return {statement["Sid"]: statement for statement in document["Statement"]}


def actor(**settings: object) -> dict[str, PolicyStatement]:
    """The statements of the actor role, the only role that may change Amplify."""
    return statements(template(**settings), "RemediatorActorRole")


def reader(**settings: object) -> dict[str, PolicyStatement]:
    """The statements of the remediator's own role."""
    return statements(template(**settings), "RemediatorRole")


def watcher(**settings: object) -> dict[str, PolicyStatement]:
    """The statements of the watcher's role."""
    return statements(template(**settings), "WatcherRole")


def operator(**settings: object) -> dict[str, PolicyStatement]:
    """The statements of the role that people assume for the command line."""
    return statements(template(**settings), "OperatorRole")


def actions(statement: PolicyStatement) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else action


def allowed(granted: Mapping[str, PolicyStatement]) -> set[str]:
    """The actions that a role's statements allow."""
    return {a for statement in granted.values() if statement["Effect"] == "Allow" for a in actions(statement)}
