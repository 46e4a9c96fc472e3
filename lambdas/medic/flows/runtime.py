"""An SSR log showed something: read it anew, find whose it is, and attend to each branch under its lease.

A line is a hint, for visitors can write to these logs. What is done rests on the state of branches and roles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from medic.alerts.runtime import compose_log_missing
from medic.diagnosis.runtime_log import runtime_filter
from medic.evidence.model import Absent, Present, Span
from medic.flows.announce import UndeliveredError, announce, at_work
from medic.flows.attend import Attendance, Attended
from medic.flows.runtime_trouble import SsrApp, read_ssr_app, troubles
from medic.flows.trouble import cause_of
from medic.incidents.incident import Incident
from medic.incidents.order import Moment
from medic.incidents.state import RoleKind, State
from medic.incidents.table import BusyError
from medic.telemetry import Fact

if TYPE_CHECKING:
    from datetime import datetime

    from medic.events import RuntimeWakeUp, Scope
    from medic.evidence.model import App
    from medic.flows.trouble import Trouble
    from medic.incidents.requests import Request
    from medic.services import Services

MOST_PAGES = 10
LOG_MISSING = (RoleKind.NONE, "ssr_log_missing")
"""The kind of the incident that says: there is no log to look at."""


def diagnose_runtime(nudge: RuntimeWakeUp, services: Services) -> None:
    """The whole way from a nudge to alerts.

    Raises:
        RetryableError: AWS throttled or could not be reached; the nudge is to be delivered again.
        BusyError: another invocation works on one of the branches.
        UndeliveredError: a channel did not take an alert.
    """
    ssr = read_ssr_app(nudge.scope, services)
    if ssr is None:
        return
    lines = services.runtime_logs().lines(
        nudge.scope.app_id, Span(nudge.since, nudge.until), runtime_filter(), MOST_PAGES
    )
    match lines:
        case Present(found):
            _attend_to_all(troubles(nudge.scope, ssr, found, services), services)
        case Absent() if ssr.branches and nudge.since == nudge.until:
            _tell_that_the_log_is_missing(nudge.scope, ssr.app, services)
        case _:
            services.telemetry.record(Fact.LOG_UNAVAILABLE, scope=nudge.scope, why=lines)


def attend_again(scope: Scope, incident: Incident, services: Services, asked: Request | None = None) -> Attended | None:
    """Read the lines of an incident again, and attend to it: something was not finished, or a person asks for it.

    Returns:
        What was done, or None where its lines are no longer there.

    Raises:
        RetryableError: AWS throttled or could not be reached.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take the alert.
        UsedUpError: the request was used by another invocation.
    """
    ssr = read_ssr_app(scope.whole_app, services)
    if ssr is None:
        return None
    trouble = trouble_since(scope, ssr, incident, incident.job_started_at or incident.opened_at, services)
    if trouble is None:
        return None
    with at_work(scope, services) as held:
        return Attendance(trouble, held, services, asked).attend()


def trouble_since(scope: Scope, ssr: SsrApp, incident: Incident, since: datetime, services: Services) -> Trouble | None:
    """The failure of an incident, if the log has shown it since then.

    Raises:
        RetryableError: AWS throttled or could not be reached.
    """
    span = Span(since, services.clock())
    lines = services.runtime_logs().lines(scope.app_id, span, runtime_filter(), MOST_PAGES)
    if not isinstance(lines, Present):
        return None
    found = troubles(scope.whole_app, ssr, lines.value, services)
    return next((each for each in found if (each.scope, each.diagnosis.label) == (scope, incident.label)), None)


def _attend_to_all(found: Iterator[Trouble], services: Services) -> None:
    """One branch's trouble is no other's: what goes wrong with one is raised when all had their turn."""
    failed: Exception | None = None
    for trouble in found:
        cause = cause_of(trouble.diagnosis)
        services.telemetry.record(Fact.DIAGNOSED, scope=trouble.scope, label=trouble.diagnosis.label, cause=cause)
        try:
            with at_work(trouble.scope, services) as held:
                Attendance(trouble, held, services).attend()
        except (BusyError, UndeliveredError) as error:
            failed = error
    if failed is not None:
        raise failed


def _tell_that_the_log_is_missing(scope: Scope, app: App, services: Services) -> None:
    """Once: without a log, no runtime failure of this app can be seen."""
    with at_work(scope, services) as held:
        if held.record.incident(*LOG_MISSING) is not None:
            return
        now = services.clock()
        incident = Incident.open(scope, LOG_MISSING, Moment(now), app_name=app.name, now=now)
        said = incident.moved(State.EXPIRED, now, "there is nothing to wait for")
        services.telemetry.record(Fact.LOG_UNAVAILABLE, scope=scope, incident=incident.id)
        announce(compose_log_missing(scope, said), said, "missing", held, services)
