"""Composes alerts: one function for each thing that a flow reports. `notify` redacts them before they leave.

Each alert says what is true after the run: what happened, what the bot did, and one next step.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import Struct

from medic import VERSION
from medic.alerts import failure_report, wording
from medic.alerts.fixes import command_to_set, diagnose_command, fix_command
from medic.alerts.json_form import bot_json, diagnosis_json, incident_json, outcomes_json
from medic.alerts.model import Alert, AlertKind, NamedText, Section
from medic.arns import name_of
from medic.incidents.model import Change, Incident, IncidentState
from medic.labels import ActionKind, BotLabel, Label, Trigger
from medic.records import replace
from medic.settings import Limits, Mode

if TYPE_CHECKING:
    from medic.actions.outcome import UndoOutcome
    from medic.alerts.failure_report import FailureReport
    from medic.events import Scope
    from medic.logscan.model import Ending

_MAX_LOG_EXCERPTS = 2
_MAX_STORM_CHARACTERS = 100_000
"""Of a storm's list, as JSON. SNS takes 256 KB, and an item that keeps the alert for a channel takes 400 KB."""
_OPTED_IN_MODES = frozenset({Mode.ASK, Mode.FIX})
_CAUSE, _BOT, _NEXT = "Cause", "Bot", "Next step"
_CREDIT = {
    ActionKind.ATTACH_COMPUTE: "Builds never use a compute role, so the change is not why this build succeeded.",
    ActionKind.REPAIR_SERVICE: "The build ran as that role.",
}
"""Whether an applied change gets credit for a build that succeeded."""
_FLOODS = {
    BotLabel.BUILDS_FAILING: (
        "Look for a common cause, such as an outage of the Git provider",
        "not because of IAM",
    ),
    BotLabel.UNDIAGNOSED: (
        "Look for a call that the bot's role may not make, in the alerts before this one",
        "and the bot could not find out why",
    ),
}
"""Of more failures than are reported one by one: the next step, and why they failed."""


def compose_report(report: FailureReport) -> Alert:
    """The alert on a diagnosed failure: the most likely cause, what the bot did, how to fix it."""
    failure, incident = report.failure, report.incident
    diagnosis, scope = failure.diagnosis, failure.scope
    return Alert(
        kind=failure_report.kind_of(report),
        incident_id=incident.id,
        at=_at(incident),
        app=failure.app.name,
        branch=scope.branch,
        what=failure_report.what_happened(report),
        brief=tuple(failure_report.brief(report)),
        identity=failure_report.identity(incident.job_id, failure.job),
        place=wording.place(scope),
        links=tuple(failure_report.links(report)),
        scope=scope,
        approval=failure_report.approval(report),
        sections=tuple(failure_report.sections(report)),
        log_lines="\n".join(finding.excerpt for finding in diagnosis.findings[:_MAX_LOG_EXCERPTS]),
        reference=tuple(failure_report.reference(report)),
        channel=failure.channel,
        event={
            **incident_json(scope, incident),
            **diagnosis_json(failure.evidence, diagnosis),
            "bot": bot_json(failure.opt_in.note, report.plan),
            "outcomes": outcomes_json(report.outcomes),
        },
    )


def compose_resolved(scope: Scope, incident: Incident, job_id: str) -> Alert:
    changes = " ".join(f"{_changed(each)} before that. {_CREDIT[each.kind]}" for each in incident.applied)
    lines = ((_BOT, wording.capitalized(changes) or "Changed nothing."),)
    return _follow_up(scope, incident, AlertKind.RESOLVED, f"build {job_id} succeeded", lines, job_id=job_id)


