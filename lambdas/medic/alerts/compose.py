"""Composes alerts: one function for each thing that a flow reports. Every alert leaves this module redacted."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.alerts import failure_report, wording
from medic.alerts.fixes import command_to_set, fixes_for
from medic.alerts.json_form import bot_json, diagnosis_json, incident_json, merged_json, outcomes_json
from medic.alerts.model import Alert, AlertField, AlertKind, Section, redacted
from medic.incidents.model import IncidentState
from medic.labels import Trigger
from medic.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from medic.actions.outcome import UndoOutcome
    from medic.alerts.failure_report import FailureReport
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.settings import Limits

_MAX_LOG_EXCERPTS = 2
_MAX_STORM_LINES = 2_000
"""For each of the two lists of a storm."""
_OPTED_IN_MODES = frozenset({Mode.ASK, Mode.FIX})
_EVENT_KINDS = frozenset({AlertKind.RESOLVED, AlertKind.QUIET})
"""Kinds of follow-ups that are also events on the event bus."""
_NEEDS_APPROVAL_NOW = "Nothing more is tried without somebody's approval."


def compose_report(report: FailureReport) -> Alert:
    """The alert on a diagnosed failure: which role, the most likely cause, what the bot did, how to fix it."""
    failure, incident = report.failure, report.incident
    diagnosis, scope = failure.diagnosis, failure.scope
    kind = failure_report.kind_of(report)
    return redacted(
        Alert(
            kind=kind,
            incident_id=incident.id,
            title=wording.title(failure.app.name, scope.branch, wording.HEADLINES[diagnosis.label]),
            summary=tuple(failure_report.summary(report)),
            facts=tuple(failure_report.facts(report, kind)),
            effect=failure_report.effect(report),
            approval=failure_report.approval(report),
            causes=tuple(
                f"{wording.RANKS[cause.rank]}: {cause.title}. {wording.capitalized(cause.reason)}"
                for cause in diagnosis.causes
            ),
            checks=tuple(f"{wording.CHECKS[check.result]}: {check.detail}" for check in diagnosis.checks),
            log_lines="\n".join(finding.excerpt for finding in diagnosis.findings[:_MAX_LOG_EXCERPTS]),
            done=tuple(failure_report.done(report)),
            rules=tuple(failure_report.rules(report)),
            fixes=fixes_for(failure.evidence, diagnosis),
            links=tuple(failure_report.links(report)),
            channel=failure.channel,
            machine=merged_json(
                incident_json(scope, incident),
                diagnosis_json(failure.evidence, diagnosis),
                {
                    "bot": bot_json(failure.opt_in.note, report.plan),
                    "outcomes": outcomes_json(report.outcomes),
                },
            ),
        )
    )


def compose_resolved(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a later build succeeded."""
    credit = [wording.CREDITS[change.kind].format(role=change.role_arn) for change in incident.applied]
    summary = (f"Build {job_id} of {scope.branch} succeeded.", *credit)
    return _follow_up(scope, incident, AlertKind.RESOLVED, _Text("recovered", summary, job_id=job_id))


