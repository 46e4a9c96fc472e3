"""Evidence put together at a terminal, where not all of it was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from medic.evidence.model import Absent, App, Branch, BuildLog, Evidence, Item, Job, Role

if TYPE_CHECKING:
    from medic.events import Scope

NOT_READ = Absent("it was not asked for")


def evidence_of(  # noqa: PLR0913 - one an item
    scope: Scope,
    read_at: datetime,
    *,
    app: Item[App],
    branch: Item[Branch],
    job: Item[Job] = NOT_READ,
    log: Item[BuildLog] = NOT_READ,
    roles: Mapping[str, Item[Role]] = MappingProxyType({}),
) -> Evidence:
    """The evidence under a scope, with every item as it is known."""
    return Evidence(
        partition=scope.partition,
        account=scope.account,
        region=scope.region,
        app_id=scope.app_id,
        branch_name=scope.branch,
        read_at=read_at,
        app=app,
        branch=branch,
        job=job,
        log=log,
        roles=roles,
    )
