"""A runtime incident's time has come: finish what was begun, or see whether its log has fallen silent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_quiet
from medic.alerts.runtime import compose_no_traffic
from medic.aws.amplify import RUNNING
from medic.diagnosis.runtime_branch import branch_of
from medic.events import ALL
from medic.evidence.model import Present, Span
from medic.flows.announce import announce, at_work
from medic.flows.attend import Attendance
from medic.flows.quiet import QUIET, settling
from medic.flows.runtime import attend_again, trouble_since
from medic.flows.runtime_trouble import SsrApp, read_ssr_app
from medic.incidents.state import DEADLINES, State
from medic.telemetry import Fact

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.incidents.incident import Incident
    from medic.incidents.table import Held
    from medic.services import Services

_MINUTES = int(QUIET.total_seconds() // 60)
_NO_TRAFFIC = "quiet without traffic"


def look_after_runtime(scope: Scope, incident: Incident, services: Services) -> None:
    """Take up one overdue incident that the SSR log showed.

    Raises:
        RetryableError: AWS throttled or could not be reached; the watcher comes again.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take an alert.
    """
    if incident.pending or incident.state is State.APPLYING:
        attend_again(scope, incident, services)
    elif incident.state is State.REBUILDING:
        _follow_rebuild(scope, incident, services)
    else:
        _see_whether_it_is_quiet(scope, incident, services)


def _follow_rebuild(scope: Scope, incident: Incident, services: Services) -> None:
    job_id = incident.rebuild_job_id or incident.job_id
    job = services.amplify.job(scope.app_id, scope.branch, job_id)
    if not isinstance(job, Present):
        return
    now, status = services.clock(), job.value.job.status
    with at_work(scope, services) as held:
        over = settling(incident.rebuilt(now, f"job {job_id} ended: {status}"), now)
        held.save(held.record.with_incident(incident.moved(State.REBUILDING, now) if status in RUNNING else over))


def _see_whether_it_is_quiet(scope: Scope, incident: Incident, services: Services) -> None:
    """Over, if an hour of traffic showed no such line; else looked at again in an hour, until it expires."""
    ssr = read_ssr_app(scope.whole_app, services)
    trouble = trouble_since(scope, ssr, incident, services.clock() - QUIET, services) if ssr is not None else None
    served = ssr is not None and trouble is None and _served(scope, ssr, services)
    with at_work(scope, services) as held:
        if trouble is not None:
            # A line that nobody was woken for: the watcher was down, or its nudge got lost.
            Attendance(trouble, held, services).attend()
        for overdue in held.record.overdue(services.clock()):
            if overdue.id == incident.id and served:
                _resolve(scope, overdue, held, services)
            elif overdue.id == incident.id:
                _wait_longer(scope, overdue, held, services, silent=trouble is None)


def _served(scope: Scope, ssr: SsrApp, services: Services) -> bool:
    """Whether anything was logged in the last hour, by this branch as far as that can be told."""
    now = services.clock()
    lines = services.runtime_logs().lines(scope.app_id, Span(now - QUIET, now), "", most_pages=1)
    if not isinstance(lines, Present):
        return False
    writers = (branch_of(line, scope.app_id, ssr.branches) for line in lines.value)
    return any(writer is None or scope.branch in {ALL, writer.name} for writer in writers)


def _resolve(scope: Scope, incident: Incident, held: Held, services: Services) -> None:
    resolved = incident.moved(State.RESOLVED, services.clock(), "no such line came for an hour of traffic")
    services.telemetry.record(Fact.RESOLVED, scope=scope, incident=incident.id)
    if incident.told_by_itself:
        announce(compose_quiet(scope, resolved, _MINUTES), resolved, f"quiet:{incident.count}", held, services)
    else:
        held.save(held.record.with_incident(resolved))


def _wait_longer(scope: Scope, incident: Incident, held: Held, services: Services, *, silent: bool) -> None:
    now = services.clock()
    if now - incident.opened_at >= DEADLINES[incident.state]:
        return  # it is still overdue, and so it ends as every incident does
    waiting = settling(incident, now)
    if silent and incident.applied and incident.note != _NO_TRAFFIC:
        noted = replace(waiting, note=_NO_TRAFFIC)
        announce(compose_no_traffic(scope, noted), noted, f"no-traffic:{incident.count}", held, services)
    else:
        held.save(held.record.with_incident(waiting))
