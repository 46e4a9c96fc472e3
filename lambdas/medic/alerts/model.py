"""The one message model: what every channel says, before any channel's syntax. All text in it is already redacted.

Strings, tuples, enumerations and other such dataclasses alone, so that an alert can be kept as JSON and sent later.
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
    from collections.abc import Callable, Mapping


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
class AlertField:
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
class AlertFix:
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
    facts: tuple[AlertField, ...]
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
    fixes: tuple[AlertFix, ...] = ()
    links: tuple[Link, ...] = ()
    channel: str | None = None
    """The named channel it goes to; None for the default one."""
    machine: str = ""
    """The same for machines, as JSON: what the event bus gets. Empty where no event tells it."""


def alert_to_json(alert: Alert) -> str:
    """The alert as JSON text; it holds nothing that was not already redacted."""
    return json.dumps(_plain(alert), ensure_ascii=False, separators=(",", ":"))


def alert_from_json(text: str) -> Alert:
    """The alert that `alert_to_json` wrote.

    Raises:
        ValueError: the text is none.
    """
    alert = _thing(Alert, json.loads(text))
    if not isinstance(alert, Alert):
        raise TypeError("the text is no alert")
    return alert


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _thing(wanted: Any, value: Any) -> object:  # noqa: ANN401 - types as values
    """A value of the wanted type: a dataclass, a tuple of things, an enum, or plain JSON."""
    if get_origin(wanted) in (Union, UnionType):
        if value is None:
            return None
        (wanted,) = (argument for argument in get_args(wanted) if argument is not NoneType)
    if get_origin(wanted) is tuple:
        item, *_ = get_args(wanted)
        return tuple(_thing(item, element) for element in value)
    if is_dataclass(wanted) and isinstance(wanted, type):
        return _dataclass(wanted, value)
    return wanted(value) if isinstance(wanted, type) else value


def _dataclass(wanted: type, raw: Mapping[str, object]) -> object:
    types = get_type_hints(wanted)
    return wanted(**{field.name: _thing(types[field.name], raw[field.name]) for field in fields(wanted)})


def redacted(alert: Alert, *, emails: bool = False) -> Alert:
    """The alert with every text redacted; doing it again changes nothing.

    What stays is the approval, which has to name its branch exactly, and the addresses of links, which are made of ids.

    Args:
        alert: what was composed.
        emails: whether e-mail addresses go too (setting `redact_emails`).
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


def _leaves(clean: Callable[[str], str], value: object) -> object:
    """The same JSON with every text in it redacted; its names are ours."""
    match value:
        case str():
            return clean(value)
        case list():
            return [_leaves(clean, item) for item in value]
        case dict():
            return {name: _leaves(clean, item) for name, item in value.items()}
        case _:
            return value


def _snippets(clean: Callable[[str], str], fix: AlertFix) -> tuple[Snippet, ...]:
    return tuple(Snippet(snippet.dialect, clean(snippet.text)) for snippet in fix.snippets)
