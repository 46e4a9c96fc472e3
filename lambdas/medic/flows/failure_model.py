"""What the flows under a branch's lease work on: one confirmed failure with an IAM signature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medic.incidents.model import IncidentState, RuntimeJobRef
from medic.labels import RoleKind, Trigger
from medic.plan.decide import contradicted
from medic.plan.optin import CHANNEL

if TYPE_CHECKING:
    from medic.diagnosis.model import Diagnosis
    from medic.events import Scope
    from medic.evidence import App, Branch, Evidence, Job
    from medic.incidents.model import Incident, JobLike
    from medic.incidents.table import BranchRecord
    from medic.plan.optin import OptIn, RoleChoice

QUIET = timedelta(hours=1)
"""How long no such line may have come, with requests served meanwhile, for a failure to count as over."""
TAKES_EFFECT_WITHIN = timedelta(minutes=2)
"""How long after a change running functions may still show what was wrong before it."""
MOST_A_DAY = 3
"""How often the same failure of a branch opens a new incident within a day; what flickers is told no more often."""
_WAITING = frozenset({IncidentState.OPEN, IncidentState.APPLIED})
"""What is proposed waits as long as an approval is good for."""
_DAY = timedelta(days=1)


def recheck_after_quiet_period(incident: Incident, now: datetime) -> Incident:
    """A runtime incident is looked at again after a quiet hour; every line starts that hour anew."""
    if incident.trigger != Trigger.RUNTIME or incident.state not in _WAITING:
        return incident
    return incident.due_again_at(now + QUIET, now)


def alert_limit_reached(record: BranchRecord, failure: ConfirmedFailure, now: datetime) -> bool:
    """True if no new incident is to be opened today for what was seen before and is closed.

    A line that AWS's state speaks against, and one that comes after a change that did not help, is worth a word a day.
    """
    lately = [i for i in record.incidents if (i.role_kind, i.label) == failure.kind and now - i.opened_at < _DAY]
    doubtful = contradicted(failure.diagnosis) or any(i.state is IncidentState.NOT_HELPED for i in lately)
    return len(lately) >= (1 if doubtful else MOST_A_DAY)


@dataclass(frozen=True, slots=True)
class ConfirmedFailure:
    """A failure, everything that was read about it, and what it means."""

    scope: Scope
    trigger: Trigger
    app: App
    branch: Branch
    job: Job
    """The job that failed; for a runtime finding, the one whose code runs."""
    evidence: Evidence
    diagnosis: Diagnosis
    opt_in: OptIn
    compute_choice: RoleChoice
    service_choice: RoleChoice
    noticed_at: datetime
    """When it happened, UTC."""
    seen_at: datetime | None = None
    """For a runtime finding, when the line was written that shows it."""
    denied: tuple[str, ...] = ()
    """The actions that the log says were denied, besides what it is about."""

    @property
    def shown_by(self) -> JobLike:
        """What shows it, in time: a job that failed; or a line of the log, of the job whose code wrote it."""
        return self.job if self.seen_at is None else RuntimeJobRef(self.seen_at, self.job.id)

    @property
    def log_ref(self) -> str:
        """What tells this sighting from others of the same failure."""
        return self.job.id if self.seen_at is None else f"{self.job.id}@{self.seen_at:%Y%m%dT%H%M%S}"

    @property
    def kind(self) -> tuple[RoleKind, str]:
        """What tells its incident from others of the branch: the role it is about, and the label."""
        return self.diagnosis.role_kind, self.diagnosis.label.value

    @property
    def channel(self) -> str | None:
        """The alert channel that the branch's tag names, or the app's."""
        return self.branch.tags.get(CHANNEL) or self.app.tags.get(CHANNEL)

    @property
    def reason(self) -> str:
        """The likeliest cause, in words."""
        best = self.diagnosis.causes[0] if self.diagnosis.causes else None
        return f"{best.rank.value}: {best.title}: {best.reason}" if best else "no cause is known"


def cause_of(diagnosis: Diagnosis) -> str:
    """The id of the likeliest cause."""
    return diagnosis.causes[0].id if diagnosis.causes else "none"
