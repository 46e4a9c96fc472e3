"""The two changes the bot may make, and what its guardrails say of them today.

The very guardrails that hold for the deployed bot are asked, but for those that depend on a failure, or on what was
done, asked for or muted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medic.diagnosis.model import Diagnosis, Label, Phase
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence.model import Item, RolePolicies
from medic.plan.guardrails import (
    ATTACH_GUARDRAILS,
    BRANCH_NAME,
    COOL_DOWN,
    FRESH,
    NO_STORM,
    NOT_A_PREVIEW,
    NOT_AUTO_CREATED,
    NOT_MUTED,
    NOT_TRIED_BEFORE,
    PLATFORM,
    REPAIR_GUARDRAILS,
    USABLE_ROLE_STAYS,
    Guardrail,
    Question,
    ask_all,
)
from medic.plan.optin import SERVICE_ROLE, OptIn, RoleChoice, choose_compute_role, choose_service_role
from medic.settings import Mode, Settings
from medic_cli.scan.model import Kind, Severity

if TYPE_CHECKING:
    from medic.diagnosis.model import RoleVerdict
    from medic.evidence.model import Branch, Evidence
    from medic_cli.scan.facts import AppFacts

PoliciesOf = Callable[[str], Item[RolePolicies]]
Answer = tuple[Kind, Severity, str, str | None]
"""Kind, severity, what is said, and the role it is about."""

_DEPEND_ON_THE_PAST = (FRESH, NO_STORM, NOT_MUTED, NOT_TRIED_BEFORE, COOL_DOWN)
STATIC_ATTACH = tuple(each for each in ATTACH_GUARDRAILS if each not in _DEPEND_ON_THE_PAST)
STATIC_REPAIR = tuple(each for each in REPAIR_GUARDRAILS if each not in _DEPEND_ON_THE_PAST)
_NEED_NO_ROLE = (NOT_A_PREVIEW, PLATFORM, BRANCH_NAME, NOT_AUTO_CREATED, USABLE_ROLE_STAYS)
_WITHOUT_A_ROLE = tuple(each for each in STATIC_ATTACH if each in _NEED_NO_ROLE)

_NO_DEFAULT_ROLE = ""
"""Stands for the stack's default role where nobody said which one that is."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the deployer allows in one region."""

    settings: Settings
    default_role: str | None
    """The ARN of the stack's default compute role, if it is known."""

    def look_at(self, app_id: str) -> bool:
        """True if the bot looks at this app at all."""
        return not self.settings.apps or app_id in self.settings.apps


@dataclass(frozen=True, slots=True)
class Change:
    """One change on one opted-in branch, and what is to be asked about it."""

    what: str
    question: Question
    guardrails: tuple[Guardrail, ...]

    def answer(self) -> Answer:
        """Possible, refused, or not needed."""
        q, current = self.question, self.question.diagnosis.compute
        refusal = next((answer for answer in ask_all(self.guardrails, q) if not answer.allows), None)
        if refusal is not None and refusal.rule == USABLE_ROLE_STAYS.name and current is not None and current.usable:
            return Kind.FIX_NOT_NEEDED, Severity.NOTE, "The compute role is usable, and somebody set it.", current.arn
        if refusal is not None:
            said = sentence(f"{self.what} would be refused by {refusal.rule}: {refusal.detail}")
            return Kind.FIX_REFUSED, Severity.WARNING, said, q.choice.arn or None
        how = "after somebody approves" if q.opt_in.mode is Mode.ASK else "by itself"
        if q.choice.arn == _NO_DEFAULT_ROLE:
            said = f"{self.what} would be done {how}, with the stack's default role; which one that is was not said"
            return Kind.FIX_POSSIBLE, Severity.NOTE, sentence(f"{said} (--stack, --default-role)"), None
        said = sentence(f"{self.what} would be done {how}, with {q.choice.arn}: {q.choice.note}")
        return Kind.FIX_POSSIBLE, Severity.NOTE, said, q.choice.arn


def changes(facts: AppFacts, branch: Branch, opt_in: OptIn, terms: Terms, policies: PoliciesOf) -> Iterator[Change]:
    """What the bot would do if the branch failed: attach a compute role, and repair a service role proven unusable."""
    attach, repair = _choices(facts, branch, terms)
    verdict = compute_role_verdict(_evidence(facts, branch, attach), attach.arn)
    asked = _question(facts, branch, opt_in, terms, attach, verdict, policies)
    yield Change("Attaching a compute role", asked, STATIC_ATTACH if attach.arn else _without_a_role(attach))
    service = service_role_verdict(facts.evidence(branch), facts.app.service_role_arn)
    if SERVICE_ROLE in facts.app.tags and service is not None and service.usable is False:
        verdict = service_role_verdict(_evidence(facts, branch, repair), repair.arn)
        asked = _question(facts, branch, opt_in, terms, repair, verdict, policies)
        yield Change("Repairing the service role", asked, STATIC_REPAIR)


def chosen_roles(facts: AppFacts, branch: Branch, terms: Terms) -> Iterator[str]:
    """The roles that these changes would set, as far as they are known."""
    for choice in _choices(facts, branch, terms):
        if choice.arn:
            yield choice.arn


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _choices(facts: AppFacts, branch: Branch, terms: Terms) -> tuple[RoleChoice, RoleChoice]:
    settings, app = terms.settings, facts.app
    default = terms.default_role or _NO_DEFAULT_ROLE
    return (
        choose_compute_role(settings, default, app.id, branch.name, branch.tags),
        choose_service_role(settings, app.id, branch.name, app.tags),
    )


def _without_a_role(choice: RoleChoice) -> tuple[Guardrail, ...]:
    """The default role is not known here; where none can be chosen at all, that is what refuses."""
    return _WITHOUT_A_ROLE if choice.arn == _NO_DEFAULT_ROLE else STATIC_ATTACH


def _evidence(facts: AppFacts, branch: Branch, choice: RoleChoice) -> Evidence:
    return replace(facts.evidence(branch), candidate_role_arn=choice.arn)


def _question(  # noqa: PLR0913, PLR0917 - what the guardrails are asked about
    facts: AppFacts,
    branch: Branch,
    opt_in: OptIn,
    terms: Terms,
    choice: RoleChoice,
    candidate: RoleVerdict | None,
    policies: PoliciesOf,
) -> Question:
    evidence = _evidence(facts, branch, choice)
    diagnosis = Diagnosis(
        label=Label.CREDENTIALS_MISSING_RUNTIME,
        phase=Phase.RUNTIME,
        findings=(),
        checks=(),
        causes=(),
        compute=compute_role_verdict(evidence, facts.compute_role_of(branch)),
        candidate=candidate,
    )
    return Question(
        settings=terms.settings,
        evidence=evidence,
        diagnosis=diagnosis,
        app=facts.app,
        branch=branch,
        opt_in=opt_in,
        choice=choice,
        asked_at=facts.read_at,
        nudged_at=facts.read_at,
        cooling_until=None,
        storm=False,
        tried_before=False,
        muted=False,
        approved=False,
        policies=policies,
    )
