"""A diagnosis from AWS, read only: the same rooms as in the Lambda, with the user's own credentials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from medic.diagnosis.differential import diagnose
from medic.diagnosis.model import Label, Phase
from medic.diagnosis.scan import scan
from medic.events import Scope
from medic.evidence.model import Absent, App, Branch, Item, Present
from medic.plan.decide import SSR
from medic_cli.diagnosing.jobs import choose_job
from medic_cli.diagnosing.offline import read_log_file
from medic_cli.diagnosing.report import Report
from medic_cli.evidence import evidence_of
from medic_cli.failure import CouldNotLookError
from medic_cli.items import required, why

if TYPE_CHECKING:
    from medic.diagnosis.model import LogReading
    from medic.evidence.gather import Deployment
    from medic.evidence.model import BuildLog
    from medic_cli.diagnosing.eyes import Eyes
    from medic_cli.diagnosing.jobs import ChosenJob


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for."""

    app_id: str
    branch: str
    job_id: str | None
    log_file: str | None
    """A log to read in the place of the job's."""
    phase: Phase | None
    """Where it was printed; None for what the job says."""


@dataclass(frozen=True, slots=True)
class LiveDiagnosis:
    """Reads what the wish needs, and no more."""

    eyes: Eyes

    def make(self, wish: Wish) -> Report:
        """The diagnosis.

        Raises:
            CouldNotLookError: there is no such app, branch or job, or none of them may be read.
            AwsError: a call failed in another way.
        """
        chosen = choose_job(self.eyes.amplify, wish.app_id, wish.branch, wish.job_id)
        deployment = self._deployment(wish, chosen)
        phase = wish.phase or _phase_of(deployment)
        log, reading = self._log(wish, deployment, phase)
        report = partial(Report, deployment.scope, chosen.id, chosen.why, offline=False)
        if reading.label is Label.NOT_IAM:
            read = reading if isinstance(log, Present) else None
            notes = tuple(_without_an_iam_failure(deployment, log, phase))
            scope, now = deployment.scope, self.eyes.clock()
            evidence = evidence_of(
                scope, now, app=deployment.app, branch=deployment.branch, job=deployment.job, log=log
            )
            return report(evidence=evidence, reading=read, diagnosis=None, bot=None, notes=notes)
        account = deployment.scope.account
        bot = self.eyes.bot(account)
        choices = bot.choices(deployment)
        evidence = self.eyes.gatherer(account).evidence(
            deployment, log, read_at=self.eyes.clock(), candidate=choices.compute.arn, repair=choices.service.arn
        )
        diagnosis = diagnose(evidence, reading, phase)
        view = bot.view(evidence, diagnosis, choices, self.eyes.clock())
        return report(evidence=evidence, reading=reading, diagnosis=diagnosis, bot=view)

    def _deployment(self, wish: Wish, chosen: ChosenJob) -> Deployment:
        """The app, branch and job, under a scope whose account and partition are the app's own."""
        asked = Scope("", "", self.eyes.region, wish.app_id, wish.branch)
        deployment = self.eyes.gatherer("").deployment(asked, chosen.id)
        for item in (deployment.app, deployment.branch, deployment.job):
            if isinstance(item, Absent):
                required(item, asked.region)
        return replace(deployment, scope=_scope(asked, deployment.app, deployment.branch))

    def _log(self, wish: Wish, deployment: Deployment, phase: Phase) -> tuple[Item[BuildLog], LogReading]:
        if wish.log_file is not None:
            return read_log_file(wish.log_file, phase)
        return self.eyes.gatherer(deployment.scope.account).read_log(deployment, partial(scan, phase=phase))


def _scope(asked: Scope, app: Item[App], branch: Item[Branch]) -> Scope:
    if isinstance(app, Present):
        arn = app.value.arn
    elif isinstance(branch, Present):
        arn = branch.value.arn
    else:
        raise CouldNotLookError(f"Neither the app nor the branch may be read: {why(app)}; {why(branch)}")
    _, partition, _, _, account, _ = arn.split(":", 5)
    return replace(asked, partition=partition, account=account)


def _phase_of(deployment: Deployment) -> Phase:
    job = deployment.job
    step = job.value.failed_step if isinstance(job, Present) else None
    return Phase.DEPLOY if step is not None and step.name == "DEPLOY" else Phase.BUILD


def _without_an_iam_failure(deployment: Deployment, log: Item[BuildLog], phase: Phase) -> Iterator[str]:
    """What is worth saying although no IAM failure was seen."""
    job = deployment.job
    if not isinstance(log, Present):
        yield f"There is no log to read, so nothing can be said of the failure: {why(log)}."
    elif isinstance(job, Present) and job.value.status == "FAILED":
        yield f"Job {job.value.id} failed for another reason than IAM, as far as its log shows."
    if phase is not Phase.RUNTIME and _lacks_a_compute_role(deployment):
        yield (
            "Neither the branch nor the app has a compute role: SSR code finds no AWS credentials at runtime, which "
            "never fails a build. If the app calls AWS, give its runtime log: --log FILE --phase runtime."
        )


def _lacks_a_compute_role(deployment: Deployment) -> bool:
    app, branch = deployment.app, deployment.branch
    if not (isinstance(app, Present) and isinstance(branch, Present)):
        return False
    return app.value.platform == SSR and not (branch.value.compute_role_arn or app.value.compute_role_arn)
