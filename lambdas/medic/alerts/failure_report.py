"""The parts of the alert on a diagnosed failure: its kind, sentences, fields, links and approval, as plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult, RoleChangeOutcome
from medic.alerts import wording
from medic.alerts.fixes import app_url, command_to_set, job_url, log_group_url, permanent_line, role_url
from medic.alerts.model import AlertKind, Approval, NamedText
from medic.evidence import Present
from medic.incidents.model import IncidentState
from medic.labels import Phase
from medic.plan.decide import contradicted
from medic.plan.model import Disposition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.diagnosis.model import Diagnosis
    from medic.events import Scope
    from medic.evidence import Evidence, Job
    from medic.incidents.model import Incident
    from medic.plan.model import Action, Plan

_COMMIT_ID_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class FailureReport:
    """The input of the alert: the diagnosis, the plan, and the results of the changes that were attempted."""

    scope: Scope
    incident: Incident
    evidence: Evidence
    diagnosis: Diagnosis
    plan: Plan
    outcomes: tuple[RoleChangeOutcome, ...]
    opt_in_note: str
    channel: str | None
    """A channel name from the settings; None for the default channel."""

    @property
    def app_name(self) -> str:
        """The app's name, or its id if the app could not be read."""
        app = self.evidence.app
        return app.value.name if isinstance(app, Present) else self.evidence.app_id

    @property
    def job(self) -> Job | None:
        """The failed job; None if it could not be read."""
        return self.evidence.job.value if isinstance(self.evidence.job, Present) else None

    @property
    def not_attempted(self) -> tuple[Action, ...]:
        """The planned actions without an outcome: advised, refused, or waiting for approval."""
        attempted = {outcome.action.kind for outcome in self.outcomes}
        return tuple(action for action in self.plan.actions if action.kind not in attempted)

    @property
    def needs_approval(self) -> bool:
        return any(action.disposition is Disposition.ASK_FIRST for action in self.not_attempted)


def kind_of(report: FailureReport) -> AlertKind:
    results = {outcome.result for outcome in report.outcomes}
    if ChangeResult.APPLIED in results:
        return AlertKind.APPLIED
    if ChangeResult.DEFERRED in results:
        return AlertKind.DEFERRED
    if results or any(action.disposition is Disposition.REFUSE for action in report.not_attempted):
        return AlertKind.REFUSED
    if report.needs_approval:
        return AlertKind.PROPOSED
    return AlertKind.NOT_CONFIRMED if contradicted(report.diagnosis) else AlertKind.DIAGNOSIS


def summary(report: FailureReport) -> Iterator[str]:
    """The sentences for the phone: which role is concerned, the most likely cause, what the bot did or proposes."""
    yield f"It concerns {wording.ROLES[report.incident.role_kind]}."
    if report.diagnosis.causes:
        best = report.diagnosis.causes[0]
        yield f"{wording.RANKS[best.rank]} cause: {best.title}. {wording.capitalized(best.reason)}."
    for outcome in report.outcomes:
        by = f" Approved by {report.incident.approved_by}." if report.incident.approved_by else ""
        yield f"{wording.RESULTS[outcome.result]}: {_change(outcome.action)}.{by}"
    for action in report.not_attempted:
        yield _action_sentence(action)
    if not report.outcomes and not report.plan.actions:
        yield "Nothing was changed: no change that the bot may make would help."
    if report.incident.count > 1:
        yield f"Seen {report.incident.count} times now."


def done(report: FailureReport) -> Iterator[str]:
    """What the bot changed, refused or proposed, which guardrail decided, and how to make a change permanent."""
    for outcome in report.outcomes:
        yield f"{wording.RESULTS[outcome.result]}: {_change(outcome.action)}: {outcome.detail}"
        yield f"Before: {outcome.action.previous_arn or 'no role was set'}"
        if outcome.rebuild is not None:
            yield f"Rebuild: {outcome.rebuild.detail}"
        if outcome.result is ChangeResult.APPLIED:
            yield permanent_line(outcome.action)
    for action in report.not_attempted:
        yield _action_sentence(action)
        if action.disposition is Disposition.ASK_FIRST:
            yield f"The same by hand: {command_to_set(action.kind, action.target, action.role_arn or 'ROLE_ARN')}"
            yield permanent_line(action)
    if report.needs_approval and report.plan.rebuild.reason:
        yield f"Rebuild: {report.plan.rebuild.reason}"
    if report.plan.effect and not effect(report):
        yield f"What that change would do: {report.plan.effect}"


