"""The alert as data, before a channel formats it, and its redaction. codec.py stores it as JSON for a later retry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, partial

from medic.alerts.json_form import redacted_json
from medic.codec import Json  # noqa: TC001 - codec.py reads the types of stored fields
from medic.events import Scope  # noqa: TC001
from medic.redaction import redact, redact_emails


class AlertKind(StrEnum):
    DIAGNOSIS = "diagnosis"
    UNDIAGNOSED = "undiagnosed"
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
class NamedText:
    """A field with its value, a link with its URL, or a dialect (console, CLI, CDK, …) with a fix ready to paste."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class AlertFix:
    title: str
    snippets: tuple[NamedText, ...]
    url: str = ""
    """The console page on which to make the fix; empty if there is no single page."""


@dataclass(frozen=True, slots=True)
class Section:
    """A list with its heading, such as the causes, or the branches that a storm affects."""

    heading: str
    items: tuple[str, ...]
    detail: bool = False
    """True if a channel with little room leaves it out."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for approval. It is valid for exactly this plan of this incident, until it expires."""

    incident_id: str
    plan_hash: str
    scope: Scope
    expires_at: int
    """Seconds since 1970."""

    @property
    def command(self) -> str:
        """The command that approves the plan from a terminal."""
        return f"medic approve {self.incident_id} --region {self.scope.region}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message: short fields for the phone first, details after them."""

    kind: AlertKind
    incident_id: str
    title: str
    summary: tuple[str, ...]
    """Sentences: which role is concerned, the most likely cause, what the bot did."""
    facts: tuple[NamedText, ...]
    effect: str = ""
    """What the applied or proposed change will do, and what it will not do."""
    approval: Approval | None = None
    sections: tuple[Section, ...] = ()
    log_lines: str = ""
    rules: tuple[str, ...] = ()
    """Every guardrail's answer."""
    fixes: tuple[AlertFix, ...] = ()
    links: tuple[NamedText, ...] = ()
    channel: str | None = None
    """A channel name from the settings; None for the default channel."""
    event: Json = field(default_factory=dict)
    """The detail of its events, as JSON. Empty if this alert is not sent to the event bus."""


def redacted(alert: Alert, *, emails: bool = False) -> Alert:
    """The alert with every text redacted, once: the last step before it leaves.

    Two parts stay as they are: the approval, which must name its branch exactly, and URLs, which are built from ids.
    The log scan has already redacted the log lines, all but e-mail addresses.
    """
    clean = cache(partial(redact, emails=emails))
    clean_excerpt = redact_emails if emails else str

    def each(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(clean, texts))

    def values(texts: tuple[NamedText, ...]) -> tuple[NamedText, ...]:
        return tuple(NamedText(item.name, clean(item.text)) for item in texts)

    return replace(
        alert,
        title=clean(alert.title),
        summary=each(alert.summary),
        facts=values(alert.facts),
        effect=clean(alert.effect),
        sections=tuple(replace(section, items=each(section.items)) for section in alert.sections),
        log_lines=clean_excerpt(alert.log_lines),
        rules=each(alert.rules),
        fixes=tuple(replace(fix, snippets=values(fix.snippets)) for fix in alert.fixes),
        links=tuple(NamedText(clean(link.name), link.text) for link in alert.links),
        channel=None if alert.channel is None else clean(alert.channel),
        event=redacted_json(alert.event, clean, clean_excerpt),
    )
