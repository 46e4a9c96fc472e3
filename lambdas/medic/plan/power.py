"""Decides whether a role's policies lead to more power than they give. No branch gets such a role by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from medic.diagnosis.roles import UnknownPolicyError, permissions_of
from medic.knowledge.power import POWERS, ROLES
from medic.text import bare

if TYPE_CHECKING:
    from medic.arns import RoleArn
    from medic.evidence import RolePolicies
    from medic.trust.permissions import Given, Permissions

_PASS_ROLE = "iam:PassRole"  # noqa: S105 - the name of an action
_ALL_SERVICES = tuple(sorted({service for power in POWERS for service in power.passes_to}))


def why_powerful(policies: RolePolicies, role: RoleArn, now: datetime) -> str | None:
    """The reason why a role's policies lead to more power, as a clause; None if they do not."""
    try:
        permissions = permissions_of(policies, role, now)
    except UnknownPolicyError as error:
        return str(error)
    return next(_reasons(permissions, role), None)


def _reasons(permissions: Permissions, role: RoleArn) -> Iterator[str]:
    """The reasons, those of a single action first."""

    def allowed(action: str, kinds: Iterable[str]) -> Iterator[Given]:
        return permissions.given(action, [kind.format(**_names(role)) for kind in kinds])

    for power in POWERS:
        if not power.passes_to:
            for given in allowed(power.action, power.resources):
                yield f"{_sentence(given, power.action)}, which leads to more power: {power.source}"
    for given in _passed(permissions, role, _ALL_SERVICES):
        if not given.exact:
            yield f"{_sentence(given, _PASS_ROLE)}, which is more than one role"
    for power in POWERS:
        if power.passes_to and any(allowed(power.action, power.resources)):
            for given in _passed(permissions, role, power.passes_to):
                yield f"{_sentence(given, _PASS_ROLE)}, and {power.action} uses such a role: {power.source}"


def _passed(permissions: Permissions, role: RoleArn, services: Iterable[str]) -> Iterator[Given]:
    """Where iam:PassRole may be given for one of the services."""
    roles = [kind.format(**_names(role)) for kind in ROLES]
    for service in services:
        for name in (service, f"{service}.cn"):
            yield from permissions.given(_PASS_ROLE, roles, {"iam:passedtoservice": (name,)})


def _names(role: RoleArn) -> dict[str, str]:
    return {"partition": role.partition, "account": role.account}


def _sentence(given: Given, action: str) -> str:
    return f"{given.policy} allows {action} on {bare(given.resource)}"
