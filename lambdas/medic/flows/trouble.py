"""What the flows under a branch's lease work on: one confirmed failure with an IAM signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.diagnosis.model import Identity, Label
from medic.incidents.order import Moment
from medic.incidents.state import RoleKind
from medic.plan.optin import CHANNEL

if TYPE_CHECKING:
    from datetime import datetime

    from medic.diagnosis.model import Diagnosis
    from medic.events import Scope
    from medic.evidence.model import App, Branch, Evidence, Job
    from medic.incidents.order import SeenJob
    from medic.plan.decide import Occasion
    from medic.plan.optin import OptIn, RoleChoice

_SERVICE_LABELS = frozenset({Label.SERVICE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_BUILD})
_COMPUTE_LABELS = frozenset({Label.COMPUTE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_RUNTIME})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure, everything that was read about it, and what it means."""

    scope: Scope
    occasion: Occasion
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
    def shown_by(self) -> SeenJob:
        """What shows it, in time: a job that failed; or a line of the log, of the job whose code wrote it."""
        return self.job if self.seen_at is None else Moment(self.seen_at, self.job.id)

    @property
    def sighting(self) -> str:
        """What tells this sighting from others of the same failure."""
        return self.job.id if self.seen_at is None else f"{self.job.id}@{self.seen_at:%Y%m%dT%H%M%S}"

    @property
    def kind(self) -> tuple[RoleKind, str]:
        """What tells its incident from others of the branch: the role it is about, and the label."""
        return role_kind(self.diagnosis), self.diagnosis.label.value

    @property
    def channel(self) -> str | None:
        """The alert channel that the branch's tag names, or the app's."""
        return self.branch.tags.get(CHANNEL) or self.app.tags.get(CHANNEL)

    @property
    def because(self) -> str:
        """The likeliest cause, in words."""
        best = self.diagnosis.causes[0] if self.diagnosis.causes else None
        return f"{best.rank.value}: {best.title}: {best.because}" if best else "no cause is known"


def cause_of(diagnosis: Diagnosis) -> str:
    """The id of the likeliest cause."""
    return diagnosis.causes[0].id if diagnosis.causes else "none"


def role_kind(diagnosis: Diagnosis) -> RoleKind:
    """Which of Amplify's two roles a diagnosis is about: by its label, else by who was denied."""
    if diagnosis.label in _SERVICE_LABELS:
        return RoleKind.SERVICE
    if diagnosis.label in _COMPUTE_LABELS:
        return RoleKind.COMPUTE
    identity = diagnosis.findings[0].identity
    return {Identity.SERVICE_ROLE: RoleKind.SERVICE, Identity.COMPUTE_ROLE: RoleKind.COMPUTE}.get(
        identity, RoleKind.NONE
    )
