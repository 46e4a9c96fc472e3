"""A change of a role, as it is written down before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChangeState(StrEnum):
    """What became of a change. INTENDED without more means: ask GetBranch what happened."""

    INTENDED = "intended"
    APPLIED = "applied"
    FAILED = "failed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Change:
    """A change as recorded before it was made: enough to finish it, to undo it, and to say what it was."""

    kind: str
    target: str
    role_arn: str
    previous_arn: str | None
    state: ChangeState
    intended_at: datetime
    applied_at: datetime | None = None
    note: str = ""
    undo_intended_at: datetime | None = None
    """Set before what stood there is put back: an undoing that broke off is finished, not forgotten."""
