"""What a trust policy is pinned to, where its conditions on the source of the call alone keep Amplify out.

The one cause of "Unable to assume specified IAM Role" that was cleanly proven in public: a role made for one app, whose
aws:SourceArn names that app, reused for another.
https://docs.aws.amazon.com/amplify/latest/userguide/cross-service-confused-deputy-prevention.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.trust import Outcome, Verdict
from medic.trust.document import Effect
from medic.trust.wording import bare, listed, shown

if TYPE_CHECKING:
    from medic.trust import ConditionTrace, Decision, StatementTrace

_SOURCE_KEYS = frozenset({"aws:sourcearn", "aws:sourceaccount"})
_ARN_PARTS = 6


def pins_of(decision: Decision) -> tuple[str, ...]:
    """Each condition and what it wants in place of this call, such as `aws:SourceArn to app d2other`.

    Empty unless the answer is denied and nothing but such conditions stands in the way.
    """
    if decision.outcome is not Outcome.DENIED or not decision.blockers:
        return ()
    culprits = [culprit for trace in decision.blockers for culprit in _culprits(trace)]
    if not culprits or None in culprits:
        return ()
    source = decision.request.source_arn or ""
    return tuple(_pin(culprit, source) for culprit in culprits if culprit is not None)


def _culprits(trace: StatementTrace) -> list[ConditionTrace | None]:
    """The conditions by which a statement keeps Amplify out; None for anything else that does."""
    denies = trace.statement.effect is Effect.DENY
    if not denies and Verdict.FALSE in {trace.principal, trace.action, trace.resource}:
        return [None]
    decisive = [each for each in trace.conditions if denies or each.verdict is Verdict.FALSE]
    return [each if _pins(each, denies=denies) else None for each in decisive] or [None]


def _pins(trace: ConditionTrace, *, denies: bool) -> bool:
    """True for an Allow only from such a source, or a Deny from all others."""
    return trace.condition.key.lower() in _SOURCE_KEYS and trace.condition.operator.operator.negated is denies


def _pin(trace: ConditionTrace, source_arn: str) -> str:
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
