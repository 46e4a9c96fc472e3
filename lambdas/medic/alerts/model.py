"""The alert as data, before a channel formats it: the model, its JSON form for a later retry, and its redaction.

Fields hold only strings, integers, tuples, enumerations and dataclasses of these, so that JSON can store an alert.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from functools import partial
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from medic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable


class AlertKind(StrEnum):
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
class AlertField:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fix in one dialect (console, CLI, CDK, …), ready to paste."""

    dialect: str
    text: str


@dataclass(frozen=True, slots=True)
class AlertFix:
    title: str
    snippets: tuple[Snippet, ...]
    url: str = ""
    """The console page on which to make the fix; empty if there is no single page."""


@dataclass(frozen=True, slots=True)
class Section:
    """An extra list with its own heading, such as the branches that a storm affects or the results of an undo."""

    heading: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for approval. It is valid for exactly this plan of this incident, until it expires."""

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
        """The command that approves the plan from a terminal."""
        return f"medic approve {self.incident_id} --region {self.region}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message: short fields for the phone first, details after them."""

    kind: AlertKind
    incident_id: str
    title: str
    summary: tuple[str, ...]
    """Sentences: which role is concerned, the most likely cause, what the bot did."""
    facts: tuple[AlertField, ...]
    effect: str = ""
    """What the applied or proposed change will do, and what it will not do."""
    approval: Approval | None = None
    causes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    log_lines: str = ""
    done: tuple[str, ...] = ()
    """What the bot changed, refused or proposed, and which guardrail decided."""
    rules: tuple[str, ...] = ()
    """Every guardrail's answer."""
    sections: tuple[Section, ...] = ()
    fixes: tuple[AlertFix, ...] = ()
    links: tuple[Link, ...] = ()
    channel: str | None = None
    """A channel name from the settings; None for the default channel."""
    machine: str = ""
    """The alert for machines, as JSON: the detail of its events. Empty if this alert is not sent to the event bus."""


def alert_to_json(alert: Alert) -> str:
    """The alert as JSON text. It adds nothing, so a redacted alert stays redacted."""
    return json.dumps(_plain(alert), ensure_ascii=False, separators=(",", ":"))


def alert_from_json(text: str) -> Alert:
    """The alert that `alert_to_json` wrote."""
    alert: Alert = _from_plain(Alert, json.loads(text))
    return alert


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _from_plain(wanted: Any, value: Any) -> Any:  # noqa: ANN401 - types as values
    """Build a value of the wanted type, which is a dataclass, a tuple, an enumeration, an optional or plain JSON."""
    if get_origin(wanted) in (Union, UnionType):
        if value is None:
            return None
        (wanted,) = (argument for argument in get_args(wanted) if argument is not NoneType)
    if get_origin(wanted) is tuple:
        item, *_ = get_args(wanted)
        return tuple(_from_plain(item, element) for element in value)
    if is_dataclass(wanted) and isinstance(wanted, type):
        types = get_type_hints(wanted)
        return wanted(**{field.name: _from_plain(types[field.name], value[field.name]) for field in fields(wanted)})
    return wanted(value) if isinstance(wanted, type) else value


def redacted(alert: Alert, *, emails: bool = False) -> Alert:
    """The alert with every text redacted. Redacting it again changes nothing.

    Two parts stay as they are: the approval, which must name its branch exactly, and URLs, which are built from ids.

    Args:
        alert: the composed alert.
        emails: whether to redact e-mail addresses too (setting `redact_emails`).
    """
    clean = partial(redact, emails=emails)
    return replace(
        alert,
        title=clean(alert.title),
        summary=_each(clean, alert.summary),
        facts=tuple(AlertField(fact.name, clean(fact.value)) for fact in alert.facts),
        effect=clean(alert.effect),
        causes=_each(clean, alert.causes),
        checks=_each(clean, alert.checks),
        log_lines=clean(alert.log_lines),
        done=_each(clean, alert.done),
        rules=_each(clean, alert.rules),
        sections=tuple(Section(section.heading, _each(clean, section.items)) for section in alert.sections),
        fixes=tuple(AlertFix(fix.title, _snippets(clean, fix), fix.url) for fix in alert.fixes),
        links=tuple(Link(clean(link.text), link.url) for link in alert.links),
        channel=None if alert.channel is None else clean(alert.channel),
        machine=json.dumps(_leaves(clean, json.loads(alert.machine)), ensure_ascii=False) if alert.machine else "",
    )


def _each(clean: Callable[[str], str], texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(clean, texts))


def _snippets(clean: Callable[[str], str], fix: AlertFix) -> tuple[Snippet, ...]:
    return tuple(Snippet(snippet.dialect, clean(snippet.text)) for snippet in fix.snippets)


def _leaves(clean: Callable[[str], str], value: object) -> object:
    """The same JSON with every string redacted. Keys stay: they are field names of ours."""
    match value:
        case str():
            return clean(value)
        case list():
            return [_leaves(clean, item) for item in value]
        case dict():
            return {name: _leaves(clean, item) for name, item in value.items()}
        case _:
            return value
