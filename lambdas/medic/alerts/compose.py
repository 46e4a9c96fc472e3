"""What an alert says: from evidence, diagnosis, plan and outcomes to one message. Everything is redacted here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medic.alerts.console import app_url, job_url, role_url
from medic.alerts.fixes import command_for, fixes_for, permanent_line
from medic.alerts.model import Alert, AlertKind, Fact, Link
from medic.diagnosis.model import Check, CheckResult, Label, Rank
from medic.evidence.model import Present
from medic.incidents.model import RoleKind
from medic.plan.decide import contradicted
from medic.plan.model import Disposition
from medic.redaction import redact
from medic.remediation.outcome import Outcome, Result

if TYPE_CHECKING:
    from medic.diagnosis.model import Diagnosis
    from medic.events import Scope
    from medic.evidence.model import Evidence
    from medic.incidents.model import Incident
    from medic.plan.model import Action, Plan

_HEADLINES = {
    Label.SERVICE_ROLE_UNASSUMABLE: "build stopped: “Unable to assume specified IAM Role”",
    Label.COMPUTE_ROLE_UNASSUMABLE: "Amplify refused the compute role",
    Label.CREDENTIALS_MISSING_BUILD: "build ran without usable AWS credentials",
    Label.CREDENTIALS_MISSING_RUNTIME: "SSR code found no AWS credentials",
    Label.ACCESS_DENIED_IDENTITY: "access denied: a permission is missing",
    Label.ACCESS_DENIED_BOUNDARY: "access denied by a permissions boundary",
    Label.ACCESS_DENIED_SCP: "access denied by a service control policy",
    Label.PASS_ROLE_DENIED: "iam:PassRole denied",
    Label.ACCESS_DENIED_OTHER: "access denied",
    Label.EXPIRED_OR_INVALID_TOKEN: "AWS credentials expired or invalid",
}
_ROLE_WORDS = {
    RoleKind.SERVICE: "the service role (used while building)",
    RoleKind.COMPUTE: "the compute role (used by SSR code at runtime)",
    RoleKind.NONE: "neither of Amplify's two roles",
}
_RESULT_WORDS = {
    Result.APPLIED: "Done",
    Result.MOVED: "Not done, things moved",
    Result.THIRD_ROLE: "Hands off",
    Result.CAPPED: "Not done, a cap is used up",
    Result.REFUSED: "Not done, AWS refused",
    Result.DEFERRED: "Not done yet",
}
_SIGNS = {CheckResult.PASS: "✓ pass", CheckResult.FAIL: "✗ fail", CheckResult.UNKNOWN: "? unknown"}
_RANKS = {
    Rank.PROVEN: "Proven",
    Rank.LIKELY: "Likely",
    Rank.POSSIBLE: "Possible",
    Rank.RULED_OUT: "Ruled out",
}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything known when a diagnosis is reported."""

    scope: Scope
    incident: Incident
    evidence: Evidence
    diagnosis: Diagnosis
    plan: Plan
    outcomes: tuple[Outcome, ...]
    opt_in_note: str
    channel: str | None


def compose_report(report: Report) -> Alert:
    """The alert on a failure: what is wrong, which role, the likeliest cause, what was done, how to fix it."""
    diagnosis = report.diagnosis
    name = _app_name(report.evidence)
    return _redacted(
        Alert(
            kind=_kind(report.outcomes),
            incident_id=report.incident.id,
            title=f"{name} / {report.scope.branch}: {_headline(diagnosis)}",
            summary=tuple(_summary(report)),
            facts=_facts(report),
            causes=tuple(f"{_RANKS[cause.rank]}: {cause.title}. {cause.because}" for cause in diagnosis.causes),
            checks=tuple(_check_line(check) for check in diagnosis.checks),
            log_lines="\n".join(finding.excerpt for finding in diagnosis.findings[:2]),
            done=tuple(_done(report)),
            fixes=fixes_for(report.evidence, diagnosis),
            links=_links(report.scope, report.evidence, report.incident.job_id),
            channel=report.channel,
        )
    )


def _headline(diagnosis: Diagnosis) -> str:
    doubt = " (not confirmed: a usable role is set)" if contradicted(diagnosis) else ""
    return f"{_HEADLINES[diagnosis.label]}{doubt}"


