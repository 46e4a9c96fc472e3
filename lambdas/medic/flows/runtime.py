"""The SSR log reported a failure: read the log again, find the branch of each line, and respond under its lease.

Visitors can write to these logs, so a line is only a hint. What the bot does depends on the state of branches and
roles in AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.alerts.compose import compose_log_missing
from medic.aws.errors import AwsError, DeniedError, RetryableError, UnreadableError, value_if_any
from medic.aws.gather import Deployment
from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.facts import denied_role
from medic.diagnosis.roles import compute_role_verdict
from medic.events import ALL, Attempt, RuntimeWakeUp, Scope
from medic.evidence import (
    Absent,
    App,
    Branch,
    BuildLog,
    Evidence,
    Item,
    JobRef,
    Partial,
    Present,
    Read,
    Role,
    RuntimeLine,
    TimeSpan,
    Unreadable,
    build_log,
)
from medic.flows.locked_branch import RecordedError, hold_branch
from medic.flows.report_only import Obstacle, report_undiagnosed, retry_while_it_may_pass
from medic.flows.respond import respond
from medic.incidents.model import Incident, IncidentState, Request
from medic.incidents.table import BusyError
from medic.labels import BotLabel, Identity, Label, Phase, RoleKind, Trigger
from medic.logscan.runtime import RuntimeFailure, runtime_failures, runtime_filter
from medic.plan.failure import ConfirmedFailure
from medic.plan.model import SSR, RebuildTag
from medic.plan.optin import OptIn, PairedRoles, RoleChoice, read_opt_in
from medic.records import replace
from medic.settings import Mode, Settings
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.alerts.failure_report import FailureReport
    from medic.services import Services

_MAX_PAGES = 50
"""Pages of FilterLogEvents that one run reads. Many may be empty: ten seconds at the permitted rate."""
_MAX_NAMED = 5
"""How many branches a note names."""
_LOG_MISSING = (RoleKind.NONE, BotLabel.SSR_LOG_MISSING)
"""The kind of the incident that reports that the app has no SSR log."""
_LOOK = "Look at the log in CloudWatch."
_GRANT = "Let the bot's role make this call, or look at the log in CloudWatch."


class SsrApp(Struct, frozen=True):
    """An SSR app and its deployed branches, read now."""

    app: App
    branches: tuple[Branch, ...]


def diagnose_runtime(wake_up: RuntimeWakeUp, services: Services, attempt: Attempt | None = None) -> None:
    """Handle a wake-up of the watcher, from reading the log to sending the alerts.

    What of the log stays unread is reported: as such if nothing was found, else with what was found.

    Raises:
        RetryableError: also if the log can't be read yet.
    """
    try:
        ssr = read_ssr_app(wake_up.scope, services)
        if ssr is None:
            return
        read = _read_lines(wake_up.scope, TimeSpan(wake_up.since, wake_up.until), services)
    except AwsError as error:
        denied = isinstance(error, DeniedError | UnreadableError)
        if not (denied or (attempt and attempt.last)):
            raise
        _give_way(Obstacle("call", str(error), _GRANT, passing=denied), wake_up, services, attempt)
        return
    if read == Present(()):
        # A forged wake-up looks the same, so it is only retried.
        retry_while_it_may_pass(Obstacle("lines", "the lines were not found again", _LOOK, passing=True), attempt)
    obstacle = _respond_to_lines(read, ssr, wake_up, services)
    if obstacle is not None and not _ignored(ssr, services.runtime.settings):
        _give_way(obstacle, wake_up, services, attempt)


def _respond_to_lines(
    read: Read[tuple[RuntimeLine, ...]], ssr: SsrApp, wake_up: RuntimeWakeUp, services: Services
) -> Obstacle | None:
    """Respond to what the lines show. Returns what kept the bot from seeing anything."""
    scope = wake_up.scope
    match read:
        case Present(found):
            _respond_to_all(_confirmed_failures(scope, ssr, found, None, services), services)
        case Partial(found, reason):
            services.telemetry.record(TelemetryEvent.LOG_UNAVAILABLE, scope=scope, why=reason)
            failures = tuple(_confirmed_failures(scope, ssr, found, reason, services))
            _respond_to_all(failures, services)
            if not failures:
                return Obstacle("cut", f"the SSR log was read in part: {reason}", _LOOK, passing=True)
        case Absent() if ssr.branches and wake_up.since == wake_up.until:
            # The watcher sends an empty time span to report a missing log.
            _report_missing_log(scope, ssr.app, services)
        case Absent(reason):
            services.telemetry.record(TelemetryEvent.LOG_UNAVAILABLE, scope=scope, why=reason)
        case Unreadable(reason):
            return Obstacle("access", reason, f"Let the bot's role read the log. {_LOOK}", passing=True)
    return None


def _give_way(obstacle: Obstacle, wake_up: RuntimeWakeUp, services: Services, attempt: Attempt | None) -> None:
    """Retry while the obstacle may pass. Then report that the error could not be diagnosed."""
    retry_while_it_may_pass(obstacle, attempt)
    report_undiagnosed(wake_up.scope, JobRef("0", wake_up.until), obstacle, services)


def _ignored(ssr: SsrApp, settings: Settings) -> bool:
    return bool(ssr.branches) and all(read_opt_in(settings, branch.tags).ignored for branch in ssr.branches)


def _read_lines(scope: Scope, span: TimeSpan, services: Services) -> Read[tuple[RuntimeLine, ...]]:
    """The lines in the app's SSR log that may report a failure."""
    return services.runtime_logs().lines(scope.app_id, span, runtime_filter(), _MAX_PAGES)


