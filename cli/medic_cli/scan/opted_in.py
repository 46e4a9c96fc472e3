"""Opted-in branches: what the tag says, and whether a fix would be possible there now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.evidence.model import Item, RolePolicies, Unreadable
from medic.plan.guardrails import ask_all
from medic.plan.optin import AUTO_FIX, IGNORE, read_opt_in
from medic.settings import Mode
from medic_cli.scan.changes import Answer, Terms, changes, chosen_roles, sentence
from medic_cli.scan.model import Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medic.evidence.model import Branch
    from medic_cli.scan.facts import AppFacts
    from medic_cli.scan.model import Finding

_NOT_READ = Unreadable("its policies were not read")


def candidates(facts: AppFacts, terms: Terms) -> tuple[str, ...]:
    """The ARNs of the roles that opted-in branches of this app, or the app itself, would get."""
    opted_in = (branch for branch in facts.branches if _may_be_changed(facts, branch, terms))
    return tuple(dict.fromkeys(arn for branch in opted_in for arn in chosen_roles(facts, branch, terms)))


def roles_to_weigh(facts: AppFacts, terms: Terms) -> tuple[str, ...]:
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


def opt_in_findings(facts: AppFacts, terms: Terms, policies: Mapping[str, Item[RolePolicies]]) -> Iterator[Finding]:
    """What opting in would come to; branches with the same answer stand together."""
    grouped: dict[Answer, list[str]] = {}
    for branch in facts.branches:
        for answer in _answers(facts, branch, terms, policies):
            grouped.setdefault(answer, []).append(branch.name)
    for (kind, severity, said, role), names in grouped.items():
        yield facts.finding(kind, severity, said, branches=tuple(names), role=role)


def _may_be_changed(facts: AppFacts, branch: Branch, terms: Terms) -> bool:
    return terms.look_at(facts.app.id) and read_opt_in(terms.settings, branch.tags).mode is not Mode.REPORT


def _answers(
    facts: AppFacts, branch: Branch, terms: Terms, policies: Mapping[str, Item[RolePolicies]]
) -> Iterator[Answer]:
    opt_in, tag = read_opt_in(terms.settings, branch.tags), branch.tags.get(AUTO_FIX)
    if tag in (None, Mode.REPORT, IGNORE):
        return
    if tag not in list(Mode):
        yield Kind.OPT_IN_UNKNOWN, Severity.WARNING, sentence(opt_in.note), None
    elif opt_in.mode is Mode.REPORT:
        yield Kind.FIX_REFUSED, Severity.WARNING, sentence(opt_in.note), None
    elif not terms.look_at(facts.app.id):
        said = "The settings name the apps that the bot looks at, and this one is not among them."
        yield Kind.FIX_REFUSED, Severity.WARNING, said, None
    else:
        of = changes(facts, branch, opt_in, terms, lambda name: policies.get(name) or _NOT_READ)
        yield from (change.answer() for change in of)
