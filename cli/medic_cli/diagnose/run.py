"""A diagnosis from AWS, read only: the same rooms as in the Lambda, with the user's own credentials."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from medic.aws.amplify import AmplifyReader
from medic.aws.clients import Clients
from medic.aws.errors import AbsentError, AwsRejectedError, DeniedError
from medic.aws.gather import Deployment, Gatherer
from medic.aws.iam import IamReader
from medic.aws.logs import CALLS_A_SECOND, BuildLogSource, RuntimeLogs
from medic.aws.rate import SharedRate
from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.events import Scope
from medic.evidence import (
    Absent,
    App,
    Branch,
    BuildLog,
    Evidence,
    Item,
    Present,
    Role,
    RolePolicies,
    TimeSpan,
    Unreadable,
)
from medic.labels import Label, Phase, Trigger
from medic.logscan.model import LogReading
from medic.logscan.runtime import RuntimeFailure, runtime_failures, runtime_filter
from medic.logscan.scan import scan
from medic.plan.decide import SSR, RepairQuestion, decide
from medic.plan.guardrails import Question
from medic.plan.optin import RoleChoice, choose_compute_role, choose_service_role, read_opt_in
from medic.redaction import redact
from medic.settings import Settings
from medic_cli.aws import region_of, required, why
from medic_cli.diagnose.offline import evidence_of, read_log_file
from medic_cli.diagnose.output import BotView, DiagnosisReport
from medic_cli.errors import CouldNotLookError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from boto3.session import Session

    from medic.aws.amplify import JobState
    from medic.diagnosis.model import Diagnosis
    from medic.evidence import RuntimeLine
    from medic.plan.model import Plan
    from medic_cli.aws import DeployedStack

_UNKNOWN = RoleChoice(None, "the deployed stack's settings, which pair roles with apps, were not read")


@dataclass(frozen=True, slots=True)
class Choices:
    """The roles that the settings and the tags choose."""

    compute: RoleChoice
    service: RoleChoice


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot's side of a diagnosis."""

    stack: DeployedStack | None
    """None: its settings are not read."""
    iam: Callable[[], IamReader]

    def choices(self, deployment: Deployment) -> Choices:
        """The roles the bot would set on this branch and app."""
        app, branch, scope = deployment.app, deployment.branch, deployment.scope
        if self.stack is None or not (isinstance(app, Present) and isinstance(branch, Present)):
            return Choices(_UNKNOWN, _UNKNOWN)
        runtime = self.stack.runtime
        tags = branch.value.tags
        return Choices(
            choose_compute_role(runtime.settings, runtime.default_role_arn, scope.app_id, scope.branch, tags),
            choose_service_role(runtime.settings, scope.app_id, scope.branch, app.value.tags),
        )

    def view(self, evidence: Evidence, diagnosis: Diagnosis, choices: Choices, now: datetime) -> BotView | None:
        """How far it may go, and what it would do; None where app or branch could not be read."""
        app, branch = evidence.app, evidence.branch
        if not (isinstance(app, Present) and isinstance(branch, Present)):
            return None
        settings = self.stack.runtime.settings if self.stack else Settings()
        opt_in = read_opt_in(settings, branch.value.tags)
        if settings.apps and evidence.app_id not in settings.apps:
            return BotView("the stack's settings list the apps it looks at, and this is none of them", None)
        if self.stack is None or opt_in.ignored:
            return BotView(opt_in.note, None)
        question = Question(
            settings=settings,
            evidence=evidence,
            diagnosis=diagnosis,
            app=app.value,
            branch=branch.value,
            opt_in=opt_in,
            choice=choices.compute,
            asked_at=now,
            woken_at=now,
            # What the bot remembers of the branch is its own business: it is asked for by `medic fix`.
            cooling_until=None,
            storm=False,
            tried_before=False,
            muted=False,
            approved=False,
            policies=self._policies,
        )
        return BotView(opt_in.note, self._plan(question, choices))

    def _plan(self, question: Question, choices: Choices) -> Plan:
        trigger = Trigger.RUNTIME if question.diagnosis.phase is Phase.RUNTIME else Trigger.FAILED
        verdict = service_role_verdict(question.evidence, choices.service.arn)
        return decide(trigger, question, RepairQuestion(choices.service, verdict))

    def _policies(self, role_name: str) -> Item[RolePolicies]:
        try:
            return Present(self.iam().policies(role_name))
        except AbsentError as error:
            return Absent(str(error))
        except DeniedError as error:
            return Unreadable(str(error))


