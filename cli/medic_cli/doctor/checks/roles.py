"""The roles of the stack with their rights, and the roles that the bot may set."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from medic.arns import RoleArn, name_of
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence import Absent, App, Branch, Present, Unreadable
from medic.knowledge.fixes import add_to_trust
from medic.plan.model import SSR
from medic.plan.optin import AUTO_FIX, COMPUTE_ROLE, SERVICE_ROLE
from medic.settings import Mode, Pairing
from medic.text import listed
from medic_cli.doctor.checks.common import check, compact, equal, gone, looked
from medic_cli.doctor.model import Check, Verdict, failed, judged, not_read, passed, unknown
from medic_cli.doctor.rights import questions
from medic_cli.doctor.template import differing, policies_of
from medic_cli.scan.facts import AppFacts
from medic_cli.scan.model import FindingKind
from medic_cli.scan.opted_in import OptInTerms, opt_in_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic_cli.doctor.facts import Facts
    from medic_cli.doctor.template import Json, Resource

_MOST_SHOWN = 5
_ANY_APP = "d0000000000000"
"""Stands for an app, where any may have the role."""


def checks(facts: Facts) -> Iterator[Check]:
    for role in facts.of_type("IAM::Role"):
        yield from _role(facts, role)
    if facts.settings.mode is not Mode.REPORT:
        yield from _chosen(facts)


def _role(facts: Facts, role: Resource) -> Iterator[Check]:
    def trusts(live: Json) -> Verdict:
        document = live["Role"]["AssumeRolePolicyDocument"]
        found = json.loads(document) if isinstance(document, str) else document
        wanted = role["AssumeRolePolicyDocument"]
        if not differing(wanted, found):
            return passed("its trust policy is the deployed one")
        repair = facts.command("iam update-assume-role-policy", role_name=role.name, policy_document=compact(wanted))
        return failed("its trust policy is not the deployed one", repair)

    def bounded(live: Json) -> Verdict:
        wanted = role["PermissionsBoundary"]
        found = live["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        verb, flags = ("put", {"permissions_boundary": wanted}) if wanted else ("delete", {})
        repair = facts.command(f"iam {verb}-role-permissions-boundary", role_name=role.name, **flags)
        return equal(found, wanted, repair, none="without a boundary")

    shown = "iam:GetRole"
    yield looked(facts, shown, role, "role-trust", "Only those may assume the role who should", trusts)
    yield looked(facts, shown, role, "role-boundary", "The role has the deployed boundary", bounded)
    if any(policies_of(facts.resources, role)):
        yield check("role-rights", role, "The role has every right it needs", _rights(facts, role))
    yield check("role-extras", role, "The role has the deployed policies, and no other", _extras(facts, role))


def _rights(facts: Facts, role: Resource) -> Verdict:
    """First whether the policies are there, then whether they suffice, as far as IAM's simulator says."""
    there = facts.read("iam:ListRolePolicies", role.name)
    return judged(there, lambda _: _present(facts, role) or _sufficient(facts, role), gone)


def _present(facts: Facts, role: Resource) -> Verdict | None:
    """A verdict if a policy is missing, differs or can't be read."""
    repairs, wrong = [], []
    for policy in policies_of(facts.resources, role):
        name, wanted = policy["PolicyName"], policy["PolicyDocument"]
        if policy.unresolved is not None:
            return unknown(f"the policy {name} can't be computed here ({policy.unresolved})")
        document = facts.inline.get((role.name, name))
        if isinstance(document, Unreadable):
            return not_read(document)
        found = document.value["PolicyDocument"] if isinstance(document, Present) else {}
        if different := differing(wanted, json.loads(found) if isinstance(found, str) else found):
            wrong.append(f"{name}: {', '.join(different)}")
            given = {"role_name": role.name, "policy_name": name, "policy_document": compact(wanted)}
            repairs.append(facts.command("iam put-role-policy", **given))
    if wrong:
        return failed(f"these statements are missing or differ: {'; '.join(wrong)}", " &&\n".join(repairs))
    return None


def _sufficient(facts: Facts, role: Resource) -> Verdict:
    answers = [facts.rights.get(each) for each in questions(facts.resources, role)]
    denied = [str(denial) for each in answers if isinstance(each, Present) for denial in each.value]
    if denied:
        more = f" and {len(denied) - _MOST_SHOWN} more" if len(denied) > _MOST_SHOWN else ""
        advice = "Its policies allow this, so a boundary, an SCP or a Deny takes it away: ask whoever owns that."
        return failed(f"IAM's simulator denies {'; '.join(denied[:_MOST_SHOWN])}{more}", advice=advice)
    if unread := next((each for each in answers if isinstance(each, Unreadable)), None):
        return not_read(unread)
    if any(not isinstance(each, Present) for each in answers):
        return unknown("IAM's simulator does not know the role", advice="Repeat in a minute: a new role needs that.")
    return passed(f"IAM's simulator allows all {len(answers)} statements")


