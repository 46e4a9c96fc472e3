"""The data that the incidents table holds: incidents, changes, requests and undelivered alerts. No AWS calls here.

Transitions are pure: each method of `Incident` returns a new incident.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec import Struct, field

from medic.evidence import JobRef
from medic.labels import ActionKind, BotLabel, Label, RoleKind, Trigger  # codec.py reads the types of stored fields
from medic.plan.model import Action  # noqa: TC001 - codec.py reads the types of stored fields
from medic.records import replace
from medic.settings import Mode

if TYPE_CHECKING:
    from medic.events import RequestKind, Scope

T = TypeVar("T", datetime, int)
IncidentKind: TypeAlias = tuple[RoleKind, Label | BotLabel]
"""Which role a failure concerns, and its label. A branch has at most one open incident of each kind."""


class Answer(Struct, frozen=True):
    text: str
    """One line: what was done, or why nothing was."""
    refused: bool = False


class Request(Struct, frozen=True):
    id: str
    kind: RequestKind
    scope: Scope
    """A branch. A mute may also name a whole app, with the branch `*`."""
    who: str
    """`slack:TEAM/USER`, or `session:NAME`, whose name an operator chose for the role session."""
    asked_at: datetime
    expires_at: datetime
    incident_id: str = ""
    plan_hash: str = ""
    """What an approval is bound to: the incident, and every action's target, new and previous value."""
    until: datetime | None = None
    """The end of a mute. None lifts the mute."""
    used_at: datetime | None = None
    """When the remediator used the request. A used request never causes a second change."""
    answer: Answer | None = None

    def expired(self, now: datetime) -> bool:
        return now >= self.expires_at


def approval_id(incident_id: str, plan_hash: str) -> str:
    """The id of an approval. It depends only on incident and plan, so the same plan can be approved once."""
    return hashlib.sha256(f"approve\x00{incident_id}\x00{plan_hash}".encode()).hexdigest()[:32]


class UndeliveredAlert(Struct, frozen=True):
    """A composed alert, stored for the channels that have not accepted it."""

    incident_id: str
    alert_key: str
    alert: str
    """The alert as JSON."""
    lacking: tuple[str, ...]
    """The names of the channels that have not accepted it."""
    outdated: bool = False
    """True if an older release stored it, in a form that this one may not read."""


class ChangeState(StrEnum):
    """The state of a change. INTENDED means that the result is unknown: read the branch or app to find out."""

    INTENDED = "intended"
    APPLIED = "applied"
    FAILED = "failed"
    UNDONE = "undone"


class Change(Struct, frozen=True):
    """A role change, recorded before it is sent, so that the bot can finish, undo and report it."""

    kind: ActionKind
    target: str
    role_arn: str
    previous_arn: str | None
    state: ChangeState
    intended_at: datetime
    applied_at: datetime | None = None
    note: str = ""
    undo_intended_at: datetime | None = None
    """Set before the previous role is restored, so that an interrupted undo is finished later."""
    unknown: Mapping[str, object] = field(default_factory=dict)
    """Fields that a newer release wrote. They are written back as they are."""


class JobOrder(StrEnum):
    EARLIER = "earlier"
    SAME = "same"
    LATER = "later"


class IncidentState(StrEnum):
    """The last four states are closed."""

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
        return self in _CLOSED


_CLOSED = frozenset(
    {IncidentState.RESOLVED, IncidentState.NOT_HELPED, IncidentState.OUTCOME_UNKNOWN, IncidentState.EXPIRED}
)

QUIET_PERIOD = timedelta(hours=1)
"""A runtime failure is over after this time with traffic and without the error."""
_CHECKED_FOR_QUIET = frozenset({IncidentState.OPEN, IncidentState.APPLIED})
"""AWAITING_APPROVAL is not among them: such an incident stays open as long as its approval is valid."""

DEADLINES: dict[IncidentState, timedelta] = {
    IncidentState.OPEN: timedelta(days=7),
    IncidentState.AWAITING_APPROVAL: timedelta(hours=24),
    IncidentState.APPLYING: timedelta(minutes=3),
    IncidentState.APPLIED: timedelta(days=7),
    IncidentState.REBUILDING: timedelta(hours=3),
}
"""How long an incident may stay in each open state before the watcher wakes the remediator."""

