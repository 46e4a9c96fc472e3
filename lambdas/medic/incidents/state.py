"""Where an incident stands, for how long it may, and which of the two roles it is about."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class State(StrEnum):
    """Where an incident stands. The last four are closed."""

    OPEN = "open"
    AWAITING_APPROVAL = "awaiting_approval"
    APPLYING = "applying"
    APPLIED = "applied"
    REBUILDING = "rebuilding"
    RESOLVED = "resolved"
    NOT_HELPED = "not_helped"
    OUTCOME_UNKNOWN = "outcome_unknown"
    EXPIRED = "expired"

    @property
    def closed(self) -> bool:
        """True if nothing more is expected of it."""
        return self in _CLOSED


_CLOSED = frozenset({State.RESOLVED, State.NOT_HELPED, State.OUTCOME_UNKNOWN, State.EXPIRED})

DEADLINES: dict[State, timedelta] = {
    State.OPEN: timedelta(days=7),
    State.AWAITING_APPROVAL: timedelta(hours=24),
    State.APPLYING: timedelta(minutes=3),
    State.APPLIED: timedelta(days=7),
    State.REBUILDING: timedelta(hours=3),
}
"""How long an incident may stay in each open state before somebody must look again."""


class RoleKind(StrEnum):
    """Which of the two roles an incident is about."""

    SERVICE = "service"
    COMPUTE = "compute"
    NONE = "none"
