"""A read-only diagnosis from AWS with the user's credentials. It uses the same gateways and rules as the Lambda.

`diagnose_job` diagnoses a job, `diagnose_runtime` the SSR log. Both add what the bot would do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from medic.arns import arn_parts
from medic.aws.errors import AbsentError, AwsError, AwsRejectedError
from medic.aws.gather import Deployment, Gatherer
from medic.aws.logs import BuildLogSource
from medic.diagnosis.changes import kept_state, with_changes
from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.roles import compute_role_verdict
from medic.events import Scope
from medic.evidence import (
    Absent,
    App,
    Branch,
    BuildLog,
    Evidence,
    Item,
    Partial,
    Present,
    Read,
    TimeSpan,
    Unreadable,
    build_log,
)
from medic.gateways import Gateways
from medic.incidents.table import IncidentsTable
from medic.labels import Label, Phase
from medic.logscan.model import LogReading
from medic.logscan.runtime import RuntimeFailure, runtime_failures, runtime_filter
from medic.plan.decide import decide
from medic.plan.model import SSR
from medic.plan.optin import RoleChoice, read_opt_in
from medic.records import replace
from medic.redaction import redact
from medic.settings import Settings
from medic_cli.aws import CHECK_NAMES, region_of, required, why
from medic_cli.diagnose.offline import evidence_of, read_log_file
from medic_cli.diagnose.output import BotView, DiagnosisReport
from medic_cli.errors import CouldNotLookError
from medic_cli.would_do import question, role_choices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from boto3.session import Session

    from medic.aws.amplify import AmplifyReader
    from medic.diagnosis.model import Diagnosis
    from medic_cli.aws import DeployedStack
    from medic_cli.would_do import RoleChoices

_MAX_BUILD_LOG_BYTES = 1 << 26
_MAX_SSR_LOG_PAGES = 20
_MAX_SSR_LOG_SECONDS = 60.0


class DiagnosisGateways(Gateways):
    """Gateways with the user's credentials.

    Args:
        session: the user's credentials.
        log_url_origins: further origins that build logs may come from, for an emulator.
        stack: the deployed stack whose settings say what the bot would do; None to leave that out.
    """

    def __init__(
        self, session: Session, log_url_origins: tuple[str, ...] = (), stack: DeployedStack | None = None
    ) -> None:
        super().__init__(session)
        self.log_url_origins = log_url_origins
        self.stack = stack

    def gatherer(self, account: str) -> Gatherer:
        """A gatherer for the account that the app's ARN names, so no STS call is needed."""
        logs = BuildLogSource(self.log_url_origins, max_bytes=_MAX_BUILD_LOG_BYTES)
        return Gatherer(self.amplify, self.iam_of(account), logs)


_UNKNOWN = RoleChoice(None, "the deployed stack's settings, which pair roles with apps, were not read")


def _role_choices(stack: DeployedStack | None, deployment: Deployment) -> RoleChoices:
    app, branch = deployment.app, deployment.branch
    if stack is None or not (isinstance(app, Present) and isinstance(branch, Present)):
        return _UNKNOWN, _UNKNOWN
    return role_choices(stack.runtime.settings, stack.runtime.default_role_arn, app.value, branch.value)


def _bot_view(
    gateways: DiagnosisGateways, evidence: Evidence, diagnosis: Diagnosis, roles: RoleChoices
) -> BotView | None:
    """What the bot may do and would do; None if the app or branch could not be read."""
    app, branch, stack = evidence.app, evidence.branch, gateways.stack
    if not (isinstance(app, Present) and isinstance(branch, Present)):
        return None
    settings = stack.runtime.settings if stack else Settings()
    opt_in = read_opt_in(settings, branch.value.tags)
    if settings.apps and evidence.scope.app_id not in settings.apps:
        return BotView("the stack's settings list the apps that the bot handles, and this app is not listed", None)
    if stack is None or opt_in.ignored:
        return BotView(opt_in.note, None)
    asked = question(
        settings,
        evidence,
        diagnosis,
        app=app.value,
        branch=branch.value,
        roles=roles,
        jobs=lambda: gateways.amplify.jobs(evidence.scope.app_id, evidence.scope.branch),
        policies=gateways.iam_of(evidence.scope.account).policies,
    )
    return BotView(opt_in.note, decide(asked))


