"""Which checks a failure calls for: what a person would look at for this label, in that order, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from medic.diagnosis.checks_deployment import (
    build_duration,
    caller,
    line_confirmed,
    platform,
    repository_cloned,
    repository_connection,
    resource_control_policies,
    static_keys,
)
from medic.diagnosis.checks_roles import (
    boundary_of_caller,
    compute_role,
    compute_role_in_brief,
    role_of_caller,
    service_role,
    service_role_boundary,
)
from medic.diagnosis.facts import Facts
from medic.diagnosis.model import Check, Label
from medic.evidence.model import Present

if TYPE_CHECKING:
    from medic.evidence.model import Evidence

_Checking: TypeAlias = Callable[[Facts], Iterator[Check]]

_DENIED: tuple[_Checking, ...] = (caller, role_of_caller, static_keys)
_FOR: Mapping[Label, tuple[_Checking, ...]] = {
    Label.SERVICE_ROLE_UNASSUMABLE: (
        *(service_role, service_role_boundary, repository_cloned, repository_connection),
        *(resource_control_policies, platform, compute_role_in_brief),
    ),
    Label.COMPUTE_ROLE_UNASSUMABLE: (compute_role, platform, resource_control_policies),
    Label.CREDENTIALS_MISSING_BUILD: (caller, service_role, static_keys, compute_role_in_brief),
    Label.CREDENTIALS_MISSING_RUNTIME: (compute_role, line_confirmed, platform, static_keys),
    Label.EXPIRED_OR_INVALID_TOKEN: (build_duration, static_keys),
    Label.ACCESS_DENIED_IDENTITY: _DENIED,
    Label.ACCESS_DENIED_OTHER: _DENIED,
    Label.PASS_ROLE_DENIED: (caller, static_keys),
    Label.ACCESS_DENIED_BOUNDARY: (caller, boundary_of_caller),
    Label.ACCESS_DENIED_SCP: (caller,),
}


def checks_for(facts: Facts) -> tuple[Check, ...]:
    """Every check that has something to say about this failure, in the order in which a person would make them."""
    return tuple(check for make in _FOR.get(facts.label, ()) for check in make(facts))


def made_at(evidence: Evidence, role_arn: str | None) -> datetime | None:
    """When a role was created, if it was read."""
    item = evidence.roles.get(role_arn or "")
    return item.value.created_at if isinstance(item, Present) else None
