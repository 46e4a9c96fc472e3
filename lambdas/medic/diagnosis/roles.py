"""What is known of a role: may Amplify assume it, for one purpose, on one branch?"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from medic.diagnosis.model import Assumable, Proposal, RoleVerdict
from medic.evidence import Absent, Present, Unreadable
from medic.text import bare, listed, shown
from medic.trust import FixForm, Malformed, Outcome, Verdict, evaluate, explain, for_amplify, propose_fix
from medic.trust.document import Effect

if TYPE_CHECKING:
    from medic.evidence import Evidence, Role
    from medic.trust import ConditionTrace, Decision, StatementTrace, TrustFix

_SOURCE_KEYS = frozenset({"aws:sourcearn", "aws:sourceaccount"})
_ARN_PARTS = 6


def required_sources(decision: Decision) -> tuple[str, ...]:
    """Each condition and what it wants in place of this call, such as `aws:SourceArn to app d2other`.

    Empty unless the answer is denied and nothing but such conditions stands in the way.
    """
    if decision.outcome is not Outcome.DENIED or not decision.blockers:
        return ()
    culprits = [culprit for trace in decision.blockers for culprit in _culprits(trace)]
    if not culprits or None in culprits:
        return ()
    source = decision.request.source_arn or ""
    return tuple(_required_source(culprit, source) for culprit in culprits if culprit is not None)


def _culprits(trace: StatementTrace) -> list[ConditionTrace | None]:
    """The conditions by which a statement keeps Amplify out; None for anything else that does."""
    denies = trace.statement.effect is Effect.DENY
    if not denies and Verdict.FALSE in {trace.principal, trace.action, trace.resource}:
        return [None]
    decisive = [each for each in trace.conditions if denies or each.verdict is Verdict.FALSE]
    return [each if _required_sources(each, denies=denies) else None for each in decisive] or [None]


def _required_sources(trace: ConditionTrace, *, denies: bool) -> bool:
    """True for an Allow only from such a source, or a Deny from all others."""
    return trace.condition.key.lower() in _SOURCE_KEYS and trace.condition.operator.operator.negated is denies


def _required_source(trace: ConditionTrace, source_arn: str) -> str:
    wanted = listed((_difference(value, source_arn) for value in trace.condition.values), "or")
    return f"{bare(trace.condition.key)} to {wanted or 'nothing at all'}"


def _difference(value: str, source_arn: str) -> str:
    """What a wanted value names that this call's source is not: another app, region or account."""
    wanted, carried = value.split(":", _ARN_PARTS - 1), source_arn.split(":", _ARN_PARTS - 1)
    if value.isdigit():
        return f"account {bare(value)}"
    if len(wanted) < _ARN_PARTS or len(carried) < _ARN_PARTS or wanted[2] != "amplify":
        return shown(value)
    pairs = (("region", wanted[3], carried[3]), ("account", wanted[4], carried[4]))
    differing = [f"{word} {bare(want)}" for word, want, have in pairs if want not in {have, "*"}]
    app = _app_in(wanted[5])
    if app not in {_app_in(carried[5]), "*"}:
        differing.insert(0, f"app {bare(app)}")
    return " in ".join(differing) or shown(value)


def _app_in(resource: str) -> str:
    return resource.removeprefix("apps/").partition("/")[0]


SETTLED_AFTER = timedelta(minutes=5)
"""IAM is eventually consistent: what a younger role's trust seems to say is not yet what every service sees.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency"""

_WORST_FIRST = (Outcome.DENIED, Outcome.CONDITIONAL, Outcome.ALLOWED)
_TRUST_FIX = {FixForm.CONDITIONED: "trust_service_role", FixForm.PLAIN: "trust_compute_role"}
_STACK_TAG = "aws:cloudformation:stack-name"


def service_role_verdict(evidence: Evidence, role_arn: str | None) -> RoleVerdict | None:
    """The verdict on a service role, which builds assume.

    Whether a build carries the branch's or the app's ARN is not documented, so both are tried.
    """
    branch_arn = _branch_arn(evidence)
    sources = (branch_arn, branch_arn.partition("/branches/")[0])
    return _verdict(evidence, role_arn, sources, FixForm.CONDITIONED)


