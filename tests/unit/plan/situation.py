"""A failure with its roles, tags and settings, run from the log's text to the plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from medic.diagnosis.diagnose import diagnose
from medic.events import Scope
from medic.evidence import Absent, App, Branch, Item, Present, Role, RolePolicies, Unreadable
from medic.labels import Label, Phase, Trigger
from medic.logscan.scan import scan
from medic.plan.decide import decide
from medic.plan.failure import ConfirmedFailure
from medic.plan.guardrails import Question
from medic.plan.optin import PairedRoles, read_opt_in
from medic.records import replace
from medic.settings import Settings
from tests.unit.diagnosis import diagnosing as facts
from tests.unit.diagnosis.diagnosing import ACCOUNT, APP_ID, NOW, denial, session, trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.logscan.model import LogReading
    from medic.plan.model import Plan

CURRENT, INHERITED, CANDIDATE, SERVICE, REPAIR, DEFAULT = (
    f"arn:aws:iam::{ACCOUNT}:role/app/{name}"
    for name in ("current", "inherited", "candidate", "service", "repair", "default")
)
LONG_AGO, MOMENTS_AGO = NOW - timedelta(days=30), NOW - timedelta(minutes=1)
LAMBDA_ONLY = trust("lambda.amazonaws.com")
SOURCE_ACCOUNT = trust(condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})
AN_UNKNOWN_KEY = trust(condition={"StringEquals": {"aws:ResourceOrgID": "o-invented"}})

TEXTS: Mapping[Label, tuple[str, Phase]] = {
    Label.SERVICE_ROLE_UNASSUMABLE: (facts.UNASSUMABLE, Phase.BUILD),
    Label.COMPUTE_ROLE_UNASSUMABLE: (facts.REFUSED, Phase.DEPLOY),
    Label.CREDENTIALS_MISSING_BUILD: (facts.NO_CREDENTIALS, Phase.BUILD),
    Label.CREDENTIALS_MISSING_RUNTIME: (facts.NO_CREDENTIALS, Phase.RUNTIME),
    Label.ACCESS_DENIED_IDENTITY: (denial(session("current", "s")), Phase.RUNTIME),
    Label.ACCESS_DENIED_BOUNDARY: (
        denial(session("current", "s"), "because no permissions boundary allows the dynamodb:GetItem action"),
        Phase.RUNTIME,
    ),
    Label.ACCESS_DENIED_SCP: (
        denial(session("current", "s"), "with an explicit deny in a service control policy"),
        Phase.RUNTIME,
    ),
    Label.ACCESS_DENIED_OTHER: (
        denial(session("current", "s"), "with an explicit deny in a resource-based policy"),
        Phase.RUNTIME,
    ),
    Label.PASS_ROLE_DENIED: (denial(session("current", "s"), action="iam:PassRole"), Phase.BUILD),
    Label.EXPIRED_OR_INVALID_TOKEN: (
        "ExpiredTokenException: The security token included in the request is expired",
        Phase.BUILD,
    ),
    Label.NOT_IAM: ("npm ERR! code ELIFECYCLE", Phase.BUILD),
}


@cache
def read(label: Label) -> tuple[LogReading, Phase]:
    """The reading of a log with this label, and the phase of the log."""
    text, phase = TEXTS[label]
    reading = scan([text.encode()], phase)
    if reading.label is not label:
        msg = f"{text!r} is read as {reading.label}, not as {label}"
        raise AssertionError(msg)
    return reading, phase


def role(arn: str, trust_policy: str = trust(), **changes: Any) -> Present[Role]:
    """A role that was created long ago."""
    base = facts.role(arn, trust_policy=trust_policy, created_at=LONG_AGO)
    return Present(replace(base, **changes))


def in_state(arn: str, state: str) -> Item[Role]:
    """A role in one of the states that the decision table knows."""
    match state:
        case "gone":
            return Absent("IAM has no such role")
        case "unreadable":
            return Unreadable("iam:GetRole is denied")
        case "young":
            return role(arn, LAMBDA_ONLY, created_at=MOMENTS_AGO)
    trusts = {"good": trust(), "refusing": LAMBDA_ONLY, "contested": SOURCE_ACCOUNT, "conditional": AN_UNKNOWN_KEY}
    return role(arn, trusts[state])


@dataclass
class Situation:
    """A failure on an opted-in branch of an app without roles. One role of each kind is paired with the app."""

    label: Label = Label.SERVICE_ROLE_UNASSUMABLE
    trigger: Trigger = Trigger.FAILED
    app: App = field(default_factory=lambda: facts.app(service_role_arn=None))
    branch: Branch = field(
        default_factory=lambda: facts.branch(compute_role_arn=None, tags={"amplify-medic:auto-fix": "fix"})
    )
    settings: dict[str, Any] = field(
        default_factory=lambda: {"compute_roles": {CANDIDATE: [APP_ID]}, "service_roles": {REPAIR: [APP_ID]}}
    )
    roles: dict[str, Item[Role]] = field(
        default_factory=lambda: {arn: role(arn) for arn in (CANDIDATE, REPAIR, INHERITED)}
    )
    policies: Item[RolePolicies] = field(default_factory=lambda: Present(RolePolicies((), ())))
    age: timedelta | None = timedelta(minutes=1)
    newer_job: str | None = None
    cool_down: timedelta | None = None
    storm: bool = False
    tried_before: bool | None = False
    muted: bool = False
    approved: bool = False
    app_cool_down: timedelta | None = None

    def set_branch(self, **changes: Any) -> None:
        self.branch = replace(self.branch, **changes)

    def set_app(self, **changes: Any) -> None:
        self.app = replace(self.app, **changes)

    def tag(self, name: str, value: str | None) -> None:
        """Set a tag of the branch. None removes it."""
        others = {key: old for key, old in self.branch.tags.items() if key != f"amplify-medic:{name}"}
        self.set_branch(tags=others if value is None else {**others, f"amplify-medic:{name}": value})

    def tag_app(self, value: str) -> None:
        """Set the app's tag that names a service role."""
        self.set_app(tags={"amplify-medic:service-role": value})

    def pair(self, **pairings: Mapping[str, list[str]]) -> None:
        """Replace the pairings."""
        self.settings |= pairings

    def plan(self) -> Plan:
        settings, newer = Settings.parse(self.settings), self.newer_job
        happened_at = None if self.age is None else NOW - self.age
        job = facts.job(ended_at=happened_at)
        paired = PairedRoles(settings, DEFAULT, APP_ID, self.branch.name)
        compute, service = paired.choose_compute(self.branch.tags), paired.choose_service(self.app.tags)
        evidence = facts.evidence(
            app=Present(self.app),
            branch=Present(self.branch),
            job=Present(job),
            scope=Scope("aws", ACCOUNT, "eu-central-1", APP_ID, self.branch.name),
            candidate_role_arn=compute.arn,
            repair_role_arn=service.arn,
            roles=self.roles,
        )
        reading, phase = read(self.label)
        failure = ConfirmedFailure(
            trigger=self.trigger,
            app=self.app,
            branch=self.branch,
            evidence=evidence,
            diagnosis=diagnose(evidence, reading, phase),
            opt_in=read_opt_in(settings, self.branch.tags),
            compute_choice=compute,
            service_choice=service,
            noticed_at=NOW,
            seen_at=happened_at if self.trigger is Trigger.RUNTIME else None,
        )
        question = Question(
            failure=failure,
            settings=settings,
            asked_at=NOW,
            jobs=lambda: Present((job,) if newer is None else (replace(job, id="99", status=newer), job)),
            allowed_until=NOW if self.approved else None,
            cooling_until=_until(self.cool_down),
            app_cooling_until=_until(self.app_cool_down),
            storm=self.storm,
            tried_before=self.tried_before,
            muted=self.muted,
            approved=self.approved,
            policies=lambda _: self.policies,
        )
        return decide(question)


def _until(lasting: timedelta | None) -> datetime | None:
    return None if lasting is None else NOW + lasting


def with_both_roles_missing() -> Situation:
    """Both roles are missing and both paired roles are good. If no guardrail refuses, the bot sets both."""
    it = Situation()
    it.set_app(service_role_arn=SERVICE)
    it.roles[SERVICE] = Absent("IAM has no such role")
    it.tag_app("repair")
    return it
