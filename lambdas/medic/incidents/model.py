"""An incident. Transitions are pure: each takes an incident and gives the next one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.events import Scope
    from medic.labels import RoleKind


class ChangeState(StrEnum):
    """What became of a change. INTENDED without more means: ask GetBranch what happened."""

    INTENDED = "intended"
    APPLIED = "applied"
    FAILED = "failed"
    UNDONE = "undone"


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
    undo_intended_at: datetime | None = None
    """Set before what stood there is put back: an undoing that broke off is finished, not forgotten."""


@dataclass(frozen=True, slots=True)
class UndeliveredAlert:
    """An alert as it was composed, kept for the channels that have not taken it."""

    incident_id: str
    alert_key: str
    alert: str
    """The alert as JSON."""
    lacking: tuple[str, ...]
    """The names of the channels that have not taken it."""


T = TypeVar("T", datetime, int)


class JobOrder(StrEnum):
    """A job's place in time against another's."""

    EARLIER = "earlier"
    SAME = "same"
    LATER = "later"


class JobLike(Protocol):
    """What of a job tells it from others."""

    @property
    def id(self) -> str:
        """Its id, counted per branch."""
        ...

    @property
    def started_at(self) -> datetime | None:
        """When it started."""
        ...


@dataclass(frozen=True, slots=True)
class RuntimeJobRef:
    """In the place of a job, where no job showed an incident: when it began."""

    started_at: datetime | None
    id: str = "0"


def order(one: T, other: T) -> JobOrder:
    """The place of one time or number against another."""
    if one == other:
        return JobOrder.SAME
    return JobOrder.LATER if one > other else JobOrder.EARLIER


class RequestKind(StrEnum):
    """What may be asked for."""

    APPROVE = "approve"
    """Do what was proposed, exactly."""
    FIX = "fix"
    """Diagnose anew, and do what comes out as if it were approved."""
    UNDO = "undo"
    """Put back what stood there before a change."""
    MUTE = "mute"
    """Say nothing of an app or branch for a while."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing one person asked for."""

    id: str
    kind: RequestKind
    scope: Scope
    """A branch; for a mute also a whole app, with the branch `*`."""
    who: str
    """`slack:TEAM/USER`, or the ARN of the caller."""
    asked_at: datetime
    expires_at: datetime
    incident_id: str = ""
    plan_hash: str = ""
    """What an approval is bound to: the incident, and every action's target, new and previous value."""
    until: datetime | None = None
    """The end of a mute; None lifts it."""
    used_at: datetime | None = None
    """When the remediator took it up for good: nothing is done twice on one request."""
    answer: str = ""
    """What became of it, in one line."""

    def expired(self, now: datetime) -> bool:
        """True if it was not taken up in time."""
        return now >= self.expires_at


def approval_id(incident_id: str, plan_hash: str) -> str:
    """The id of an approval: the same plan of the same incident can be approved once."""
    return hashlib.sha256(f"approve\x00{incident_id}\x00{plan_hash}".encode()).hexdigest()[:32]


class IncidentState(StrEnum):
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


_CLOSED = frozenset(
    {IncidentState.RESOLVED, IncidentState.NOT_HELPED, IncidentState.OUTCOME_UNKNOWN, IncidentState.EXPIRED}
)

DEADLINES: dict[IncidentState, timedelta] = {
    IncidentState.OPEN: timedelta(days=7),
    IncidentState.AWAITING_APPROVAL: timedelta(hours=24),
    IncidentState.APPLYING: timedelta(minutes=3),
    IncidentState.APPLIED: timedelta(days=7),
    IncidentState.REBUILDING: timedelta(hours=3),
}
"""How long an incident may stay in each open state before somebody must look again."""

