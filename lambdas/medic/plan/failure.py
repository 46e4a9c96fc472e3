"""A confirmed failure: what guardrails, flows and alerts know about it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.evidence import App, Branch, Evidence, Job, JobRef, Present
from medic.plan.optin import CHANNEL, OptIn, RoleChoice
from medic.records import replace

if TYPE_CHECKING:
    from medic.diagnosis.model import Diagnosis
    from medic.events import Scope
    from medic.labels import Label, RoleKind, Trigger

_NO_JOB = Job("0", "unknown", "unknown", None, None, None, None, ())


class ConfirmedFailure(Struct, frozen=True):
    """A failure that AWS confirms, with its evidence, its diagnosis and the branch's opt-in."""

    trigger: Trigger
    app: App
    branch: Branch
    evidence: Evidence
    diagnosis: Diagnosis
    opt_in: OptIn
    compute_choice: RoleChoice
    """The compute role that the bot may set on the branch."""
    service_choice: RoleChoice
    """The service role that the bot may set on the app."""
    noticed_at: datetime
    """When the message was sent that this is about, UTC. It proves nothing: use `happened_at`."""
    seen_at: datetime | None = None
    """For a runtime failure, the time of the log line."""
    missed: bool = False
    """True if no event came for the job, and the watcher found it. Then it is never fresh."""
    denied: tuple[str, ...] = ()
    """Other IAM actions that the log shows as denied. The new role needs a permission for these too."""

    @property
    def scope(self) -> Scope:
        return self.evidence.scope

    @property
    def job(self) -> Job:
        """The job that failed. For a runtime failure, the job whose code is deployed."""
        job = self.evidence.job
        return job.value if isinstance(job, Present) else replace(_NO_JOB, id=self.branch.active_job_id or "0")

    @property
    def job_ref(self) -> JobRef:
        """The job that failed. For a runtime failure, the deployed job at the time of the log line."""
        job = self.job
        return JobRef(job.id, job.started_at if self.seen_at is None else self.seen_at)

    @property
    def happened_at(self) -> datetime | None:
        """When the job ended or the newest log line was written, UTC; None if GetJob does not say it."""
        return self.job.ended_at if self.seen_at is None else self.seen_at

    @property
    def shown_by_state(self) -> bool:
        """True if AWS shows a failure whatever a log says: the job failed, or the role that is set can't be used.

        Without a compute role, most sites work: then a line that a visitor can write is all there is.
        """
        compute = self.diagnosis.compute
        return self.seen_at is None or (compute is not None and compute.usable is False)

    @property
    def occurrence(self) -> str:
        """Identifies this occurrence of the failure: the job's id, with the time of the log line if there is one."""
        return self.job.id if self.seen_at is None else f"{self.job.id}@{self.seen_at:%Y%m%dT%H%M%S}"

    @property
    def kind(self) -> tuple[RoleKind, Label]:
        """The kind of its incident: the role that is concerned, and the label."""
        return self.diagnosis.role_kind, self.diagnosis.label

    @property
    def channel(self) -> str | None:
        """The alert channel that the branch's tag names, or else the app's tag."""
        return self.branch.tags.get(CHANNEL) or self.app.tags.get(CHANNEL)

    @property
    def reason(self) -> str:
        """The most likely cause, as text."""
        best = self.diagnosis.causes[0] if self.diagnosis.causes else None
        return f"{best.rank.value}: {best.title}: {best.reason}" if best else "no cause is known"
