"""An incident and its states. Transitions are pure: each takes an incident and gives the next one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from medic.events import Scope


T = TypeVar("T", datetime, int)


class State(StrEnum):
    """Where an incident stands. The last four are closed."""

    OPEN = "open"
    AWAITING_APPROVAL = "awaiting_approval"
    APPLYING = "applying"
    APPLIED = "applied"
    REBUILDING = "rebuilding"
    RESOLVED = "resolved"
    NOT_HELPED = "not_helped"
    OUTCOME_UNKNOWN = "outcome_unknown"
    EXPIRED = "expired"

    @property
    def closed(self) -> bool:
        """True if nothing more is expected of it."""
        return self in _CLOSED


_CLOSED = frozenset({State.RESOLVED, State.NOT_HELPED, State.OUTCOME_UNKNOWN, State.EXPIRED})

DEADLINES: dict[State, timedelta] = {
    State.OPEN: timedelta(days=7),
    State.AWAITING_APPROVAL: timedelta(hours=24),
    State.APPLYING: timedelta(minutes=3),
    State.APPLIED: timedelta(days=7),
    State.REBUILDING: timedelta(hours=3),
}
"""How long an incident may stay in each open state before somebody must look again."""

OWED_FOR = timedelta(minutes=3)
"""How long an alert may be owed: by then, Lambda's own retries are over."""


class RoleKind(StrEnum):
    """Which of the two roles an incident is about."""

    SERVICE = "service"
    COMPUTE = "compute"
    NONE = "none"


class ChangeState(StrEnum):
    """What became of a change. INTENDED without more means: ask GetBranch what happened."""

    INTENDED = "intended"
    APPLIED = "applied"
    FAILED = "failed"


class Order(StrEnum):
    """A job's place in time against another's."""

    EARLIER = "earlier"
    SAME = "same"
    LATER = "later"


class SeenJob(Protocol):
    """What of a job tells it from others."""

    @property
    def id(self) -> str:
        """Its id, counted per branch."""
        ...

    @property
    def started_at(self) -> datetime | None:
        """When it started."""
        ...


def _order(one: T, other: T) -> Order:
    if one == other:
        return Order.SAME
    return Order.LATER if one > other else Order.EARLIER


