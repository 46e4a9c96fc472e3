"""The last step of composing: no text leaves it that was not redacted."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from medic.alerts.model import Fact, Fix, Link, Section, Snippet
from medic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from medic.alerts.model import Alert


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
        facts=tuple(Fact(fact.name, clean(fact.value)) for fact in alert.facts),
        effect=clean(alert.effect),
        causes=_each(clean, alert.causes),
        checks=_each(clean, alert.checks),
        log_lines=clean(alert.log_lines),
        done=_each(clean, alert.done),
        rules=_each(clean, alert.rules),
        sections=tuple(Section(section.heading, _each(clean, section.items)) for section in alert.sections),
        fixes=tuple(Fix(fix.title, _snippets(clean, fix), fix.url) for fix in alert.fixes),
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


def _snippets(clean: Callable[[str], str], fix: Fix) -> tuple[Snippet, ...]:
    return tuple(Snippet(snippet.dialect, clean(snippet.text)) for snippet in fix.snippets)
