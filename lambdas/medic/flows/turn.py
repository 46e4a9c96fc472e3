"""What a sighting of a failure is to its incident: known, too early to tell, still failing, or to be acted on."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from medic.flows.quiet import TAKES_EFFECT_WITHIN, told_enough
from medic.incidents.order import Order
from medic.incidents.state import State
from medic.plan.decide import Occasion

if TYPE_CHECKING:
    from datetime import datetime

    from medic.flows.trouble import Trouble
    from medic.incidents.incident import Incident
    from medic.incidents.order import SeenJob
    from medic.incidents.record import BranchRecord


class Turn(StrEnum):
    """What a sighting of a failure is to its incident."""

    KNOWN = "known"
    """This job was seen, acted on and told about; or it is earlier than what is known."""
    AGAIN = "again"
    """Another line of the same failure, too early to say anything about a change: it is counted."""
    STILL_FAILING = "still_failing"
    """A change was made, and a job that started after it fails alike."""
    ACT = "act"
    """Everything else: a new incident, a repetition, or something that was not finished."""


def turn_of(trouble: Trouble, record: BranchRecord, now: datetime, *, asked: bool) -> Turn:
    """What is due about a failure.

    Args:
        trouble: the failure, as seen now.
        record: what is known of its branch.
        now: UTC.
        asked: True if a person made us look.
    """
    before = record.incident(*trouble.kind)
    if before is None or (asked and _may_be_changed(before)):
        return Turn.ACT
    if trouble.occasion is Occasion.RUNTIME:
        return _turn_at_runtime(trouble, before, record, now)
    match before.compared_with(trouble.shown_by):
        case Order.EARLIER:
            return Turn.KNOWN
        case Order.SAME:
            return Turn.ACT if before.unfinished or before.pending else Turn.KNOWN
        case Order.LATER:
            return Turn.STILL_FAILING if _after_the_change(before, trouble.shown_by) else Turn.ACT


def _turn_at_runtime(trouble: Trouble, before: Incident, record: BranchRecord, now: datetime) -> Turn:
    """A log goes on showing the same; only what is later than a change says that it did not help."""
    if before.unfinished or before.pending:
        return Turn.ACT
    seen_last = before.job_started_at or before.opened_at
    if trouble.seen_at is None or trouble.seen_at <= seen_last:
        return Turn.KNOWN
    if before.state.closed:
        return Turn.KNOWN if told_enough(record, trouble, now) else Turn.ACT
    if before.changed_at is None:
        return Turn.ACT
    later = trouble.seen_at > before.changed_at + TAKES_EFFECT_WITHIN
    return Turn.STILL_FAILING if later and before.state is not State.REBUILDING else Turn.AGAIN


def _may_be_changed(incident: Incident) -> bool:
    """False while a change of this incident stands or is on its way: it is finished, not made again."""
    return incident.state.closed or not (incident.applied or incident.unfinished)


def _after_the_change(incident: Incident, job: SeenJob) -> bool:
    """True if this is the rebuild, or a job that started after the change."""
    if incident.state.closed or not incident.applied:
        return False
    if job.id == incident.rebuild_job_id:
        return True
    changed = max(change.applied_at for change in incident.applied if change.applied_at is not None)
    return job.started_at is not None and job.started_at > changed