def compose_not_helped(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a build failed in the same way after a change."""
    summary = (
        f"Build {job_id} of {scope.branch} failed with the same message after the change.",
        *_changed_before(incident),
        *((f"Likeliest cause: {incident.reason}.",) if incident.reason else ()),
        _NEEDS_APPROVAL_NOW,
    )
    return _follow_up(scope, incident, AlertKind.NOT_HELPED, _Text("still failing", summary, job_id=job_id))


def compose_still_logged(scope: Scope, incident: Incident, seen_at: datetime) -> Alert:
    """The alert that the SSR log shows the same error after a change."""
    rebuilt = incident.rebuilt_at is not None
    after = "the change and its rebuild" if rebuilt else "the change"
    summary = (
        f"The SSR log shows the same error at {seen_at:%Y-%m-%d %H:%M:%S} UTC, after {after}.",
        *_changed_before(incident),
        "If the code passes credentials of its own, even undefined ones, they override the role."
        if rebuilt
        else "A first compute role may take effect with the next deployment only: redeploy to be sure.",
        _NEEDS_APPROVAL_NOW,
    )
    return _follow_up(scope, incident, AlertKind.NOT_HELPED, _Text("the change did not help", summary))


def compose_quiet(scope: Scope, incident: Incident, minutes: int) -> Alert:
    """The alert that the SSR log no longer shows an error although the site had traffic.

    Args:
        scope: the branch, or the whole app.
        incident: the runtime incident that closes.
        minutes: how long the log has not shown the error.
    """
    credit = (f"The compute role was set to {change.role_arn} before that." for change in incident.applied)
    summary = (f"The SSR runtime has not logged the error for {minutes} minutes.", *credit)
    return _follow_up(scope, incident, AlertKind.QUIET, _Text("the error is gone", summary))


def compose_no_traffic(scope: Scope, incident: Incident) -> Alert:
    """The alert that the error is not in the log, which proves nothing because the site had no traffic."""
    summary = (
        "No such line came for an hour after the change, but no request was served either: that proves nothing.",
        "Call a page of the site that uses AWS. The log is looked at again every hour.",
    )
    return _follow_up(scope, incident, AlertKind.NOT_CONFIRMED, _Text("quiet, but without traffic", summary))


def compose_expired(scope: Scope, incident: Incident) -> Alert:
    """The alert that an incident closes at its deadline without an approval or a known outcome."""
    summary = (
        f"Nothing came of this since {incident.opened_at:%d %B %Y %H:%M} UTC, and it is closed.",
        "The next failure of its kind is diagnosed, and told, anew.",
    )
    return _follow_up(scope, incident, AlertKind.EXPIRED, _Text("closed without an outcome", summary))


def compose_outcome_unknown(scope: Scope, incident: Incident) -> Alert:
    """The alert that the bot could not find out how a change or a rebuild ended."""
    recorded = (
        f"Recorded: {change.role_arn} instead of {change.previous_arn or 'none'} ({change.state})."
        for change in incident.changes
    )
    summary = (
        "The bot lost track of this incident: neither an event nor AWS's state says how it ended.",
        "Look at the branch before you do anything else.",
        *recorded,
    )
    return _follow_up(scope, incident, AlertKind.OUTCOME_UNKNOWN, _Text("outcome unknown", summary))


def compose_undone(scope: Scope, incident: Incident, undone: Sequence[UndoOutcome]) -> Alert:
    """The alert on an undo: the result for each change, and the AWS CLI command for each change that remains."""
    done = all(each.result.done for each in undone)
    summary = (
        f"{incident.undo_asked_by or 'Somebody'} asked to undo what the bot changed.",
        "It is not done again unless somebody asks for it.",
    )
    sections = (Section("What became of it", tuple(_undone_lines(undone))),)
    headline = "change taken back" if done else "change could not be taken back"
    return _follow_up(scope, incident, AlertKind.UNDONE, _Text(headline, summary, sections))


def compose_log_missing(scope: Scope, incident: Incident) -> Alert:
    """The alert that an app has no SSR log, so nobody can see failures at runtime."""
    summary = (
        f"There is no log group /aws/amplify/{scope.app_id}, a day after it was first looked for.",
        "Amplify writes SSR logs only with a logging role (Hosting, Monitoring in the console); or nobody visited yet.",
        "Until there is one, credential failures at SSR runtime can't be seen. This is said once.",
    )
    return _follow_up(scope, incident, AlertKind.DIAGNOSIS, _Text("no SSR log to look at", summary))


def compose_test(account: str, region: str) -> Alert:
    """The alert of `medic test-alert`, which says that nothing is wrong."""
    summary = ("Somebody asked for this test. Nothing is wrong, and nothing was changed.",)
    facts = (AlertField("Account", f"{account} / {region}"),)
    return _notice(AlertKind.TEST, "test", _Text("Amplify Medic reaches you here", summary, facts=facts))


@dataclass(frozen=True, slots=True)
class Affected:
    """One incident of a storm, and its branch."""

    scope: Scope
    incident: Incident

    @property
    def opted_in(self) -> bool:
        """True if the branch's mode allows changes, with or without approval."""
        return self.incident.mode in _OPTED_IN_MODES


def compose_storm(scope: Scope, storm: Incident, affected: tuple[Affected, ...], limits: Limits) -> Alert:
    """The alert that a storm began: the incidents so far, each opted-in branch with its `medic fix` command."""
    summary = (
        f"More than {limits.storm_incidents} incidents opened within {limits.storm_minutes} minutes.",
        "That is rarely one branch's fault: look for what they have in common, a role, a connection, a policy.",
        "Nothing is changed while it lasts, and this alert stands for all of them. The whole count follows at the end.",
    )
    headline = f"Storm: {len(affected)} IAM failures and counting"
    return _notice(AlertKind.STORM, storm.id, _storm_text(headline, summary, scope, storm, affected))


def compose_storm_over(scope: Scope, storm: Incident, affected: tuple[Affected, ...]) -> Alert:
    """The alert that a storm ended: all its incidents, and what is still open."""
    still_open = sum(not each.incident.state.closed for each in affected)
    recovered = sum(each.incident.state is IncidentState.RESOLVED for each in affected)
    summary = (
        f"{len(affected)} incidents in all; {still_open} are still open, {recovered} recovered.",
        "From now on incidents are told and mended one by one again; the lines below mend what the storm left.",
    )
    headline = f"Storm over: {len(affected)} incidents"
    return _notice(AlertKind.STORM_OVER, storm.id, _storm_text(headline, summary, scope, storm, affected))


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of an alert without a diagnosis. The rest of the alert comes from the incident."""

    headline: str
    """A few words. A follow-up puts the names of app and branch before them."""
    summary: tuple[str, ...]
    sections: tuple[Section, ...] = ()
    facts: tuple[AlertField, ...] = ()
    job_id: str = ""
    """The job to link to; empty for the job of the incident."""


def _follow_up(scope: Scope, incident: Incident, kind: AlertKind, text: _Text) -> Alert:
    """An alert on a known incident. Channels with threads put it into the incident's thread.

    Args:
        scope: the branch, or `*` for the whole app.
        incident: the incident in its new state.
        kind: the kind of the alert.
        text: its words.
    """
    job_id = text.job_id or incident.job_id
    return redacted(
        Alert(
            kind=kind,
            incident_id=incident.id,
            title=wording.title(incident.app_name, scope.branch, text.headline),
            summary=text.summary,
            facts=(
                AlertField("Status", wording.ALERT_STYLES[kind].status),
                AlertField("App", f"{incident.app_name} ({scope.app_id})"),
                AlertField("Branch", failure_report.branch_text(scope)),
                AlertField("Account", f"{scope.account} / {scope.region}"),
                *text.facts,
            ),
            sections=text.sections,
            links=tuple(failure_report.console_links(scope, job_id, runtime=incident.trigger is Trigger.RUNTIME)),
            channel=incident.channel,
            machine=merged_json(incident_json(scope, incident)) if kind in _EVENT_KINDS else "",
        )
    )


def _notice(kind: AlertKind, reference: str, text: _Text) -> Alert:
    """An alert that is not about one branch: a storm or a test.

    Args:
        kind: the kind of the alert.
        reference: used as incident id; all alerts on the same storm share it, and so a thread.
        text: its words; `facts` must name account and region.
    """
    return redacted(
        Alert(
            kind=kind,
            incident_id=reference,
            title=text.headline,
            summary=text.summary,
            facts=(AlertField("Status", wording.ALERT_STYLES[kind].status), *text.facts),
            sections=text.sections,
        )
    )


def _changed_before(incident: Incident) -> Iterator[str]:
    for change in incident.applied:
        yield f"Changed before: {change.role_arn} in the place of {change.previous_arn or 'no role'}."


def _undone_lines(undone: Sequence[UndoOutcome]) -> Iterator[str]:
    for each in undone:
        yield f"{each.result.value.capitalize()}: {each.detail}"
        if not each.result.done:
            yield f"To do it yourself: {command_to_set(each.change.kind, each.change.target, each.change.previous_arn)}"


def _storm_text(
    headline: str, summary: tuple[str, ...], scope: Scope, storm: Incident, affected: tuple[Affected, ...]
) -> _Text:
    sections = (
        Section("Opted in", tuple(_affected_lines(each for each in affected if each.opted_in))),
        Section("Not opted in", tuple(_affected_lines(each for each in affected if not each.opted_in))),
    )
    facts = (
        AlertField("Account", f"{scope.account} / {scope.region}"),
        AlertField("Began", f"{storm.opened_at:%Y-%m-%d %H:%M} UTC"),
    )
    return _Text(headline, summary, tuple(section for section in sections if section.items), facts)


def _affected_lines(affected: Iterable[Affected]) -> Iterator[str]:
    for number, each in enumerate(affected):
        if number == _MAX_STORM_LINES:
            yield "and more: see `medic history`"
            return
        line = f"{each.incident.app_name or each.scope.app_id} / {each.scope.branch}: {each.incident.label}"
        if each.opted_in and not each.incident.state.closed:
            line += f". To mend it: {_fix_command(each.scope)}"
        yield line


def _fix_command(scope: Scope) -> str:
    return f"medic fix {scope.app_id} {shlex.quote(scope.branch)} --region {scope.region}"
