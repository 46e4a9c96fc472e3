"""What an alert says: from evidence, diagnosis, plan and outcomes to one message. Everything is redacted here.

A flow with something new to say calls `follow_up` (about an incident) or `notice` (about no single one).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.alerts import failure_report, wording
from medic.alerts.fixes import command_to_set, fixes_for
from medic.alerts.json_form import bot_json, diagnosis_json, incident_json, outcomes_json, written
from medic.alerts.model import Alert, AlertField, AlertKind, Section, redacted
from medic.incidents.model import IncidentState
from medic.labels import ActionKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from medic.actions.set_role import Undone
    from medic.alerts.failure_report import FailureReport
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.settings import Limits


def compose_report(report: FailureReport) -> Alert:
    """The alert on a failure: what is wrong, which role, the likeliest cause, what was done, how to fix it."""
    diagnosis, scope, incident = report.diagnosis, report.scope, report.incident
    kind = failure_report.kind_of(report)
    return redacted(
        Alert(
            kind=kind,
            incident_id=incident.id,
            title=wording.title(report.app_name, scope.branch, wording.HEADLINES[diagnosis.label]),
            summary=tuple(failure_report.summary(report)),
            facts=tuple(failure_report.facts(report, kind)),
            effect=failure_report.effect(report),
            approval=failure_report.approval(report),
            causes=tuple(
                f"{wording.RANKS[cause.rank]}: {cause.title}. {wording.sentence(cause.reason)}"
                for cause in diagnosis.causes
            ),
            checks=tuple(f"{wording.CHECKS[check.result]}: {check.detail}" for check in diagnosis.checks),
            log_lines="\n".join(finding.excerpt for finding in diagnosis.findings[:2]),
            done=tuple(failure_report.done(report)),
            rules=tuple(failure_report.rules(report)),
            fixes=fixes_for(report.evidence, diagnosis),
            links=tuple(failure_report.links(report)),
            channel=report.channel,
            machine=written(
                incident_json(scope, incident),
                diagnosis_json(report.evidence, diagnosis),
                {
                    "bot": bot_json(report.opt_in_note, report.plan),
                    "outcomes": outcomes_json(report.outcomes),
                },
            ),
        )
    )


def compose_resolved(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a failure is over."""
    credit = [wording.WHO_FIXED_IT[ActionKind(change.kind)].format(role=change.role_arn) for change in incident.applied]
    summary = [f"Build {job_id} of {scope.branch} succeeded.", *credit]
    return follow_up(scope, incident, AlertKind.RESOLVED, News("recovered", tuple(summary), job_id=job_id))