def compose_resolved(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a failure is over."""
    summary = [f"Build {job_id} of {scope.branch} succeeded."]
    summary += [_WHO_MENDED_IT[change.kind].format(role=change.role_arn) for change in incident.applied]
    title = f"{incident.app_name} / {scope.branch}: recovered"
    return _follow_up(scope, incident, AlertKind.RESOLVED, title, tuple(summary))


def compose_not_helped(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a failure is still there after a change."""
    summary = (
        f"Build {job_id} of {scope.branch} failed with the same message after the change.",
        *(f"Changed before: {c.role_arn} in the place of {c.previous_arn or 'no role'}." for c in incident.applied),
        *((f"Likeliest cause: {incident.because}.",) if incident.because else ()),
        "Nothing more is tried without somebody's approval.",
    )
    title = f"{incident.app_name} / {scope.branch}: still failing"
    return _follow_up(scope, incident, AlertKind.NOT_HELPED, title, summary)


def compose_outcome_unknown(scope: Scope, incident: Incident) -> Alert:
    """The alert that nobody can say how a change or a rebuild ended."""
    summary = [
        "The bot lost track of this incident: neither an event nor AWS's state says how it ended.",
        "Look at the branch before you do anything else.",
    ]
    summary += [
        f"Recorded: {change.role_arn} instead of {change.previous_arn or 'none'} ({change.state})."
        for change in incident.changes
    ]
    title = f"{incident.app_name} / {scope.branch}: outcome unknown"
    return _follow_up(scope, incident, AlertKind.NOT_HELPED, title, tuple(summary))


_WHO_MENDED_IT = {
    "attach_compute": (
        "This is not credited to the compute role {role} that was attached meanwhile: it serves the SSR runtime and "
        "has no part in a build."
    ),
    "repair_service": "The build ran after the service role was set to {role}.",
}


def _follow_up(scope: Scope, incident: Incident, kind: AlertKind, title: str, summary: tuple[str, ...]) -> Alert:
    return _redacted(
        Alert(
            kind=kind,
            incident_id=incident.id,
            title=title,
            summary=summary,
            facts=(Fact("Branch", scope.branch), Fact("Account", f"{scope.account} / {scope.region}")),
            links=(Link("App", app_url(scope)),),
            channel=incident.channel,
        )
    )


def _kind(outcomes: Sequence[Outcome]) -> AlertKind:
    results = {outcome.result for outcome in outcomes}
    if Result.APPLIED in results:
        return AlertKind.APPLIED
    if Result.DEFERRED in results:
        return AlertKind.DEFERRED
    return AlertKind.REFUSED if results else AlertKind.DIAGNOSIS


def _summary(report: Report) -> list[str]:
    best = report.diagnosis.causes[0] if report.diagnosis.causes else None
    lines = [f"It concerns {_ROLE_WORDS[report.incident.role_kind]}."]
    if best is not None:
        lines.append(f"{_RANKS[best.rank]} cause: {best.title}: {best.because}.")
    lines += [f"{_RESULT_WORDS[outcome.result]}: {_action_words(outcome.action)}." for outcome in report.outcomes]
    if not report.outcomes:
        lines.append("Nothing was changed.")
    if report.incident.count > 1:
        lines.append(f"Seen {report.incident.count} times now.")
    return lines


def _done(report: Report) -> list[str]:
    lines = []
    for outcome in report.outcomes:
        lines.append(f"{_RESULT_WORDS[outcome.result]}: {_action_words(outcome.action)}: {outcome.detail}")
        lines.append(f"Before: {outcome.action.previous_arn or 'no role was set'}")
        if outcome.rebuild is not None:
            lines.append(f"Rebuild: {outcome.rebuild.detail}")
        if outcome.result is Result.APPLIED:
            lines.append(permanent_line(outcome.action))
    acted = {outcome.action.kind for outcome in report.outcomes}
    lines += [_not_done(action) for action in report.plan.actions if action.kind not in acted]
    if report.plan.actions:
        lines.append(f"Effect: {report.plan.effect}")
    elif not report.outcomes:
        lines.append("Nothing can be changed by itself here; see the causes and fixes below.")
    return lines


def _not_done(action: Action) -> str:
    match action.disposition:
        case Disposition.REFUSE:
            return f"Refused to {_action_words(action)}: {action.reason}"
        case Disposition.ASK_FIRST:
            return f"Proposed, and left to you: {_action_words(action)}. To do it: {command_for(action)}"
        case _:
            return f"Not opted in to {_action_words(action)}: {action.reason}"


def _action_words(action: Action) -> str:
    verb = "set the compute role of this branch" if action.kind == "attach_compute" else "set the app's service role"
    return f"{verb} to {action.role_arn}" if action.role_arn else verb


def _facts(report: Report) -> tuple[Fact, ...]:
    evidence, scope = report.evidence, report.scope
    app = evidence.app.value if isinstance(evidence.app, Present) else None
    branch = evidence.branch.value if isinstance(evidence.branch, Present) else None
    job = evidence.job.value if isinstance(evidence.job, Present) else None
    commit = f"{(job.commit_id or '')[:10]} {(job.commit_message or '').splitlines()[:1] or ''}" if job else "unknown"
    facts = [
        Fact("App", f"{app.name if app else 'unknown'} ({scope.app_id})"),
        Fact("Branch", scope.branch),
        Fact("Job", f"{report.incident.job_id}"),
        Fact("Commit", commit.strip("[]' ") or "unknown"),
        Fact("Platform", f"{app.platform if app else 'unknown'} {branch.framework or '' if branch else ''}".strip()),
        Fact("Account", f"{scope.account} / {scope.region}"),
        Fact("Service role", app.service_role_arn or "none" if app else "unknown"),
        Fact("Compute role", report.diagnosis.compute.arn if report.diagnosis.compute else "none"),
        Fact("Opt-in", report.opt_in_note),
    ]
    return tuple(facts)


def _check_line(check: Check) -> str:
    return f"{_SIGNS[check.result]}: {check.detail}"


def _links(scope: Scope, evidence: Evidence, job_id: str) -> tuple[Link, ...]:
    links = [Link("Job and log", job_url(scope, job_id)), Link("App", app_url(scope))]
    links += [Link(f"Role {arn.rsplit('/', 1)[-1]}", role_url(scope, arn)) for arn in evidence.roles]
    return tuple(links)


def _app_name(evidence: Evidence) -> str:
    return evidence.app.value.name if isinstance(evidence.app, Present) else evidence.app_id


def _redacted(alert: Alert) -> Alert:
    """The alert with every text redacted; log excerpts were, where they were cut out."""
    return replace(
        alert,
        title=redact(alert.title),
        summary=tuple(map(redact, alert.summary)),
        facts=tuple(Fact(fact.name, redact(fact.value)) for fact in alert.facts),
        causes=tuple(map(redact, alert.causes)),
        checks=tuple(map(redact, alert.checks)),
        log_lines=redact(alert.log_lines),
        done=tuple(map(redact, alert.done)),
    )