def diagnose_job(  # noqa: PLR0913 - what the user may ask for
    gateways: DiagnosisGateways,
    app_id: str,
    branch: str,
    *,
    job_id: str | None,
    log_file: str | None,
    log_phase: Phase | None,
) -> DiagnosisReport:
    """Diagnose a job of a branch. Roles are read only if the log shows an IAM failure.

    Args:
        gateways: gateways to AWS.
        app_id: the app.
        branch: the branch's name.
        job_id: the job; None for the newest that failed.
        log_file: a log to read instead of the job's.
        log_phase: the phase that printed the log; None for the failed step of the job.

    Raises:
        CouldNotLookError: the app, branch or job does not exist, or none of them may be read.
        AwsError: a call failed in another way.
    """
    chosen_id, chosen_because = _choose_job(gateways.amplify, app_id, branch, job_id)
    deployment = _deployment(gateways, app_id, branch, chosen_id)
    scope = deployment.scope
    phase = log_phase or deployment.failed_phase
    if log_file is not None:
        log, reading = read_log_file(log_file, phase)
    else:
        log, reading = gateways.gatherer(scope.account).read_log(deployment, phase)
    report = partial(DiagnosisReport, scope, chosen_id, chosen_because, offline=False)
    if reading.label not in {None, Label.NOT_IAM}:
        evidence, diagnosis, bot = _diagnosed(gateways, deployment, log, reading, phase)
        return report(evidence=evidence, reading=reading, diagnosis=diagnosis, bot=bot)
    evidence = evidence_of(
        scope, gateways.clock(), app=deployment.app, branch=deployment.branch, job=deployment.job, log=log
    )
    read = None if isinstance(log, Absent | Unreadable) else reading
    notes = tuple(_notes_without_iam_failure(deployment, log, phase))
    return report(evidence=evidence, reading=read, diagnosis=None, bot=None, notes=notes)


def _diagnosed(  # noqa: PLR0913 - what a diagnosis is made from
    gateways: DiagnosisGateways,
    deployment: Deployment,
    log: Read[BuildLog],
    reading: LogReading,
    phase: Phase,
    *,
    read_repair_role: bool = True,
) -> tuple[Evidence, Diagnosis, BotView | None]:
    roles = compute, service = _role_choices(gateways.stack, deployment)
    evidence = gateways.gatherer(deployment.scope.account).evidence(
        deployment,
        log,
        read_at=gateways.clock(),
        candidate=compute.arn,
        repair=service.arn if read_repair_role else None,
    )
    diagnosis = _with_changes(gateways, deployment.scope, evidence, diagnose(evidence, reading, phase))
    return evidence, diagnosis, _bot_view(gateways, evidence, diagnosis, roles)


def _with_changes(gateways: DiagnosisGateways, scope: Scope, evidence: Evidence, diagnosis: Diagnosis) -> Diagnosis:
    """Also say what changed since the last success. Only a deployed bot keeps what that looked like."""
    if gateways.stack is None:
        return diagnosis
    table = gateways.stack.runtime.table
    records = IncidentsTable(gateways.clients.dynamodb, table, gateways.clock, gateways.on_unreadable)
    try:
        last = kept_state(records.read(scope).worked)
    except AwsError as error:
        last = Unreadable(str(error))
    return with_changes(
        diagnosis, evidence, last, lambda found: gateways.trail.read(scope, found.lookups, found.before.read_at)
    )


_LIST_JOBS_NOT_FOUND = "BadRequestException"
"""ListJobs is documented to answer with this, not with NotFoundException, if the app or branch does not exist.
https://docs.aws.amazon.com/amplify/latest/APIReference/API_ListJobs.html#API_ListJobs_Errors"""