@dataclass(frozen=True, slots=True)
class Change:
    """A change as recorded before it was made: enough to finish it, to undo it, and to say what it was."""

    kind: str
    target: str
    role_arn: str
    previous_arn: str | None
    state: ChangeState
    intended_at: datetime
    applied_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """One failure of one kind on one branch, from the first sight to its end."""

    id: str
    label: str
    role_kind: RoleKind
    state: State
    opened_at: datetime
    updated_at: datetime
    deadline: datetime
    job_id: str
    """The job that showed the failure last."""
    job_started_at: datetime | None
    """When it started: tells later jobs from earlier ones, also where a retry keeps its id or a new branch starts
    counting again."""
    count: int
    app_name: str
    plan_hash: str = ""
    """What an approval is bound to."""
    tried_before: bool = False
    """True if a change for the same failure did not help before: nothing is repeated by itself."""
    told_plan: str = ""
    """The plan that people were told, and how far it went: a repeat is told again only if this changed."""
    changes: tuple[Change, ...] = ()
    rebuild_intended_at: datetime | None = None
    """Set before StartJob is sent: a rebuild is asked for once, whatever becomes of the answer."""
    rebuild_job_id: str | None = None
    note: str = ""
    alerted: tuple[str, ...] = ()
    """Alerts that were delivered, as `occasion:job/channel`."""
    pending: str = ""
    """The occasion of an alert that is due and that some channel has not had; empty if everybody was told."""

    @classmethod
    def open(cls, scope: Scope, kind: tuple[RoleKind, str], job: SeenJob, *, app_name: str, now: datetime) -> Incident:
        """A new incident of one kind (role kind and label); seen anew from the same job, it has the same id."""
        role_kind, label = kind
        started = job.started_at.isoformat() if job.started_at else ""
        names = (scope.partition, scope.account, scope.region, scope.app_id, scope.branch, *kind, job.id, started)
        key = "\x00".join(names)
        return cls(
            id=hashlib.sha256(key.encode()).hexdigest()[:12],
            label=label,
            role_kind=role_kind,
            state=State.OPEN,
            opened_at=now,
            updated_at=now,
            deadline=now + DEADLINES[State.OPEN],
            job_id=job.id,
            job_started_at=job.started_at,
            count=1,
            app_name=app_name,
        )

    def following(self, before: Incident | None) -> Incident:
        """The incident as the next one after an earlier, closed one of its kind: what did not help is remembered."""
        tried = before is not None and (before.state is State.NOT_HELPED or before.tried_before)
        return replace(self, tried_before=tried)

    def moved(self, state: State, now: datetime, note: str = "") -> Incident:
        """The incident in another state, with that state's deadline."""
        deadline = now + DEADLINES.get(state, timedelta())
        return replace(self, state=state, updated_at=now, deadline=deadline, note=note or self.note)

    def seen_again(self, job: SeenJob, now: datetime) -> Incident:
        """Counted up by another job with the same failure."""
        return replace(self, job_id=job.id, job_started_at=job.started_at, count=self.count + 1, updated_at=now)

    def compared_with(self, job: SeenJob) -> Order:
        """Whether a job is the one that was seen last, an earlier one, or a later one."""
        numbers = int(job.id), int(self.job_id)
        if job.started_at is None or self.job_started_at is None or job.started_at == self.job_started_at:
            return _order(*numbers)
        return _order(job.started_at, self.job_started_at)

    def change(self, kind: str) -> Change | None:
        """The change of one kind, if one was ever intended."""
        return next((change for change in self.changes if change.kind == kind), None)

    def with_change(self, change: Change, now: datetime) -> Incident:
        """The incident with this change in the place of the one of its kind."""
        others = (other for other in self.changes if other.kind != change.kind)
        return replace(self, changes=(*others, change), updated_at=now)

    @property
    def applied(self) -> tuple[Change, ...]:
        """The changes that were made."""
        return tuple(change for change in self.changes if change.state is ChangeState.APPLIED)

    @property
    def unfinished(self) -> bool:
        """True if a change was intended and nobody recorded what became of it."""
        return any(change.state is ChangeState.INTENDED for change in self.changes)

    @property
    def put_off(self) -> bool:
        """True if a change was tried and put off: its role is too young to be assumed."""
        return any(change.state is ChangeState.INTENDED and change.note for change in self.changes)

    def intends_rebuild(self, now: datetime) -> Incident:
        """A rebuild is about to be asked for."""
        return replace(self, rebuild_intended_at=now, updated_at=now)

    def rebuilds(self, job_id: str, now: datetime) -> Incident:
        """A rebuild runs."""
        return replace(self.moved(State.REBUILDING, now), rebuild_job_id=job_id)

    def owes(self, occasion: str) -> Incident:
        """An alert is due."""
        return replace(self, pending=occasion)

    def told(self, occasion: str, receipts: tuple[str, ...], now: datetime, *, everybody: bool) -> Incident:
        """Alerts went out: to everybody, or the rest is still owed."""
        alerted = tuple(dict.fromkeys((*self.alerted, *receipts)))
        return replace(self, alerted=alerted, pending="" if everybody else occasion, updated_at=now)

    @property
    def settled(self) -> bool:
        """True if nothing more is expected of it: closed, and everybody was told."""
        return self.state.closed and not self.pending

    @property
    def due_at(self) -> datetime:
        """When somebody must look again: at the deadline, or soon where an alert is owed."""
        return min(self.deadline, self.updated_at + OWED_FOR) if self.pending else self.deadline
