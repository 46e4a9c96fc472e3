"""A diagnosis from AWS, read only: the same rooms as in the Lambda, with the user's own credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

from medic.aws.amplify import AmplifyReader
from medic.aws.build_log import BuildLogSource
from medic.aws.iam import IamReader
from medic.aws.sessions import Reader
from medic.diagnosis.differential import diagnose
from medic.diagnosis.model import Label, Phase
from medic.diagnosis.scan import scan
from medic.events import Scope
from medic.evidence.gather import Deployment, Gatherer
from medic.evidence.model import Absent, App, Branch, Item, Present, Role, Unreadable
from medic.plan.decide import SSR
from medic_cli.aws_session import region_of
from medic_cli.diagnosing.bot import Bot
from medic_cli.diagnosing.jobs import choose_job
from medic_cli.diagnosing.offline import read_log_file
from medic_cli.diagnosing.report import Report
from medic_cli.evidence import evidence_of
from medic_cli.failure import CouldNotLookError

if TYPE_CHECKING:
    from boto3.session import Session

    from medic.diagnosis.model import LogReading
    from medic.evidence.model import BuildLog
    from medic_cli.diagnosing.jobs import ChosenJob
    from medic_cli.stack import DeployedStack

_MOST_BYTES_OF_A_LOG = 1 << 26


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


@dataclass(frozen=True)
class LiveDiagnosis:
    """Reads what the wish needs, and no more."""

    session: Session
    clock: Callable[[], datetime]
    log_url_origins: tuple[str, ...] = ()
    stack: DeployedStack | None = None

    def make(self, wish: Wish) -> Report:
        """The diagnosis.

        Raises:
            CouldNotLookError: there is no such app, branch or job, or none of them may be read.
            AwsError: a call failed in another way.
        """
        chosen = choose_job(self._amplify, wish.app_id, wish.branch, wish.job_id)
        deployment = self._deployment(wish, chosen)
        phase = wish.phase or _phase_of(deployment)
        log, reading = self._log(wish, deployment, phase)
        report = partial(Report, deployment.scope, chosen.id, chosen.why, offline=False)
        if reading.label is Label.NOT_IAM:
            read = reading if isinstance(log, Present) else None
            notes = tuple(_without_an_iam_failure(deployment, log, phase))
            scope, now = deployment.scope, self.clock()
            evidence = evidence_of(
                scope, now, app=deployment.app, branch=deployment.branch, job=deployment.job, log=log
            )
            return report(evidence=evidence, reading=read, diagnosis=None, bot=None, notes=notes)
        bot = Bot(self.stack, partial(self._iam, deployment.scope.account))
        choices = bot.choices(deployment)
        evidence = self._gatherer(deployment.scope.account).evidence(
            deployment, log, read_at=self.clock(), candidate=choices.compute.arn, repair=choices.service.arn
        )
        diagnosis = diagnose(evidence, reading, phase)
        view = bot.view(evidence, diagnosis, choices, self.clock())
        return report(evidence=evidence, reading=reading, diagnosis=diagnosis, bot=view)

    def _deployment(self, wish: Wish, chosen: ChosenJob) -> Deployment:
        """The app, branch and job, under a scope whose account and partition are the app's own."""
        asked = Scope("", "", region_of(self.session), wish.app_id, wish.branch)
        deployment = self._gatherer("").deployment(asked, chosen.id)
        for item in (deployment.app, deployment.branch, deployment.job):
            if isinstance(item, Absent):
                raise CouldNotLookError(
                    f"{item.why} in {asked.region}: look at the names, and at --region and --profile."
                )
        return replace(deployment, scope=_scope(asked, deployment.app, deployment.branch))

    def _log(self, wish: Wish, deployment: Deployment, phase: Phase) -> tuple[Item[BuildLog], LogReading]:
        if wish.log_file is not None:
            return read_log_file(wish.log_file, phase)
        return self._gatherer(deployment.scope.account).read_log(deployment, partial(scan, phase=phase))

    def _gatherer(self, account: str) -> Gatherer:
        """Roles are looked up in the app's account, which the app's ARN names: nothing else need be asked for it."""
        logs = BuildLogSource(self.log_url_origins, most_bytes=_MOST_BYTES_OF_A_LOG)
        return Gatherer(self._amplify, partial(self._role, account), logs)

    def _role(self, account: str, role_arn: str) -> Item[Role]:
        return self._iam(account).role(role_arn)

    def _iam(self, account: str) -> IamReader:
        return IamReader(self._reader.iam, account)

    @cached_property
    def _amplify(self) -> AmplifyReader:
        return AmplifyReader(self._reader.amplify)

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.session)


def _scope(asked: Scope, app: Item[App], branch: Item[Branch]) -> Scope:
    if isinstance(app, Present):
        arn = app.value.arn
    elif isinstance(branch, Present):
        arn = branch.value.arn
    else:
        raise CouldNotLookError(f"Neither the app nor the branch may be read: {_why(app)}; {_why(branch)}")
    _, partition, _, _, account, _ = arn.split(":", 5)
    return replace(asked, partition=partition, account=account)


def _phase_of(deployment: Deployment) -> Phase:
    job = deployment.job
    step = job.value.failed_step if isinstance(job, Present) else None
    return Phase.DEPLOY if step is not None and step.name == "DEPLOY" else Phase.BUILD


def _why(item: Item[object]) -> str:
    match item:
        case Absent(why):
            return why
        case Unreadable(because):
            return because
        case _:
            return "it was read"


def _without_an_iam_failure(deployment: Deployment, log: Item[BuildLog], phase: Phase) -> Iterator[str]:
    """What is worth saying although no IAM failure was seen."""
    job = deployment.job
    if not isinstance(log, Present):
        yield f"There is no log to read, so nothing can be said of the failure: {_why(log)}."
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