def _choose_job(amplify: AmplifyReader, app_id: str, branch: str, job_id: str | None) -> tuple[str, str]:
    """The job that the user named, else the newest that failed, else the newest; and the reason for the choice.

    Raises:
        CouldNotLookError: the branch has no job or does not exist.
        AwsError: the jobs could not be listed.
    """
    if job_id is not None:
        return job_id, "named by --job"
    try:
        jobs = amplify.recent_jobs(app_id, branch)
    except (AbsentError, AwsRejectedError) as error:
        if isinstance(error, AwsRejectedError) and error.code != _LIST_JOBS_NOT_FOUND:
            raise
        raise CouldNotLookError(
            f"Amplify lists no jobs for branch {branch} of app {app_id} ({redact(error.message)[:200]}): {CHECK_NAMES}."
        ) from None
    if not jobs:
        raise CouldNotLookError(f"The branch {branch} was never built, so there is no job to diagnose.")
    newest = jobs[0]
    failed = next((job for job in jobs if job.status == "FAILED"), None)
    if failed is None:
        return newest.id, f"the newest; none of the last {len(jobs)} failed"
    since = "" if newest is failed else f"; job {newest.id} is newer ({newest.status})"
    return failed.id, f"the newest that failed{since}"


def _deployment(gateways: DiagnosisGateways, app_id: str, branch_name: str, job_id: str) -> Deployment:
    """The app, branch and job, with the account and partition that the ARNs name."""
    asked = Scope("", "", region_of(gateways.session), app_id, branch_name)
    deployment = gateways.gatherer("").deployment(asked, job_id)
    app, branch = deployment.app, deployment.branch
    for item in (app, branch, deployment.job):
        if isinstance(item, Absent):
            required(item, asked.region)
    if isinstance(app, Present):
        arn = app.value.arn
    elif isinstance(branch, Present):
        arn = branch.value.arn
    else:
        raise CouldNotLookError(f"Neither the app nor the branch may be read: {why(app)}; {why(branch)}")
    return replace(deployment, scope=_scope_in(arn, app_id, branch_name))


def _scope_in(arn: str, app_id: str, branch: str) -> Scope:
    partition, _, region, account, _ = arn_parts(arn)
    return Scope(partition, account, region, app_id, branch)


def _notes_without_iam_failure(deployment: Deployment, log: Read[BuildLog], phase: Phase) -> Iterator[str]:
    job = deployment.job
    match log:
        case Absent(reason) | Unreadable(reason):
            yield f"There is no log to read, so the failure cannot be diagnosed: {reason}."
        case Partial(_, reason):
            yield f"The log was read in part, so the failure may be IAM's all the same: {reason}."
        case Present() if isinstance(job, Present) and job.value.status == "FAILED":
            yield f"Job {job.value.id} failed for a reason other than IAM, as far as its log shows."
        case Present():
            pass
    if phase is not Phase.RUNTIME and _has_no_compute_role(deployment):
        yield (
            "Neither the branch nor the app has a compute role, so SSR code gets no AWS credentials at runtime. This "
            "never fails a build. If the app calls AWS, diagnose its runtime log: --log FILE --phase runtime."
        )


def _has_no_compute_role(deployment: Deployment) -> bool:
    app, branch = deployment.app, deployment.branch
    if not (isinstance(app, Present) and isinstance(branch, Present)):
        return False
    return app.value.platform == SSR and not (branch.value.compute_role_arn or app.value.compute_role_arn)


_NO_JOB = Absent("the SSR runtime is not part of a job")
_EMPTY_READING = LogReading()


@dataclass(frozen=True, slots=True)
class _ServingBranch:
    """The branch that the user asked about, its app, and all branches of the app that may write to its SSR log."""

    scope: Scope
    app: App
    branch: Branch
    branches: tuple[Branch, ...]


