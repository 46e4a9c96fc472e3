"""Builders of facts: every guardrail allows a change of this branch. Tests change one fact at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from medic.diagnosis.model import Assumable, Cause, Diagnosis, Rank, RoleVerdict
from medic.events import Scope
from medic.evidence import App, Branch, BuildLog, Evidence, Job, Present, Role, RolePolicies
from medic.labels import Label, Phase, Trigger
from medic.plan.failure import ConfirmedFailure
from medic.plan.guardrails import Question
from medic.plan.model import RebuildTag
from medic.plan.optin import OptIn, RoleChoice
from medic.records import replace
from medic.settings import Mode, Settings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCOUNT = "111122223333"
APP_ID = "d1a2b3c4d5e6f7"
APP_ARN = f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/{APP_ID}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/compute"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/other"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/service"
TRUST = '{"Version":"2012-10-17","Statement":[]}'


def app(**changes: Any) -> App:
    base = App(
        id=APP_ID,
        arn=APP_ARN,
        name="shop",
        platform="WEB_COMPUTE",
        repository="https://github.com/acme/shop",
        service_role_arn=SERVICE_ROLE,
        compute_role_arn=None,
        tags={},
        environment=(),
        auto_branch_creation=False,
        auto_branch_patterns=(),
        clone_method="TOKEN",
    )
    return replace(base, **changes)


def branch(**changes: Any) -> Branch:
    base = Branch(
        name="main",
        arn=f"{APP_ARN}/branches/main",
        stage="PRODUCTION",
        framework="Next.js - SSR",
        compute_role_arn=None,
        tags={"amplify-medic:auto-fix": "fix"},
        environment=(),
        source_branch=None,
        destination_branch=None,
        active_job_id="6",
    )
    return replace(base, **changes)


def job(**changes: Any) -> Job:
    base = Job(
        id="7",
        status="FAILED",
        type="WEB_HOOK",
        commit_id="abc",
        commit_message="Add checkout",
        started_at=NOW - timedelta(minutes=3),
        ended_at=NOW - timedelta(minutes=1),
        steps=(),
    )
    return replace(base, **changes)


def role(arn: str = ROLE, **changes: Any) -> Role:
    base = Role(
        arn=arn,
        name=arn.rsplit("/", 1)[-1],
        path="/app/",
        created_at=NOW - timedelta(days=30),
        trust_policy=TRUST,
        permissions_boundary=None,
        max_session_seconds=3600,
    )
    return replace(base, **changes)


def verdict(arn: str = ROLE, assumable: Assumable = Assumable.ALLOWED, *, propagated: bool = True) -> RoleVerdict:
    return RoleVerdict(arn, assumable, propagated)


def diagnosis(label: Label = Label.SERVICE_ROLE_UNASSUMABLE, **changes: Any) -> Diagnosis:
    base = Diagnosis(
        label=label,
        phase=Phase.BUILD,
        findings=(),
        checks=(),
        causes=(),
        service=verdict(SERVICE_ROLE),
        compute=None,
        candidate=verdict(),
    )
    return replace(base, **changes)


def proven(cause_id: str) -> Cause:
    return Cause(id=cause_id, title=cause_id, rank=Rank.PROVEN, reason="seen")


def question(**changes: Any) -> Question:
    """A question that every guardrail allows. `app`, `branch` and `job` also go into the evidence."""
    the_app, the_branch, the_job = (
        changes.pop(n, make()) for n, make in (("app", app), ("branch", branch), ("job", job))
    )
    roles = changes.pop("roles", {ROLE: Present(role())})
    evidence = Evidence(
        scope=Scope("aws", ACCOUNT, "eu-central-1", APP_ID, the_branch.name),
        read_at=NOW,
        app=Present(the_app),
        branch=Present(the_branch),
        job=Present(the_job),
        log=Present(BuildLog("BUILD", 1000)),
        roles=roles,
    )
    failure = ConfirmedFailure(
        trigger=Trigger.FAILED,
        app=the_app,
        branch=the_branch,
        evidence=evidence,
        diagnosis=diagnosis(),
        opt_in=OptIn(Mode.FIX, ignored=False, note="the tag says fix", rebuild=RebuildTag.AUTO),
        compute_choice=RoleChoice(ROLE, "the paired role"),
        service_choice=RoleChoice(None, "no tag"),
        noticed_at=NOW,
    )
    about_failure = {name: changes.pop(name) for name in failure.__struct_fields__ if name in changes}
    base = Question(
        failure=replace(failure, **about_failure),
        settings=Settings(),
        asked_at=NOW,
        jobs=lambda: Present((the_job,)),
        policies=lambda _: Present(RolePolicies((), ())),
    )
    return replace(base, **changes)
