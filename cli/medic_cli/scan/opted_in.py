"""Findings on opted-in branches: the tag's value, and whether the bot could fix the branch now.

The settings that decide it come from a file or from the deployed stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medic.alerts.wording import capitalized
from medic.diagnosis.model import Diagnosis
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence import Absent, Item, RolePolicies, Unreadable
from medic.labels import ActionKind, Label, Phase
from medic.plan.guardrails import (
    ATTACH_GUARDRAILS,
    REPAIR_GUARDRAILS,
    Guardrail,
    Question,
    ask_all,
    branch_name,
    cool_down,
    first_refusal,
    fresh,
    no_storm,
    not_a_preview,
    not_auto_created,
    not_muted,
    not_tried_before,
    platform,
    usable_role_stays,
)
from medic.plan.optin import AUTO_FIX, IGNORE, SERVICE_ROLE, read_opt_in
from medic.records import replace
from medic.settings import Mode, Settings
from medic.settings_reader import CONTEXT_KEY, SettingsError
from medic_cli.files import read_json_file
from medic_cli.scan.model import FindingKind, Severity
from medic_cli.would_do import question, role_choices

if TYPE_CHECKING:
    from medic.evidence import Branch
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.model import ScanFinding
    from medic_cli.would_do import RoleChoices

_SETTINGS_FILE = "cdk.json"
_MAX_BYTES = 1 << 20

_DEPEND_ON_HISTORY = (fresh, no_storm, not_muted, not_tried_before, cool_down)
STATIC_ATTACH = tuple(each for each in ATTACH_GUARDRAILS if each not in _DEPEND_ON_HISTORY)
STATIC_REPAIR = tuple(each for each in REPAIR_GUARDRAILS if each not in _DEPEND_ON_HISTORY)
_NEED_NO_ROLE = (not_a_preview, platform, branch_name, not_auto_created, usable_role_stays)
_STATIC_WITHOUT_ROLE = tuple(each for each in STATIC_ATTACH if each in _NEED_NO_ROLE)

_UNKNOWN_DEFAULT_ROLE = ""
"""Stands for the ARN of the stack's default role if the user did not give it."""
_NOT_READ = Unreadable("its policies were not read")

_PoliciesOf = Callable[[str], Item[RolePolicies]]
_Answer = tuple[FindingKind, Severity, str, str | None]
"""Kind, severity, detail, and the ARN of the role it is about."""


@dataclass(frozen=True, slots=True)
class OptInTerms:
    """What the deployer allows in one region."""

    settings: Settings
    default_role: str | None
    """The ARN of the stack's default compute role, if it is known."""

    def covers(self, app_id: str) -> bool:
        """False if the settings leave this app out."""
        return not self.settings.apps or app_id in self.settings.apps


def terms_of_stacks(name: str, profile: str | None, regions: tuple[str, ...]) -> Mapping[str, OptInTerms]:
    """The terms of the stack of this name, in each region.

    Raises:
        CouldNotLookError: a region has no such stack, or it can't be read.
    """
    # Imported here because settings from a file need no boto3.
    from medic_cli.aws import DeployedStack, explained, session  # noqa: PLC0415

    with explained():
        runtimes = {region: DeployedStack(session(profile, region), name).runtime for region in regions}
    return {region: OptInTerms(runtime.settings, runtime.default_role_arn) for region, runtime in runtimes.items()}


def settings_file(given: str | None) -> str | None:
    """The path to read: the given one, else cdk.json if this directory has one, else None."""
    return given or (_SETTINGS_FILE if Path(_SETTINGS_FILE).is_file() else None)


def read_settings(path: str) -> Settings | None:
    """The settings in a file. None for the cdk.json of a CDK app without settings.

    Raises:
        CouldNotLookError: the file can't be read, or is not JSON.
        click.UsageError: the file holds something else, or the settings are invalid.
    """
    document = read_json_file(path, _MAX_BYTES)
    if not isinstance(document, Mapping):
        raise click.UsageError(f"{path} must contain a JSON object.")
    context = document.get("context", document)
    raw = context.get(CONTEXT_KEY) if isinstance(context, Mapping) else None
    if raw is None and "app" in document:
        return None
    try:
        return Settings.parse(document if raw is None else raw)
    except SettingsError as error:
        raise click.UsageError(f"{path}: {error}") from None


def candidate_roles(facts: AppFacts, terms: OptInTerms) -> tuple[str, ...]:
    """The ARNs of the roles that the bot would set on opted-in branches or on the app."""
    choices = (
        choice
        for branch in facts.branches
        if _may_be_changed(facts, branch, terms)
        for choice in _choices(facts, branch, terms)
    )
    return tuple(dict.fromkeys(choice.arn for choice in choices if choice.arn))


def roles_needing_policies(facts: AppFacts, terms: OptInTerms) -> tuple[str, ...]:
    """Names of the roles whose policies the last guardrail reads, because all others allow the change."""
    wanted: list[str] = []

    def note(role_name: str) -> Item[RolePolicies]:
        wanted.append(role_name)
        return _NOT_READ

    for branch in facts.branches:
        if _may_be_changed(facts, branch, terms):
            for change in _possible_changes(facts, branch, terms, note):
                ask_all(change.guardrails, change.question)
    return tuple(dict.fromkeys(wanted))