def effect(report: FailureReport) -> str:
    """What the applied or proposed change will do. Empty if nothing changes."""
    return report.plan.effect if report.outcomes or report.needs_approval else ""


def rules(report: FailureReport) -> Iterator[str]:
    """Every guardrail's answer for every planned action."""
    several = len(report.plan.actions) > 1
    for action in report.plan.actions:
        about = f" ({wording.ACTIONS[action.kind]})" if several else ""
        for answer in action.answers:
            yield f"{'✓' if answer.allows else '✗'} {answer.rule}{about}: {answer.detail}"


def facts(report: FailureReport, kind: AlertKind) -> Iterator[NamedText]:
    """The fields that identify the failure, and the two roles."""
    evidence, scope, job = report.evidence, report.scope, report.job
    app = evidence.app.value if isinstance(evidence.app, Present) else None
    branch = evidence.branch.value if isinstance(evidence.branch, Present) else None
    yield NamedText("Status", wording.ALERT_STYLES[kind].status)
    yield NamedText("App", f"{app.name if app else 'unknown'} ({scope.app_id})")
    yield NamedText("Branch", branch_text(scope))
    if job is not None:
        yield NamedText("Commit", _commit(job))
    framework = f", {branch.framework}" if branch and branch.framework else ""
    yield NamedText("Platform", f"{app.platform if app else 'unknown'}{framework}")
    yield NamedText("Account", f"{scope.account} / {scope.region}")
    yield NamedText("Service role", (app.service_role_arn or "none") if app else "unknown")
    yield NamedText("Compute role", report.diagnosis.compute.arn if report.diagnosis.compute else "none")
    yield NamedText("Opt-in", report.opt_in_note)
    if report.incident.job_id:
        yield NamedText("Job", report.incident.job_id)


def links(report: FailureReport) -> Iterator[NamedText]:
    """Links to the console pages of the branch and of every role that was looked up."""
    scope = report.scope
    yield from console_links(scope, report.incident.job_id, runtime=report.diagnosis.phase is Phase.RUNTIME)
    for arn in report.evidence.roles:
        yield NamedText(f"Role {arn.rsplit('/', 1)[-1]}", role_url(scope, arn))


def console_links(scope: Scope, job_id: str, *, runtime: bool) -> Iterator[NamedText]:
    """Links to the console pages of a branch, and of its job unless the id is empty or "0"."""
    if runtime:
        yield NamedText("Runtime log", log_group_url(scope))
    if job_id.strip("0") and scope.branch != "*":
        yield NamedText("Job and log", job_url(scope, job_id))
    yield NamedText("App", app_url(scope))


def approval(report: FailureReport) -> Approval | None:
    """The request for approval; None if no action waits for one."""
    incident, scope = report.incident, report.scope
    if not report.needs_approval or incident.state is not IncidentState.AWAITING_APPROVAL:
        return None
    return Approval(incident.id, incident.plan_hash, scope, expires_at=int(incident.deadline.timestamp()))


def branch_text(scope: Scope) -> str:
    return "not known; the whole app" if scope.branch == "*" else scope.branch


def _action_sentence(action: Action) -> str:
    change = _change(action)
    match action.disposition:
        case Disposition.REFUSE:
            rule, _, detail = action.reason.partition(": ")
            return f"Refused to {change}, by the rule {rule}: {detail}."
        case Disposition.ASK_FIRST:
            return f"Proposed, and waiting for approval: {change}."
        case _:
            return f"Nothing was changed: {action.reason}."


def _change(action: Action) -> str:
    verb = wording.ACTIONS[action.kind]
    return f"{verb} to {action.role_arn}" if action.role_arn else verb


def _commit(job: Job) -> str:
    first_line = (job.commit_message or "").strip().split("\n", 1)[0]
    return f"{(job.commit_id or '')[:_COMMIT_ID_CHARACTERS]} {first_line}".strip() or "none: a manual deployment"
