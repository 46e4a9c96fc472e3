"""Every text to paste that an alert can print: the fixes of many failures, in each state that an incident may have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from medic.actions.outcome import ChangeResult
from medic.alerts import failure_report
from medic.evidence import Absent, BuildLog, Present, RolePolicies
from medic.incidents.model import IncidentState
from medic.knowledge import FIXES
from medic.labels import Label, Phase, Trigger
from medic.plan.model import Disposition
from medic.redaction import redact
from medic.settings import Mode
from tests.gallery.samples import every_kind, facts, report_of, with_result
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    BUILD_SESSION,
    CODECOMMIT_REFUSED,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    NO_CREDENTIALS,
    NOW,
    OWN_ROLE,
    REFUSED,
    SERVICE_ROLE,
    UNASSUMABLE,
    UNDEFINED_CREDENTIALS,
    app,
    branch,
    denial,
    diagnosed,
    job,
    role,
    trust,
)
from tests.unit.diagnosis.support import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.alerts.failure_report import FailureReport
    from medic.alerts.model import AlertKind

REPAIR_ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/repair"
OLD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/old"
_TITLES = {fix.title: fix.id for fix in FIXES.values()}
_STATES = {
    ChangeResult.APPLIED: (IncidentState.APPLIED, IncidentState.REBUILDING),
    ChangeResult.DEFERRED: (IncidentState.APPLYING,),
}
_REASONS = (
    "because no permissions boundary allows the dynamodb:GetItem action",
    "with an explicit deny in a service control policy",
    "with an explicit deny in a resource control policy",
    "with an explicit deny in a VPC endpoint policy",
    "because no session policy allows the dynamodb:GetItem action",
    "because no resource-based policy allows the dynamodb:GetItem action",
)
_PHASES = (Phase.BUILD, Phase.DEPLOY, Phase.RUNTIME)
_LACKING: Any = {arn: Present(RolePolicies((), ())) for arn in (SERVICE_ROLE, COMPUTE_ROLE)}
_REPAIR: dict[str, Any] = {"repair_role_arn": REPAIR_ROLE, "roles": {REPAIR_ROLE: Present(role(REPAIR_ROLE))}}
_OTHER_ACCOUNT = {"StringEquals": {"aws:SourceAccount": "999988887777"}}
_CODECOMMIT = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop"
_UNASSUMABLE_STATES: tuple[dict[str, Any], ...] = (
    {},
    {"app": Present(app(service_role_arn=None))},
    {"app": Present(app(service_role_arn=None)), **_REPAIR},
    {"service": Absent("no such role")},
    {"roles": {SERVICE_ROLE: Absent("no such role"), **_REPAIR["roles"]}, "repair_role_arn": REPAIR_ROLE},
    {"service": Present(role(trust_policy=trust("lambda.amazonaws.com")))},
    {"service": Present(role(trust_policy=trust(condition=_OTHER_ACCOUNT)))},
    {"service": Present(role(created_at=NOW - timedelta(seconds=150)))},
    {"app": Present(app(repository=_CODECOMMIT))},
)
_REFUSING = {OLD_ROLE: Present(role(OLD_ROLE, trust_policy=trust("lambda.amazonaws.com")))}
_USABLE = {each: Present(role(each)) for each in (SERVICE_ROLE, COMPUTE_ROLE)}
_RUNTIME_STATES: tuple[dict[str, Any], ...] = (
    {},
    {"candidate_role_arn": None},
    {"candidate_role_arn": None, "compute": Absent("no such role"), "branch": Present(branch())},
    {"candidate_role_arn": None, "branch": Present(branch())},
    {"branch": Present(branch()), "compute": Present(role(COMPUTE_ROLE, trust_policy=trust("lambda.amazonaws.com")))},
    {"branch": Present(branch()), "compute": Present(role(COMPUTE_ROLE, trust_policy=trust(condition=_OTHER_ACCOUNT)))},
    {"branch": Present(branch(compute_role_arn=OLD_ROLE)), "roles": {**_REFUSING, **_USABLE}},
)


@dataclass(frozen=True, slots=True)
class Printed:
    """One text to paste, in one alert."""

    fix: str
    """The id of the fix, or the heading of another section."""
    kind: AlertKind
    dialect: str
    text: str


@cache
def every_report() -> tuple[FailureReport, ...]:
    """A report on each failure in each state that may follow it."""
    return tuple(report for failure in _failures() for report in _reports(*failure))


@cache
def every_text() -> tuple[Printed, ...]:
    """Each text to paste that an alert can print, once a fix, a dialect and a state. All as it leaves, redacted."""
    shown = (
        *((alert.kind, alert.sections) for alert in every_kind()),
        *((failure_report.kind_of(report), tuple(failure_report.sections(report))) for report in every_report()),
    )
    found = (
        Printed(fix_of(section.heading), kind, snippet.name, snippet.text)
        for kind, sections in shown
        for section in sections
        for snippet in section.snippets
    )
    return tuple(replace(each, text=redact(each.text)) for each in dict.fromkeys(found))


def commands() -> tuple[Printed, ...]:
    """What is under "AWS CLI"."""
    return tuple(each for each in every_text() if "AWS CLI" in each.dialect)


def fix_of(heading: str) -> str:
    """The id of the fix under a heading such as `Fix: Create a compute role`."""
    return _TITLES.get(heading.partition(": ")[2], heading)


def _failures() -> Iterator[tuple[str, Phase, dict[str, Any]]]:
    """The text of a log, where it was printed, and what differs from an app without a fault."""
    yield from ((UNASSUMABLE, Phase.BUILD, state) for state in _UNASSUMABLE_STATES)
    for text in (NO_CREDENTIALS, REFUSED, UNDEFINED_CREDENTIALS):
        yield from ((text, phase, state) for phase in (Phase.RUNTIME, Phase.BUILD) for state in _RUNTIME_STATES)
    for principal in (BUILD_SESSION, COMPUTE_SESSION, f"arn:aws:iam::{ACCOUNT}:user/dev"):
        for reason in _REASONS:
            yield denial(principal, reason), Phase.BUILD, {}
        yield denial(principal), Phase.BUILD, {"policies": _LACKING}
        yield denial(principal), Phase.RUNTIME, {"policies": _LACKING}
        yield denial(principal, "", "iam:PassRole", COMPUTE_ROLE), Phase.BUILD, {}
    yield OWN_ROLE, Phase.BUILD, {"app": Present(app(service_role_arn=None))}
    codecommit = {"app": Present(app(repository=_CODECOMMIT)), "log": Present(BuildLog("BUILD", 1000))}
    yield CODECOMMIT_REFUSED, Phase.BUILD, codecommit
    yield CODECOMMIT_REFUSED, Phase.BUILD, {**codecommit, "policies": _LACKING}
    long_build = {"job": Present(job(timedelta(minutes=70)))}
    for sample in samples().values():
        for text in sample["positives"][:1]:
            yield from ((text, phase, state) for phase in _PHASES for state in ({}, long_build))


def _reports(text: str, phase: Phase, state: dict[str, Any]) -> Iterator[FailureReport]:
    """The report in each mode, and after each result of a change."""
    changes = {**facts(), **state}
    diagnosis = diagnosed(text, phase, **changes)
    if diagnosis.label is Label.NOT_IAM or not diagnosis.findings:
        return
    trigger = Trigger.RUNTIME if phase is Phase.RUNTIME else Trigger.FAILED
    changes.pop("policies", None)
    for mode in Mode:
        yield report_of(diagnosis, mode, trigger, **changes)
    acting = report_of(diagnosis, Mode.FIX, trigger, **changes)
    if acting.plan.with_disposition(Disposition.DO):
        for result in ChangeResult:
            for after in _STATES.get(result, (IncidentState.OPEN,)):
                rebuild = "8" if after is IncidentState.REBUILDING else None
                yield with_result(acting, result, "the detail", after, rebuild)
