"""One sample alert of every kind, composed with the real diagnosis and decision table. All times are fixed."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from medic.actions.outcome import ChangeResult, RebuildOutcome, RoleChangeOutcome, UndoOutcome, UndoResult
from medic.alerts.compose import (
    Affected,
    Extent,
    compose_build_failed,
    compose_builds_failing,
    compose_expired,
    compose_muted,
    compose_no_traffic,
    compose_not_helped,
    compose_outcome_unknown,
    compose_report,
    compose_resolved,
    compose_storm,
    compose_storm_over,
    compose_test,
    compose_undiagnosed,
    compose_undone,
)
from medic.alerts.failure_report import FailureReport
from medic.alerts.model import redacted
from medic.events import Scope
from medic.evidence import JobRef, Present, RolePolicies
from medic.incidents.model import Change, ChangeState, Incident, IncidentState
from medic.labels import ActionKind, BotLabel, Label, Phase, RoleKind, Trigger
from medic.logscan.model import Ending
from medic.plan.decide import decide
from medic.plan.model import Disposition, RebuildTag
from medic.plan.optin import CHANNEL, OptIn, RoleChoice
from medic.records import replace
from medic.settings import Limits, Mode
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    APP_ID,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    NO_CREDENTIALS,
    NOW,
    STARTED,
    UNASSUMABLE,
    app,
    branch,
    denial,
    diagnosed,
    evidence,
    job,
)
from tests.unit.plan.aws_managed import attached
from tests.unit.plan.facts import question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.alerts.model import Alert, AlertKind
    from medic.diagnosis.model import Diagnosis

REGION = "eu-central-1"
SCOPE = Scope("aws", ACCOUNT, REGION, APP_ID, "main")
_WHOLE_REGION = SCOPE.whole_region
_COMMIT: dict[str, Any] = {"commit_id": "3d81f9d6fe0a4c1b8e57", "commit_message": "Add checkout (#214)\n\nlonger text"}
_OPT_IN_NOTES = {
    Mode.REPORT: "the branch has no tag amplify-medic:auto-fix",
    Mode.ASK: "the branch's tag amplify-medic:auto-fix says ask",
    Mode.FIX: "the branch's tag amplify-medic:auto-fix says fix",
}


@cache
def every_kind() -> tuple[Alert, ...]:
    """One alert of each kind, in the order of the gallery."""
    return tuple(map(redacted, _alerts()))


@cache
def by_name() -> dict[str, Alert]:
    """Every alert that has a golden file and a picture."""
    return {**{alert.kind.value: alert for alert in every_kind()}, "denied": denied(), "hostile": hostile()}


def sample(kind: AlertKind) -> Alert:
    return next(alert for alert in every_kind() if alert.kind is kind)


def denied() -> Alert:
    """An alert for an access-denied error, which shows the exact statement that is missing."""
    diagnosis = diagnosed(denial(COMPUTE_SESSION), Phase.RUNTIME, job=Present(job(**_COMMIT)))
    return redacted(compose_report(report_of(diagnosis, Mode.REPORT, Trigger.RUNTIME)))


def hostile() -> Alert:
    """An alert on an app in which every name and text tries to break the message."""
    text = "<!channel> <https://evil.example|click> `*_~ \u202eesrever\u202c \u200b😀 @here " * 4
    scope = replace(SCOPE, branch=text * 30)
    changes: dict[str, Any] = {
        "app": Present(app(name=text, compute_role_arn=None)),
        "branch": Present(branch(name=scope.branch, framework=text, compute_role_arn=None, tags={CHANNEL: text})),
        "job": Present(job(commit_id=text, commit_message=text)),
    }
    diagnosis = diagnosed(UNASSUMABLE.replace("Standard", text), **changes)
    report = report_of(diagnosis, Mode.REPORT, Trigger.FAILED, **changes)
    opt_in = replace(report.failure.opt_in, note=text)
    evidence = replace(report.failure.evidence, scope=scope)
    return redacted(compose_report(replace(report, failure=replace(report.failure, evidence=evidence, opt_in=opt_in))))


def _alerts() -> Iterator[Alert]:
    build = diagnosed(UNASSUMABLE, **facts())
    runtime = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **facts())
    yield compose_report(report_of(build, Mode.REPORT, Trigger.FAILED))
    unread = replace(_incident(build), role_kind=RoleKind.NONE, label=BotLabel.UNDIAGNOSED)
    remedy = "Look at the log in the Amplify console."
    yield compose_undiagnosed(SCOPE, unread, "the log's host answered HTTP 404", remedy)
    yield compose_report(report_of(runtime, Mode.ASK, Trigger.RUNTIME))
    attach = report_of(runtime, Mode.FIX, Trigger.RUNTIME)
    set_and_read = "UpdateBranch was sent, and GetBranch shows the role"
    yield compose_report(with_result(attach, ChangeResult.APPLIED, set_and_read, IncidentState.APPLIED))
    yield compose_report(with_result(attach, ChangeResult.APPLIED, set_and_read, IncidentState.REBUILDING, "8"))
    admin = Present(attached("AdministratorAccess"))
    yield compose_report(report_of(runtime, Mode.FIX, Trigger.RUNTIME, policies=lambda _: admin))
    young = "Amplify can't assume the role yet: it was created 40 s ago"
    yield compose_report(with_result(attach, ChangeResult.DEFERRED, young, IncidentState.APPLYING))
    build_incident, runtime_incident = _incident(build), _incident(runtime)
    yield compose_resolved(SCOPE, _changed(build_incident), "9")
    yield compose_not_helped(
        SCOPE, replace(_changed(build_incident), reason="likely: the repository connection is lost"), "9"
    )
    yield compose_no_traffic(SCOPE, _changed(runtime_incident))
    yield compose_outcome_unknown(SCOPE, _changed(build_incident, ChangeState.INTENDED))
    yield compose_expired(SCOPE, runtime_incident)
    changed = _changed(replace(runtime_incident, undo_asked_by="slack:T0123456789/U0123456789"))
    detail = "UpdateBranch was sent with an empty role, and GetBranch shows none"
    yield compose_undone(SCOPE, changed, [UndoOutcome(changed.changes[0], UndoResult.DETACHED, detail)])
    other = "another role is set now, which is not what the bot set"
    yield compose_undone(SCOPE, changed, [UndoOutcome(changed.changes[0], UndoResult.REFUSED, other)])
    yield compose_muted(SCOPE, runtime_incident, NOW + timedelta(hours=2), "slack:T0123456789/U0123456789")
    yield from _other_failures()
    yield from _storm()
    yield compose_test(SCOPE)


def facts() -> dict[str, Any]:
    return {
        "branch": Present(branch(compute_role_arn=None)),
        "job": Present(job(**_COMMIT)),
        "candidate_role_arn": COMPUTE_ROLE,
    }


def report_of(diagnosis: Diagnosis, mode: Mode, trigger: Trigger, **changes: Any) -> FailureReport:
    """The report as the flows build it. The plan comes from the decision table and all guardrails."""
    note = _OPT_IN_NOTES[mode]
    policies = changes.pop("policies", lambda _: Present(RolePolicies((), ())))
    seen = evidence(**{**facts(), **changes})
    asked = question(
        trigger=trigger,
        evidence=seen,
        diagnosis=diagnosis,
        app=seen.app.value if isinstance(seen.app, Present) else app(),
        branch=seen.branch.value if isinstance(seen.branch, Present) else branch(),
        opt_in=OptIn(mode, ignored=False, note=note, rebuild=RebuildTag.AUTO),
        compute_choice=RoleChoice(COMPUTE_ROLE, "the one role paired with this app"),
        policies=policies,
    )
    plan = decide(asked)
    incident = _incident(diagnosis)
    if plan.with_disposition(Disposition.ASK_FIRST):
        incident = replace(incident.moved(IncidentState.AWAITING_APPROVAL, NOW), plan_hash=plan.hash_for(incident.id))
    return FailureReport(asked.failure, incident, plan)


def with_result(
    report: FailureReport, result: ChangeResult, detail: str, state: IncidentState, rebuild: str | None = None
) -> FailureReport:
    """The report after its changes were tried."""
    reason = "retries job 7: a first compute role may take effect with a deployment only"
    announced = RebuildOutcome(None, "job 7 is retried next")
    rebuilt = RebuildOutcome(rebuild, f"job {rebuild} {reason}") if rebuild else announced
    acting = (action for action in report.plan.actions if action.disposition is not Disposition.REFUSE)
    outcomes = tuple(RoleChangeOutcome(action, result, detail, NOW, rebuilt) for action in acting)
    changed = {ChangeResult.APPLIED: ChangeState.APPLIED, ChangeResult.DEFERRED: ChangeState.INTENDED}
    incident = _changed(report.incident, changed.get(result, ChangeState.FAILED))
    return replace(report, outcomes=outcomes, incident=incident.moved(state, NOW))


def _incident(diagnosis: Diagnosis) -> Incident:
    kind = RoleKind.SERVICE if diagnosis.label is Label.SERVICE_ROLE_UNASSUMABLE else RoleKind.COMPUTE
    opened = Incident.open(SCOPE, (kind, diagnosis.label), JobRef("7", STARTED), app_name="shop", now=NOW)
    return replace(opened, trigger=Trigger.RUNTIME if diagnosis.phase is Phase.RUNTIME else Trigger.FAILED)


def _changed(incident: Incident, state: ChangeState = ChangeState.APPLIED) -> Incident:
    change = Change(ActionKind.ATTACH_COMPUTE, SCOPE.branch_arn, COMPUTE_ROLE, None, state, NOW, NOW)
    return incident.with_change(change, NOW)


def _other_failures() -> Iterator[Alert]:
    kind = (RoleKind.NONE, BotLabel.BUILD_FAILED)
    failed = Incident.open(SCOPE, kind, JobRef("7", STARTED), app_name="shop", now=NOW)
    errors = ("Failed to compile.", "Type error: Property 'total' does not exist on type 'Cart'.")
    yield compose_build_failed(SCOPE, failed, Ending("build, npm run build", errors))
    many = (RoleKind.NONE, BotLabel.BUILDS_FAILING)
    flood = Incident.open(_WHOLE_REGION, many, JobRef("0", NOW), app_name="", now=NOW)
    yield compose_builds_failing(_WHOLE_REGION, flood, Limits())


def _storm() -> Iterator[Alert]:
    region = _WHOLE_REGION
    storm = Incident.open(region, (RoleKind.NONE, BotLabel.STORM), JobRef("0", NOW), app_name="", now=NOW)
    affected = tuple(_hit(number) for number in range(8))
    yield compose_storm(region, storm, Extent(affected, 11), 9, Limits())
    over = tuple(
        replace(each, incident=each.incident.moved(IncidentState.RESOLVED, NOW)) if number % 2 else each
        for number, each in enumerate(affected)
    )
    yield compose_storm_over(region, storm, Extent(over, 8))


def _hit(number: int) -> Affected:
    scope = replace(SCOPE, app_id=f"d{number}a2b3c4d5e6f", branch=("main", "dev", "feature/søk #1")[number % 3])
    job_ref = JobRef("7", STARTED + timedelta(seconds=number))
    kind = (RoleKind.SERVICE, Label.SERVICE_ROLE_UNASSUMABLE)
    incident = Incident.open(scope, kind, job_ref, app_name=f"shop-{number}", now=NOW)
    return Affected(scope, replace(incident, mode=Mode.FIX if number % 2 else Mode.REPORT))