RETRY_ALERT_AFTER = timedelta(minutes=3)
"""How long an alert may be owed: by then, Lambda's own retries are over."""
IN_A_STORM = "storm"
"""The receipt of an incident that one alert told of among many."""
LONGEST_PAUSE = timedelta(hours=1)
"""A channel that takes nothing is tried at least this often."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One failure of one kind on one branch, from the first sight to its end."""

    id: str
    label: str
    role_kind: RoleKind
    state: IncidentState
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
    last_alerted_plan: str = ""
    """The plan that people were told, and how far it went: a repeat is told again only if this changed."""
    changes: tuple[Change, ...] = ()
    rebuild_intended_at: datetime | None = None
    """Set before StartJob is sent: a rebuild is asked for once, whatever becomes of the answer."""
    rebuild_job_id: str | None = None
    rebuilt_at: datetime | None = None
    """When the rebuild ended, however it did."""
    note: str = ""
    alerted: tuple[str, ...] = ()
    """Alerts that were delivered, as `occasion:job/channel`."""
    alert_due: str = ""
    """The occasion of an alert that is due and was not composed yet; empty if there is none."""
    undelivered: tuple[str, ...] = ()
    """The occasions of alerts that some channel has not taken, oldest first; the table keeps them."""
    resend_at: datetime | None = None
    """When to send them again."""
    trigger: str = "failed"
    """What showed it: a `failed` deployment, or the SSR `runtime`."""
    mode: str = "report"
    """How far its branch was opted in when it was last seen."""
    threads: Mapping[str, str] = field(default_factory=dict)
    """Channel → the thread that its first alert opened: follow-ups go there."""
    reason: str = ""
    """The likeliest cause, in words."""
    channel: str | None = None
    """The named channel its alerts go to; None for the default one."""
    approved_by: str = ""
    """Who approved the change; empty where the branch's tag alone allowed it."""
    undo_asked_by: str = ""
    """Who asked to take the change back."""

    @classmethod
    def open(cls, scope: Scope, kind: tuple[RoleKind, str], job: JobLike, *, app_name: str, now: datetime) -> Incident:
        """A new incident of one kind (role kind and label); seen anew from the same job, it has the same id."""
        role_kind, label = kind
        started = job.started_at.isoformat() if job.started_at else ""
        names = (scope.partition, scope.account, scope.region, scope.app_id, scope.branch, *kind, job.id, started)
        key = "\x00".join(names)
        return cls(
            id=hashlib.sha256(key.encode()).hexdigest()[:12],
            label=label,
            role_kind=role_kind,
            state=IncidentState.OPEN,
            opened_at=now,
            updated_at=now,
            deadline=now + DEADLINES[IncidentState.OPEN],
            job_id=job.id,
            job_started_at=job.started_at,
            count=1,
            app_name=app_name,
        )

    def following(self, before: Incident | None) -> Incident:
        """The incident as the next one after an earlier, closed one of its kind: what did not help is remembered."""
        if before is None:
            return self
        tried = before.tried_before or before.state is IncidentState.NOT_HELPED or before.undone
        # The same job may open a second one, after an approval: the first keeps its name and what it changed.
        again = hashlib.sha256(f"after {self.id}".encode()).hexdigest()[:12] if before.id == self.id else self.id
        return replace(self, id=again, tried_before=tried)

    def moved(self, state: IncidentState, now: datetime, note: str = "") -> Incident:
        """The incident in another state, with that state's deadline."""
        deadline = now + DEADLINES.get(state, timedelta())
        return replace(self, state=state, updated_at=now, deadline=deadline, note=note or self.note)

    def due_again_at(self, deadline: datetime, now: datetime) -> Incident:
        """The incident with another deadline than its state's."""
        return replace(self, deadline=deadline, updated_at=now)

    def repeated(self, job: JobLike, now: datetime) -> Incident:
        """Counted up by another job with the same failure."""
        return replace(self, job_id=job.id, job_started_at=job.started_at, count=self.count + 1, updated_at=now)

    def compared_with(self, job: JobLike) -> JobOrder:
        """Whether a job is the one that was seen last, an earlier one, or a later one."""
        numbers = int(job.id), int(self.job_id)
        if job.started_at is None or self.job_started_at is None or job.started_at == self.job_started_at:
            return order(*numbers)
        return order(job.started_at, self.job_started_at)

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
    def undone(self) -> bool:
        """True if a change was taken back: it is repeated only after an approval."""
        return any(change.state is ChangeState.UNDONE for change in self.changes)

    @property
    def undoing(self) -> bool:
        """True if an undoing was begun and nobody recorded how it ended."""
        return any(change.undo_intended_at and change.state is ChangeState.APPLIED for change in self.changes)

    @property
    def unfinished(self) -> bool:
        """True if a change was intended and nobody recorded what became of it."""
        return any(change.state is ChangeState.INTENDED for change in self.changes)

    @property
    def deferred(self) -> bool:
        """True if a change was tried and put off: its role is too young to be assumed."""
        return any(change.state is ChangeState.INTENDED and change.note for change in self.changes)

    def intends_rebuild(self, now: datetime) -> Incident:
        """A rebuild is about to be asked for."""
        return replace(self, rebuild_intended_at=now, updated_at=now)

    def rebuilds(self, job_id: str, now: datetime) -> Incident:
        """A rebuild runs."""
        return replace(self.moved(IncidentState.REBUILDING, now), rebuild_job_id=job_id)

    def rebuilt(self, now: datetime, note: str) -> Incident:
        """The rebuild is over; whether it helped is not known from that."""
        return replace(self.moved(IncidentState.APPLIED, now, note), rebuilt_at=now)

    @property
    def changed_at(self) -> datetime | None:
        """When the last change was made, or its rebuild ended; None if nothing was changed."""
        times = [change.applied_at for change in self.applied]
        return max((time for time in (*times, self.rebuilt_at) if time is not None), default=None)

    def mark_alert_due(self, alert_key: str) -> Incident:
        """An alert is due."""
        return replace(self, alert_due=alert_key)

    def record_alert(self, alert_key: str, receipts: tuple[str, ...], now: datetime, *, everybody: bool) -> Incident:
        """Alerts went out; what a channel did not take is kept as a letter, and sent again after a while.

        An alert on an incident says all that was done, so none that was owed before is owed any more.
        """
        alerted = tuple(dict.fromkeys((*self.alerted, *receipts)))
        undelivered = self.undelivered if everybody else tuple(dict.fromkeys((*self.undelivered, alert_key)))
        resend = now + RETRY_ALERT_AFTER if undelivered else None
        alerted_now = replace(self, alerted=alerted, alert_due="", undelivered=undelivered, updated_at=now)
        return replace(alerted_now, resend_at=self.resend_at or resend)

    def record_retry(self, taken: tuple[str, ...], receipts: tuple[str, ...], now: datetime) -> Incident:
        """Letters went out again: those that everybody has by now are done with, the rest waits twice as long."""
        undelivered = tuple(alert_key for alert_key in self.undelivered if alert_key not in taken)
        waited = now - self.updated_at
        resend = now + min(max(waited * 2, RETRY_ALERT_AFTER), LONGEST_PAUSE) if undelivered else None
        alerted = tuple(dict.fromkeys((*self.alerted, *receipts)))
        return replace(self, alerted=alerted, undelivered=undelivered, resend_at=resend)

    @property
    def alerted_individually(self) -> bool:
        """True if an alert of its own went out, or is kept for a channel: not just the one that tells of a storm."""
        return bool(self.undelivered) or any(not receipt.startswith(IN_A_STORM) for receipt in self.alerted)

    def alerted_in_storm(self, now: datetime) -> Incident:
        """The storm's alert counts as this one's."""
        alerted = tuple(dict.fromkeys((*self.alerted, IN_A_STORM)))
        return replace(self, alerted=alerted, alert_due="", updated_at=now)

    @property
    def settled(self) -> bool:
        """True if nothing more is expected of it: closed, and everybody was told."""
        return self.state.closed and not (self.alert_due or self.undelivered or self.undoing)

    @property
    def due_at(self) -> datetime:
        """When somebody must look again: at the deadline, or soon where an alert is owed or a letter waits."""
        times = [] if self.state.closed else [self.deadline]
        times += [self.updated_at + RETRY_ALERT_AFTER] if self.alert_due or self.undoing else []
        times += [self.resend_at] if self.undelivered and self.resend_at else []
        return min(times, default=self.deadline)