def diagnose_runtime(gateways: DiagnosisGateways, app_id: str, branch: str, since: datetime) -> DiagnosisReport:
    """Diagnose the newest failure of a branch that the app's SSR log shows since a time.

    Raises:
        CouldNotLookError: the app or branch does not exist, or may not be read.
        AwsError: a call failed in another way.
    """
    target = _serving_branch(gateways, app_id, branch)
    now = gateways.clock()
    logs = gateways.runtime_logs(_MAX_SSR_LOG_SECONDS)
    lines = logs.lines(app_id, TimeSpan(since, now), runtime_filter(), _MAX_SSR_LOG_PAGES)
    app_item, branch_item = Present(target.app), Present(target.branch)
    unread = lines.reason if isinstance(lines, Partial) else ""
    log = lines if isinstance(lines, Absent | Unreadable) else build_log("SSR runtime", 0, unread or None)
    evidence = evidence_of(target.scope, now, app=app_item, branch=branch_item, job=_NO_JOB, log=log)
    chosen = "it serves the branch now" if target.branch.active_job_id else "the branch has no deployment"
    report = partial(DiagnosisReport, target.scope, target.branch.active_job_id, chosen, offline=False)
    if isinstance(lines, Absent | Unreadable):
        note = f"The SSR log could not be read, so the runtime cannot be diagnosed: {why(lines)}."
        return report(evidence=evidence, reading=None, diagnosis=None, bot=None, notes=(note,))
    failures = runtime_failures(lines.value, target.branches, partial(_has_no_usable_role, gateways, target))
    newest = max((f for f in failures if f.branch == target.branch), key=lambda f: f.seen_at, default=None)
    notes = tuple(_runtime_notes(failures, newest, target.branch, since, unread))
    if newest is None:
        return report(evidence=evidence, reading=_EMPTY_READING, diagnosis=None, bot=None, notes=notes)
    deployment = Deployment(target.scope, app_item, branch_item, _NO_JOB)
    log = Present(BuildLog("SSR runtime", newest.reading.size))
    evidence, diagnosis, bot = _diagnosed(
        gateways, deployment, log, newest.reading, Phase.RUNTIME, read_repair_role=False
    )
    return report(evidence=evidence, reading=newest.reading, diagnosis=diagnosis, bot=bot, notes=notes)


def _serving_branch(gateways: DiagnosisGateways, app_id: str, name: str) -> _ServingBranch:
    app = required(gateways.amplify.app(app_id), region_of(gateways.session))
    branches = tuple(gateways.amplify.branches(app_id))
    named = next((branch for branch in branches if branch.name == name), None)
    absent: Item[Branch] = Absent(f"app {app_id} has no branch {name}")
    branch = required(Present(named) if named else absent, region_of(gateways.session))
    # A branch without a deployment writes no log lines. The branch that the user named is kept all the same.
    serving = tuple(each for each in branches if each.active_job_id or each.name == name)
    return _ServingBranch(_scope_in(app.arn, app_id, name), app, branch, serving)


def _has_no_usable_role(gateways: DiagnosisGateways, target: _ServingBranch, branch: Branch) -> bool:
    arn = branch.compute_role_arn or target.app.compute_role_arn
    if arn is None:
        return True
    role = gateways.iam_of(target.scope.account).role(arn)
    scope = replace(target.scope, branch=branch.name)
    evidence = evidence_of(scope, gateways.clock(), app=Present(target.app), branch=Present(branch), roles={arn: role})
    verdict = compute_role_verdict(evidence, arn)
    return verdict is not None and verdict.usable is False


def _runtime_notes(
    failures: Sequence[RuntimeFailure], newest: RuntimeFailure | None, branch: Branch, since: datetime, unread: str
) -> Iterator[str]:
    if unread:
        yield f"Only a part of the SSR log was read: {unread}."
    elif newest is None:
        yield f"The SSR log shows no IAM failure of this branch since {since:%Y-%m-%d %H:%M} UTC."
    elif newest.among:
        yield f"The log does not say which branch wrote the line. It may be any of {', '.join(newest.among)}."
    others = sorted({f.branch.name for f in failures if f.branch and f.branch != branch})
    if others:
        yield f"The log shows failures of other branches too: {', '.join(others)}."
    if any(f.branch is None for f in failures):
        yield "It also shows failures that cannot be assigned to a branch."
