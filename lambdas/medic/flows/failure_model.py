"""A confirmed failure: the input of the flows that work under a branch's lease."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medic.incidents.model import IncidentState, JobRef
from medic.labels import RoleKind, Trigger
from medic.plan.decide import contradicted
from medic.plan.optin import CHANNEL

if TYPE_CHECKING:
    from medic.diagnosis.model import Diagnosis
    from medic.events import Scope
    from medic.evidence import App, Branch, Evidence, Job
    from medic.incidents.model import Incident
    from medic.incidents.table import BranchRecord
    from medic.plan.optin import OptIn, RoleChoice

QUIET_PERIOD = timedelta(hours=1)
"""A runtime failure is over after this time with traffic and without the error."""
TAKES_EFFECT_WITHIN = timedelta(minutes=2)
"""How long after a change running functions may still log the old error."""
_MAX_INCIDENTS_A_DAY = 3
"""How often the same failure of a branch may open a new incident within a day."""
_DAY = timedelta(days=1)
_CHECKED_FOR_QUIET = frozenset({IncidentState.OPEN, IncidentState.APPLIED})
"""AWAITING_APPROVAL is not among them: such an incident stays open as long as its approval is valid."""


@dataclass(frozen=True, slots=True)
class ConfirmedFailure:
    """A failure that AWS confirms, with its evidence, its diagnosis and the branch's opt-in."""

    scope: Scope
    trigger: Trigger
    app: App
    branch: Branch
    job: Job
    """The job that failed. For a runtime failure, the job whose code is deployed."""
    evidence: Evidence
    diagnosis: Diagnosis
    opt_in: OptIn
    compute_choice: RoleChoice
    service_choice: RoleChoice
    noticed_at: datetime
    """When it happened, UTC."""
    seen_at: datetime | None = None
    """For a runtime failure, the time of the log line."""
    denied: tuple[str, ...] = ()
    """Other IAM actions that the log shows as denied."""

    @property
    def job_ref(self) -> JobRef:
        """The job that failed. For a runtime failure, the deployed job at the time of the log line."""
        return JobRef(self.job.id, self.job.started_at if self.seen_at is None else self.seen_at)

    @property
    def occurrence(self) -> str:
        """Identifies this occurrence of the failure: the job's id, with the time of the log line if there is one."""
        return self.job.id if self.seen_at is None else f"{self.job.id}@{self.seen_at:%Y%m%dT%H%M%S}"

    @property
    def kind(self) -> tuple[RoleKind, str]:
        """The kind of its incident: the role that is concerned, and the label."""
        return self.diagnosis.role_kind, self.diagnosis.label.value

    @property
    def channel(self) -> str | None:
        """The alert channel that the branch's tag names, or else the app's tag."""
        return self.branch.tags.get(CHANNEL) or self.app.tags.get(CHANNEL)

    @property
    def reason(self) -> str:
        """The most likely cause, as text."""
        best = self.diagnosis.causes[0] if self.diagnosis.causes else None
        return f"{best.rank.value}: {best.title}: {best.reason}" if best else "no cause is known"


def cause_of(diagnosis: Diagnosis) -> str:
    """The id of the most likely cause."""
    return diagnosis.causes[0].id if diagnosis.causes else "none"


def recheck_after_quiet_period(incident: Incident, now: datetime) -> Incident:
    """Let a runtime incident be checked again after a quiet period. Every new log line restarts the period."""
    if incident.trigger != Trigger.RUNTIME or incident.state not in _CHECKED_FOR_QUIET:
        return incident
    return incident.with_deadline(now + QUIET_PERIOD, now)


def alert_limit_reached(record: BranchRecord, failure: ConfirmedFailure, now: datetime) -> bool:
    """True if this failure has opened enough incidents within a day.

    The limit is one if AWS's state contradicts the log line, or if a change has not helped.
    """
    lately = [i for i in record.incidents if (i.role_kind, i.label) == failure.kind and now - i.opened_at < _DAY]
    doubtful = contradicted(failure.diagnosis) or any(i.state is IncidentState.NOT_HELPED for i in lately)
    return len(lately) >= (1 if doubtful else _MAX_INCIDENTS_A_DAY)