def opt_in_findings(
    facts: AppFacts, terms: OptInTerms, policies: Mapping[str, Item[RolePolicies]]
) -> Iterator[ScanFinding]:
    """What the bot would do on opted-in branches. Branches with the same answer share a finding.

    Args:
        facts: the app.
        terms: the settings of its region.
        policies: by role name, for the roles that `roles_needing_policies` gives. The rest count as unreadable.
    """
    grouped: dict[_Answer, list[str]] = {}
    for branch in facts.branches:
        for answer in _answers(facts, branch, terms, policies):
            grouped.setdefault(answer, []).append(branch.name)
    for (kind, severity, detail, role), names in grouped.items():
        yield facts.finding(kind, severity, detail, branches=tuple(names), role=role)


def _may_be_changed(facts: AppFacts, branch: Branch, terms: OptInTerms) -> bool:
    return terms.covers(facts.app.id) and read_opt_in(terms.settings, branch.tags).mode is not Mode.REPORT


def _answers(
    facts: AppFacts, branch: Branch, terms: OptInTerms, policies: Mapping[str, Item[RolePolicies]]
) -> Iterator[_Answer]:
    opt_in, tag = read_opt_in(terms.settings, branch.tags), branch.tags.get(AUTO_FIX)
    if tag in (None, Mode.REPORT, IGNORE):
        return
    note = capitalized(opt_in.note)
    if tag not in list(Mode):
        yield FindingKind.OPT_IN_UNKNOWN, Severity.WARNING, note, None
    elif opt_in.mode is Mode.REPORT:
        yield FindingKind.FIX_REFUSED, Severity.WARNING, note, None
    elif not terms.covers(facts.app.id):
        detail = "The settings limit the bot to certain apps, and this app is not one of them."
        yield FindingKind.FIX_REFUSED, Severity.WARNING, detail, None
    else:
        found = _possible_changes(facts, branch, terms, lambda name: policies.get(name) or _NOT_READ)
        yield from (change.answer() for change in found)


@dataclass(frozen=True, slots=True)
class _PossibleChange:
    """One change on one opted-in branch, with the guardrails that decide it."""

    what: str
    """Completes `The bot would …`."""
    question: Question
    guardrails: tuple[Guardrail, ...]

    def answer(self) -> _Answer:
        q, failure = self.question, self.question.failure
        current = failure.diagnosis.compute
        refusal = first_refusal(self.guardrails, q)
        kept = refusal is not None and refusal.rule == usable_role_stays.__name__
        if kept and current is not None and current.usable:
            detail = "Someone set a compute role, and it is usable."
            return FindingKind.FIX_NOT_NEEDED, Severity.NOTE, detail, current.arn
        if refusal is not None:
            detail = f"The guardrail {refusal.rule} would refuse to {self.what}: {refusal.detail}"
            return FindingKind.FIX_REFUSED, Severity.WARNING, detail, q.choice.arn or None
        how = "after someone approves it" if failure.opt_in.mode is Mode.ASK else "automatically"
        change = f"The bot would {self.what} {how}"
        if q.choice.arn == _UNKNOWN_DEFAULT_ROLE:
            detail = f"{change}, with the stack's default role (pass --stack or --default-role to see which)"
            return FindingKind.FIX_POSSIBLE, Severity.NOTE, detail, None
        return FindingKind.FIX_POSSIBLE, Severity.NOTE, f"{change}, with {q.choice.arn}: {q.choice.note}", q.choice.arn


def _possible_changes(
    facts: AppFacts, branch: Branch, terms: OptInTerms, policies: _PoliciesOf
) -> Iterator[_PossibleChange]:
    """What the bot would do if the branch failed: attach a compute role, or repair an unusable service role."""
    attach = _question(facts, branch, terms, policies)
    # If only the default role's ARN is unknown, ask what can be asked. If no role can be chosen, that refuses.
    unknown = attach.choice.arn == _UNKNOWN_DEFAULT_ROLE
    yield _PossibleChange("attach a compute role", attach, _STATIC_WITHOUT_ROLE if unknown else STATIC_ATTACH)
    service = service_role_verdict(attach.failure.evidence, facts.app.service_role_arn)
    if SERVICE_ROLE in facts.app.tags and service is not None and service.usable is False:
        repair = replace(attach, change=ActionKind.REPAIR_SERVICE)
        yield _PossibleChange("repair the service role", repair, STATIC_REPAIR)


def _choices(facts: AppFacts, branch: Branch, terms: OptInTerms) -> RoleChoices:
    return role_choices(terms.settings, terms.default_role or _UNKNOWN_DEFAULT_ROLE, facts.app, branch)


def _question(facts: AppFacts, branch: Branch, terms: OptInTerms, policies: _PoliciesOf) -> Question:
    """The question for a failure that the branch might have."""
    roles = attach, repair = _choices(facts, branch, terms)
    evidence = replace(facts.evidence(branch), candidate_role_arn=attach.arn, repair_role_arn=repair.arn)
    diagnosis = Diagnosis(
        label=Label.CREDENTIALS_MISSING_RUNTIME,
        phase=Phase.RUNTIME,
        findings=(),
        checks=(),
        causes=(),
        compute=compute_role_verdict(evidence, facts.compute_role_of(branch)),
        candidate=compute_role_verdict(evidence, attach.arn),
        repair=service_role_verdict(evidence, repair.arn),
    )
    return question(
        terms.settings,
        evidence,
        diagnosis,
        app=facts.app,
        branch=branch,
        roles=roles,
        jobs=lambda: Absent("no job failed"),
        policies=policies,
    )
