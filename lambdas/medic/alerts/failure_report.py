"""The parts of the alert on a diagnosed failure, composed for the state after the run, as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from medic import VERSION
from medic.actions.outcome import ChangeResult, RoleChangeOutcome
from medic.alerts import wording
from medic.alerts.fixes import (
    ATTACHING_FIXES,
    REPAIRING_FIXES,
    TRUST_FIXES,
    app_url,
    command_to_set,
    diagnose_command,
    fix_command,
    fixes_for,
    job_url,
    keeping_snippets,
    log_group_url,
    role_url,
)
from medic.alerts.model import AlertKind, ButtonTarget, NamedText, Section
from medic.arns import name_of
from medic.diagnosis.model import CheckResult, Rank
from medic.evidence import Job, Partial
from medic.incidents.model import Incident, IncidentState
from medic.knowledge.entry import Dialect
from medic.labels import ActionKind, Label, Phase, RoleKind, Trigger
from medic.plan.decide import contradicted, effect_of, passes_undefined_credentials
from medic.plan.model import Action, Disposition, Plan

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.plan.failure import ConfirmedFailure

_END_OF_CLAUSE = re.compile(r"; |\. |: https?://")
_MEANS_MORE_IN_BASH = re.compile(r"['\"\\<]")
"""Quotation marks, the end of a continued line, and a file to read from."""
_COMMIT_ID_CHARACTERS = 10
_MAX_COMMIT_MESSAGE = 50
_COULD_NOT_LOOK = "let the bot read what it could not read, as the detail says, then run"
_NEXT_BY_RULE = {
    "not_a_preview": "none. The bot gives no role to a preview, because nobody has reviewed its code yet",
    "branch_name": "set the role by hand if the branch may have it, or give the branch a simpler name",
    "same_account": "pair a role of the app's own account with the app in the settings, not the refused one",
    "not_service_linked": "pair a role of your own with the app in the settings, not the service-linked one",
    "not_admin": "pair a least-privilege role with the app in the settings (compute_roles), not the refused one",
    "role_paired": "pair one role with the app in the settings (compute_roles), or correct the tag",
    "not_auto_created": "pair the branch itself (appId/branch) with the role in the settings, if it may have the role",
    "usable_role_stays": "look at the causes in the detail, because a usable role is set",
    "fresh": "look whether it still fails, and if so run",
    "cool_down": "wait until the cool-down is over, then run",
    "no_storm": "wait until the storm is over, then run",
    "not_muted": "unmute the branch, then run",
    "not_tried_before": "look at the next cause in the detail. To repeat the change all the same, run",
    "as_approved": "look at the plan as it is now, and approve it with",
}
"""The next step after a guardrail refused. One that ends with "run" or "with" is followed by the command."""
_REPLACING = frozenset({ChangeResult.APPLIED, ChangeResult.DEFERRED})
_NEXT_BY_RESULT = {
    ChangeResult.MOVED: "find out who changed the branch. If the change is still wanted, run",
    ChangeResult.THIRD_ROLE: "find out who set the other role. Only one of the two may manage this branch",
    ChangeResult.CAPPED: "wait for the next full hour, then run",
    ChangeResult.REFUSED: "remove what AWS's answer in the detail names, then run",
    ChangeResult.DEFERRED: "none. The bot retries automatically",
}


class FailureReport(Struct, frozen=True):
    """What was done about a failure: the plan, the incident as it is to be saved, and the attempted changes."""

    failure: ConfirmedFailure
    incident: Incident
    plan: Plan
    outcomes: tuple[RoleChangeOutcome, ...] = ()

    @property
    def applied(self) -> tuple[RoleChangeOutcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.result is ChangeResult.APPLIED)

    @property
    def not_attempted(self) -> tuple[Action, ...]:
        """The planned actions without an outcome: advised, refused, or waiting for approval."""
        attempted = {outcome.action.kind for outcome in self.outcomes}
        return tuple(action for action in self.plan.actions if action.kind not in attempted)

    @property
    def proposed(self) -> tuple[Action, ...]:
        return tuple(action for action in self.not_attempted if action.disposition is Disposition.ASK_FIRST)

    @property
    def refused(self) -> tuple[Action, ...]:
        return tuple(action for action in self.not_attempted if action.disposition is Disposition.REFUSE)


def kind_of(report: FailureReport) -> AlertKind:
    """The kind follows the state of the incident after the run."""
    if report.incident.state is not IncidentState.OPEN:
        return AlertKind(report.incident.state)
    if report.outcomes or report.refused:
        return AlertKind.REFUSED
    return AlertKind.NOT_CONFIRMED if contradicted(report.failure.diagnosis) else AlertKind.OPEN


def what_happened(report: FailureReport) -> str:
    """The end of the headline: the failure, after the change if one was made or is proposed."""
    failure = wording.HEADLINES[report.failure.diagnosis.label]
    if report.applied:
        return f"{' and '.join(wording.ROLE_OF_ACTION[each.action.kind] for each in report.applied)} set ({failure})"
    if report.proposed:
        return f"set {' and '.join(wording.ROLE_OF_ACTION[action.kind] for action in report.proposed)}? ({failure})"
    return failure


def brief(report: FailureReport) -> Iterator[NamedText]:
    """The cause with its rank, one next step, and what the bot did."""
    causes = report.failure.diagnosis.causes
    if causes:
        label = f"{wording.RANKS[causes[0].rank]} cause{_before_change(report)}"
        yield NamedText(label, f"{causes[0].title} ({causes[0].reason}).")
    yield NamedText("Next step", f"{wording.capitalized(_next_step(report))}.")
    yield NamedText("Proposed" if report.proposed and not report.outcomes else "Bot", _done(report))


def _before_change(report: FailureReport) -> str:
    """A diagnosis describes the state from before a change."""
    return " before the change" if report.applied else ""


def _next_step(report: FailureReport) -> str:
    """One step, as a clause."""
    if report.applied:
        return _next_after_change(report)
    if report.proposed:
        until = f"{report.incident.deadline:%d %b %H:%M} UTC"
        return f"approve or dismiss it by {until}. Every guardrail is checked again before the change"
    if report.outcomes:
        obstacle = _NEXT_BY_RESULT[report.outcomes[0].result]
    elif report.refused:
        refused = report.refused[0]
        obstacle = _NEXT_BY_RULE.get(refused.rule, "correct the paired role as the detail says, then run")
        if any(answer.allows is None for answer in refused.answers):
            obstacle = _COULD_NOT_LOOK
    else:
        return _advice(report)
    return f"{obstacle} {fix_command(report.failure.scope)}" if obstacle.endswith(("run", "with")) else obstacle


def _advice(report: FailureReport) -> str:
    diagnosis, inherited = report.failure.diagnosis, report.failure.app.compute_role_arn
    if inherited and _inherited_is_suspect(report):
        return f"set {name_of(inherited)} on the branch itself, because an inherited role may not reach the runtime"
    fixes, page = _fixes(report), f"medic explain {diagnosis.likeliest}"
    if diagnosis.only_possible:
        if sum(cause.rank is Rank.POSSIBLE for cause in diagnosis.causes) > 1:
            return "check the causes in the detail before you change anything, because none is proven or likely"
        return f"read this before you change anything, because the cause is only possible: {page}"
    if not fixes:
        return f"do what this says: {page}"
    if any(cause.proposal is not None and not cause.proposal.as_command for cause in diagnosis.causes[:1]):
        return "allow it only if your code is meant to do this. The detail has the statement"
    retries = not fixes[0].snippets or fixes[0].heading.endswith("retry the job")
    ended = report.failure.trigger is Trigger.FAILED and not retries  # only another build shows whether it helped
    return f"{fixes[0].heading}{', then redeploy' if ended else ''}"


def _inherited_is_suspect(report: FailureReport) -> bool:
    """True if the branch inherits a usable role, and neither keys nor undefined credentials explain the line better."""
    diagnosis, branch = report.failure.diagnosis, report.failure.branch
    usable = diagnosis.compute is not None and diagnosis.compute.usable and not branch.compute_role_arn
    missing = diagnosis.label is Label.CREDENTIALS_MISSING_RUNTIME and diagnosis.only_possible
    return bool(usable) and missing and not passes_undefined_credentials(diagnosis)


def _next_after_change(report: FailureReport) -> str:
    role = name_of(report.applied[0].action.role_arn or "")
    if report.applied[0].action.kind is ActionKind.REPAIR_SERVICE:
        return "none. The next build uses the new service role" if _rebuilds(report) else "start the build again"
    if report.failure.trigger is Trigger.RUNTIME:
        return f"grant the role {role} what the site needs; until then expect AccessDenied"
    fixes = () if report.failure.diagnosis.only_possible else _fixes(report)
    repair = f"{fixes[0].heading[:1].lower()}{fixes[0].heading[1:]}" if fixes else "see the causes in the detail"
    if _rebuilds(report):
        return f"none until the rebuild has ended. A compute role does not repair a build; if it fails again, {repair}"
    return f"a compute role does not repair a build; to repair it, {repair}"


def _done(report: FailureReport) -> str:
    """What the bot did or proposes: roles by name, before and after."""
    sentences = []
    for outcome in report.outcomes:
        if outcome.result is ChangeResult.APPLIED:
            sentences.append(f"{_change(report, outcome.action)} (read back)")
        else:
            sentences.append(f"{wording.RESULTS[outcome.result]}: {outcome.detail}")
    for action in report.not_attempted:
        if action.disposition is Disposition.REFUSE:
            refused = f"{wording.ROLE_OF_ACTION[action.kind]} {name_of(action.role_arn or '')}".strip()
            reason = _END_OF_CLAUSE.split(action.reason)[0]  # the detail has it whole
            sentences.append(f"did not set {refused}: {reason} (guardrail {action.rule})")
        elif action.disposition is Disposition.ASK_FIRST:
            sentences.append(_change(report, action))
        else:
            sentences.append(f"no change: {action.reason}")
    if report.applied and report.applied[0].rebuild is not None:
        rebuild = report.applied[0].rebuild
        sentences.append(
            f"job {rebuild.job_id} rebuilds job {report.failure.job.id}" if rebuild.job_id else rebuild.detail
        )
    if report.proposed and report.plan.rebuild.wanted:
        sentences.append(f"then the bot rebuilds job {report.failure.job.id}")
    if report.outcomes and report.incident.approved_by:
        sentences.append(f"approved by {report.incident.approved_by}")
    text = "; ".join(dict.fromkeys(sentences)) or "no change: none of the changes that the bot may make would help"
    return f"{wording.capitalized(text)}."


def _change(report: FailureReport, action: Action) -> str:
    """For example `compute role none → compute`."""
    before = name_of(action.previous_arn) if action.previous_arn else "none"
    inherited = report.failure.diagnosis.compute
    if action.kind is ActionKind.ATTACH_COMPUTE and action.previous_arn is None and inherited is not None:
        before = f"{name_of(inherited.arn)} (from the app)"
    return f"{wording.ROLE_OF_ACTION[action.kind]} {before} → {name_of(action.role_arn or 'none')}"


def _rebuilds(report: FailureReport) -> bool:
    """True if the bot rebuilds the job, or will after an approval."""
    started = any(outcome.rebuild is not None and outcome.rebuild.job_id for outcome in report.applied)
    due = report.incident.rebuild_at is not None
    return started or due or (bool(report.proposed) and report.plan.rebuild.wanted)


def sections(report: FailureReport) -> Iterator[Section]:
    """The detail: the change, the fixes that it leaves, and why."""
    if report.outcomes or report.proposed or report.refused:
        yield _change_section(report)
    word = "If that is the cause" if report.failure.diagnosis.only_possible else "Fix"
    for fix in _fixes(report):
        snippets = tuple(_with_powershell(report, fix.snippets))
        yield Section(f"{word}: {fix.heading}", fix.items, snippets, fix.url)
    yield Section(f"Why{_before_change(report)}", tuple(_reasons(report)))


def _with_powershell(report: FailureReport, snippets: tuple[NamedText, ...]) -> Iterator[NamedText]:
    """The snippets, and after AWS CLI commands that PowerShell reads differently, the command that writes those."""
    for snippet in snippets:
        yield snippet
        differs = snippet.name == wording.DIALECTS[Dialect.CLI] and _MEANS_MORE_IN_BASH.search(snippet.text)
        if differs and report.failure.scope.branch != "*":
            runtime = report.failure.trigger is Trigger.RUNTIME
            command = diagnose_command(report.failure.scope, runtime=runtime)
            yield NamedText("PowerShell", f"{command} --dialect powershell")


def _change_section(report: FailureReport) -> Section:
    heading = "Change" if report.applied else "Proposed change" if report.proposed else "No change"
    snippets: list[NamedText] = []
    for action in (*(outcome.action for outcome in report.applied), *report.proposed):
        if action.disposition is Disposition.ASK_FIRST:
            command = command_to_set(action.kind, action.target, action.role_arn)
            snippets.append(NamedText("By hand instead (AWS CLI)", command))
        snippets += keeping_snippets(action)
    if report.applied:
        undo = f"medic undo {report.incident.id} --region {report.failure.scope.region}"
        snippets.append(NamedText("Undo", undo))
    return Section(heading, tuple(_change_items(report)), tuple(snippets))


def _change_items(report: FailureReport) -> Iterator[str]:
    for outcome in report.outcomes:
        role, before = wording.ROLE_OF_ACTION[outcome.action.kind], outcome.action.previous_arn or "none"
        if outcome.result is ChangeResult.APPLIED:
            yield f"Set: {role} {outcome.action.role_arn}. Before: {before} ({outcome.detail})"
        else:
            yield f"Not set: {role} {outcome.action.role_arn}. {wording.capitalized(outcome.detail)}"
    if report.applied and report.applied[0].rebuild is not None:
        yield f"Rebuild: {report.applied[0].rebuild.detail}"
    for action in report.not_attempted:
        word = "Proposed" if action.disposition is Disposition.ASK_FIRST else "Not set"
        # The guardrail that refused is below, with its reason.
        reason = "" if action.disposition is Disposition.REFUSE else f": {action.reason}"
        yield f"{word}: {wording.ROLE_OF_ACTION[action.kind]} {action.role_arn or 'none'}{reason}"
    if report.proposed:
        yield f"Rebuild: {report.plan.rebuild.reason}"
    for action in report.plan.actions:
        passed = [answer for answer in action.answers if answer.allows]
        if passed:
            yield f"Guardrails passed for the {wording.ROLE_OF_ACTION[action.kind]}: {len(passed)}"
        yield from (f"✗ Guardrail {answer.rule}: {answer.detail}" for answer in action.answers if not answer.allows)
    expected = tuple(outcome.action for outcome in report.applied) or report.proposed
    if expected:
        yield f"{'Expect' if report.applied else 'If approved'}: {effect_of(report.failure, expected)}"


def _fixes(report: FailureReport) -> tuple[Section, ...]:
    """The fixes of the likely causes, without those that the bot made superfluous, proposes, or refused."""
    without: set[str] = set()
    decided = (*(outcome.action for outcome in report.outcomes), *report.proposed, *report.refused)
    for action in decided:
        without |= ATTACHING_FIXES if action.kind is ActionKind.ATTACH_COMPUTE else REPAIRING_FIXES
    replacing = (outcome.action for outcome in report.outcomes if outcome.result in _REPLACING)
    without.update(TRUST_FIXES[action.kind] for action in (*replacing, *report.proposed))
    if _rebuilds(report):
        without.add("wait_and_retry")
    if report.refused and report.refused[0].rule == "not_admin":
        without.discard("create_compute_role")  # under a name of its own, so it is not the refused role
    evidence, diagnosis = report.failure.evidence, report.failure.diagnosis
    return fixes_for(evidence, diagnosis, diagnosis.best_ranks, without)


def _reasons(report: FailureReport) -> Iterator[str]:
    """Other causes that are not ruled out, then failed and unknown checks with their sources. The rest is a count.

    At last, the first cause's page.
    """
    diagnosis = report.failure.diagnosis
    for cause in diagnosis.causes[1:]:
        if cause.rank is not Rank.RULED_OUT:
            yield f"Also {wording.RANKS[cause.rank].lower()}: {cause.title} ({cause.reason})"
    ruled_out = [f"“{cause.title}”" for cause in diagnosis.causes if cause.rank is Rank.RULED_OUT]
    if ruled_out:
        yield f"Ruled out: {'; '.join(ruled_out)}"
    words = {CheckResult.FAIL: "✗ Check failed", CheckResult.UNKNOWN: "? Unknown"}
    for check in diagnosis.checks:
        if check.result in words:
            yield f"{words[check.result]}: {check.detail}{wording.source_of(check.id)}"
    passed = sum(check.result is CheckResult.PASS for check in diagnosis.checks)
    if passed:
        yield f"Checks passed: {passed}"
    if diagnosis.causes:
        yield f"More on this cause: medic explain {diagnosis.likeliest}"


def reference(report: FailureReport) -> Iterator[NamedText]:
    """The full names, and the roles before and after."""
    failure, incident = report.failure, report.incident
    yield NamedText("App", f"{failure.app.name} ({failure.scope.app_id}), {failure.app.platform}")
    yield NamedText("Branch", "not known; the whole app" if failure.scope.branch == "*" else failure.scope.branch)
    yield NamedText("Concerns", wording.ROLES[incident.role_kind])
    compute = failure.diagnosis.compute
    now = {ActionKind.ATTACH_COMPUTE: compute.arn if compute else None}
    now[ActionKind.REPAIR_SERVICE] = failure.app.service_role_arn
    after = {outcome.action.kind: f" → {outcome.action.role_arn}" for outcome in report.applied}
    for kind in (ActionKind.REPAIR_SERVICE, ActionKind.ATTACH_COMPUTE):
        name = wording.capitalized(wording.ROLE_OF_ACTION[kind])
        yield NamedText(name, f"{now[kind] or 'none'}{after.get(kind, '')}")
    yield NamedText("Opt-in", failure.opt_in.note)
    if isinstance(failure.evidence.log, Partial):
        yield NamedText("Log", f"read in part, so more may have failed: {failure.evidence.log.reason}")
    if incident.count > 1:
        yield NamedText("Seen", f"{incident.count} times")
    yield NamedText("Diagnosed by", f"Amplify Medic {VERSION}")


def identity(job_id: str, job: Job | None = None) -> str:
    parts = (f"Job {job_id}" if job_id.strip("0") else "", _commit(job) if job is not None else "")
    return " · ".join(filter(None, parts))


def _commit(job: Job) -> str:
    first_line = (job.commit_message or "").strip().split("\n", 1)[0]
    commit = f"{(job.commit_id or '')[:_COMMIT_ID_CHARACTERS]} {wording.shortened(first_line, _MAX_COMMIT_MESSAGE)}"
    return commit.strip() or "manual deployment"


def links(report: FailureReport) -> Iterator[NamedText]:
    """Console pages of the branch, and of the role that is or would be set."""
    failure = report.failure
    yield from console_links(failure.scope, report.incident.job_id, runtime=failure.diagnosis.phase is Phase.RUNTIME)
    compute = failure.diagnosis.compute
    decided = (*(outcome.action.role_arn for outcome in report.applied), *(each.role_arn for each in report.proposed))
    current = {RoleKind.SERVICE: failure.app.service_role_arn, RoleKind.COMPUTE: compute.arn if compute else None}
    role = next(iter(decided), current.get(report.incident.role_kind))
    if role:
        yield NamedText(f"Role {name_of(role)}", role_url(failure.scope, role))


def console_links(scope: Scope, job_id: str, *, runtime: bool) -> Iterator[NamedText]:
    """Links to the console pages of a branch, and of its job unless the id is empty or "0"."""
    if runtime:
        yield NamedText("Runtime log", log_group_url(scope))
    elif job_id.strip("0") and scope.branch != "*":
        yield NamedText("Build log", job_url(scope, job_id))
    yield NamedText("App in Amplify", app_url(scope))


def approval(report: FailureReport) -> ButtonTarget | None:
    """The request for approval; None if no action waits for one."""
    incident, scope = report.incident, report.failure.scope
    if not report.proposed or incident.state is not IncidentState.AWAITING_APPROVAL:
        return None
    return ButtonTarget(incident.id, incident.plan_hash, scope, expires_at=int(incident.deadline.timestamp()))
