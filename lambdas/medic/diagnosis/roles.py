"""Decides whether Amplify can assume a role, for one purpose and one branch, by evaluating its trust policy."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medic.arns import RoleArn, name_of
from medic.diagnosis.model import Assumable, Proposal, RoleVerdict
from medic.evidence import Absent, Evidence, Present, Role, RolePolicies, Unreadable, value_of
from medic.text import bare, listed, shown
from medic.trust import (
    AssumeRoleRequest,
    ConditionTrace,
    Decision,
    FixForm,
    Malformed,
    Outcome,
    TrustFix,
    Verdict,
    evaluate,
    explain,
    parse,
    propose_fix,
)
from medic.trust.document import Document, Effect, parse_permissions
from medic.trust.permissions import Permissions

if TYPE_CHECKING:
    from collections.abc import Iterator


PROPAGATION_TIME = timedelta(minutes=5)
"""IAM is eventually consistent: some services may not see a role that is younger than this, or see an older version.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency"""

_WORST_FIRST = (Outcome.DENIED, Outcome.CONDITIONAL, Outcome.ALLOWED)
_TRUST_FIX = {FixForm.CONDITIONED: "trust_service_role", FixForm.PLAIN: "trust_compute_role"}
_STACK_TAG = "aws:cloudformation:stack-name"
_SOURCE_KEYS = frozenset({"aws:sourcearn", "aws:sourceaccount"})
_ARN_PARTS = 6


def service_role_verdict(evidence: Evidence, role_arn: str | None) -> RoleVerdict | None:
    """The verdict on a service role, which builds assume; None without a role.

    AWS does not document whether a build sends the branch's or the app's ARN as aws:SourceArn, so both are evaluated.
    """
    branch_arn = _branch_arn(evidence)
    return _verdict(evidence, role_arn, (branch_arn, branch_arn.partition("/branches/")[0]), FixForm.CONDITIONED)


def compute_role_verdict(evidence: Evidence, role_arn: str | None) -> RoleVerdict | None:
    """The verdict on a compute role, which the SSR runtime assumes and UpdateBranch tests; None without a role.

    Source conditions on a compute role give CONTESTED, because Amplify has both accepted and refused them.
    """
    return _verdict(evidence, role_arn, (_branch_arn(evidence),), FixForm.PLAIN)


def role_created_at(evidence: Evidence, role_arn: str | None) -> datetime | None:
    """When a role was created; None if it was not read."""
    role = value_of(evidence.roles.get(role_arn or ""))
    return role.created_at if role else None


class UnknownPolicyError(Exception):
    """A policy document has a form that is not understood. The message says which and where, as a clause."""


def permissions_of(policies: RolePolicies, role: RoleArn, now: datetime) -> Permissions:
    """What all policies of a role may give.

    Raises:
        UnknownPolicyError: the role can't be judged.
    """
    documents: list[tuple[str, Document]] = []
    own = (("a policy of the role", document) for document in policies.documents)
    aws = ((f"the AWS-managed policy {name_of(arn)}", document) for arn, document in policies.aws_managed.items())
    for name, given in (*own, *aws):
        document = parse_permissions(given)
        if isinstance(document, Malformed):
            where = f"{bare(document.path)} " if document.path else "it "
            raise UnknownPolicyError(f"{name} can't be understood: {where}{document.problem}")
        documents.append((name, document))
    return Permissions(documents, role, now)


def _branch_arn(evidence: Evidence) -> str:
    if isinstance(evidence.branch, Present):
        return evidence.branch.value.arn
    return evidence.scope.branch_arn


def _verdict(
    evidence: Evidence, role_arn: str | None, source_arns: tuple[str, ...], form: FixForm
) -> RoleVerdict | None:
    if role_arn is None:
        return None
    match evidence.roles.get(role_arn):
        case Present(role):
            return _verdict_on(role, role_arn, evidence, source_arns, form)
        case Absent(reason):
            return RoleVerdict(role_arn, Assumable.MISSING, propagated=True, explanation=(reason,))
        case Unreadable(reason):
            return RoleVerdict(role_arn, Assumable.UNREADABLE, propagated=True, explanation=(reason,))
        case None:
            return RoleVerdict(role_arn, Assumable.UNREADABLE, propagated=True, explanation=("it was not looked up",))


def _verdict_on(
    role: Role, role_arn: str, evidence: Evidence, source_arns: tuple[str, ...], form: FixForm
) -> RoleVerdict:
    """The verdict on a role that was read. The least favourable decision explains it."""
    policy = parse(role.trust_policy)
    decisions = [
        evaluate(
            policy,
            AssumeRoleRequest(
                partition=evidence.scope.partition,
                region=evidence.scope.region,
                account_id=evidence.scope.account,
                source_arn=source_arn,
                now=evidence.read_at,
                role_arn=role.arn,
                role_tags=role.tags,
            ),
        )
        for source_arn in source_arns
    ]
    worst = min(decisions, key=lambda decision: _WORST_FIRST.index(decision.outcome))
    propagated = evidence.read_at - role.created_at >= PROPAGATION_TIME
    if isinstance(policy, Malformed):
        # IAM stores no malformed document, so our parser is at fault: this must not count as a denial.
        return RoleVerdict(role_arn, Assumable.UNREADABLE, propagated=propagated, explanation=explain(worst))
    fix = propose_fix(worst, form)
    return RoleVerdict(
        role_arn,
        _assumable(decisions, contestable=form is FixForm.PLAIN),
        propagated,
        explanation=(*_split(decisions, worst), *explain(worst), *_caveats(worst, fix)),
        required_source=_required_sources(decisions[0]),
        proposal=_proposal(fix, role, form),
    )


def _assumable(decisions: list[Decision], *, contestable: bool) -> Assumable:
    outcomes = {decision.outcome for decision in decisions}
    if outcomes == {Outcome.ALLOWED}:
        contested = contestable and any(decision.depends_on_source_conditions for decision in decisions)
        return Assumable.CONTESTED if contested else Assumable.ALLOWED
    return Assumable.DENIED if outcomes == {Outcome.DENIED} else Assumable.CONDITIONAL


def _split(decisions: list[Decision], worst: Decision) -> Iterator[str]:
    """For which of a branch and its app the trust holds, if not for both. A branch's ARN is the documented source."""
    if len({decision.outcome for decision in decisions}) > 1:
        fits, other = ("app", "branch") if worst is decisions[0] else ("branch", "app")
        yield (
            f"The trust policy fits the {fits}'s ARN as source and not the {other}'s; "
            "AWS does not say which of the two a build carries."
        )


