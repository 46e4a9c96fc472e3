"""Does a role look like an administrator? Its credentials would be readable by the SSR code of the branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medic.evidence.model import RolePolicies

_ADMIN_POLICIES = ("AdministratorAccess*", "PowerUserAccess", "IAMFullAccess")


def admin_like(policies: RolePolicies) -> str | None:
    """Why these policies look like an administrator's, or None.

    Administrator-like is: AdministratorAccess*, PowerUserAccess or IAMFullAccess attached; or any document that allows
    `*`, `iam:*`, or `iam:PassRole` on every role. Conditions and denials are not weighed: in doubt it is an
    administrator.
    """
    for arn in policies.attached:
        name = arn.rsplit("/", 1)[-1]
        if ":iam::aws:policy/" in arn and any(fnmatchcase(name, pattern) for pattern in _ADMIN_POLICIES):
            return f"the role has the managed policy {name}"
    for document in policies.documents:
        for statement in _allowing(document):
            if reason := _too_much(statement):
                return reason
    return None


def _allowing(document: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
            yield statement


def _too_much(statement: Mapping[str, object]) -> str | None:
    if "NotAction" in statement:
        return "a policy of the role allows everything but a list (NotAction)"
    actions = [action.lower() for action in _texts(statement.get("Action"))]
    resources = _texts(statement.get("Resource"))
    if any(_covers(action, "iam:*") for action in actions):
        return "a policy of the role allows every action, or every IAM action"
    everywhere = "NotResource" in statement or any(_every_role(resource) for resource in resources)
    if everywhere and any(_covers(action, "iam:passrole") for action in actions):
        return "a policy of the role allows iam:PassRole on every role"
    return None


def _covers(pattern: str, action: str) -> bool:
    return fnmatchcase(action, pattern)


def _every_role(resource: str) -> bool:
    return resource == "*" or resource.endswith(("role/*", "::*", ":*"))


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
