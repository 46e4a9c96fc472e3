"""Composes alerts: one function for each thing that a flow reports. `send_alert` redacts them before they leave."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from medic.alerts import failure_report, wording
from medic.alerts.fixes import command_to_set, fixes_for
from medic.alerts.json_form import bot_json, diagnosis_json, incident_json, outcomes_json
from medic.alerts.model import Alert, AlertKind, NamedText, Section
from medic.incidents.model import IncidentState
from medic.labels import Label, Trigger
from medic.settings import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from medic.actions.outcome import UndoOutcome
    from medic.alerts.failure_report import FailureReport
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.settings import Limits

_MAX_LOG_EXCERPTS = 2
_MAX_STORM_CHARACTERS = 100_000
"""Of a storm's list, as JSON. SNS takes 256 KB, and an item that keeps the alert for a channel takes 400 KB."""
_OPTED_IN_MODES = frozenset({Mode.ASK, Mode.FIX})
_EVENT_KINDS = frozenset({AlertKind.RESOLVED, AlertKind.QUIET, AlertKind.UNDIAGNOSED})
"""Kinds of follow-ups that are also events on the event bus."""
_NEEDS_APPROVAL_NOW = "Nothing more is tried without somebody's approval."


def compose_report(report: FailureReport) -> Alert:
    """The alert on a diagnosed failure: which role, the most likely cause, what the bot did, how to fix it."""
    failure, incident = report.failure, report.incident
    diagnosis, scope = failure.diagnosis, failure.scope
    kind = failure_report.kind_of(report)
    causes = (
        f"{wording.RANKS[each.rank]}: {each.title}. {wording.capitalized(each.reason)}" for each in diagnosis.causes
    )
    checks = (f"{wording.CHECKS[check.result]}: {check.detail}" for check in diagnosis.checks)
    return Alert(
        kind=kind,
        incident_id=incident.id,
        title=wording.title(failure.app.name, scope.branch, wording.HEADLINES[diagnosis.label]),
        summary=tuple(failure_report.summary(report)),
        facts=tuple(failure_report.facts(report, kind)),
        effect=failure_report.effect(report),
        approval=failure_report.approval(report),
        sections=(
            Section("What the bot did", tuple(failure_report.done(report)), detail=True),
            Section("Causes, likeliest first", tuple(causes), detail=True),
            Section("Checks", tuple(checks), detail=True),
        ),
        log_lines="\n".join(finding.excerpt for finding in diagnosis.findings[:_MAX_LOG_EXCERPTS]),
        rules=tuple(failure_report.rules(report)),
        fixes=fixes_for(failure.evidence, diagnosis),
        links=tuple(failure_report.links(report)),
        channel=failure.channel,
        event={
            **incident_json(scope, incident),
            **diagnosis_json(failure.evidence, diagnosis),
            "bot": bot_json(failure.opt_in.note, report.plan),
            "outcomes": outcomes_json(report.outcomes),
        },
    )