def respond_again(
    scope: Scope, incident: Incident, services: Services, request: Request | None = None
) -> FailureReport | Incident | None:
    """Read the log lines of an incident again and respond, because a run was interrupted or a person asks for it.

    Returns what was done, as `respond` says it, or None if the log does not show the failure any more.
    """
    ssr = read_ssr_app(scope.whole_app, services)
    if ssr is None:
        return None
    failure = failure_since(scope, ssr, incident, incident.job_started_at or incident.opened_at, services)
    if failure is None:
        return None
    with hold_branch(scope, services) as locked:
        return respond(failure, locked, request)


def read_ssr_app(scope: Scope, services: Services) -> SsrApp | None:
    """Read the app and those of its branches that serve requests. None if there is no such SSR app."""
    app = value_if_any(services.amplify.app(scope.app_id), "amplify:GetApp")
    if app is None or app.platform != SSR:
        services.telemetry.record(TelemetryEvent.JOB_NOT_CONFIRMED, scope=scope, why="there is no such SSR app")
        return None
    branches = services.amplify.branches(scope.app_id)
    return SsrApp(app, tuple(branch for branch in branches if branch.active_job_id))


def failure_since(
    scope: Scope, ssr: SsrApp, incident: Incident, since: datetime, services: Services
) -> ConfirmedFailure | None:
    """The failure of an incident, if the log shows it since then; None if the whole log was read and does not.

    Raises:
        RetryableError: only a part was read and does not show it.
    """
    read = lines_if_any(_read_lines(scope, TimeSpan(since, services.clock()), services))
    if read is None:
        return None
    found, unread = read
    failures = _confirmed_failures(scope.whole_app, ssr, found, unread, services)
    shown = (each for each in failures if (each.scope, each.diagnosis.label) == (scope, incident.label))
    failure = next(shown, None)
    if failure is None and unread is not None:
        raise RetryableError("logs:FilterLogEvents", "Partial", unread)
    return failure


def lines_if_any(log: Read[tuple[RuntimeLine, ...]]) -> tuple[tuple[RuntimeLine, ...], str | None] | None:
    """The lines that were read, and why there may be more. None if there is no log."""
    match log:
        case Absent():
            return None
        case Unreadable(reason):
            raise RetryableError("logs:FilterLogEvents", "Unreadable", reason)
        case Present(lines):
            return lines, None
        case Partial(lines, unread):
            return lines, unread


def _respond_to_all(failures: Iterable[ConfirmedFailure], services: Services) -> None:
    """Respond to each failure. An error on one branch is raised only after all branches had their turn."""
    failed: Exception | None = None
    for failure in failures:
        diagnosis = failure.diagnosis
        services.telemetry.record(
            TelemetryEvent.DIAGNOSED, scope=failure.scope, label=diagnosis.label, cause=diagnosis.likeliest
        )
        try:
            with hold_branch(failure.scope, services) as locked:
                respond(failure, locked)
        except (AwsError, BusyError, RecordedError) as error:
            failed = error
    if failed is not None:
        raise failed


def _report_missing_log(scope: Scope, app: App, services: Services) -> None:
    """Report once that the app has no SSR log, because then no runtime failure can be found."""
    with hold_branch(scope, services) as locked:
        if locked.record.incident(_LOG_MISSING) is not None:
            return
        now = locked.now
        opened = Incident.open(scope, _LOG_MISSING, JobRef("0", now), app_name=app.name, now=now)
        closed = opened.moved(IncidentState.EXPIRED, now, "there is nothing to wait for")
        locked.log(TelemetryEvent.LOG_UNAVAILABLE, closed)
        locked.notify(compose_log_missing(scope, closed), closed, "missing")


def _confirmed_failures(
    scope: Scope, ssr: SsrApp, lines: Sequence[RuntimeLine], unread: str | None, services: Services
) -> Iterator[ConfirmedFailure]:
    """The failures that the lines show, one for each branch and label. `unread` says why there may be more."""
    found = runtime_failures(lines, ssr.branches, _lacks_role(scope, ssr.app, services))
    of_one_branch = [logged for logged in found if not logged.among]
    logged_failures = (*of_one_branch, *_of_several_branches(found, services.runtime.settings))
    if not logged_failures:
        services.telemetry.record(TelemetryEvent.NOT_IAM, scope=scope)
    for logged in logged_failures:
        known = replace(logged, reading=replace(logged.reading, unread=unread))
        failure = _confirmed(scope, ssr.app, known, services, noticed_at=max(line.at for line in lines))
        if failure.opt_in.ignored:
            services.telemetry.record(TelemetryEvent.IGNORED, scope=failure.scope)
        else:
            yield failure


