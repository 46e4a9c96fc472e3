"""The one message model: what every channel says, before any channel's syntax. All text in it is already redacted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert reports."""

    DIAGNOSIS = "diagnosis"
    APPLIED = "applied"
    REFUSED = "refused"
    DEFERRED = "deferred"
    RESOLVED = "resolved"
    NOT_HELPED = "not_helped"
    UNDONE = "undone"
    STORM = "storm"
    STORM_OVER = "storm_over"


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and a value, shown side by side."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a console page."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fix in one dialect, ready to paste."""

    dialect: str
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix, in every dialect there is of it."""

    title: str
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One message. Short first, detail after."""

    kind: AlertKind
    incident_id: str
    title: str
    summary: tuple[str, ...]
    """Sentences: what is wrong, which role, the likeliest cause, what was done."""
    facts: tuple[Fact, ...]
    causes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    log_lines: str = ""
    done: tuple[str, ...] = ()
    """What was done, refused or proposed, and by which rule."""
    fixes: tuple[Fix, ...] = ()
    links: tuple[Link, ...] = ()
    channel: str | None = None
    """The named channel it goes to; None for the default one."""
