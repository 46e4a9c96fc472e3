"""What the bot would do about a failure: the question that its own guardrails answer, without the branch's history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.labels import Phase, Trigger
from medic.plan.failure import ConfirmedFailure
from medic.plan.guardrails import Question
from medic.plan.optin import PairedRoles, RoleChoice, read_opt_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from medic.diagnosis.model import Diagnosis
    from medic.evidence import App, Branch, Evidence, Item, Job, Read, RolePolicies
    from medic.settings import Settings

RoleChoices = tuple[RoleChoice, RoleChoice]
"""The compute role and the service role that the bot would set."""


def role_choices(settings: Settings, default_role_arn: str, app: App, branch: Branch) -> RoleChoices:
    """The roles that the bot would set on a branch and its app."""
    paired = PairedRoles(settings, default_role_arn, app.id, branch.name)
    return paired.choose_compute(branch.tags), paired.choose_service(app.tags)


def question(  # noqa: PLR0913 - what the guardrails look at
    settings: Settings,
    evidence: Evidence,
    diagnosis: Diagnosis,
    *,
    app: App,
    branch: Branch,
    roles: RoleChoices,
    jobs: Callable[[], Read[tuple[Job, ...]]],
    policies: Callable[[str], Item[RolePolicies]],
) -> Question:
    """May the bot attach the compute role? Cool-down, storm, earlier tries and mute are left out."""
    compute, service = roles
    failure = ConfirmedFailure(
        trigger=Trigger.RUNTIME if diagnosis.phase is Phase.RUNTIME else Trigger.FAILED,
        app=app,
        branch=branch,
        evidence=evidence,
        diagnosis=diagnosis,
        opt_in=read_opt_in(settings, branch.tags),
        compute_choice=compute,
        service_choice=service,
        noticed_at=evidence.read_at,
    )
    return Question(
        failure,
        settings,
        asked_at=evidence.read_at,
        jobs=jobs,
        policies=policies,
        allowed_until=evidence.read_at,
    )
