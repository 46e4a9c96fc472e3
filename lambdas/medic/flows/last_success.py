"""Keep what a branch looked like when a deployment succeeded, so that a later failure can say what changed since."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from medic.aws.amplify import JobWithLogs
from medic.aws.gather import Deployment
from medic.codec import to_text
from medic.diagnosis.changes import (
    FRESH,
    Comparison,
    WorkingState,
    is_newer,
    kept_state,
    says_more,
    with_changes,
    working_state,
)
from medic.evidence import Absent, Branch, Item, Job, Present, Trail, Unreadable, value_of
from medic.incidents.table import branch_key
from medic.plan.optin import read_opt_in
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.diagnosis.model import Diagnosis
    from medic.incidents.record import BranchRecord
    from medic.plan.failure import ConfirmedFailure
    from medic.services import Services

_MOST_CHARACTERS = 40_000
"""A usual state has 2,000. The record it is part of may have 400 KB, and every write of it costs by its size."""
_NO_LOG = Absent("a success needs no log")
_WITHHELD = "the setting `cloudtrail` is false"


def is_fresh(ended_at: datetime | None, services: Services) -> bool:
    """True if a deployment ended so lately that its state may be kept."""
    return ended_at is not None and services.clock() - ended_at < FRESH


def keep_success(record: BranchRecord, branch: Branch, job: Job, services: Services) -> None:
    """Read and keep the state of a branch whose job succeeded just now, unless the record says as much.

    A state that can't be read whole now is not kept: it would show differences that there are not.
    """
    scope = record.scope
    ignored = branch.is_preview or read_opt_in(services.runtime.settings, branch.tags).ignored
    if ignored or not is_fresh(job.ended_at, services):
        return
    kept = value_of(_kept(record, services))
    if kept is not None and not is_newer(int(job.id), kept, branch.created_at):
        return
    match services.amplify.app(scope.app_id):
        case Absent(reason) | Unreadable(reason):
            services.telemetry.record(TelemetryEvent.JOB_NOT_CONFIRMED, scope=scope, job=job.id, why=reason)
            return
        case Present() as app:
            deployment = Deployment(scope, app, Present(branch), Present(JobWithLogs(job, {})))
    evidence = services.gatherer.evidence(deployment, _NO_LOG, read_at=services.clock(), candidate=None, repair=None)
    found = [arn for arn, role in evidence.roles.items() if value_of(role)]
    state = working_state(replace(evidence, policies=services.gatherer.policies(found)))
    if state is None or (kept is not None and not says_more(state, kept, branch.created_at)):
        return
    worked = to_text(state)
    if len(worked) > _MOST_CHARACTERS:
        services.on_unreadable(branch_key(scope), f"its last success has {len(worked)} characters and is not stored")
        return
    services.table.keep_success(scope, worked)


def say_what_changed(failure: ConfirmedFailure, record: BranchRecord, services: Services) -> Diagnosis:
    """The diagnosis with the check that says what changed since the last success, if the branch's record has one."""
    scope = failure.scope

    def look_up(comparison: Comparison) -> Trail:
        if not services.runtime.settings.cloudtrail:
            return Trail(gap=_WITHHELD)
        return services.trail.read(scope, comparison.lookups, comparison.before.read_at)

    return with_changes(failure.diagnosis, failure.evidence, _kept(record, services), look_up)


def _kept(record: BranchRecord, services: Services) -> Item[WorkingState]:
    kept = kept_state(record.worked)
    match kept:
        case Unreadable(reason):
            services.on_unreadable(branch_key(record.scope), reason)
        case Present() | Absent():
            pass
    return kept
