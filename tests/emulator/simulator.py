"""IAM's policy simulator: every resource, the caller's context keys, and the permissions boundary.

The emulator's own looks at the first resource only, and ignores the context entries.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}


def simulate(params: dict[str, Any]) -> Any:
    """SimulatePrincipalPolicy for a role."""
    role_arn, account = iam._p(params, "PolicySourceArn"), get_account_id()
    name = role_arn.rpartition("/")[2]
    if iam._roles.get(name) is None:
        return iam._error(404, "NoSuchEntity", f"The role with name {name} cannot be found.")
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    keys = dict(_context(params))
    results = []
    for action in _members(params, "ActionNames"):
        for resource in list(_members(params, "ResourceArns")) or ["*"]:
            context = iam_evaluator.EvalContext(
                principal_arn=role_arn,
                principal_type="AssumedRole",
                principal_account=account,
                action=action,
                resource_arn=resource,
                region=get_region(),
                source_ip="127.0.0.1",
                secure_transport=True,
                service_context=keys,
            )
            decision = iam_evaluator.evaluate(context, policies, *limits).decision
            within = all(iam_evaluator.evaluate(context, limit).decision == "Allow" for limit in limits)
            results.append(_result(action, resource, _DECISIONS[decision], within if limits else None))
    inner = f"<EvaluationResults>{''.join(results)}</EvaluationResults><IsTruncated>false</IsTruncated>"
    wrapped = f"<SimulatePrincipalPolicyResult>{inner}</SimulatePrincipalPolicyResult>"
    return iam._xml(200, "SimulatePrincipalPolicyResponse", wrapped)


def _result(action: str, resource: str, decision: str, within: bool | None) -> str:  # noqa: FBT001
    detail = (
        ""
        if within is None
        else "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>"
        f"{str(within).lower()}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
    )
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName><EvalDecision>{decision}</EvalDecision>"
        f"<MatchedStatements/><MissingContextValues/>{detail}</member>"
    )


def _members(params: dict[str, Any], name: str) -> Iterator[str]:
    at = 1
    while value := iam._p(params, f"{name}.member.{at}"):
        yield str(value)
        at += 1


def _context(params: dict[str, Any]) -> Iterator[tuple[str, str | list[str]]]:
    """The context entries, by the key in lower case as the evaluator wants it."""
    at = 1
    while key := iam._p(params, f"ContextEntries.member.{at}.ContextKeyName"):
        values = list(_members(params, f"ContextEntries.member.{at}.ContextKeyValues"))
        several = str(iam._p(params, f"ContextEntries.member.{at}.ContextKeyType")).endswith("List")
        yield str(key).lower(), values if several else values[0]
        at += 1
