"""Opted-in branches: would the guardrails let a compute role be attached there now?

The same guardrails that hold for the deployed bot are asked, but for those that depend on a failure, or on what was
done, asked for or muted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medic.diagnosis.model import Diagnosis, Label, Phase
from medic.diagnosis.roles import compute_role_verdict
from medic.evidence.model import Item, RolePolicies, Unreadable
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
    USABLE_ROLE_STAYS,
    Question,
    ask_all,
)
from medic.plan.optin import AUTO_FIX, IGNORE, OptIn, RoleChoice, choose_compute_role, read_opt_in
from medic.settings import Mode, Settings
from medic_cli.scan.model import Kind, Severity

if TYPE_CHECKING:
    from medic.diagnosis.model import RoleVerdict
    from medic.evidence.model import Branch
    from medic.plan.model import GuardrailAnswer
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.model import Finding

_DEPEND_ON_THE_PAST = (FRESH, NO_STORM, NOT_MUTED, NOT_TRIED_BEFORE, COOL_DOWN)
STATIC = tuple(each for each in ATTACH_GUARDRAILS if each not in _DEPEND_ON_THE_PAST)
_WITHOUT_A_ROLE = tuple(
    each
    for each in STATIC
    if each in (NOT_A_PREVIEW, PLATFORM, BRANCH_NAME, NOT_AUTO_CREATED, USABLE_ROLE_STAYS)
)  # fmt: skip

_NO_DEFAULT_ROLE = ""
"""Stands for the stack's default role where nobody said which one that is."""

PoliciesOf = Callable[[str], Item[RolePolicies]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the deployer allows."""

    settings: Settings
    default_role: str | None
    """The ARN of the stack's default compute role, if it is known."""

    def choice(self, app_id: str, branch: Branch) -> RoleChoice:
        """The role this branch would get."""
        default = self.default_role or _NO_DEFAULT_ROLE
        return choose_compute_role(self.settings, default, app_id, branch.name, branch.tags)

    def candidates(self, facts: AppFacts) -> tuple[str, ...]:
        """The roles that opted-in branches of this app would get."""
        opted_in = (b for b in facts.branches if read_opt_in(self.settings, b.tags).mode is not Mode.REPORT)
        return tuple(dict.fromkeys(arn for b in opted_in if (arn := self.choice(facts.app.id, b).arn)))


def roles_to_weigh(facts: AppFacts, terms: Terms) -> tuple[str, ...]:
    """Names of the roles whose policies the last guardrail will want, as every other one says yes."""
    wanted: list[str] = []

    def note(role_name: str) -> Item[RolePolicies]:
        wanted.append(role_name)
        return Unreadable("not read yet")

    for branch in facts.branches:
        opt_in, choice = read_opt_in(terms.settings, branch.tags), terms.choice(facts.app.id, branch)
        if opt_in.mode is not Mode.REPORT and choice.arn:
            ask_all(STATIC, _question(facts, branch, opt_in, choice, terms, note))
    return tuple(dict.fromkeys(wanted))


def opt_in_findings(facts: AppFacts, terms: Terms, policies: Mapping[str, Item[RolePolicies]]) -> Iterator[Finding]:
    """What opting in would come to; branches with the same answer stand together."""
    grouped: dict[tuple[Kind, Severity, str, str | None], list[str]] = {}
    for branch in facts.branches:
        if AUTO_FIX in branch.tags:
            answer = _answer(facts, branch, terms, policies)
            if answer is not None:
                grouped.setdefault(answer, []).append(branch.name)
    for (kind, severity, said, role), names in grouped.items():
        yield facts.finding(kind, severity, said, branches=tuple(names), role=role)


def _answer(
    facts: AppFacts, branch: Branch, terms: Terms, policies: Mapping[str, Item[RolePolicies]]
) -> tuple[Kind, Severity, str, str | None] | None:
    opt_in, tag = read_opt_in(terms.settings, branch.tags), branch.tags[AUTO_FIX]
    if tag not in (*Mode, IGNORE):
        return Kind.OPT_IN_UNKNOWN, Severity.WARNING, _sentence(opt_in.note), None
    if tag in (Mode.REPORT, IGNORE):
        return None
    if opt_in.mode is Mode.REPORT:
        return Kind.FIX_REFUSED, Severity.WARNING, _sentence(f"mode: {opt_in.note}"), None
    if terms.settings.apps and facts.app.id not in terms.settings.apps:
        said = "apps: the settings name the apps that the bot looks at, and this one is not among them"
        return Kind.FIX_REFUSED, Severity.WARNING, _sentence(said), None
    choice = terms.choice(facts.app.id, branch)
    question = _question(facts, branch, opt_in, choice, terms, lambda name: policies.get(name) or _NOT_READ)
    unknown_default = choice.arn == _NO_DEFAULT_ROLE
    answers = ask_all(_WITHOUT_A_ROLE if unknown_default else STATIC, question)
    return _outcome(question, answers, unknown_default=unknown_default)


def _outcome(
    q: Question, answers: tuple[GuardrailAnswer, ...], *, unknown_default: bool
) -> tuple[Kind, Severity, str, str | None]:
    role, current = q.choice.arn or None, q.diagnosis.compute.arn if q.diagnosis.compute else None
    refusal = next((answer for answer in answers if not answer.allows), None)
    if refusal is not None and refusal.rule == USABLE_ROLE_STAYS.name and _usable(q.diagnosis.compute):
        return Kind.FIX_NOT_NEEDED, Severity.NOTE, "The compute role is usable, and somebody set it.", current
    if refusal is not None:
        return Kind.FIX_REFUSED, Severity.WARNING, _sentence(f"{refusal.rule}: {refusal.detail}"), role
    how = "after somebody approves" if q.opt_in.mode is Mode.ASK else "by itself"
    if unknown_default:
        said = f"The bot would attach the stack's default role {how}; which one that is was not said, so it was not "
        return Kind.FIX_POSSIBLE, Severity.NOTE, f"{said}looked at (--default-role).", None
    return Kind.FIX_POSSIBLE, Severity.NOTE, f"The bot would attach {role} {how}: {q.choice.note}.", role


def _usable(verdict: RoleVerdict | None) -> bool:
    return verdict is not None and verdict.usable is True


def _question(  # noqa: PLR0913, PLR0917 - what the guardrails are asked about
    facts: AppFacts, branch: Branch, opt_in: OptIn, choice: RoleChoice, terms: Terms, policies: PoliciesOf
) -> Question:
    evidence = replace(facts.evidence(branch), candidate_role_arn=choice.arn)
    diagnosis = Diagnosis(
        label=Label.CREDENTIALS_MISSING_RUNTIME,
        phase=Phase.RUNTIME,
        findings=(),
        checks=(),
        causes=(),
        compute=compute_role_verdict(evidence, facts.compute_role_of(branch)),
        candidate=compute_role_verdict(evidence, choice.arn),
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


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


_NOT_READ = Unreadable("its policies were not read")
