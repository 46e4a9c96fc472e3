"""The one message model: what every channel says, before any channel's syntax. All text in it is already redacted.

Strings, tuples, enumerations and other such dataclasses alone, so that an alert can be kept as JSON and sent later.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert reports."""

    DIAGNOSIS = "diagnosis"
    PROPOSED = "proposed"
    APPLIED = "applied"
    REFUSED = "refused"
    DEFERRED = "deferred"
    RESOLVED = "resolved"
    QUIET = "quiet"
    NOT_HELPED = "not_helped"
    NOT_CONFIRMED = "not_confirmed"
    OUTCOME_UNKNOWN = "outcome_unknown"
    EXPIRED = "expired"
    UNDONE = "undone"
    STORM = "storm"
    STORM_OVER = "storm_over"
    TEST = "test"


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
    url: str = ""
    """The console page it is made on; empty where there is no single one."""


@dataclass(frozen=True, slots=True)
class Section:
    """A further part under a heading of its own: what a storm affects, how an undo went."""

    heading: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """What somebody may approve: exactly this plan for exactly this incident, until it expires."""

    incident_id: str
    plan_hash: str
    partition: str
    account: str
    region: str
    app_id: str
    branch: str
    expires_at: int
    """Seconds since 1970."""

    @property
    def command(self) -> str:
        """The command line that approves it too."""
        return f"medic approve {self.incident_id} --region {self.region}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message. Short first, detail after."""

    kind: AlertKind
    incident_id: str
    title: str
    summary: tuple[str, ...]
    """Sentences: what is wrong, which role, the likeliest cause, what was done."""
    facts: tuple[Fact, ...]
    effect: str = ""
    """What to expect of what was done or is proposed."""
    approval: Approval | None = None
    causes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    log_lines: str = ""
    done: tuple[str, ...] = ()
    """What was done, refused or proposed, and by which rule."""
    rules: tuple[str, ...] = ()
    """Every guardrail's answer."""
    sections: tuple[Section, ...] = ()
    fixes: tuple[Fix, ...] = ()
    links: tuple[Link, ...] = ()
    channel: str | None = None
    """The named channel it goes to; None for the default one."""
    machine: str = ""
    """The same for machines, as JSON: what the event bus gets. Empty where no event tells it."""