def _caveats(worst: Decision, fix: TrustFix) -> Iterator[str]:
    if worst.outcome is Outcome.DENIED and fix.statement is None:
        yield f"No statement is proposed. {fix.reason}"
    if fix.replaces is not None:
        yield f"The proposed statement replaces Statement[{fix.replaces}] and lets in this source too."


def _proposal(fix: TrustFix, role: Role, form: FixForm) -> Proposal | None:
    if fix.statement is None:
        return None
    stack = role.tags.get(_STACK_TAG)
    owner = (f"The CloudFormation stack {stack} owns the role: change it there.",) if stack else ()
    return Proposal(
        fix=_TRUST_FIX[form],
        principal=role.arn,
        role_name=role.name,
        statement=json.dumps(fix.statement, separators=(",", ":")),
        replaces=fix.replaces,
        notes=(*owner, *fix.risks),
    )


def _required_sources(decision: Decision) -> tuple[str, ...]:
    """Each source condition and the value it wants instead of this call's, such as `aws:SourceArn to app d2other`.

    Empty unless the trust policy denies and nothing but such conditions causes the denial.
    """
    if decision.outcome is not Outcome.DENIED:
        return ()
    deciding: list[ConditionTrace] = []
    for trace in decision.blockers:
        denies = trace.statement.effect is Effect.DENY
        if not denies and Verdict.FALSE in {trace.principal, trace.action, trace.resource}:
            return ()
        conditions = [each for each in trace.conditions if denies or each.verdict is Verdict.FALSE]
        # A source condition is an Allow from the named source only, or a Deny to every other source.
        sources = [
            each
            for each in conditions
            if each.condition.key.lower() in _SOURCE_KEYS and each.condition.operator.negated is denies
        ]
        if not sources or sources != conditions:
            return ()
        deciding += sources
    source = decision.request.source_arn or ""
    return tuple(_required_source(condition, source) for condition in deciding)


def _required_source(trace: ConditionTrace, source_arn: str) -> str:
    wanted = listed((_difference(value, source_arn) for value in trace.condition.values), "or")
    return f"{bare(trace.condition.key)} to {wanted or 'nothing at all'}"


def _difference(value: str, source_arn: str) -> str:
    """The app, region or account that a condition's value names and this call's source does not have."""
    wanted, actual = value.split(":", _ARN_PARTS - 1), source_arn.split(":", _ARN_PARTS - 1)
    if value.isdigit():
        return f"account {bare(value)}"
    if len(wanted) < _ARN_PARTS or len(actual) < _ARN_PARTS or wanted[2] != "amplify":
        return shown(value)
    pairs = (("region", wanted[3], actual[3]), ("account", wanted[4], actual[4]))
    differing = [f"{word} {bare(want)}" for word, want, have in pairs if want not in {have, "*"}]
    app, _, branch = wanted[5].removeprefix("apps/").partition("/")
    own_app = actual[5].removeprefix("apps/").partition("/")[0]
    if app not in {own_app, "*"}:
        differing.insert(0, f"app {bare(app)}")
    elif not branch and not differing:
        return f"the app without its branches ({bare(value)})"
    elif branch.startswith("branches/") and not differing:
        return f"branch {bare(branch.removeprefix('branches/'))} of the app"
    return " in ".join(differing) or shown(value)
