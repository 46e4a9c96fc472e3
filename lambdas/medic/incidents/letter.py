"""An alert that waits for a channel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """An alert as it was composed, kept for the channels that have not taken it."""

    incident_id: str
    occasion: str
    alert: str
    """The alert as JSON."""
    lacking: tuple[str, ...]
    """The names of the channels that have not taken it."""
