"""Results of a role change and of a rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from medic.plan.model import Action


class ChangeResult(StrEnum):
    """How an action ended."""

    APPLIED = "applied"
    """Read back: the role that was meant is set."""
    MOVED = "moved"
    """Role, tags or stage changed since the diagnosis: nothing was sent."""
    THIRD_ROLE = "third_role"
    """Read back: a role that is neither the old nor the new one. Somebody else is at work; hands off."""
    CAPPED = "capped"
    """A cap on changes is used up: nothing was sent."""
    REFUSED = "refused"
    """AWS refused the change."""
    DEFERRED = "deferred"
    """Amplify can't assume the role yet; it was made moments ago."""


@dataclass(frozen=True, slots=True)
class RebuildOutcome:
    """The job that was started, or why none was."""

    job_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class RoleChangeOutcome:
    """What became of one action."""

    action: Action
    result: ChangeResult
    detail: str
    at: datetime
    rebuild: RebuildOutcome | None = None
