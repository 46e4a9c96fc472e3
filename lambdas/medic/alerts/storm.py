"""What is said of a storm: one alert when it begins, one when it is over, for everything it affected."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medic.alerts.model import Alert, AlertKind, Fact
from medic.incidents.model import State
from medic.redaction import redact

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.settings import Limits

_OPTED_IN = frozenset({"ask", "fix"})
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Affected:
    """One incident among many, and where it is."""

    scope: Scope
    incident: Incident


def compose_storm(scope: Scope, storm: Incident, affected: tuple[Affected, ...], limits: Limits) -> Alert:
    """The alert that a storm began: what is affected so far, and how to mend each by hand."""
    summary = (
        f"More than {limits.storm_incidents} incidents opened within {limits.storm_minutes} minutes.",
        "That is rarely one branch's fault: look for what they have in common, a role, a connection, a policy.",
        "Nothing is changed while it lasts, and this alert stands for all of them. The whole count follows at the end.",
    )
    title = f"Storm: {len(affected)} IAM failures and counting"
    return _with_lines(Alert(AlertKind.STORM, storm.id, title, summary, _facts(scope, storm)), affected)


def compose_storm_over(scope: Scope, storm: Incident, affected: tuple[Affected, ...]) -> Alert:
    """The alert that it is over: everything that was affected, nobody left out."""
    still = sum(not each.incident.state.closed for each in affected)
    recovered = sum(each.incident.state is State.RESOLVED for each in affected)
    summary = (
        f"{len(affected)} incidents in all; {still} are still open, {recovered} recovered.",
        "From now on incidents are told and mended one by one again; the lines below mend what the storm left.",
    )
    title = f"Storm over: {len(affected)} incidents"
    return _with_lines(Alert(AlertKind.STORM_OVER, storm.id, title, summary, _facts(scope, storm)), affected)


def _facts(scope: Scope, storm: Incident) -> tuple[Fact, ...]:
    return (
        Fact("Account", f"{scope.account} / {scope.region}"),
        Fact("Began", f"{storm.opened_at:%Y-%m-%d %H:%M} UTC"),
    )


def _with_lines(alert: Alert, affected: tuple[Affected, ...]) -> Alert:
    return replace(alert, done=tuple(_lines(affected)))


def _lines(affected: tuple[Affected, ...]) -> Iterator[str]:
    """One line each; those that opted in first, with what mends them."""
    ordered = sorted(affected, key=lambda each: each.incident.mode not in _OPTED_IN)
    for each in ordered[:_MOST]:
        name, label = redact(each.incident.app_name or each.scope.app_id), each.incident.label
        line = f"{name} / {redact(each.scope.branch)}: {label}"
        if each.incident.mode in _OPTED_IN and not each.incident.state.closed:
            line += f". To mend it: medic fix {each.scope.app_id} {shlex.quote(each.scope.branch)}"
        yield line
    if len(ordered) > _MOST:
        yield f"and {len(ordered) - _MOST} more: see `medic history`"
