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

    from medic.events import Scope
    from medic.evidence import Job
    from medic.incidents.model import Incident
    from medic.plan.failure import ConfirmedFailure
    from medic.plan.model import Action, Plan

_COMMIT_ID_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class FailureReport:
    """What was done about a failure: the plan, the incident as it is to be saved, and the attempted changes."""

    failure: ConfirmedFailure
    incident: Incident
    plan: Plan
    outcomes: tuple[RoleChangeOutcome, ...] = ()

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
    return AlertKind.NOT_CONFIRMED if contradicted(report.failure.diagnosis) else AlertKind.DIAGNOSIS


def summary(report: FailureReport) -> Iterator[str]:
    """The sentences for the phone: which role is concerned, the most likely cause, what the bot did or proposes."""
    yield f"It concerns {wording.ROLES[report.incident.role_kind]}."
    if report.failure.diagnosis.causes:
        best = report.failure.diagnosis.causes[0]
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
    failure = report.failure
    scope, app, job = failure.scope, failure.app, failure.evidence.job
    yield NamedText("Status", wording.ALERT_STYLES[kind].status)
    yield NamedText("App", f"{app.name} ({scope.app_id})")
    yield NamedText("Branch", branch_text(scope))
    if isinstance(job, Present):
        yield NamedText("Commit", _commit(job.value))
    framework = f", {failure.branch.framework}" if failure.branch.framework else ""
    yield NamedText("Platform", f"{app.platform}{framework}")
    yield NamedText("Account", f"{scope.account} / {scope.region}")
    yield NamedText("Service role", app.service_role_arn or "none")
    compute = failure.diagnosis.compute
    yield NamedText("Compute role", compute.arn if compute else "none")
    yield NamedText("Opt-in", failure.opt_in.note)
    if report.incident.job_id:
        yield NamedText("Job", report.incident.job_id)


def links(report: FailureReport) -> Iterator[NamedText]:
    """Links to the console pages of the branch and of every role that was looked up."""
    failure = report.failure
    runtime = failure.diagnosis.phase is Phase.RUNTIME
    yield from console_links(failure.scope, report.incident.job_id, runtime=runtime)
    for arn in failure.evidence.roles:
        yield NamedText(f"Role {arn.rsplit('/', 1)[-1]}", role_url(failure.scope, arn))


def console_links(scope: Scope, job_id: str, *, runtime: bool) -> Iterator[NamedText]:
    """Links to the console pages of a branch, and of its job unless the id is empty or "0"."""
    if runtime:
        yield NamedText("Runtime log", log_group_url(scope))
    if job_id.strip("0") and scope.branch != "*":
        yield NamedText("Job and log", job_url(scope, job_id))
    yield NamedText("App", app_url(scope))


def approval(report: FailureReport) -> Approval | None:
    """The request for approval; None if no action waits for one."""
    incident, scope = report.incident, report.failure.scope
    if not report.needs_approval or incident.state is not IncidentState.AWAITING_APPROVAL:
        return None
    return Approval(incident.id, incident.plan_hash, scope, expires_at=int(incident.deadline.timestamp()))


def branch_text(scope: Scope) -> str:
    return "not known; the whole app" if scope.branch == "*" else scope.branch


def _action_sentence(action: Action) -> str:
    change = _change(action)
    match action.disposition:
        case Disposition.REFUSE:
            return f"Refused to {change}, by the rule {action.rule}: {action.reason}."
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
