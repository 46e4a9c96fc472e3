"""An SSR log showed something: read it anew, find whose it is, and attend to each branch under its lease.

A line is a hint, for visitors can write to these logs. What is done rests on the state of branches and roles.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_log_missing
from medic.arns import RoleArn
from medic.aws.gather import Deployment
from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.roles import compute_role_verdict
from medic.events import ALL
from medic.evidence import Absent, Branch, BuildLog, Evidence, Item, Job, Present, RuntimeLine, TimeSpan
from medic.flows.failure_model import ConfirmedFailure, cause_of
from medic.flows.notify import UndeliveredError, announce, hold_branch
from medic.flows.respond import Responder, Response
from medic.incidents.model import Incident, IncidentState, RuntimeJobRef
from medic.incidents.table import BusyError
from medic.labels import Identity, Label, Phase, RoleKind, Trigger
from medic.logscan.runtime import RuntimeFailure, runtime_failures, runtime_filter
from medic.plan.decide import SSR
from medic.plan.model import RebuildTag
from medic.plan.optin import OptIn, RoleChoice, choose_compute_role, read_opt_in
from medic.settings import Mode
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from medic.events import RuntimeWakeUp, Scope
    from medic.evidence import App, Role, RolePolicies
    from medic.incidents.model import Request
    from medic.services import Services
    from medic.settings import Settings

_NAMED = 5
_NO_JOB = Job("0", "unknown", "unknown", None, None, None, None, ())


@dataclass(frozen=True, slots=True)
class SsrApp:
    """An SSR app and its deployed branches, read anew."""

    app: App
    branches: tuple[Branch, ...]


def read_ssr_app(scope: Scope, services: Services) -> SsrApp | None:
    """The app and those of its branches that serve requests; None if there is no such SSR app."""
    app = services.amplify.app(scope.app_id)
    if not isinstance(app, Present) or app.value.platform != SSR:
        services.telemetry.record(
            TelemetryEvent.JOB_NOT_CONFIRMED, scope=scope, why="no SSR app, or it could not be read"
        )
        return None
    branches = services.amplify.branches(scope.app_id)
    return SsrApp(app.value, tuple(branch for branch in branches if branch.active_job_id))


def failures(scope: Scope, ssr: SsrApp, lines: Sequence[RuntimeLine], services: Services) -> Iterator[ConfirmedFailure]:
    """What the lines show, by branch and label, each with everything that has to be known about it."""
    seen = runtime_failures(lines, ssr.app, ssr.branches, _LacksRole(scope, ssr.app, services))
    seen = (*_of_one_branch(seen), *_of_several(seen, services.runtime.settings))
    if not seen:
        services.telemetry.record(TelemetryEvent.NOT_IAM, scope=scope)
    for log_ref in seen:
        failure = _confirmed(scope, ssr.app, log_ref, services, noticed_at=max(line.at for line in lines))
        if failure.opt_in.ignored:
            services.telemetry.record(TelemetryEvent.IGNORED, scope=failure.scope)
        else:
            yield failure


def _of_one_branch(seen: Sequence[RuntimeFailure]) -> Iterator[RuntimeFailure]:
    return (log_ref for log_ref in seen if not log_ref.among)


def _of_several(seen: Sequence[RuntimeFailure], settings: Settings) -> Iterator[RuntimeFailure]:
    """What any of several branches may have written: asked of each that is opted in; if none is, said of the app."""
    doubtful = [(each, read_opt_in(settings, each.branch.tags)) for each in seen if each.among and each.branch]
    opted_in = [each for each, opt_in in doubtful if opt_in.mode is not Mode.REPORT]
    if opted_in:
        yield from opted_in
    elif any(not opt_in.ignored for _, opt_in in doubtful):
        yield replace(doubtful[0][0], branch=None, among=())


@dataclass(frozen=True)
class _LacksRole:
    """Whether a branch has no usable effective compute role. A role is read once, however many branches wear it."""

    scope: Scope
    app: App
    services: Services
    _read: dict[str, Item[Role]] = field(default_factory=dict)

    def __call__(self, branch: Branch) -> bool:
        arn = branch.compute_role_arn or self.app.compute_role_arn
        if arn is None:
            return True
        if arn not in self._read:
            self._read.update(self.services.gatherer.roles((arn,)))
        here, now = replace(self.scope, branch=branch.name), self.services.clock()
        evidence = _evidence_of(here, self.app, branch, now, self._read)
        verdict = compute_role_verdict(evidence, arn)
        return verdict is not None and verdict.usable is False


def _confirmed(
    scope: Scope, app: App, log_ref: RuntimeFailure, services: Services, *, noticed_at: datetime
) -> ConfirmedFailure:
    if log_ref.branch is None:
        return _failure_without_branch(scope, app, log_ref, services, noticed_at)
    branch, settings = log_ref.branch, services.runtime.settings
    here = replace(scope, branch=branch.name)
    opt_in = _as_far_as_it_is_sure(read_opt_in(settings, branch.tags), log_ref)
    choice = choose_compute_role(settings, services.runtime.default_role_arn, app.id, branch.name, branch.tags)
    job_with_logs = services.amplify.job(app.id, branch.name, branch.active_job_id or "0")
    deployment = Deployment(here, Present(app), Present(branch), job_with_logs)
    log: Item[BuildLog] = Present(BuildLog("SSR runtime", log_ref.reading.size))
    evidence = services.gatherer.evidence(deployment, log, read_at=services.clock(), candidate=choice.arn, repair=None)
    evidence = replace(evidence, policies=_policies_elsewhere(app, log_ref, services))
    job = deployment.job
    return ConfirmedFailure(
        scope=here,
        trigger=Trigger.RUNTIME,
        app=app,
        branch=branch,
        job=job.value if isinstance(job, Present) else replace(_NO_JOB, id=branch.active_job_id or "0"),
        evidence=evidence,
        diagnosis=diagnose(evidence, log_ref.reading, Phase.RUNTIME),
        opt_in=opt_in,
        compute_choice=choice,
        service_choice=RoleChoice(None, "a service role has no part in the SSR runtime"),
        noticed_at=noticed_at,
        seen_at=log_ref.seen_at,
        denied=log_ref.denied,
    )


def _policies_elsewhere(app: App, log_ref: RuntimeFailure, services: Services) -> Mapping[str, Item[RolePolicies]]:
    """What the service role may do, where the compute role was denied something: people mix the two up."""
    role = RoleArn.parse(app.service_role_arn or "")
    denied = log_ref.label is Label.ACCESS_DENIED_IDENTITY
    if role is None or not denied or log_ref.reading.findings[0].identity is not Identity.COMPUTE_ROLE:
        return {}
    return {role.text: services.policies(role.name)}


def _as_far_as_it_is_sure(opt_in: OptIn, log_ref: RuntimeFailure) -> OptIn:
    """Where several branches lack a role, none gets one by itself."""
    if not log_ref.among or opt_in.mode is Mode.REPORT:
        return opt_in
    named = ", ".join(log_ref.among[:_NAMED])
    more = f" and {len(log_ref.among) - _NAMED} more" if len(log_ref.among) > _NAMED else ""
    note = f"any of the branches {named}{more} may have written the line: you are asked"
    return replace(opt_in, mode=Mode.ASK, note=note)


def _failure_without_branch(
    scope: Scope, app: App, log_ref: RuntimeFailure, services: Services, noticed_at: datetime
) -> ConfirmedFailure:
    """A failure of the app, of which nothing tells whose branch it is: said, and nothing proposed."""
    note = "neither the log stream nor the line tells which branch it is"
    branch = Branch(ALL, app.arn, "NONE", None, None, {}, (), None, None, None)
    evidence = replace(
        _evidence_of(scope, app, branch, services.clock(), {}),
        branch=Absent(note),
        job=Absent(note),
    )
    return ConfirmedFailure(
        scope=scope,
        trigger=Trigger.RUNTIME,
        app=app,
        branch=branch,
        job=_NO_JOB,
        evidence=evidence,
        diagnosis=diagnose(evidence, log_ref.reading, Phase.RUNTIME),
        opt_in=OptIn(Mode.REPORT, ignored=False, note=note, rebuild=RebuildTag.NO),
        compute_choice=RoleChoice(None, note),
        service_choice=RoleChoice(None, note),
        noticed_at=noticed_at,
        seen_at=log_ref.seen_at,
    )


def _evidence_of(scope: Scope, app: App, branch: Branch, now: datetime, roles: Mapping[str, Item[Role]]) -> Evidence:
    return Evidence(
        partition=scope.partition,
        account=scope.account,
        region=scope.region,
        app_id=scope.app_id,
        branch_name=branch.name,
        read_at=now,
        app=Present(app),
        branch=Present(branch),
        job=Absent("it has no part in this"),
        log=Present(BuildLog("SSR runtime", 0)),
        roles=roles,
    )


MOST_PAGES = 10
LOG_MISSING = (RoleKind.NONE, "ssr_log_missing")
"""The kind of the incident that says: there is no log to look at."""


def diagnose_runtime(nudge: RuntimeWakeUp, services: Services) -> None:
    """The whole way from a nudge to alerts.

    Raises:
        RetryableError: AWS throttled or could not be reached; the nudge is to be delivered again.
        BusyError: another invocation works on one of the branches.
        UndeliveredError: a channel did not take an alert.
    """
    ssr = read_ssr_app(nudge.scope, services)
    if ssr is None:
        return
    lines = services.runtime_logs().lines(
        nudge.scope.app_id, TimeSpan(nudge.since, nudge.until), runtime_filter(), MOST_PAGES
    )
    match lines:
        case Present(found):
            _respond_to_all(failures(nudge.scope, ssr, found, services), services)
        case Absent() if ssr.branches and nudge.since == nudge.until:
            _tell_that_the_log_is_missing(nudge.scope, ssr.app, services)
        case _:
            services.telemetry.record(TelemetryEvent.LOG_UNAVAILABLE, scope=nudge.scope, why=lines)


def respond_again(
    scope: Scope, incident: Incident, services: Services, asked: Request | None = None
) -> Response | None:
    """Read the lines of an incident again, and attend to it: something was not finished, or a person asks for it.

    Returns:
        What was done, or None where its lines are no longer there.

    Raises:
        RetryableError: AWS throttled or could not be reached.
        BusyError: another invocation works on this branch.
        UndeliveredError: a channel did not take the alert.
        UsedUpError: the request was used by another invocation.
    """
    ssr = read_ssr_app(scope.whole_app, services)
    if ssr is None:
        return None
    failure = failure_since(scope, ssr, incident, incident.job_started_at or incident.opened_at, services)
    if failure is None:
        return None
    with hold_branch(scope, services) as held:
        return Responder(failure, held, services, asked).respond()


def failure_since(
    scope: Scope, ssr: SsrApp, incident: Incident, since: datetime, services: Services
) -> ConfirmedFailure | None:
    """The failure of an incident, if the log has shown it since then.

    Raises:
        RetryableError: AWS throttled or could not be reached.
    """
    span = TimeSpan(since, services.clock())
    lines = services.runtime_logs().lines(scope.app_id, span, runtime_filter(), MOST_PAGES)
    if not isinstance(lines, Present):
        return None
    found = failures(scope.whole_app, ssr, lines.value, services)
    return next((each for each in found if (each.scope, each.diagnosis.label) == (scope, incident.label)), None)


def _respond_to_all(found: Iterator[ConfirmedFailure], services: Services) -> None:
    """One branch's trouble is no other's: what goes wrong with one is raised when all had their turn."""
    failed: Exception | None = None
    for failure in found:
        cause = cause_of(failure.diagnosis)
        services.telemetry.record(
            TelemetryEvent.DIAGNOSED, scope=failure.scope, label=failure.diagnosis.label, cause=cause
        )
        try:
            with hold_branch(failure.scope, services) as held:
                Responder(failure, held, services).respond()
        except (BusyError, UndeliveredError) as error:
            failed = error
    if failed is not None:
        raise failed


def _tell_that_the_log_is_missing(scope: Scope, app: App, services: Services) -> None:
    """Once: without a log, no runtime failure of this app can be seen."""
    with hold_branch(scope, services) as held:
        if held.record.incident(*LOG_MISSING) is not None:
            return
        now = services.clock()
        incident = Incident.open(scope, LOG_MISSING, RuntimeJobRef(now), app_name=app.name, now=now)
        said = incident.moved(IncidentState.EXPIRED, now, "there is nothing to wait for")
        services.telemetry.record(TelemetryEvent.LOG_UNAVAILABLE, scope=scope, incident=incident.id)
        announce(compose_log_missing(scope, said), said, "missing", held, services)