def compute_role_verdict(evidence: Evidence, role_arn: str | None) -> RoleVerdict | None:
    """The verdict on a compute role, which the SSR runtime assumes and UpdateBranch tries out.

    Source conditions on a compute role are contested: Amplify was seen to refuse and to accept them.
    """
    return _verdict(evidence, role_arn, (_branch_arn(evidence),), FixForm.PLAIN)


def _verdict(
    evidence: Evidence, role_arn: str | None, source_arns: tuple[str, ...], form: FixForm
) -> RoleVerdict | None:
    if role_arn is None:
        return None
    match evidence.roles.get(role_arn):
        case Present(role):
            decisions = [_decide(evidence, role, source_arn) for source_arn in source_arns]
            settled = evidence.read_at - role.created_at >= SETTLED_AFTER
            return _judged(role_arn, role, decisions, form, settled=settled)
        case Absent(why):
            return RoleVerdict(role_arn, Assumable.MISSING, settled=True, explanation=(why,))
        case Unreadable(reason):
            return RoleVerdict(role_arn, Assumable.UNREADABLE, settled=True, explanation=(reason,))
        case _:
            return RoleVerdict(role_arn, Assumable.UNREADABLE, settled=True, explanation=("it was not looked up",))


def _judged(role_arn: str, role: Role, decisions: list[Decision], form: FixForm, *, settled: bool) -> RoleVerdict:
    """The verdict on a role that was read; the least favourable decision explains it."""
    worst = min(decisions, key=lambda decision: _WORST_FIRST.index(decision.outcome))
    if isinstance(worst.document, Malformed):
        # IAM stores no malformed document, so it is we who cannot read this one: nothing may be concluded from it.
        return RoleVerdict(role_arn, Assumable.UNREADABLE, settled=settled, explanation=explain(worst))
    assumable = _assumable(decisions, contestable=form is FixForm.PLAIN)
    fix = propose_fix(worst, form)
    return RoleVerdict(
        role_arn,
        assumable,
        settled,
        explanation=(*explain(worst), *_reservations(decisions, fix)),
        required_source=required_sources(worst),
        proposal=_proposal(fix, role, form),
    )


def _decide(evidence: Evidence, role: Role, source_arn: str) -> Decision:
    request = for_amplify(
        partition=evidence.partition,
        region=evidence.region,
        account_id=evidence.account,
        source_arn=source_arn,
        now=evidence.read_at,
        role_arn=role.arn,
        role_tags=role.tags,
    )
    return evaluate(role.trust_policy, request)


def _assumable(decisions: list[Decision], *, contestable: bool) -> Assumable:
    outcomes = {decision.outcome for decision in decisions}
    if outcomes == {Outcome.ALLOWED}:
        contested = contestable and any(decision.depends_on_source_conditions for decision in decisions)
        return Assumable.CONTESTED if contested else Assumable.ALLOWED
    if outcomes == {Outcome.DENIED}:
        return Assumable.DENIED
    return Assumable.CONDITIONAL


def _reservations(decisions: list[Decision], fix: TrustFix) -> list[str]:
    said = []
    if len({decision.outcome for decision in decisions}) > 1:
        said.append("For the app's own ARN the answer is another; AWS does not say which of the two a build carries.")
    if decisions[0].outcome is Outcome.DENIED and fix.statement is None:
        said.append(f"No statement is proposed. {fix.reason}")
    return said


def _proposal(fix: TrustFix, role: Role, form: FixForm) -> Proposal | None:
    if fix.statement is None:
        return None
    stack = role.tags.get(_STACK_TAG)
    made_by = (f"The CloudFormation stack {stack} owns the role: change it there.",) if stack else ()
    return Proposal(
        fix=_TRUST_FIX[form],
        holder=role.arn,
        role_name=role.name,
        statement=json.dumps(fix.statement, separators=(",", ":")),
        notes=(*made_by, *fix.risks),
    )


def _branch_arn(evidence: Evidence) -> str:
    if isinstance(evidence.branch, Present):
        return evidence.branch.value.arn
    app = f"arn:{evidence.partition}:amplify:{evidence.region}:{evidence.account}:apps/{evidence.app_id}"
    return f"{app}/branches/{evidence.branch_name}"
