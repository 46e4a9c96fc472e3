"""The alert as data, before a channel formats it, and its redaction. codec.py stores it as JSON for a later retry.

An alert has two depths. The brief is read in ten seconds: headline, cause, what the bot did, next step. The detail
holds the rest: the fix, the checks, the log.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING

from msgspec import Struct, field

from medic.alerts.json_form import redacted_json
from medic.codec import Json  # noqa: TC001 - codec.py reads the types of stored fields
from medic.events import Scope  # noqa: TC001
from medic.records import replace
from medic.redaction import redact, redact_emails

if TYPE_CHECKING:
    from collections.abc import Callable


class AlertKind(StrEnum):
    """What an alert reports: the state of its incident after the run, or what the state alone does not say."""

    OPEN = "open"
    AWAITING_APPROVAL = "awaiting_approval"
    APPLYING = "applying"
    """A change is postponed. The bot retries it."""
    APPLIED = "applied"
    REBUILDING = "rebuilding"
    RESOLVED = "resolved"
    NOT_HELPED = "not_helped"
    OUTCOME_UNKNOWN = "outcome_unknown"
    EXPIRED = "expired"

    REFUSED = "refused"
    """Open, because a guardrail or AWS refused the change."""
    NOT_CONFIRMED = "not_confirmed"
    """AWS's state contradicts the log line, or there was no traffic that could confirm a change."""
    UNDONE = "undone"
    NOT_UNDONE = "not_undone"
    UNDIAGNOSED = "undiagnosed"
    """The bot could not look."""
    BUILD_FAILED = "build_failed"
    """A build failed, but not because of IAM."""
    BUILDS_FAILING = "builds_failing"
    """More such builds than are reported one by one."""
    MUTED = "muted"
    STORM = "storm"
    STORM_OVER = "storm_over"
    TEST = "test"


class NamedText(Struct, frozen=True):
    """A line with its label, a link with its URL, or a dialect (console, CLI, CDK, …) with a text to copy."""

    name: str
    text: str


class Section(Struct, frozen=True):
    """A part of the detail: a heading, a list, and texts to copy."""

    heading: str
    items: tuple[str, ...] = ()
    snippets: tuple[NamedText, ...] = ()
    url: str = ""
    """The console page on which to do it; empty if there is no single page."""


class Button(StrEnum):
    """What a person may ask for with one click. Each is a request under every guardrail."""

    APPROVE = "approve"
    DISMISS = "dismiss"
    UNDO = "undo"
    MUTE = "mute"


class ButtonTarget(Struct, frozen=True):
    """What a button is about. An approval is valid for exactly this plan of this incident, until it expires."""

    incident_id: str
    plan_hash: str
    """Empty unless it is about an approval."""
    scope: Scope
    expires_at: int
    """Seconds since 1970. 0 if it does not expire."""

    @property
    def command(self) -> str:
        """The command that approves the plan from a terminal."""
        return f"medic approve {self.incident_id} --region {self.scope.region}"


class Alert(Struct, frozen=True):
    kind: AlertKind
    incident_id: str
    at: int
    """When the incident got into the reported state, in microseconds since 1970. It orders an incident's alerts."""
    app: str
    """The app's name. Empty if the alert is about the region."""
    branch: str
    """`*` if the alert is about the whole app."""
    what: str
    """What happened, as the end of the headline."""
    brief: tuple[NamedText, ...]
    """Labelled sentences: the cause and its rank, what the bot did, one next step."""
    identity: str
    """Job and commit. Empty if it is about neither."""
    place: str
    """Account and region."""
    links: tuple[NamedText, ...] = ()
    scope: Scope | None = None
    """The branch, or the whole app, that its buttons are about. None if it has no buttons."""
    approval: ButtonTarget | None = None
    sections: tuple[Section, ...] = ()
    log_lines: str = ""
    reference: tuple[NamedText, ...] = ()
    """The full names of what the brief mentions: roles, platform, opt-in."""
    channel: str | None = None
    """A channel name from the settings; None for the default channel."""
    event: Json = field(default_factory=dict)
    """The detail of its events, as JSON. Empty if this alert is not sent to the event bus."""

    @property
    def has_detail(self) -> bool:
        return bool(self.sections or self.log_lines or self.reference)


def redacted(alert: Alert, *, emails: bool = False, quotes: bool = True) -> Alert:
    """The alert with every text redacted, once: the last step before it leaves. Only snippets and the log have lines.

    Three parts stay as they are: scope and approval, which must name the branch exactly, and URLs, built from ids.
    The log scan has already redacted the log lines, all but e-mail addresses. Without `quotes` they are left out.
    """
    clean = cache(partial(redact, emails=emails))
    clean_excerpt = (redact_emails if emails else str) if quotes else lambda _: ""

    def line(text: str) -> str:
        return " ".join(clean(text).splitlines())

    def values(texts: tuple[NamedText, ...], each: Callable[[str], str]) -> tuple[NamedText, ...]:
        return tuple(NamedText(item.name, each(item.text)) for item in texts)

    return replace(
        alert,
        app=line(alert.app),
        branch=line(alert.branch),
        what=line(alert.what),
        brief=values(alert.brief, line),
        identity=line(alert.identity),
        place=line(alert.place),
        links=tuple(NamedText(line(link.name), link.text) for link in alert.links),
        sections=tuple(
            replace(
                section,
                heading=line(section.heading),
                items=tuple(map(line, section.items)),
                snippets=values(section.snippets, clean),
            )
            for section in alert.sections
        ),
        log_lines=clean_excerpt(alert.log_lines),
        reference=values(alert.reference, line),
        channel=None if alert.channel is None else clean(alert.channel),
        event=redacted_json(alert.event, clean, clean_excerpt),
    )
