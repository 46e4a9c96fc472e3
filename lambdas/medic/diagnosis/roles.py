"""What is known of a role: may Amplify assume it, for one purpose, on one branch?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.diagnosis.model import Assumable, RoleVerdict
from medic.evidence.model import Absent, Present, Unreadable
from medic.trust import Outcome, evaluate, explain, for_amplify

if TYPE_CHECKING:
    from medic.evidence.model import Evidence, Role
    from medic.trust import Decision

SETTLED_AFTER = timedelta(minutes=5)
"""IAM is eventually consistent: what a younger role's trust seems to say is not yet what every service sees.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency"""


def service_role_verdict(evidence: Evidence, role_arn: str | None) -> RoleVerdict | None:
    """The verdict on a service role, which builds assume.

    Whether a build carries the app's or the branch's ARN is not documented, so both are tried.
    """
    branch_arn = _branch_arn(evidence)
    return _verdict(evidence, role_arn, (branch_arn.partition("/branches/")[0], branch_arn), contestable=False)


def compute_role_verdict(evidence: Evidence, role_arn: str | None) -> RoleVerdict | None:
    """The verdict on a compute role, which the SSR runtime assumes and UpdateBranch tries out.

    Source conditions on a compute role are contested: Amplify was seen to refuse and to accept them.
    """
    return _verdict(evidence, role_arn, (_branch_arn(evidence),), contestable=True)


def _verdict(
    evidence: Evidence, role_arn: str | None, source_arns: tuple[str, ...], *, contestable: bool
) -> RoleVerdict | None:
    if role_arn is None:
        return None
    match evidence.roles.get(role_arn):
        case Present(role):
            decisions = [_decide(evidence, role, source_arn) for source_arn in source_arns]
            assumable = _assumable(decisions, contestable=contestable)
            settled = evidence.read_at - role.created_at >= SETTLED_AFTER
            return RoleVerdict(role_arn, assumable, settled, explain(decisions[0]))
        case Absent(why):
            return RoleVerdict(role_arn, Assumable.MISSING, settled=True, explanation=(why,))
        case Unreadable(because):
            return RoleVerdict(role_arn, Assumable.UNREADABLE, settled=True, explanation=(because,))
        case _:
            return RoleVerdict(role_arn, Assumable.UNREADABLE, settled=True, explanation=("it was not looked up",))


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


def _branch_arn(evidence: Evidence) -> str:
    if isinstance(evidence.branch, Present):
        return evidence.branch.value.arn
    app = f"arn:{evidence.partition}:amplify:{evidence.region}:{evidence.account}:apps/{evidence.app_id}"
    return f"{app}/branches/{evidence.branch_name}"
