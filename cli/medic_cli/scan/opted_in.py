"""Opted-in branches: what the tag says, and whether a fix would be possible there now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medic.diagnosis.model import Diagnosis
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence import Item, RolePolicies, Unreadable
from medic.labels import Label, Phase
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
from medic.plan.optin import (
    AUTO_FIX,
    IGNORE,
    SERVICE_ROLE,
    OptIn,
    RoleChoice,
    choose_compute_role,
    choose_service_role,
    read_opt_in,
)
from medic.settings import CONTEXT_KEY, Mode, Settings, SettingsError
from medic_cli.files import read_json_file
from medic_cli.scan.model import FindingKind, Severity

if TYPE_CHECKING:
    from medic.diagnosis.model import RoleVerdict
    from medic.evidence import Branch, Evidence
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.model import ScanFinding

PoliciesOf = Callable[[str], Item[RolePolicies]]
ChangeAnswer = tuple[FindingKind, Severity, str, str | None]
"""Kind, severity, what is said, and the role it is about."""

_DEPEND_ON_THE_PAST = (FRESH, NO_STORM, NOT_MUTED, NOT_TRIED_BEFORE, COOL_DOWN)
STATIC_ATTACH = tuple(each for each in ATTACH_GUARDRAILS if each not in _DEPEND_ON_THE_PAST)
STATIC_REPAIR = tuple(each for each in REPAIR_GUARDRAILS if each not in _DEPEND_ON_THE_PAST)
_NEED_NO_ROLE = (NOT_A_PREVIEW, PLATFORM, BRANCH_NAME, NOT_AUTO_CREATED, USABLE_ROLE_STAYS)
_WITHOUT_A_ROLE = tuple(each for each in STATIC_ATTACH if each in _NEED_NO_ROLE)

_NO_DEFAULT_ROLE = ""
"""Stands for the stack's default role where nobody said which one that is."""


@dataclass(frozen=True, slots=True)
class OptInTerms:
    """What the deployer allows in one region."""

    settings: Settings
    default_role: str | None
    """The ARN of the stack's default compute role, if it is known."""

    def look_at(self, app_id: str) -> bool:
        """True if the bot looks at this app at all."""
        return not self.settings.apps or app_id in self.settings.apps


@dataclass(frozen=True, slots=True)
class PossibleChange:
    """One change on one opted-in branch, and what is to be asked about it."""

    what: str
    question: Question
    guardrails: tuple[Guardrail, ...]

    def answer(self) -> ChangeAnswer:
        """Possible, refused, or not needed."""
        q, current = self.question, self.question.diagnosis.compute
        refusal = next((answer for answer in ask_all(self.guardrails, q) if not answer.allows), None)
        if refusal is not None and refusal.rule == USABLE_ROLE_STAYS.name and current is not None and current.usable:
            return (
                FindingKind.FIX_NOT_NEEDED,
                Severity.NOTE,
                "The compute role is usable, and somebody set it.",
                current.arn,
            )
        if refusal is not None:
            said = sentence(f"{self.what} would be refused by {refusal.rule}: {refusal.detail}")
            return FindingKind.FIX_REFUSED, Severity.WARNING, said, q.choice.arn or None
        how = "after somebody approves" if q.opt_in.mode is Mode.ASK else "by itself"
        if q.choice.arn == _NO_DEFAULT_ROLE:
            said = f"{self.what} would be done {how}, with the stack's default role; which one that is was not said"
            return FindingKind.FIX_POSSIBLE, Severity.NOTE, sentence(f"{said} (--stack, --default-role)"), None
        said = sentence(f"{self.what} would be done {how}, with {q.choice.arn}: {q.choice.note}")
        return FindingKind.FIX_POSSIBLE, Severity.NOTE, said, q.choice.arn


def changes(
    facts: AppFacts, branch: Branch, opt_in: OptIn, terms: OptInTerms, policies: PoliciesOf
) -> Iterator[PossibleChange]:
    """What the bot would do if the branch failed: attach a compute role, and repair a service role proven unusable."""
    attach, repair = _choices(facts, branch, terms)
    verdict = compute_role_verdict(_evidence(facts, branch, attach), attach.arn)
    asked = _question(facts, branch, opt_in, terms, attach, verdict, policies)
    yield PossibleChange("Attaching a compute role", asked, STATIC_ATTACH if attach.arn else _without_a_role(attach))
    service = service_role_verdict(facts.evidence(branch), facts.app.service_role_arn)
    if SERVICE_ROLE in facts.app.tags and service is not None and service.usable is False:
        verdict = service_role_verdict(_evidence(facts, branch, repair), repair.arn)
        asked = _question(facts, branch, opt_in, terms, repair, verdict, policies)
        yield PossibleChange("Repairing the service role", asked, STATIC_REPAIR)