def compose_resolved(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a later build succeeded."""
    words = (
        "recovered",
        f"Build {job_id} of {scope.branch} succeeded.",
        *(wording.CREDITS[change.kind].format(role=change.role_arn) for change in incident.applied),
    )
    return _follow_up(scope, incident, AlertKind.RESOLVED, words, job_id=job_id)


def compose_not_helped(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a build failed in the same way after a change."""
    words = (
        "still failing",
        f"Build {job_id} of {scope.branch} failed with the same message after the change.",
        *_changed_before(incident),
        *((f"Likeliest cause: {incident.reason}.",) if incident.reason else ()),
        _NEEDS_APPROVAL_NOW,
    )
    return _follow_up(scope, incident, AlertKind.NOT_HELPED, words, job_id=job_id)


def compose_still_logged(scope: Scope, incident: Incident, seen_at: datetime) -> Alert:
    """The alert that the SSR log shows the same error after a change."""
    rebuilt = incident.rebuilt_at is not None
    after = "the change and its rebuild" if rebuilt else "the change"
    words = (
        "the change did not help",
        f"The SSR log shows the same error at {seen_at:%Y-%m-%d %H:%M:%S} UTC, after {after}.",
        *_changed_before(incident),
        "If the code passes credentials of its own, even undefined ones, they override the role."
        if rebuilt
        else "A first compute role may take effect with the next deployment only: redeploy to be sure.",
        _NEEDS_APPROVAL_NOW,
    )
    return _follow_up(scope, incident, AlertKind.NOT_HELPED, words)


def compose_quiet(scope: Scope, incident: Incident, minutes: int) -> Alert:
    """The alert that the SSR log has not shown an error for some minutes although the site had traffic."""
    words = (
        "the error is gone",
        f"The SSR runtime has not logged the error for {minutes} minutes.",
        *(f"The compute role was set to {change.role_arn} before that." for change in incident.applied),
    )
    return _follow_up(scope, incident, AlertKind.QUIET, words)


def compose_no_traffic(scope: Scope, incident: Incident) -> Alert:
    """The alert that the error is not in the log, which proves nothing because the site had no traffic."""
    words = (
        "quiet, but without traffic",
        "No such line came for an hour after the change, but no request was served either: that proves nothing.",
        "Call a page of the site that uses AWS. The log is looked at again every hour.",
    )
    return _follow_up(scope, incident, AlertKind.NOT_CONFIRMED, words)


def compose_expired(scope: Scope, incident: Incident) -> Alert:
    """The alert that an incident closes at its deadline without an approval or a known outcome."""
    words = (
        "closed without an outcome",
        f"Nothing came of this since {incident.opened_at:%d %B %Y %H:%M} UTC, and it is closed.",
        "The next failure of its kind is diagnosed, and told, anew.",
    )
    return _follow_up(scope, incident, AlertKind.EXPIRED, words)


def compose_outcome_unknown(scope: Scope, incident: Incident) -> Alert:
    """The alert that the bot could not find out how a change or a rebuild ended."""
    words = (
        "outcome unknown",
        "The bot lost track of this incident: neither an event nor AWS's state says how it ended.",
        "Look at the branch before you do anything else.",
        *(
            f"Recorded: {change.role_arn} instead of {change.previous_arn or 'none'} ({change.state})."
            for change in incident.changes
        ),
    )
    return _follow_up(scope, incident, AlertKind.OUTCOME_UNKNOWN, words)


def compose_unreported(scope: Scope, incident: Incident, why: str) -> Alert:
    """The alert on a failure, or a change, whose details can't be read again after its run was interrupted."""
    kind = AlertKind.OUTCOME_UNKNOWN if incident.changes else AlertKind.DIAGNOSIS
    words = (
        wording.HEADLINES[Label(incident.label)] if incident.label in list(Label) else "an IAM failure",
        "The bot found this failure but was interrupted, and now it can't read the failure again.",
        *((f"The last attempt failed: {why}",) if why else ()),
        *((f"Most likely cause: {incident.reason}.",) if incident.reason else ()),
        *_changed_before(incident),
        "Look at the job and its log.",
    )
    return _follow_up(scope, incident, kind, words)


def compose_undiagnosed(scope: Scope, incident: Incident, why: str, remedy: str) -> Alert:
    """The alert on a failed deployment that could not be diagnosed. It claims nothing about the cause."""
    words = (
        f"job {incident.job_id} failed; the bot could not find out why",
        f"{wording.capitalized(why).rstrip('.')}.",
        remedy,
        "It may or may not be an IAM failure. Nothing was changed.",
    )
    alert = _follow_up(scope, incident, AlertKind.UNDIAGNOSED, words)
    return replace(alert, event={**alert.event, "reason": why})


def compose_not_rebuilt(scope: Scope, incident: Incident, why: str) -> Alert:
    """The alert that a rebuild, which the alert on a change announced, will not start."""
    words = (
        "not rebuilt",
        f"{wording.capitalized(why).rstrip('.')}.",
        *_changed_before(incident),
        "The change stays. Redeploy the branch yourself to see whether it helped.",
    )
    return _follow_up(scope, incident, AlertKind.NOT_CONFIRMED, words)


def compose_undone(scope: Scope, incident: Incident, undone: Sequence[UndoOutcome]) -> Alert:
    """The alert on an undo: the result for each change, and the AWS CLI command for each change that remains."""
    words = (
        "change taken back" if all(each.result.done for each in undone) else "change could not be taken back",
        f"{incident.undo_asked_by or 'Somebody'} asked to undo what the bot changed.",
        "It is not done again unless somebody asks for it.",
    )
    alert = _follow_up(scope, incident, AlertKind.UNDONE, words)
    return replace(alert, sections=(Section("What became of it", tuple(_undone_lines(undone))),))


def compose_log_missing(scope: Scope, incident: Incident) -> Alert:
    """The alert that an app has no SSR log, so nobody can see failures at runtime."""
    words = (
        "no SSR log to look at",
        f"There is no log group /aws/amplify/{scope.app_id}, a day after it was first looked for.",
        "Amplify writes SSR logs only with a logging role (Hosting, Monitoring in the console); or nobody visited yet.",
        "Until there is one, credential failures at SSR runtime can't be seen. This is said once.",
    )
    return _follow_up(scope, incident, AlertKind.DIAGNOSIS, words)


def compose_test(scope: Scope) -> Alert:
    """The alert of `medic test-alert`, which says that nothing is wrong."""
    return Alert(
        kind=AlertKind.TEST,
        incident_id="test",
        title="Amplify Medic reaches you here",
        summary=("Somebody asked for this test. Nothing is wrong, and nothing was changed.",),
        facts=(_status(AlertKind.TEST), _account(scope)),
    )


@dataclass(frozen=True, slots=True)
class Affected:
    """One incident of a storm, and its branch."""

    scope: Scope
    incident: Incident

    @property
    def opted_in(self) -> bool:
        """True if the branch's mode allows changes, with or without approval."""
        return self.incident.mode in _OPTED_IN_MODES


@dataclass(frozen=True, slots=True)
class Extent:
    """Whom a storm affects, except for those that were reported before it was one."""

    listed: tuple[Affected, ...]
    total: int
    """How many incidents there are, with those that are not listed."""


def compose_storm(scope: Scope, storm: Incident, extent: Extent, apps: int, limits: Limits) -> Alert:
    """The alert that a storm began or grew: the incidents so far, each opted-in branch with its `medic fix` command.

    Args:
        scope: the region.
        storm: its incident.
        extent: the storm's incidents.
        apps: in how many apps incidents opened within `storm_minutes`.
        limits: the limits that were exceeded.
    """
    words = (
        f"Storm: {apps} apps fail at once",
        f"IAM failures began in {apps} apps within {limits.storm_minutes} minutes; the limit is {limits.storm_apps}.",
        "That is rarely one branch's fault: look for what they have in common, a role, a connection, a policy.",
        "Nothing is changed while it lasts. Failures from before it have alerts of their own.",
        f"This alert reports {extent.total} failures. Another one follows if more join.",
    )
    return _storm_alert(AlertKind.STORM, scope, storm, extent, words)


def compose_storm_over(scope: Scope, storm: Incident, extent: Extent) -> Alert:
    """The alert that a storm ended: its incidents, and what is still open."""
    still_open = sum(not each.incident.state.closed for each in extent.listed)
    recovered = sum(each.incident.state is IncidentState.RESOLVED for each in extent.listed)
    of_listed = f"of the {len(extent.listed)} listed, " if len(extent.listed) < extent.total else ""
    words = (
        f"Storm over: {extent.total} incidents",
        f"{extent.total} incidents in all; {of_listed}{still_open} are still open, {recovered} recovered.",
        "From now on incidents are told and mended one by one again; the lines below mend what the storm left.",
    )
    return _storm_alert(AlertKind.STORM_OVER, scope, storm, extent, words)


def _storm_alert(kind: AlertKind, scope: Scope, storm: Incident, extent: Extent, words: tuple[str, ...]) -> Alert:
    title, *summary = words
    began = NamedText("Began", f"{storm.opened_at:%Y-%m-%d %H:%M} UTC")
    # Those opted in come first, because their lines are commands to run.
    ordered = sorted(extent.listed, key=lambda each: not each.opted_in)
    lines = _fitting([(each.opted_in, _affected_line(each)) for each in ordered])
    left_out = extent.total - len(lines)
    lists = (
        Section("Opted in", tuple(line for opted_in, line in lines if opted_in)),
        Section("Not opted in", tuple(line for opted_in, line in lines if not opted_in)),
        Section("More", (f"and {left_out} more: see `medic history`",) if left_out > 0 else ()),
    )
    return Alert(
        kind=kind,
        incident_id=storm.id,
        title=title,
        summary=tuple(summary),
        facts=(_status(kind), _account(scope), began),
        sections=tuple(section for section in lists if section.items),
    )


def _follow_up(scope: Scope, incident: Incident, kind: AlertKind, words: tuple[str, ...], *, job_id: str = "") -> Alert:
    """An alert on a known incident. Channels with threads put it into the incident's thread.

    The first of the words is the headline, the others are the sentences of the summary. It links to the incident's job,
    unless there is another `job_id`.
    """
    headline, *summary = words
    runtime = incident.trigger is Trigger.RUNTIME
    return Alert(
        kind=kind,
        incident_id=incident.id,
        title=wording.title(incident.app_name, scope.branch, headline),
        summary=tuple(summary),
        facts=(
            _status(kind),
            NamedText("App", f"{incident.app_name} ({scope.app_id})"),
            NamedText("Branch", failure_report.branch_text(scope)),
            _account(scope),
        ),
        links=tuple(failure_report.console_links(scope, job_id or incident.job_id, runtime=runtime)),
        channel=incident.channel,
        event={**incident_json(scope, incident)} if kind in _EVENT_KINDS else {},
    )


def _status(kind: AlertKind) -> NamedText:
    return NamedText("Status", wording.ALERT_STYLES[kind].status)


def _account(scope: Scope) -> NamedText:
    return NamedText("Account", f"{scope.account} / {scope.region}")


def _changed_before(incident: Incident) -> Iterator[str]:
    for change in incident.applied:
        yield f"Changed before: {change.role_arn} in the place of {change.previous_arn or 'no role'}."


def _undone_lines(undone: Sequence[UndoOutcome]) -> Iterator[str]:
    for each in undone:
        yield f"{each.result.value.capitalize()}: {each.detail}"
        if not each.result.done:
            yield f"To do it yourself: {command_to_set(each.change.kind, each.change.target, each.change.previous_arn)}"


def _affected_line(each: Affected) -> str:
    scope, incident = each.scope, each.incident
    line = f"{incident.app_name or scope.app_id} / {scope.branch}: {incident.label}"
    if each.opted_in and not incident.state.closed:
        line += f". To mend it: medic fix {scope.app_id} {shlex.quote(scope.branch)} --region {scope.region}"
    return line


def _fitting(lines: Sequence[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """The first lines that fit into a stored alert."""
    sizes = accumulate(len(json.dumps(line)) for _, line in lines)
    return [line for line, size in zip(lines, sizes, strict=True) if size <= _MAX_STORM_CHARACTERS]