def compose_not_helped(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a build failed in the same way after a change."""
    undo = f"medic undo {incident.id} --region {scope.region}"
    next_step = f"Look at the other causes; the bot changes nothing more without an approval. To undo: {undo}"
    lines = (*_cause(incident), (_NEXT, next_step), *_changes(incident))
    what = f"build {job_id} failed in the same way after the change"
    return _follow_up(scope, incident, AlertKind.NOT_HELPED, what, lines, job_id=job_id)


def compose_still_logged(scope: Scope, incident: Incident) -> Alert:
    """The alert that the SSR log reports the error long after a change, although the role is in place."""
    rebuilt = incident.rebuilt_at is not None
    what = f"the SSR log still reports the error, more than an hour after the {'rebuild' if rebuilt else 'change'}"
    state = "Checked now: the branch has the role. A visitor may have made the site print the line."
    if rebuilt:
        hint = "If pages fail: the code may pass credentials itself, and even undefined ones override the role."
    else:
        hint = "If pages fail: Redeploy the branch. A first compute role may take effect with the next deployment only."
    lines = (("State", state), (_NEXT, hint), *_changes(incident))
    return _follow_up(scope, incident, AlertKind.NOT_CONFIRMED, what, lines)


def compose_quiet(scope: Scope, incident: Incident, minutes: int) -> Alert:
    """The alert that the SSR log has not shown an error for some minutes although the site had traffic."""
    what = f"no such error for {minutes} min, with traffic"
    return _follow_up(scope, incident, AlertKind.RESOLVED, what, _changes(incident))


def compose_no_traffic(scope: Scope, incident: Incident) -> Alert:
    """The alert that the error is not in the log, which proves nothing because the site had no traffic."""
    next_step = "Open a page of the site that uses AWS. The bot reads the log again every hour."
    what = "no such error for 1 h, but no traffic either"
    lines = ((_NEXT, next_step), *_changes(incident))
    return _follow_up(scope, incident, AlertKind.NOT_CONFIRMED, what, lines)


def compose_expired(scope: Scope, incident: Incident, why: str = "") -> Alert:
    """The alert that an incident closes without an approval or a known outcome, by default at its deadline."""
    what = why or f"no approval or new build since {incident.opened_at:%d %b %H:%M} UTC"
    lines = ((_NEXT, "None. The next such failure opens a new incident."), *_changes(incident))
    return _follow_up(scope, incident, AlertKind.EXPIRED, what, lines)


def compose_outcome_unknown(scope: Scope, incident: Incident) -> Alert:
    """The alert that the bot could not find out how a change or a rebuild ended."""
    recorded = "; ".join(f"{_changed(change)} ({change.state})" for change in incident.changes)
    lines = (
        (_NEXT, "Compare the role that is set now with what the bot recorded."),
        ("Recorded", f"{wording.capitalized(recorded) or 'No change'}. How it ended: {incident.note or 'not known'}."),
    )
    named = f"--app-id {scope.app_id} --branch-name {shlex.quote(scope.branch)} --region {scope.region}"
    read = NamedText("AWS CLI", f"aws amplify get-branch {named} --query branch.computeRoleArn")
    sections = (Section("Read the role", snippets=(read,)),) if scope.branch != "*" else ()
    what = "the bot could not find out how it ended"
    return _follow_up(scope, incident, AlertKind.OUTCOME_UNKNOWN, what, lines, sections)


def compose_unreported(scope: Scope, incident: Incident, why: str) -> Alert:
    """The alert on a failure, or a change, whose details can't be read again after its run was interrupted."""
    kind = AlertKind.OUTCOME_UNKNOWN if incident.changes else AlertKind.OPEN
    interrupted = f"Was interrupted, and now can't read the failure again{f' ({why})' if why else ''}."
    return _without_details(scope, incident, kind, interrupted)


def compose_replacement(scope: Scope, incident: Incident) -> Alert:
    """The alert in place of one that an older release could not deliver, and stored in a form of its own."""
    older = "An older version could not deliver its alert."
    return _without_details(scope, incident, AlertKind(incident.state), older)


def _without_details(scope: Scope, incident: Incident, kind: AlertKind, why: str) -> Alert:
    what = wording.HEADLINES[Label(incident.label)] if incident.label in list(Label) else "a failure"
    bot = " ".join((why, *(text for _, text in _changes(incident))))
    return _follow_up(
        scope, incident, kind, what, (*_cause(incident), (_NEXT, "Look at the job and its log."), (_BOT, bot))
    )


def compose_undiagnosed(scope: Scope, incident: Incident, why: str, remedy: str) -> Alert:
    """The alert on a failure that could not be diagnosed. It claims nothing about the cause."""
    failed = f"job {incident.job_id} failed" if incident.job_id.strip("0") else "the SSR log reports an error"
    lines = (
        ("Reason", f"{why.rstrip('.')}."),
        (_NEXT, remedy),
        (_BOT, "Changed nothing. It may or may not be an IAM failure."),
    )
    alert = _follow_up(scope, incident, AlertKind.UNDIAGNOSED, f"{failed}, the bot could not find out why", lines)
    return replace(alert, event={**incident_json(scope, incident), "reason": why})


def compose_build_failed(scope: Scope, incident: Incident, ending: Ending) -> Alert:
    """The short alert on a build that failed, but not because of IAM: where, and the last error lines."""
    lines = [("Failed in", ending.place), ("Error", " · ".join(ending.errors))]
    what = f"job {incident.job_id}, not because of IAM"
    return replace(_follow_up(scope, incident, AlertKind.BUILD_FAILED, what, filter(all, lines)), scope=None)


def compose_builds_failing(scope: Scope, incident: Incident, limits: Limits) -> Alert:
    """The alert that more builds fail, not because of IAM or undiagnosed, than are reported one by one."""
    next_step, why = _FLOODS[BotLabel(incident.label)]
    lines = (
        (_NEXT, f"{next_step}: medic history"),
        (_BOT, f"Stops reporting them one by one for {limits.storm_minutes} min. It still handles IAM failures."),
    )
    what = f"more than {limits.other_failures} within {limits.storm_minutes} min, {why}"
    return _of_region(_follow_up(scope, incident, AlertKind.BUILDS_FAILING, what, lines), incident)


def compose_builds_reported_again(scope: Scope, incident: Incident) -> Alert:
    """The alert that failed builds are reported one by one again."""
    lines = ((_NEXT, "None. `medic history` lists the builds that were not reported one by one."),)
    what = "failed builds are reported one by one again"
    return _of_region(_follow_up(scope, incident, AlertKind.EXPIRED, what, lines), incident)


def compose_not_rebuilt(scope: Scope, incident: Incident, why: str, *, known: bool = True) -> Alert:
    """The alert that a rebuild, which the alert on a change announced, will not start, or that this is not known."""
    what = "the job is not rebuilt" if known else "nobody knows whether the job is rebuilt"
    result, why = "Not rebuilt" if known else "Rebuild unknown", why.removeprefix("not rebuilt").lstrip(":, ")
    done = " ".join(text for _, text in _changes(incident))
    lines = (
        (_NEXT, "Redeploy the branch to see whether the change helped. The change stays."),
        (_BOT, f"{done} {result}: {why.rstrip('.')}.".strip()),
    )
    return _follow_up(scope, incident, AlertKind.APPLIED, what, lines)


def compose_undone(scope: Scope, incident: Incident, undone: Sequence[UndoOutcome]) -> Alert:
    """The alert on an undo: the result for each change, and the AWS CLI command for each change that remains."""
    who = incident.undo_asked_by or "somebody"
    results = "; ".join(f"{wording.ROLE_OF_ACTION[each.change.kind]}: {each.detail}" for each in undone)
    by_hand = tuple(
        NamedText("AWS CLI", command_to_set(each.change.kind, each.change.target, each.change.previous_arn))
        for each in undone
        if each.result.left_to_do
    )
    next_step = "None. The bot makes this change again only after an approval."
    if by_hand:
        next_step = "Check which role is set, and if it is the bot's, undo it by hand with the command in the detail."
    kind, what = AlertKind.UNDONE, "the change was undone"
    if by_hand:
        kind, what = AlertKind.NOT_UNDONE, "the change could not be undone"
    elif not all(each.result.done for each in undone):
        kind, what, next_step = AlertKind.NOT_UNDONE, "there is nothing left to undo", "None. The branch is gone."
    lines = ((_NEXT, next_step), (_BOT, f"{wording.capitalized(results)}. Asked for by {who}."))
    sections = (Section("Undo by hand", snippets=by_hand),) if by_hand else ()
    return _follow_up(scope, incident, kind, what, lines, sections)


def compose_muted(scope: Scope, incident: Incident, until: datetime, who: str) -> Alert:
    """The alert that somebody muted a branch whose incident is still open."""
    off = f"medic mute {shlex.quote(f'{scope.app_id}/{scope.branch}')} --off --region {scope.region}"
    stops = "Reports no failures of this branch and makes no changes there until then"
    still = "It still reports how earlier incidents and changes end"
    lines = (
        (_NEXT, f"None until then. To end the mute: {off}"),
        (_BOT, f"{stops}. {still}. Asked for by {who}."),
    )
    return _follow_up(scope, incident, AlertKind.MUTED, f"until {until:%d %b %H:%M} UTC", lines)


def compose_log_missing(scope: Scope, incident: Incident) -> Alert:
    """The alert that an app has no SSR log, so nobody can see failures at runtime."""
    lines = (
        (_CAUSE, f"There is no log group /aws/amplify/{scope.app_id}, a day after the bot first looked for it."),
        (_NEXT, "Open a page of the site, and check in Amplify (Hosting, Monitoring) that the app has a logging role."),
        (_BOT, "Until there is a log, the bot can't see missing credentials at SSR runtime. It says this once."),
    )
    return _follow_up(scope, incident, AlertKind.UNDIAGNOSED, "there is no SSR log to read", lines)


def compose_test(scope: Scope, alias: str = "") -> Alert:
    """The alert of `medic test-alert`, which says that nothing is wrong."""
    return Alert(
        kind=AlertKind.TEST,
        incident_id="test",
        at=0,
        app="",
        branch="*",
        what=f"Amplify Medic {VERSION} reaches you here",
        brief=(NamedText(_NEXT, "None. This is a test message: nothing is wrong, and nothing was changed."),),
        identity="",
        place=wording.place(scope, alias),
    )


class Affected(Struct, frozen=True):
    scope: Scope
    incident: Incident

    @property
    def opted_in(self) -> bool:
        """True if the branch's mode allows changes, with or without approval."""
        return self.incident.mode in _OPTED_IN_MODES


class Extent(Struct, frozen=True):
    """Whom a storm affects, except for those that were reported before it was one."""

    listed: tuple[Affected, ...]
    total: int
    """How many incidents there are, with those that are not listed."""


def compose_storm(scope: Scope, storm: Incident, extent: Extent, apps: int, limits: Limits) -> Alert:
    """The alert that a storm began or grew: the incidents so far, each with a command to run.

    `apps` says in how many apps incidents opened within `storm_minutes`.
    """
    limit = f"IAM failures in {apps} apps within {limits.storm_minutes} min (the limit is {limits.storm_apps})"
    lines = (
        (_CAUSE, f"{limit} usually share one."),
        (_NEXT, "Look for a common cause: a role, a repository connection, a policy."),
        (
            _BOT,
            f"No changes while it lasts. This alert reports {extent.total} failures; more get another alert.",
        ),
    )
    alert = _follow_up(scope, storm, AlertKind.STORM, f"{apps} apps fail at once", lines, _storm_lists(extent))
    return _of_region(alert, storm)


def compose_storm_over(scope: Scope, storm: Incident, extent: Extent) -> Alert:
    """The alert that a storm ended: its incidents, and what is still open."""
    still_open = sum(not each.incident.state.closed for each in extent.listed)
    recovered = sum(each.incident.state is IncidentState.RESOLVED for each in extent.listed)
    of_listed = f"of the {len(extent.listed)} listed, " if len(extent.listed) < extent.total else ""
    lines = (
        (_NEXT, "Run the commands in the detail for branches that still fail." if still_open else "None."),
        (_BOT, "Handles each incident on its own again."),
    )
    what = f"{extent.total} incidents: {of_listed}{recovered} recovered, {still_open} still open"
    return _of_region(_follow_up(scope, storm, AlertKind.STORM_OVER, what, lines, _storm_lists(extent)), storm)


def _storm_lists(extent: Extent) -> Iterator[Section]:
    # Those opted in come first, because their lines are commands to run.
    ordered = sorted(extent.listed, key=lambda each: not each.opted_in)
    lines = _fitting([(each.opted_in, _affected_line(each)) for each in ordered])
    left_out = extent.total - len(lines)
    lists = {
        "Opted in": tuple(line for opted_in, line in lines if opted_in),
        "Not opted in": tuple(line for opted_in, line in lines if not opted_in),
        "More": (f"and {left_out} more: see `medic history`",) if left_out > 0 else (),
    }
    return (Section(heading, items) for heading, items in lists.items() if items)


def _of_region(alert: Alert, incident: Incident) -> Alert:
    """The alert about the whole region, so without an app, links and buttons."""
    return replace(alert, app="", identity=f"began {incident.opened_at:%d %b %H:%M} UTC", links=(), scope=None)


def _affected_line(each: Affected) -> str:
    scope, incident = each.scope, each.incident
    runtime = incident.trigger is Trigger.RUNTIME
    command = fix_command(scope) if each.opted_in else diagnose_command(scope, runtime=runtime)
    shown = "" if incident.state.closed or scope.branch == "*" else f": {command}"
    return f"{incident.app_name or scope.app_id} / {scope.branch}, {incident.label}, {incident.state}{shown}"


def _fitting(lines: Sequence[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """The first lines that fit into a stored alert."""
    sizes = accumulate(len(json.dumps(line)) for _, line in lines)
    return [line for line, size in zip(lines, sizes, strict=True) if size <= _MAX_STORM_CHARACTERS]


def _follow_up(  # noqa: PLR0913, PLR0917 - the parts of an alert
    scope: Scope,
    incident: Incident,
    kind: AlertKind,
    what: str,
    lines: Iterable[tuple[str, str]],
    sections: Iterable[Section] = (),
    *,
    job_id: str = "",
) -> Alert:
    """An alert on a known incident. It links to the incident's job, unless there is another `job_id`."""
    runtime = incident.trigger is Trigger.RUNTIME
    # Amplify's own event on the same bus tells other systems of a build that failed, but not because of IAM.
    to_event_bus = kind is AlertKind.RESOLVED and incident.label != BotLabel.BUILD_FAILED
    return Alert(
        kind=kind,
        incident_id=incident.id,
        at=_at(incident),
        app=incident.app_name or scope.app_id,
        branch=scope.branch,
        what=what,
        brief=tuple(NamedText(*line) for line in lines),
        identity=failure_report.identity(job_id or incident.job_id),
        place=wording.place(scope),
        links=tuple(failure_report.console_links(scope, job_id or incident.job_id, runtime=runtime)),
        scope=scope,
        sections=tuple(sections),
        channel=incident.channel,
        event={**incident_json(scope, incident)} if to_event_bus else {},
    )


def _at(incident: Incident) -> int:
    return round(incident.updated_at.timestamp() * 1_000_000)


def _cause(incident: Incident) -> Iterator[tuple[str, str]]:
    if incident.reason:
        yield _CAUSE, f"{wording.capitalized(incident.reason)}."


def _changes(incident: Incident) -> Iterator[tuple[str, str]]:
    if incident.applied:
        yield _BOT, f"{wording.capitalized('; '.join(map(_changed, incident.applied)))}."


def _changed(change: Change) -> str:
    """For example `compute role none → compute`."""
    before = name_of(change.previous_arn) if change.previous_arn else "none"
    return f"{wording.ROLE_OF_ACTION[change.kind]} {before} → {name_of(change.role_arn)}"