def compose_not_helped(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a failure is still there after a change."""
    summary = (
        f"Build {job_id} of {scope.branch} failed with the same message after the change.",
        *(f"Changed before: {c.role_arn} in the place of {c.previous_arn or 'no role'}." for c in incident.applied),
        *((f"Likeliest cause: {incident.reason}.",) if incident.reason else ()),
        "Nothing more is tried without somebody's approval.",
    )
    return follow_up(scope, incident, AlertKind.NOT_HELPED, News("still failing", summary, job_id=job_id))


def compose_quiet(scope: Scope, incident: Incident, minutes: int) -> Alert:
    """The alert that a runtime error is not seen any more, though the app was in use.

    Args:
        scope: the branch, or the whole app.
        incident: the runtime incident that closes.
        minutes: for how long the runtime has been quiet.
    """
    credit = [f"The compute role was set to {change.role_arn} before that." for change in incident.applied]
    summary = [f"The SSR runtime has not logged the error for {minutes} minutes.", *credit]
    return follow_up(scope, incident, AlertKind.QUIET, News("the error is gone", tuple(summary)))


def compose_expired(scope: Scope, incident: Incident) -> Alert:
    """The alert that nobody approved what was proposed, or that nothing more was heard of a failure."""
    summary = (
        f"Nothing came of this since {incident.opened_at:%d %B %Y %H:%M} UTC, and it is closed.",
        "The next failure of its kind is diagnosed, and told, anew.",
    )
    return follow_up(scope, incident, AlertKind.EXPIRED, News("closed without an outcome", summary))


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
    return follow_up(scope, incident, AlertKind.OUTCOME_UNKNOWN, News("outcome unknown", tuple(summary)))


def compose_test(account: str, region: str) -> Alert:
    """The alert that tries every channel out. It says of itself that nothing is wrong."""
    summary = ("Somebody asked for this test. Nothing is wrong, and nothing was changed.",)
    facts = (AlertField("Account", f"{account} / {region}"),)
    return notice(AlertKind.TEST, "test", News("Amplify Medic reaches you here", summary, facts=facts))


_MACHINE_TEXT = frozenset({AlertKind.RESOLVED, AlertKind.QUIET})
"""What follows up on an incident and is an event of its own."""


@dataclass(frozen=True, slots=True)
class News:
    """What a flow has to say, in its own words; the rest is known from the incident."""

    headline: str
    """A few words; for a follow-up they come after the app's and the branch's name."""
    summary: tuple[str, ...]
    """Sentences."""
    sections: tuple[Section, ...] = ()
    """Further parts, below."""
    facts: tuple[AlertField, ...] = ()
    """What else tells this from others of its kind."""
    effect: str = ""
    """What to expect of what was done."""
    job_id: str = ""
    """The job that the news are of; empty for the one that the incident was seen in."""
    channel: str | None = None
    """The named channel; None for the default one."""


def follow_up(scope: Scope, incident: Incident, kind: AlertKind, news: News) -> Alert:
    """Something new about an incident that people know of; on channels that have threads it goes into its thread.

    Args:
        scope: the branch, or `*` for the whole app.
        incident: as it now stands.
        kind: what the news are.
        news: what to say.
    """
    job_id = news.job_id or incident.job_id
    return redacted(
        Alert(
            kind=kind,
            incident_id=incident.id,
            title=wording.title(incident.app_name, scope.branch, news.headline),
            summary=news.summary,
            facts=(
                AlertField("Status", wording.STANDINGS[kind].status),
                AlertField("App", f"{incident.app_name} ({scope.app_id})"),
                AlertField("Branch", failure_report.branch_words(scope)),
                AlertField("Account", f"{scope.account} / {scope.region}"),
                *news.facts,
            ),
            effect=news.effect,
            sections=news.sections,
            links=tuple(failure_report.places(scope, job_id, runtime=incident.trigger == "runtime")),
            channel=news.channel or incident.channel,
            machine=written(incident_json(scope, incident)) if kind in _MACHINE_TEXT else "",
        )
    )


def notice(kind: AlertKind, reference: str, news: News) -> Alert:
    """Something about no single incident: a storm, a test.

    Args:
        kind: what the news are.
        reference: what stands in the place of an incident's id, the same in every later message about it.
        news: what to say; its facts name the account and region at least.
    """
    return redacted(
        Alert(
            kind=kind,
            incident_id=reference,
            title=news.headline,
            summary=news.summary,
            facts=(AlertField("Status", wording.STANDINGS[kind].status), *news.facts),
            effect=news.effect,
            sections=news.sections,
            channel=news.channel,
        )
    )


def compose_no_traffic(scope: Scope, incident: Incident) -> Alert:
    """The alert that nothing can be said yet, because nobody visits the site."""
    summary = (
        "No such line came for an hour after the change, but no request was served either: that proves nothing.",
        "Call a page of the site that uses AWS. The log is looked at again every hour.",
    )
    return follow_up(scope, incident, AlertKind.NOT_CONFIRMED, News("quiet, but without traffic", summary))


def compose_still_logged(scope: Scope, incident: Incident, seen_at: datetime) -> Alert:
    """The alert that a change did not help: the log shows the same after it."""
    rebuilt = incident.rebuilt_at is not None
    after = "the change and its rebuild" if rebuilt else "the change"
    summary = (
        f"The SSR log shows the same error at {seen_at:%Y-%m-%d %H:%M:%S} UTC, after {after}.",
        *(f"Changed before: {c.role_arn} in the place of {c.previous_arn or 'no role'}." for c in incident.applied),
        "If the code passes credentials of its own, even undefined ones, they override the role."
        if rebuilt
        else "A first compute role may take effect with the next deployment only: redeploy to be sure.",
        "Nothing more is tried without somebody's approval.",
    )
    return follow_up(scope, incident, AlertKind.NOT_HELPED, News("the change did not help", summary))


def compose_log_missing(scope: Scope, incident: Incident) -> Alert:
    """The alert that an app has no SSR log: failures at runtime can't be seen, by anybody."""
    summary = (
        f"There is no log group /aws/amplify/{scope.app_id}, a day after it was first looked for.",
        "Amplify writes SSR logs only with a logging role (Hosting, Monitoring in the console); or nobody visited yet.",
        "Until there is one, credential failures at SSR runtime can't be seen. This is said once.",
    )
    return follow_up(scope, incident, AlertKind.DIAGNOSIS, News("no SSR log to look at", summary))


_OPTED_IN = frozenset({"ask", "fix"})
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Affected:
    """One incident among many, and where it is."""

    scope: Scope
    incident: Incident

    @property
    def opted_in(self) -> bool:
        """True if its branch lets the bot change something."""
        return self.incident.mode in _OPTED_IN


def compose_storm(scope: Scope, storm: Incident, affected: tuple[Affected, ...], limits: Limits) -> Alert:
    """The alert that a storm began: what is affected so far, and how to mend each by hand."""
    summary = (
        f"More than {limits.storm_incidents} incidents opened within {limits.storm_minutes} minutes.",
        "That is rarely one branch's fault: look for what they have in common, a role, a connection, a policy.",
        "Nothing is changed while it lasts, and this alert stands for all of them. The whole count follows at the end.",
    )
    news = News(
        f"Storm: {len(affected)} IAM failures and counting",
        summary,
        _storm_sections(affected),
        _storm_fields(scope, storm),
    )
    return notice(AlertKind.STORM, storm.id, news)


def compose_storm_over(scope: Scope, storm: Incident, affected: tuple[Affected, ...]) -> Alert:
    """The alert that it is over: everything that was affected, nobody left out."""
    still = sum(not each.incident.state.closed for each in affected)
    recovered = sum(each.incident.state is IncidentState.RESOLVED for each in affected)
    summary = (
        f"{len(affected)} incidents in all; {still} are still open, {recovered} recovered.",
        "From now on incidents are told and mended one by one again; the lines below mend what the storm left.",
    )
    news = News(
        f"Storm over: {len(affected)} incidents", summary, _storm_sections(affected), _storm_fields(scope, storm)
    )
    return notice(AlertKind.STORM_OVER, storm.id, news)


def _storm_fields(scope: Scope, storm: Incident) -> tuple[AlertField, ...]:
    return (
        AlertField("Account", f"{scope.account} / {scope.region}"),
        AlertField("Began", f"{storm.opened_at:%Y-%m-%d %H:%M} UTC"),
    )


def _storm_sections(affected: tuple[Affected, ...]) -> tuple[Section, ...]:
    """Those that opted in first, each with what mends it; then the rest."""
    opted_in = tuple(_affected_lines(each for each in affected if each.opted_in))
    others = tuple(_affected_lines(each for each in affected if not each.opted_in))
    sections = (Section("Opted in", opted_in), Section("Not opted in", others))
    return tuple(section for section in sections if section.items)


def _fix_command(scope: Scope) -> str:
    return f"medic fix {scope.app_id} {shlex.quote(scope.branch)} --region {scope.region}"


def _affected_lines(affected: Iterator[Affected]) -> Iterator[str]:
    left = _MOST
    for each in affected:
        left -= 1
        if left < 0:
            yield "and more: see `medic history`"
            return
        line = f"{each.incident.app_name or each.scope.app_id} / {each.scope.branch}: {each.incident.label}"
        if each.opted_in and not each.incident.state.closed:
            line += f". To mend it: {_fix_command(each.scope)}"
        yield line


def compose_undone(scope: Scope, incident: Incident, undone: Sequence[Undone]) -> Alert:
    """The alert on an undoing: what was taken back, and for what could not be, the command that does it by hand."""
    done = all(each.result.done for each in undone)
    summary = (
        f"{incident.undo_asked_by or 'Somebody'} asked to undo what the bot changed.",
        "It is not done again unless somebody asks for it.",
    )
    sections = (Section("What became of it", tuple(_undone_lines(undone))),)
    headline = "change taken back" if done else "change could not be taken back"
    return follow_up(scope, incident, AlertKind.UNDONE, News(headline, summary, sections))


def _undone_lines(undone: Sequence[Undone]) -> Iterator[str]:
    for each in undone:
        yield f"{each.result.value.capitalize()}: {each.detail}"
        if not each.result.done:
            yield f"To do it yourself: {command_to_set(each.change.kind, each.change.target, each.change.previous_arn)}"