_RETRY_AFTER = timedelta(minutes=1)
"""How long to wait before the first retry."""
_MAX_RETRY_INTERVAL = timedelta(hours=1)
"""The longest time between two retries."""
_MAX_RECEIPTS = 100
"""How many receipts of the latest alerts an incident keeps. One on failed builds has an alert for each of them."""
_STORM_RECEIPT = "storm"
"""The receipt of an incident that was only reported in a storm's alert."""


class Incident(Struct, frozen=True):
    """One kind of failure on one branch, from its first detection to its end."""

    id: str
    label: Label | BotLabel
    role_kind: RoleKind
    state: IncidentState
    opened_at: datetime
    updated_at: datetime
    deadline: datetime
    job_id: str
    """The last job that showed the failure."""
    job_started_at: datetime | None
    """When that job started. It orders jobs even if a retry keeps its id or a re-created branch counts from 1 again."""
    count: int
    app_name: str
    plan_hash: str = ""
    """What an approval is bound to."""
    tried_before: bool = False
    """True if an earlier change for the same failure did not help or was undone. The bot does not repeat it unasked."""
    last_alerted_plan: tuple[Action, ...] = ()
    """The planned actions of the last alert, without the guardrails' answers."""
    changes: tuple[Change, ...] = ()
    branch_created_at: datetime | None = None
    """When the branch was created. A branch that was created later is another one of the same name."""
    fresh_until: datetime | None = None
    """Until when the change may be tried again and its rebuild started: as long as what allowed the change is fresh."""
    rebuild_at: datetime | None = None
    """When to start the rebuild that the alert on the change announced. None if none is due."""
    rebuild_intended_at: datetime | None = None
    """Set before StartJob is sent. It is never sent a second time, unless AWS says that it did nothing."""
    rebuild_job_id: str | None = None
    rebuilt_at: datetime | None = None
    """When the rebuild ended, with any result."""
    note: str = ""
    alerted: tuple[str, ...] = ()
    """The receipts of the latest delivered alerts: `alert_key/channel`."""
    alert_due: str = ""
    """The key of an alert that is due but not yet composed. Empty if there is none."""
    undelivered: tuple[str, ...] = ()
    """The keys of alerts that some channel has not accepted, oldest first. The table keeps their text."""
    resend_at: datetime | None = None
    """When to retry the undelivered alerts."""
    postponed_until: datetime | None = None
    """The incident is not due before this time, because an attempt to handle it failed."""
    trigger: Trigger = Trigger.FAILED
    """What showed the failure."""
    missed: bool = False
    """True if no event came for the last job, and the watcher found it. Then it is never fresh."""
    mode: Mode = Mode.REPORT
    """The branch's opt-in mode at the last failure."""
    threads: Mapping[str, str] = field(default_factory=dict)
    """Channel → thread that its first alert opened. Later alerts are replies there."""
    reason: str = ""
    """The most likely cause, as text."""
    channel: str | None = None
    """The named channel that its alerts go to, or None for the default channel."""
    approved_by: str = ""
    """Who approved the change. Empty if the branch's tag alone allowed it."""
    undo_asked_by: str = ""
    """Who asked to undo the change."""
    unknown: Mapping[str, object] = field(default_factory=dict)
    """Fields that a newer release wrote. They are written back as they are."""

    @classmethod
    def open(cls, scope: Scope, kind: IncidentKind, job: JobRef, *, app_name: str, now: datetime) -> Incident:
        """Open an incident. The id depends only on scope, kind and job, so a retry reuses it."""
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

    @property
    def kind(self) -> IncidentKind:
        return self.role_kind, self.label

    def after(self, before: Incident | None, others: Collection[Incident]) -> Incident:
        """This new incident; or if the one before it of this kind is open, that one with the new job counted once.

        A closed one hands on that a change did not help. After a request, a job can open one more incident. Its id is
        one that no other incident of the branch has, because those hold earlier changes.
        """
        if before is not None and not before.state.closed:
            job = JobRef(self.job_id, self.job_started_at)
            return before.repeated(job, self.opened_at) if before.compared_with(job) is JobOrder.LATER else before
        free, taken = self.id, {other.id for other in others}
        while free in taken:
            free = hashlib.sha256(f"after {free}".encode()).hexdigest()[:12]
        tried = before is not None and (
            before.tried_before or before.state is IncidentState.NOT_HELPED or before.undone
        )
        return replace(self, id=free, tried_before=tried)

    def of_another_branch(self, created_at: datetime | None) -> bool:
        """True if the incident's branch was deleted, and one of the same name was created at this time."""
        return self.branch_created_at is not None and created_at not in (None, self.branch_created_at)

    def compared_with(self, job: JobRef) -> JobOrder:
        """Say whether a job is the incident's last job, an earlier one or a later one.

        Start times decide; job ids decide only if a start time is missing or both are equal.
        """
        numbers = int(job.id), int(self.job_id)
        if job.started_at is None or self.job_started_at is None or job.started_at == self.job_started_at:
            return _order(*numbers)
        return _order(job.started_at, self.job_started_at)

    def moved(self, state: IncidentState, now: datetime, note: str = "") -> Incident:
        deadline = now + DEADLINES.get(state, timedelta())
        rebuild_at = None if state.closed else self.rebuild_at
        return replace(
            self, state=state, updated_at=now, deadline=deadline, rebuild_at=rebuild_at, note=note or self.note
        )

    def with_deadline(self, deadline: datetime, now: datetime) -> Incident:
        """Set a deadline that differs from the default of the state."""
        return replace(self, deadline=deadline, updated_at=now)

    def recheck_when_quiet(self, now: datetime) -> Incident:
        """Let a runtime incident be checked again after a quiet period. Every new log line restarts the period."""
        if self.trigger is not Trigger.RUNTIME or self.state not in _CHECKED_FOR_QUIET:
            return self
        return self.with_deadline(now + QUIET_PERIOD, now)

    def repeated(self, job: JobRef, now: datetime) -> Incident:
        """Count one more job that shows the same failure."""
        return replace(self, job_id=job.id, job_started_at=job.started_at, count=self.count + 1, updated_at=now)

    def change(self, kind: ActionKind) -> Change | None:
        """The change of one kind in any state, or None."""
        return next((change for change in self.changes if change.kind is kind), None)

    def with_change(self, change: Change, now: datetime) -> Incident:
        """Add a change, or replace the one of its kind."""
        others = (other for other in self.changes if other.kind is not change.kind)
        return replace(self, changes=(*others, change), updated_at=now)

    @property
    def applied(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.state is ChangeState.APPLIED)

    @property
    def unfinished(self) -> bool:
        """True if a change was intended and its result was not recorded."""
        return bool(self.unfinished_kinds)

    @property
    def unfinished_kinds(self) -> tuple[ActionKind, ...]:
        return tuple(change.kind for change in self.changes if change.state is ChangeState.INTENDED)

    @property
    def deferred(self) -> bool:
        """True if a change was tried and postponed because Amplify can't assume its new role yet."""
        return any(change.state is ChangeState.INTENDED and change.note for change in self.changes)

    @property
    def undone(self) -> bool:
        """True if a change was undone. The bot repeats it only after an approval."""
        return any(change.state is ChangeState.UNDONE for change in self.changes)

    @property
    def undoing(self) -> bool:
        """True if an undo was started and its result was not recorded."""
        return any(change.undo_intended_at and change.state is ChangeState.APPLIED for change in self.changes)

    @property
    def in_progress(self) -> bool:
        """True if a change, its undo, its rebuild or an alert is not done. The due time continues it."""
        return self.unfinished or self.undoing or bool(self.alert_due) or self.rebuild_at is not None

    def record_rebuild_started(self, job_id: str, now: datetime) -> Incident:
        return replace(self.moved(IncidentState.REBUILDING, now), rebuild_job_id=job_id, rebuild_at=None)

    def record_rebuild_ended(self, now: datetime, note: str) -> Incident:
        """The rebuild has ended. This alone does not say whether the change helped."""
        return replace(self.moved(IncidentState.APPLIED, now, note), rebuilt_at=now)

    @property
    def changed_at(self) -> datetime | None:
        """When the last change was applied or its rebuild ended, whichever is later. None if nothing was changed."""
        times = [change.applied_at for change in self.applied]
        return max((time for time in (*times, self.rebuilt_at) if time is not None), default=None)

    def has_alert(self, alert_key: str) -> bool:
        """True if this alert was delivered to a channel, or is stored for one."""
        return alert_key in {*self.undelivered, *(receipt.partition("/")[0] for receipt in self.alerted)}

    def record_alert(self, alert_key: str, receipts: tuple[str, ...], now: datetime, *, delivered: bool) -> Incident:
        """Record who accepted an alert. Unless every channel did (`delivered`), schedule a retry.

        Each alert reports everything that was done so far, so no earlier alert is due any more.
        """
        undelivered = self.undelivered if delivered else _unique(*self.undelivered, alert_key)
        resend = now + _RETRY_AFTER if undelivered else None
        return replace(
            self,
            alerted=self._alerted_with(*receipts),
            alert_due="",
            undelivered=undelivered,
            updated_at=now,
            resend_at=self.resend_at or resend,
        )

    def record_retry(self, finished: tuple[str, ...], receipts: tuple[str, ...], now: datetime) -> Incident:
        """Record a retry of the undelivered alerts: forget the finished ones, schedule the rest with a longer wait."""
        undelivered = tuple(alert_key for alert_key in self.undelivered if alert_key not in finished)
        # A retry leaves updated_at alone, so the wait grows with every retry.
        waited = now - self.updated_at
        resend = now + min(max(waited * 2, _RETRY_AFTER), _MAX_RETRY_INTERVAL) if undelivered else None
        return replace(self, alerted=self._alerted_with(*receipts), undelivered=undelivered, resend_at=resend)

    def record_storm_alert(self, now: datetime) -> Incident:
        """The storm's alert counts as this incident's alert."""
        return replace(self, alerted=self._alerted_with(_STORM_RECEIPT), alert_due="", updated_at=now)

    def _alerted_with(self, *receipts: str) -> tuple[str, ...]:
        return _unique(*self.alerted, *receipts)[-_MAX_RECEIPTS:]

    @property
    def alerted_individually(self) -> bool:
        """True if an alert of its own was sent or is stored for a channel. A storm's alert does not count."""
        return bool(self.undelivered) or any(not receipt.startswith(_STORM_RECEIPT) for receipt in self.alerted)

    @property
    def settled(self) -> bool:
        """True if nothing is left to do: closed, every alert delivered, no undo under way."""
        return self.state.closed and not (self.alert_due or self.undelivered or self.undoing)

    def postponed(self, now: datetime) -> Incident:
        """Try again later, because this attempt failed. The wait grows with the time since the incident was due."""
        wait = min(max(now - self.due_since, _RETRY_AFTER), _MAX_RETRY_INTERVAL)
        return replace(self, postponed_until=now + wait)

    @property
    def due_at(self) -> datetime:
        """When the remediator must look again."""
        return max(self.due_since, self.postponed_until or self.due_since)

    @property
    def due_since(self) -> datetime:
        """The deadline, or an earlier time for an alert, a rebuild or an undo. Failed attempts don't move it."""
        times = [] if self.state.closed else [self.deadline]
        times += [self.updated_at + _RETRY_AFTER] if self.alert_due or self.undoing else []
        times += [self.rebuild_at] if self.rebuild_at else []
        times += [self.resend_at] if self.undelivered and self.resend_at else []
        return min(times, default=self.deadline)


def _order(one: T, other: T) -> JobOrder:
    if one == other:
        return JobOrder.SAME
    return JobOrder.LATER if one > other else JobOrder.EARLIER


def _unique(*texts: str) -> tuple[str, ...]:
    """Each text once, in the order of its first place."""
    return tuple(dict.fromkeys(texts))
