"""Makes moto's FilterLogEvents behave as documented.

moto does not support `?"either" ?"or"`, and returns streams one after the other.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.logs import models

from tests.emulator.log_pattern import matcher

_compiled = cache(matcher)


class Pattern:
    """Replaces moto's filter pattern."""

    def __init__(self, pattern: str | None) -> None:
        self.matches = _compiled(pattern or "")


def search_as_documented() -> None:
    """Match patterns as CloudWatch Logs documents, and interleave streams by time."""
    search = models.LogGroup.filter_log_events

    def filter_log_events(group: models.LogGroup, *asked: Any) -> Any:
        return search(group, *asked[:-1], interleaved=True)  # type: ignore[misc] # the last one asked for

    models.EventMessageFilter = Pattern  # type: ignore[attr-defined, assignment]
    models.LogGroup.filter_log_events = filter_log_events  # type: ignore[method-assign, assignment]
