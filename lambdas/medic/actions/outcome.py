"""Results of a role change, of its undo and of a rebuild."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from medic.incidents.model import Change
    from medic.plan.model import Action


class ChangeResult(StrEnum):
    APPLIED = "applied"
    """The read-back shows the new role."""
    MOVED = "moved"
    """Role, tags or stage changed since the diagnosis: nothing was sent."""
    THIRD_ROLE = "third_role"
    """The read-back shows neither the old nor the new role. Someone else set it, and the bot leaves it in place."""
    CAPPED = "capped"
    """A cap on changes has reached its limit: nothing was sent."""
    REFUSED = "refused"
    """AWS refused the change."""
    DEFERRED = "deferred"
    """Amplify can't assume the role yet, because it was created moments ago."""


class UndoResult(StrEnum):
    DETACHED = "detached"
    """No role is set, as before the change."""
    RESTORED = "restored"
    """The previous role is set again."""
    REFUSED = "refused"
    """AWS refused it, or another role is set now: nothing was changed."""
    IGNORED = "ignored"
    """AWS accepted the request and changed nothing. Whether an empty role detaches is not documented."""
    GONE = "gone"
    """The branch whose role was set was deleted: nothing is left to undo, not even by hand."""

    @property
    def done(self) -> bool:
        """True if the state from before the change is back."""
        return self in (UndoResult.DETACHED, UndoResult.RESTORED)

    @property
    def left_to_do(self) -> bool:
        """True if a person may have to undo it by hand."""
        return self in (UndoResult.REFUSED, UndoResult.IGNORED)


class RebuildOutcome(Struct, frozen=True):
    """The id of the job that was started, or why none was."""

    job_id: str | None
    detail: str
    known: bool = True
    """False if the bot could not look for a job that may have started."""


class RoleChangeOutcome(Struct, frozen=True):
    action: Action
    result: ChangeResult
    detail: str
    at: datetime
    rebuild: RebuildOutcome | None = None


class UndoOutcome(Struct, frozen=True):
    change: Change
    result: UndoResult
    detail: str
