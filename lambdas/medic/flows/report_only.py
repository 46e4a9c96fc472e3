"""Report a failure on which the bot takes no action, so that it never stays silent.

It could not diagnose the failure, or the build failed, but not because of IAM (setting `notify: all_failures`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from medic.alerts.compose import compose_build_failed, compose_undiagnosed
from medic.aws.errors import AwsError, RetryableError
from medic.events import ALL, Attempt, Scope
from medic.evidence import App, Branch, Item, JobRef, value_of
from medic.flows.locked_branch import LockedBranch, hold_branch
from medic.flows.settle import UNDIAGNOSED, end_those_of_a_deleted_branch, look_for_success
from medic.flows.storm import report_flood
from medic.incidents.model import Incident, JobOrder
from medic.incidents.table import Cap, TransactionParts
from medic.labels import BotLabel, RoleKind, Trigger
from medic.logscan.model import Ending
from medic.plan.optin import read_opt_in
from medic.records import replace
from medic.settings import LogLines
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.incidents.record import BranchRecord
    from medic.services import Services

T = TypeVar("T")
_BUILD_FAILED = (RoleKind.NONE, BotLabel.BUILD_FAILED)
_OPEN_FOR = timedelta(days=1)
_MAY_PASS_FOR = timedelta(minutes=30)
"""How long a job's final status or a log may be late. Then the failure is reported without a diagnosis."""


class Obstacle(Struct, frozen=True):
    """Why a failed job, or an error in an SSR log, could not be diagnosed."""

    kind: str
    """One word. Each kind is reported once a day for a branch."""
    why: str
    """The end of a sentence: lower case, no full stop."""
    remedy: str
    """A sentence: what would let the bot, or a person, find out."""
    passing: bool
    """True if a later attempt may succeed."""


def retry_while_it_may_pass(obstacle: Obstacle, attempt: Attempt | None) -> None:
    """Raise RetryableError as long as a later attempt may succeed. Then the obstacle has to be reported."""
    waited_enough = attempt is not None and (attempt.last or attempt.age >= _MAY_PASS_FOR)
    if obstacle.passing and not waited_enough:
        raise RetryableError("medic:Diagnose", "NotYet", obstacle.why)


def report_undiagnosed(scope: Scope, job: JobRef, obstacle: Obstacle, services: Services) -> None:
    """Open or count up the incident, and send an alert unless this obstacle was reported within the day.

    For an error in an SSR log, the scope is the whole app, and the job stands for the time of the line.
    """
    services.telemetry.record(
        TelemetryEvent.UNDIAGNOSED, scope=scope, job=job.id, reason=obstacle.kind, why=obstacle.why
    )
    app = _read_if_reached(lambda: services.amplify.app(scope.app_id))
    at_runtime = scope.branch == ALL
    branch = None if at_runtime else _read_if_reached(lambda: services.amplify.branch(scope.app_id, scope.branch))
    if branch is not None and read_opt_in(services.runtime.settings, branch.tags).ignored:
        services.telemetry.record(TelemetryEvent.IGNORED, scope=scope, job=job.id)
        return
    created_at = branch.created_at if branch is not None else None
    with hold_branch(scope, services) as locked:
        end_those_of_a_deleted_branch(created_at, locked)
        before, now = locked.record.incident(UNDIAGNOSED), locked.now
        if before is not None and before.of_another_branch(created_at):
            before = None
        name, trigger = app.name if app else scope.app_id, Trigger.RUNTIME if at_runtime else Trigger.FAILED
        opened = Incident.open(scope, UNDIAGNOSED, job, app_name=name, now=now).with_deadline(now + _OPEN_FOR, now)
        opened = replace(opened, trigger=trigger, branch_created_at=created_at)
        incident = opened.after(before, locked.record.incidents)
        if incident is before:
            locked.log(TelemetryEvent.ALREADY_HANDLED, before, job=job.id)
            return
        incident = replace(incident, reason=obstacle.why)
        alert_key = f"undiagnosed-{obstacle.kind}"
        if incident.has_alert(alert_key) or services.region.read(scope).muted(scope, now):
            locked.save(incident)
        elif _save_if_not_too_many(BotLabel.UNDIAGNOSED, locked.record, locked):
            alert = compose_undiagnosed(scope, incident, obstacle.why, obstacle.remedy)
            locked.notify(alert, incident, alert_key, release=True)
        else:
            report_flood(BotLabel.UNDIAGNOSED, scope.whole_region, services)
            locked.save(incident)
    if branch is not None and branch.supersedes(job.id):
        look_for_success(scope, incident, services, told=True)


def _read_if_reached(read: Callable[[], Item[T]]) -> T | None:
    """What a call reads. None if it fails, because that must not keep a failure from being reported."""
    try:
        return value_of(read())
    except AwsError:
        return None


def report_build_failed(  # noqa: PLR0913, PLR0917
    scope: Scope, app: App, branch: Branch, job: JobRef, ending: Ending, services: Services
) -> None:
    """Open or count up the branch's incident, and send one alert for each job, unless too many builds fail.

    Such builds count for no storm of IAM failures. If a Git provider is down, every build fails, so a counter of their
    own bounds the alerts.
    """
    if services.runtime.settings.log_lines is LogLines.NONE:
        ending = Ending()
    alert_key = f"failed:{job.id}"
    with hold_branch(scope, services) as locked:
        before, now = locked.record.incident(_BUILD_FAILED), locked.now
        if before is not None and before.alert_due == alert_key:
            incident = before  # an interrupted run has counted it
        elif before is not None and before.compared_with(job) is not JobOrder.LATER:
            locked.log(TelemetryEvent.ALREADY_HANDLED, before, job=job.id)
            return
        else:
            opened = Incident.open(scope, _BUILD_FAILED, job, app_name=app.name, now=now)
            counted = replace(opened.after(before, locked.record.incidents), reason=" · ".join(ending.errors))
            incident = replace(counted, alert_due=alert_key)
            if services.region.read(scope).muted(scope, now):
                locked.save(counted)
                return
            if not _save_if_not_too_many(BotLabel.BUILDS_FAILING, locked.record.with_incident(incident), locked):
                report_flood(BotLabel.BUILDS_FAILING, scope.whole_region, services)
                locked.save(counted)
                return
        locked.notify(compose_build_failed(scope, incident, ending), incident, alert_key, release=True)
    if branch.supersedes(job.id):
        look_for_success(scope, incident, services, told=True)


def _save_if_not_too_many(flood: BotLabel, record: BranchRecord, locked: LockedBranch) -> bool:
    """Save a branch's record and count its alert, unless too many such alerts were sent. Returns whether it is saved.

    An interrupted run may count one twice.
    """
    scope, limits, now = locked.scope, locked.services.runtime.settings.limits, locked.now
    window = int(now.timestamp()) // (limits.storm_minutes * 60)
    name = f"{flood}#{scope.account}#{scope.region}#{window}"
    cap = Cap(name, limits.other_failures, now + timedelta(minutes=2 * limits.storm_minutes))
    return locked.lease.save(record, TransactionParts((cap,))) is None
