"""What an alert says: from evidence, diagnosis, plan and outcomes to one message. Everything is redacted here.

A flow with something new to say calls `follow_up` (about an incident) or `notice` (about no single one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.alerts import reported, words
from medic.alerts.fixes import fixes_for
from medic.alerts.machine import bot_json, diagnosis_json, incident_json, outcomes_json, written
from medic.alerts.model import Alert, AlertKind, Fact
from medic.alerts.redacted import redacted
from medic.alerts.reported import Report
from medic.plan.model import ActionKind

if TYPE_CHECKING:
    from medic.alerts.model import Section
    from medic.events import Scope
    from medic.incidents.incident import Incident

__all__ = [
    "News",
    "Report",
    "compose_expired",
    "compose_not_helped",
    "compose_outcome_unknown",
    "compose_quiet",
    "compose_report",
    "compose_resolved",
    "compose_test",
    "follow_up",
    "notice",
]


def compose_report(report: Report) -> Alert:
    """The alert on a failure: what is wrong, which role, the likeliest cause, what was done, how to fix it."""
    diagnosis, scope, incident = report.diagnosis, report.scope, report.incident
    kind = reported.kind_of(report)
    return redacted(
        Alert(
            kind=kind,
            incident_id=incident.id,
            title=words.title(report.app_name, scope.branch, words.HEADLINES[diagnosis.label]),
            summary=tuple(reported.summary(report)),
            facts=tuple(reported.facts(report, kind)),
            effect=reported.effect(report),
            approval=reported.approval(report),
            causes=tuple(
                f"{words.RANKS[cause.rank]}: {cause.title}. {words.sentence(cause.because)}"
                for cause in diagnosis.causes
            ),
            checks=tuple(f"{words.CHECKS[check.result]}: {check.detail}" for check in diagnosis.checks),
            log_lines="\n".join(finding.excerpt for finding in diagnosis.findings[:2]),
            done=tuple(reported.done(report)),
            rules=tuple(reported.rules(report)),
            fixes=fixes_for(report.evidence, diagnosis),
            links=tuple(reported.links(report)),
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
    credit = [words.WHO_MENDED_IT[ActionKind(change.kind)].format(role=change.role_arn) for change in incident.applied]
    summary = [f"Build {job_id} of {scope.branch} succeeded.", *credit]
    return follow_up(scope, incident, AlertKind.RESOLVED, News("recovered", tuple(summary), job_id=job_id))


def compose_not_helped(scope: Scope, incident: Incident, job_id: str) -> Alert:
    """The alert that a failure is still there after a change."""
    summary = (
        f"Build {job_id} of {scope.branch} failed with the same message after the change.",
        *(f"Changed before: {c.role_arn} in the place of {c.previous_arn or 'no role'}." for c in incident.applied),
        *((f"Likeliest cause: {incident.because}.",) if incident.because else ()),
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
    facts = (Fact("Account", f"{account} / {region}"),)
    return notice(AlertKind.TEST, "test", News("Amplify Medic reaches you here", summary, facts=facts))


_TOLD_TO_MACHINES = frozenset({AlertKind.RESOLVED, AlertKind.QUIET})
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
    facts: tuple[Fact, ...] = ()
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
            title=words.title(incident.app_name, scope.branch, news.headline),
            summary=news.summary,
            facts=(
                Fact("Status", words.STANDINGS[kind].status),
                Fact("App", f"{incident.app_name} ({scope.app_id})"),
                Fact("Branch", reported.branch_words(scope)),
                Fact("Account", f"{scope.account} / {scope.region}"),
                *news.facts,
            ),
            effect=news.effect,
            sections=news.sections,
            links=tuple(reported.places(scope, job_id, runtime=incident.occasion == "runtime")),
            channel=news.channel or incident.channel,
            machine=written(incident_json(scope, incident)) if kind in _TOLD_TO_MACHINES else "",
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
            facts=(Fact("Status", words.STANDINGS[kind].status), *news.facts),
            effect=news.effect,
            sections=news.sections,
            channel=news.channel,
        )
    )