_MOST_BYTES_OF_A_LOG = 1 << 26
_LONGEST_READING = 60.0
"""Seconds that reading an SSR log may take."""


@dataclass(frozen=True)
class Gateways:
    """Gateways, each made when first needed.

    Attributes:
        session: the user's credentials.
        clock: gives now, UTC.
        log_url_origins: further origins that build logs may come from, for an emulator.
        stack: the deployed stack whose settings say what the bot would do; None if that is not asked.
    """

    session: Session
    clock: Callable[[], datetime]
    log_url_origins: tuple[str, ...] = ()
    stack: DeployedStack | None = None

    @property
    def region(self) -> str:
        """Where everything is looked for."""
        return region_of(self.session)

    @cached_property
    def amplify(self) -> AmplifyReader:
        """Apps, branches and jobs."""
        return AmplifyReader(self._reader.amplify)

    def iam(self, account: str) -> IamReader:
        """Roles of the app's account, which the app's ARN names: nothing else need be asked for it."""
        return IamReader(self._reader.iam, account)

    def gatherer(self, account: str) -> Gatherer:
        """Evidence on apps of this account."""
        logs = BuildLogSource(self.log_url_origins, most_bytes=_MOST_BYTES_OF_A_LOG)
        return Gatherer(self.amplify, partial(self._role, account), logs)

    def runtime_logs(self) -> RuntimeLogs:
        """SSR logs, for one reading: its time begins now."""
        return RuntimeLogs(lambda: self._reader.logs, SharedRate(CALLS_A_SECOND, time.monotonic() + _LONGEST_READING))

    def bot(self, account: str) -> Bot:
        """What the bot would do on apps of this account."""
        return Bot(self.stack, partial(self.iam, account))

    def _role(self, account: str, role_arn: str) -> Item[Role]:
        return self.iam(account).role(role_arn)

    @cached_property
    def _reader(self) -> Clients:
        return Clients(self.session)


_NOT_THERE_EITHER = "BadRequestException"
"""ListJobs is documented to answer with this, not with NotFoundException, where app or branch is not there.
https://docs.aws.amazon.com/amplify/latest/APIReference/API_ListJobs.html#API_ListJobs_Errors"""


@dataclass(frozen=True, slots=True)
class ChosenJob:
    """A job's id, and why it was chosen."""

    id: str
    why: str


def choose_job(amplify: AmplifyReader, app_id: str, branch: str, wanted: str | None) -> ChosenJob:
    """The job that was asked for, else the newest that failed, else the newest.

    Raises:
        CouldNotLookError: the branch has no job, or there is no such branch.
        AwsError: the jobs could not be listed.
    """
    if wanted is not None:
        return ChosenJob(wanted, "asked for by --job")
    try:
        jobs = amplify.recent_jobs(app_id, branch)
    except (AbsentError, AwsRejectedError) as error:
        if isinstance(error, AwsRejectedError) and error.code != _NOT_THERE_EITHER:
            raise
        raise CouldNotLookError(
            f"Amplify lists no jobs of a branch {branch} of an app {app_id} ({redact(error.message)[:200]}): look at "
            "the names, and at --region and --profile."
        ) from None
    if not jobs:
        raise CouldNotLookError(f"The branch {branch} was never built: there is no job to look at.")
    return _newest_failed(jobs) or ChosenJob(jobs[0].id, f"none of the last {len(jobs)} failed: this is the newest")