def chosen_roles(facts: AppFacts, branch: Branch, terms: OptInTerms) -> Iterator[str]:
    """The roles that these changes would set, as far as they are known."""
    for choice in _choices(facts, branch, terms):
        if choice.arn:
            yield choice.arn


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _choices(facts: AppFacts, branch: Branch, terms: OptInTerms) -> tuple[RoleChoice, RoleChoice]:
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
    terms: OptInTerms,
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
        woken_at=facts.read_at,
        cooling_until=None,
        storm=False,
        tried_before=False,
        muted=False,
        approved=False,
        policies=policies,
    )


_DEFAULT = "cdk.json"
_MOST_BYTES = 1 << 20


def terms_of_stacks(name: str, profile: str | None, regions: tuple[str, ...]) -> Mapping[str, OptInTerms]:
    """The terms of the stack of this name, in each region.

    Raises:
        CouldNotLookError: a region has no such stack, or it can't be read.
    """
    # Settings from a file do without boto3.
    from medic_cli.aws import DeployedStack, explained, session  # noqa: PLC0415

    with explained():
        runtimes = {region: DeployedStack(session(profile, region), name).runtime for region in regions}
    return {region: OptInTerms(runtime.settings, runtime.default_role_arn) for region, runtime in runtimes.items()}


def settings_file(given: str | None) -> str | None:
    """The file to read: the one given, else the cdk.json of this directory; None if there is neither."""
    return given or (_DEFAULT if Path(_DEFAULT).is_file() else None)


def read_settings(path: str) -> Settings | None:
    """The settings in a file; None if it is a CDK app's that has none.

    Raises:
        CouldNotLookError: the file can't be read, or is no JSON.
        click.UsageError: it holds something else than settings, or settings with mistakes.
    """
    document = read_json_file(path, _MOST_BYTES)
    if not isinstance(document, Mapping):
        raise click.UsageError(f"{path} must hold a JSON object.")
    context = document.get("context", document)
    raw = context.get(CONTEXT_KEY) if isinstance(context, Mapping) else None
    if raw is None and "app" in document:
        return None
    try:
        return Settings.parse(document if raw is None else raw)
    except SettingsError as error:
        raise click.UsageError(f"{path}: {error}") from None


_NOT_READ = Unreadable("its policies were not read")


def candidates(facts: AppFacts, terms: OptInTerms) -> tuple[str, ...]:
    """The ARNs of the roles that opted-in branches of this app, or the app itself, would get."""
    opted_in = (branch for branch in facts.branches if _may_be_changed(facts, branch, terms))
    return tuple(dict.fromkeys(arn for branch in opted_in for arn in chosen_roles(facts, branch, terms)))


def roles_to_weigh(facts: AppFacts, terms: OptInTerms) -> tuple[str, ...]:
    """Names of the roles whose policies the last guardrail will want, as every other one says yes."""
    wanted: list[str] = []

    def note(role_name: str) -> Item[RolePolicies]:
        wanted.append(role_name)
        return _NOT_READ

    for branch in facts.branches:
        if _may_be_changed(facts, branch, terms):
            for change in changes(facts, branch, read_opt_in(terms.settings, branch.tags), terms, note):
                ask_all(change.guardrails, change.question)
    return tuple(dict.fromkeys(wanted))


def opt_in_findings(
    facts: AppFacts, terms: OptInTerms, policies: Mapping[str, Item[RolePolicies]]
) -> Iterator[ScanFinding]:
    """What opting in would come to; branches with the same answer stand together."""
    grouped: dict[ChangeAnswer, list[str]] = {}
    for branch in facts.branches:
        for answer in _answers(facts, branch, terms, policies):
            grouped.setdefault(answer, []).append(branch.name)
    for (kind, severity, said, role), names in grouped.items():
        yield facts.finding(kind, severity, said, branches=tuple(names), role=role)


def _may_be_changed(facts: AppFacts, branch: Branch, terms: OptInTerms) -> bool:
    return terms.look_at(facts.app.id) and read_opt_in(terms.settings, branch.tags).mode is not Mode.REPORT


def _answers(
    facts: AppFacts, branch: Branch, terms: OptInTerms, policies: Mapping[str, Item[RolePolicies]]
) -> Iterator[ChangeAnswer]:
    opt_in, tag = read_opt_in(terms.settings, branch.tags), branch.tags.get(AUTO_FIX)
    if tag in (None, Mode.REPORT, IGNORE):
        return
    if tag not in list(Mode):
        yield FindingKind.OPT_IN_UNKNOWN, Severity.WARNING, sentence(opt_in.note), None
    elif opt_in.mode is Mode.REPORT:
        yield FindingKind.FIX_REFUSED, Severity.WARNING, sentence(opt_in.note), None
    elif not terms.look_at(facts.app.id):
        said = "The settings name the apps that the bot looks at, and this one is not among them."
        yield FindingKind.FIX_REFUSED, Severity.WARNING, said, None
    else:
        of = changes(facts, branch, opt_in, terms, lambda name: policies.get(name) or _NOT_READ)
        yield from (change.answer() for change in of)