def _extras(facts: Facts, role: Resource) -> Verdict:
    attached = facts.read("iam:ListAttachedRolePolicies", role.name)
    inline = facts.read("iam:ListRolePolicies", role.name)
    return judged(attached, lambda a: judged(inline, lambda i: _compared(facts, role, a, i), gone), gone)


def _compared(facts: Facts, role: Resource, attached: Json, inline: Json) -> Verdict:
    found, wanted = {each["PolicyArn"] for each in attached["AttachedPolicies"]}, set(role["ManagedPolicyArns"] or ())
    extra = set(inline["PolicyNames"]) - {each["PolicyName"] for each in policies_of(facts.resources, role)}
    wrong = (
        *((f"{arn} is attached", "detach-role-policy", {"policy_arn": arn}) for arn in sorted(found - wanted)),
        *((f"{arn} is not attached", "attach-role-policy", {"policy_arn": arn}) for arn in sorted(wanted - found)),
        *((f"the inline policy {each} was added", "delete-role-policy", {"policy_name": each})
          for each in sorted(extra)),
    )  # fmt: skip
    if not wrong:
        return passed("as deployed")
    repairs = (facts.command(f"iam {verb}", role_name=role.name, **flag) for _, verb, flag in wrong)
    return failed("; ".join(what for what, _, _ in wrong), " &&\n".join(repairs))


def _chosen(facts: Facts) -> Iterator[Check]:
    """The roles that the bot may set: each must pass every guardrail that does not depend on a failure."""
    default = Pairing(facts.default_role, facts.settings.default_role.apps or (_ANY_APP,))
    for pairing in (*facts.settings.compute_roles, default):
        verdict = _pairing(facts, pairing, service=False)
        yield Check(f"compute-role:{name_of(pairing.role_arn)}", "The bot may set this compute role", verdict)
    for pairing in facts.settings.service_roles:
        verdict = _pairing(facts, pairing, service=True)
        yield Check(f"service-role:{name_of(pairing.role_arn)}", "The bot may set this service role", verdict)


def _pairing(facts: Facts, pairing: Pairing, *, service: bool) -> Verdict:
    arn = pairing.role_arn
    role, policies = facts.roles.get(arn), facts.policies.get(name_of(arn))
    parts = RoleArn.parse(arn)
    foreign = parts is not None and parts.account != facts.place.account  # it can't be read, and is refused for that
    for item in (role, policies):
        if isinstance(item, Unreadable) and not foreign:
            return not_read(item)
    if isinstance(role, Absent):
        return failed(role.reason, advice="Create the role with this exact ARN, or take it out of the settings.")
    terms = OptInTerms(facts.settings, facts.default_role)
    for target in pairing.targets:
        app = _imagined(facts, target, arn, service=service)
        found = opt_in_findings(app, terms, {name_of(arn): policies} if policies is not None else {})
        refused = [each for each in found if each.kind is FindingKind.FIX_REFUSED and each.role in (arn, None)]
        if refused:
            verdict_of = service_role_verdict if service else compute_role_verdict
            verdict = verdict_of(app.evidence(app.branches[0]), arn)
            proposal = verdict.proposal if verdict is not None else None
            repair = (
                add_to_trust(shlex.quote(name_of(arn)), shlex.quote(proposal.statement), proposal.replaces)
                if proposal is not None
                else ""
            )
            return failed(f"for {target}: {refused[0].detail}", repair, "Correct what the guardrail reports.")
    return passed(f"it passes every guardrail, for {listed(pairing.targets)}")


def _imagined(facts: Facts, target: str, arn: str, *, service: bool) -> AppFacts:
    """An app with one opted-in branch that asks for the role, as the guardrails see it."""
    app_id, _, named = target.partition("/")
    place, name = facts.place, named or "main"
    app_arn, unusable = place.arn("amplify", f"apps/{app_id}"), place.arn("iam", "role/missing", regional=False)
    app = App(
        id=app_id,
        arn=app_arn,
        name=app_id,
        platform=SSR,
        repository=None,
        service_role_arn=unusable if service else None,
        compute_role_arn=None,
        tags={SERVICE_ROLE: arn} if service else {},
        environment=(),
        auto_branch_creation=False,
        auto_branch_patterns=(),
        clone_method=None,
    )
    branch = Branch(
        name=name,
        arn=f"{app_arn}/branches/{name}",
        stage="PRODUCTION",
        framework=None,
        compute_role_arn=None,
        tags={AUTO_FIX: Mode.FIX, **({} if service else {COMPUTE_ROLE: arn})},
        environment=(),
        source_branch=None,
        destination_branch=None,
        active_job_id=None,
    )
    roles = {**facts.roles, unusable: Absent("there is no such role")}
    return AppFacts(place.partition, place.account, place.region, facts.read_at, app, (branch,), roles)