def _of_several_branches(found: Sequence[RuntimeFailure], settings: Settings) -> Iterator[RuntimeFailure]:
    """Failures that any of several branches may have logged.

    They count for each branch that is opted in. If none is, they are reported once, for the app.
    """
    doubtful = [(each, read_opt_in(settings, each.branch.tags)) for each in found if each.among and each.branch]
    opted_in = [each for each, opt_in in doubtful if opt_in.mode is not Mode.REPORT]
    if opted_in:
        yield from opted_in
    elif any(not opt_in.ignored for _, opt_in in doubtful):
        yield replace(doubtful[0][0], branch=None, among=())


def _lacks_role(scope: Scope, app: App, services: Services) -> Callable[[Branch], bool]:
    """Says whether a branch has no usable effective compute role. Each role is read once for all branches."""
    roles: dict[str, Item[Role]] = {}

    def lacks_role(branch: Branch) -> bool:
        arn = branch.compute_role_arn or app.compute_role_arn
        if arn is None:
            return True
        if arn not in roles:
            roles.update(services.gatherer.roles((arn,)))
        evidence = _evidence_without_job(scope, app, branch, services.clock(), roles)
        verdict = compute_role_verdict(evidence, arn)
        return verdict is not None and verdict.usable is False

    return lacks_role


def _confirmed(
    scope: Scope, app: App, logged: RuntimeFailure, services: Services, *, noticed_at: datetime
) -> ConfirmedFailure:
    """The failure with its evidence. If its branch is unknown, it is the app's, and no change is proposed."""
    branch, runtime, now = logged.branch, services.runtime, services.clock()
    if branch is None:
        unknown = Absent("neither the log stream nor the line tells which branch it is")
        branch = Branch(ALL, app.arn, "NONE", None, None, {}, (), None, None, None)
        opt_in = OptIn(Mode.REPORT, ignored=False, note=unknown.reason, rebuild=RebuildTag.NO)
        choice = RoleChoice(None, unknown.reason)
        evidence = replace(_evidence_without_job(scope, app, branch, now, {}), branch=unknown, job=unknown)
    else:
        scope = replace(scope, branch=branch.name)
        opt_in = _only_ask_if_ambiguous(read_opt_in(runtime.settings, branch.tags), logged)
        paired = PairedRoles(runtime.settings, runtime.default_role_arn, app.id, branch.name)
        choice = paired.choose_compute(branch.tags)
        job_with_logs = services.amplify.job(app.id, branch.name, branch.active_job_id or "0")
        deployment = Deployment(scope, Present(app), Present(branch), job_with_logs)
        log = build_log("SSR runtime", logged.reading.size, logged.reading.unread)
        evidence = services.gatherer.evidence(deployment, log, read_at=now, candidate=choice.arn, repair=None)
        evidence = replace(evidence, policies=services.gatherer.policies(_roles_to_judge(app, branch, logged)))
    return ConfirmedFailure(
        trigger=Trigger.RUNTIME,
        app=app,
        branch=branch,
        evidence=evidence,
        diagnosis=diagnose(evidence, logged.reading, Phase.RUNTIME),
        opt_in=opt_in,
        compute_choice=choice,
        service_choice=RoleChoice(None, "a service role has no part in the SSR runtime"),
        noticed_at=noticed_at,
        seen_at=logged.seen_at,
        denied=logged.denied,
    )


def _roles_to_judge(app: App, branch: Branch, logged: RuntimeFailure) -> tuple[str | None, ...]:
    """The denied role, and the service role if the compute role was denied: people confuse the two."""
    as_compute = logged.reading.findings[0].identity is Identity.COMPUTE_ROLE
    confused = app.service_role_arn if as_compute and logged.label is Label.ACCESS_DENIED_IDENTITY else None
    return denied_role(logged.reading, app, branch), confused


def _only_ask_if_ambiguous(opt_in: OptIn, logged: RuntimeFailure) -> OptIn:
    """If any of several branches may have logged the failure, none gets a role without an approval."""
    if not logged.among or opt_in.mode is Mode.REPORT:
        return opt_in
    named = ", ".join(logged.among[:_MAX_NAMED])
    more = f" and {len(logged.among) - _MAX_NAMED} more" if len(logged.among) > _MAX_NAMED else ""
    note = f"any of the branches {named}{more} may have written the line: you are asked"
    return replace(opt_in, mode=Mode.ASK, note=note)


def _evidence_without_job(
    scope: Scope, app: App, branch: Branch, now: datetime, roles: Mapping[str, Item[Role]]
) -> Evidence:
    return Evidence(
        scope=replace(scope, branch=branch.name),
        read_at=now,
        app=Present(app),
        branch=Present(branch),
        job=Absent("it has no part in this"),
        log=Present(BuildLog("SSR runtime", 0)),
        roles=roles,
    )