def _newest_failed(jobs: tuple[JobState, ...]) -> ChosenJob | None:
    failed = next((job for job in jobs if job.status == "FAILED"), None)
    if failed is None:
        return None
    newest = jobs[0]
    since = "" if newest.id == failed.id else f"; job {newest.id} is newer ({newest.status})"
    return ChosenJob(failed.id, f"the newest that failed{since}")


_MOST_PAGES = 20
_NO_JOB = Absent("a job has no part in this")
_NOTHING = LogReading((), 0, 0, truncated=False, cloned=False, commands_executed=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """The branch that was asked about, among the deployed ones of its app."""

    scope: Scope
    app: App
    branch: Branch
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class RuntimeDiagnosis:
    """Reads an app's SSR log, and says what it shows of one branch."""

    gateways: Gateways

    def make(self, app_id: str, branch: str, since: datetime) -> DiagnosisReport:
        """The diagnosis.

        Raises:
            CouldNotLookError: there is no such app or branch, or it may not be read.
            AwsError: a call failed in another way.
        """
        found = self._found(app_id, branch)
        now = self.gateways.clock()
        lines = self.gateways.runtime_logs().lines(app_id, TimeSpan(since, now), runtime_filter(), _MOST_PAGES)
        chosen = "it serves the branch now" if found.branch.active_job_id else "the branch has no deployment"
        report = partial(DiagnosisReport, found.scope, found.branch.active_job_id, chosen, offline=False)
        bare = evidence_of(
            found.scope, now, app=Present(found.app), branch=Present(found.branch), job=_NO_JOB, log=_log(lines)
        )
        if not isinstance(lines, Present):
            note = f"The SSR log could not be read, so nothing can be said of the runtime: {why(lines)}."
            return report(evidence=bare, reading=None, diagnosis=None, bot=None, notes=(note,))
        seen = runtime_failures(lines.value, found.app, found.branches, partial(self._lacks_a_role, found))
        ours = max((s for s in seen if s.branch == found.branch), key=lambda s: s.seen_at, default=None)
        notes = tuple(_notes(seen, ours, found.branch, since))
        if ours is None:
            return report(evidence=bare, reading=_NOTHING, diagnosis=None, bot=None, notes=notes)
        return self._diagnosed(found, ours, now, report, notes)

    def _diagnosed(
        self,
        found: _Found,
        ours: RuntimeFailure,
        now: datetime,
        report: partial[DiagnosisReport],
        notes: tuple[str, ...],
    ) -> DiagnosisReport:
        account = found.scope.account
        deployment = Deployment(found.scope, Present(found.app), Present(found.branch), _NO_JOB)
        bot = self.gateways.bot(account)
        choices = bot.choices(deployment)
        log = Present(BuildLog("SSR runtime", ours.reading.size))
        evidence = self.gateways.gatherer(account).evidence(
            deployment, log, read_at=now, candidate=choices.compute.arn, repair=None
        )
        diagnosis = diagnose(evidence, ours.reading, Phase.RUNTIME)
        view = bot.view(evidence, diagnosis, choices, now)
        return report(evidence=evidence, reading=ours.reading, diagnosis=diagnosis, bot=view, notes=notes)

    def _found(self, app_id: str, name: str) -> _Found:
        app = required(self.gateways.amplify.app(app_id), self.gateways.region)
        branches = tuple(self.gateways.amplify.branches(app_id))
        named = next((branch for branch in branches if branch.name == name), None)
        absent: Item[Branch] = Absent(f"app {app_id} has no branch {name}")
        branch = required(Present(named) if named else absent, self.gateways.region)
        _, partition, _, region, account, _ = app.arn.split(":", 5)
        scope = Scope(partition, account, region, app_id, name)
        # A branch that serves nothing writes no line; the one that was asked about is looked at all the same.
        serving = tuple(each for each in branches if each.active_job_id or each.name == name)
        return _Found(scope, app, branch, serving)

    def _lacks_a_role(self, found: _Found, branch: Branch) -> bool:
        arn = branch.compute_role_arn or found.app.compute_role_arn
        if arn is None:
            return True
        role = self.gateways.iam(found.scope.account).role(arn)
        scope = replace(found.scope, branch=branch.name)
        evidence = evidence_of(
            scope, self.gateways.clock(), app=Present(found.app), branch=Present(branch), roles={arn: role}
        )
        verdict = compute_role_verdict(evidence, arn)
        return verdict is not None and verdict.usable is False


def _log(lines: Item[tuple[RuntimeLine, ...]]) -> Item[BuildLog]:
    return Present(BuildLog("SSR runtime", 0)) if isinstance(lines, Present) else lines


def _notes(
    seen: Sequence[RuntimeFailure], ours: RuntimeFailure | None, branch: Branch, since: datetime
) -> Iterator[str]:
    if ours is None:
        yield f"The SSR log shows no IAM failure of this branch since {since:%Y-%m-%d %H:%M} UTC."
    elif ours.among:
        yield f"Nothing tells which branch wrote the line: it may be any of {', '.join(ours.among)}."
    others = sorted({sighting.branch.name for sighting in seen if sighting.branch and sighting.branch != branch})
    if others:
        yield f"The log shows failures of other branches too: {', '.join(others)}."
    if any(sighting.branch is None for sighting in seen):
        yield "It also shows failures of which nothing tells whose branch it is."


@dataclass(frozen=True, slots=True)
class DiagnoseOptions:
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

    gateways: Gateways

    def make(self, options: DiagnoseOptions) -> DiagnosisReport:
        """The diagnosis.

        Raises:
            CouldNotLookError: there is no such app, branch or job, or none of them may be read.
            AwsError: a call failed in another way.
        """
        chosen = choose_job(self.gateways.amplify, options.app_id, options.branch, options.job_id)
        deployment = self._deployment(options, chosen)
        phase = options.phase or _phase_of(deployment)
        log, reading = self._log(options, deployment, phase)
        report = partial(DiagnosisReport, deployment.scope, chosen.id, chosen.why, offline=False)
        if reading.label is Label.NOT_IAM:
            read = reading if isinstance(log, Present) else None
            notes = tuple(_without_an_iam_failure(deployment, log, phase))
            scope, now = deployment.scope, self.gateways.clock()
            evidence = evidence_of(
                scope, now, app=deployment.app, branch=deployment.branch, job=deployment.job, log=log
            )
            return report(evidence=evidence, reading=read, diagnosis=None, bot=None, notes=notes)
        account = deployment.scope.account
        bot = self.gateways.bot(account)
        choices = bot.choices(deployment)
        evidence = self.gateways.gatherer(account).evidence(
            deployment, log, read_at=self.gateways.clock(), candidate=choices.compute.arn, repair=choices.service.arn
        )
        diagnosis = diagnose(evidence, reading, phase)
        view = bot.view(evidence, diagnosis, choices, self.gateways.clock())
        return report(evidence=evidence, reading=reading, diagnosis=diagnosis, bot=view)

    def _deployment(self, options: DiagnoseOptions, chosen: ChosenJob) -> Deployment:
        """The app, branch and job, under a scope whose account and partition are the app's own."""
        asked = Scope("", "", self.gateways.region, options.app_id, options.branch)
        deployment = self.gateways.gatherer("").deployment(asked, chosen.id)
        for item in (deployment.app, deployment.branch, deployment.job):
            if isinstance(item, Absent):
                required(item, asked.region)
        return replace(deployment, scope=_scope(asked, deployment.app, deployment.branch))

    def _log(self, options: DiagnoseOptions, deployment: Deployment, phase: Phase) -> tuple[Item[BuildLog], LogReading]:
        if options.log_file is not None:
            return read_log_file(options.log_file, phase)
        return self.gateways.gatherer(deployment.scope.account).read_log(deployment, partial(scan, phase=phase))


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
