"""The fake's own policy evaluation. It is small on purpose, and independent of the evaluator under test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVICE = "amplify.amazonaws.com"
_EXACT = {"StringEquals", "ArnEquals"}
_WILD = {"StringLike", "ArnLike", "ArnEquals"}


def may_assume(trust: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether this trust policy lets Amplify assume the role with these condition keys."""
    effects = {
        statement.get("Effect")
        for statement in _listed(trust.get("Statement"))
        if _names_amplify(statement.get("Principal"))
        and _covers(statement.get("Action"), "sts:AssumeRole")
        and _conditions_hold(statement.get("Condition", {}), context)
    }
    return "Allow" in effects and "Deny" not in effects


def permits(policies: tuple[Mapping[str, Any], ...], action: str, resource: str) -> bool:
    """Whether these identity policies allow the action on the resource. All conditions count as met."""
    effects = {
        statement.get("Effect")
        for policy in policies
        for statement in _listed(policy.get("Statement"))
        if _covers(statement.get("Action"), action) and _covers(statement.get("Resource"), resource)
    }
    return "Allow" in effects and "Deny" not in effects


def _names_amplify(principal: object) -> bool:
    if isinstance(principal, dict):
        return SERVICE in _listed(principal.get("Service"))
    return principal == "*"


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    sent = {key.lower(): value for key, value in context.items()}
    return all(_holds(operator, wanted, sent.get(key.lower())) for operator, key, wanted in _flat(conditions))


def _flat(conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, list[Any]]]:
    for operator, keys in conditions.items():
        for key, wanted in keys.items():
            yield operator, key, _listed(wanted)


def _holds(operator: str, wanted: list[Any], sent: str | None) -> bool:
    """Supports only the operators that trust policies for Amplify use. Any other operator is never met."""
    base = operator.removesuffix("IfExists")
    if sent is None:
        return base != operator
    return (base in _EXACT and sent in wanted) or (base in _WILD and any(_like(str(one), sent) for one in wanted))


def _covers(patterns: object, value: str) -> bool:
    return any(_like(str(pattern).lower(), value.lower()) for pattern in _listed(patterns))


def _like(pattern: str, value: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
