"""What is said of a storm: one alert when it begins, one when it is over, for everything it affected."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.alerts.compose import News, notice
from medic.alerts.model import Alert, AlertKind, Fact, Section
from medic.incidents.state import State

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.incident import Incident
    from medic.settings import Limits

_OPTED_IN = frozenset({"ask", "fix"})
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Affected:
    """One incident among many, and where it is."""

    scope: Scope
    incident: Incident

    @property
    def opted_in(self) -> bool:
        """True if its branch lets the bot change something."""
        return self.incident.mode in _OPTED_IN


def compose_storm(scope: Scope, storm: Incident, affected: tuple[Affected, ...], limits: Limits) -> Alert:
    """The alert that a storm began: what is affected so far, and how to mend each by hand."""
    summary = (
        f"More than {limits.storm_incidents} incidents opened within {limits.storm_minutes} minutes.",
        "That is rarely one branch's fault: look for what they have in common, a role, a connection, a policy.",
        "Nothing is changed while it lasts, and this alert stands for all of them. The whole count follows at the end.",
    )
    news = News(f"Storm: {len(affected)} IAM failures and counting", summary, _sections(affected), _facts(scope, storm))
    return notice(AlertKind.STORM, storm.id, news)


def compose_storm_over(scope: Scope, storm: Incident, affected: tuple[Affected, ...]) -> Alert:
    """The alert that it is over: everything that was affected, nobody left out."""
    still = sum(not each.incident.state.closed for each in affected)
    recovered = sum(each.incident.state is State.RESOLVED for each in affected)
    summary = (
        f"{len(affected)} incidents in all; {still} are still open, {recovered} recovered.",
        "From now on incidents are told and mended one by one again; the lines below mend what the storm left.",
    )
    news = News(f"Storm over: {len(affected)} incidents", summary, _sections(affected), _facts(scope, storm))
    return notice(AlertKind.STORM_OVER, storm.id, news)


def _facts(scope: Scope, storm: Incident) -> tuple[Fact, ...]:
    return (
        Fact("Account", f"{scope.account} / {scope.region}"),
        Fact("Began", f"{storm.opened_at:%Y-%m-%d %H:%M} UTC"),
    )


def _sections(affected: tuple[Affected, ...]) -> tuple[Section, ...]:
    """Those that opted in first, each with what mends it; then the rest."""
    opted_in = tuple(_lines(each for each in affected if each.opted_in))
    others = tuple(_lines(each for each in affected if not each.opted_in))
    sections = (Section("Opted in", opted_in), Section("Not opted in", others))
    return tuple(section for section in sections if section.items)


def _command(scope: Scope) -> str:
    return f"medic fix {scope.app_id} {shlex.quote(scope.branch)} --region {scope.region}"


def _lines(affected: Iterator[Affected]) -> Iterator[str]:
    left = _MOST
    for each in affected:
        left -= 1
        if left < 0:
            yield "and more: see `medic history`"
            return
        line = f"{each.incident.app_name or each.scope.app_id} / {each.scope.branch}: {each.incident.label}"
        if each.opted_in and not each.incident.state.closed:
            line += f". To mend it: {_command(each.scope)}"
        yield line
