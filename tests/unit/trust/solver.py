"""What a trust policy allows, as a formula over every possible call. Written from AWS's pages, not from the evaluator.

It reads the elements that fixes write and that documents around them mostly have: exact principals and actions, and
conditions on aws:SourceAccount and aws:SourceArn.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from typing import Any, Final

import z3

PRINCIPAL, ACTION, SOURCE_ACCOUNT = z3.Strings("principal action account")
SEGMENTS: Final = z3.Strings("arn partition service region owner resource")
"""The six parts of aws:SourceArn. Only the last may hold a colon."""
WITH_ACCOUNT, WITH_ARN = z3.Bools("with_account with_arn")
"""Whether the call carries each of the two keys."""

_ANYTHING = z3.Star(z3.AllChar(z3.ReSort(z3.StringSort())))
_ANY = z3.AllChar(z3.ReSort(z3.StringSort()))
REAL = z3.And(
    *(z3.Not(z3.Contains(segment, ":")) for segment in SEGMENTS[:5]),
    z3.Implies(z3.And(WITH_ACCOUNT, WITH_ARN), SEGMENTS[4] == SOURCE_ACCOUNT),
)
"""A call that can be: AWS says that aws:SourceAccount is the account in aws:SourceArn.
https://docs.aws.amazon.com/amplify/latest/userguide/cross-service-confused-deputy-prevention.html"""


def allowed(document: dict[str, Any]) -> Any:
    """The calls that a document allows."""
    statements = _listed(document["Statement"])
    allows, denies = (
        z3.Or(*(applies(each) for each in statements if each["Effect"] == effect)) for effect in ("Allow", "Deny")
    )
    return z3.And(allows, z3.Not(denies))


def applies(statement: dict[str, Any]) -> Any:
    """The calls that a statement applies to."""
    principals = [name for names in statement["Principal"].values() for name in _listed(names)]
    actions = _listed(statement["Action"])
    return z3.And(
        z3.Or(*(name == PRINCIPAL for name in principals)), z3.Or(*(name == ACTION for name in actions)), met(statement)
    )


def met(statement: dict[str, Any]) -> Any:
    """The calls that meet a statement's conditions."""
    blocks = statement.get("Condition", {})
    return z3.And(
        *(_holds(operator, key, _listed(values)) for operator, keys in blocks.items() for key, values in keys.items())
    )


def _holds(operator: str, key: str, values: list[str]) -> Any:
    is_account = {"aws:sourceaccount": True, "aws:sourcearn": False}[key.lower()]
    present, parts = (WITH_ACCOUNT, [SOURCE_ACCOUNT]) if is_account else (WITH_ARN, SEGMENTS)
    return z3.And(present, z3.Or(*(_equal(operator, parts, value) for value in values)))


def _equal(operator: str, parts: list[Any], value: str) -> Any:
    given = value.split(":", len(parts) - 1)
    if set("*?") & set("".join(given[:-1])) and not operator.startswith("Arn"):
        raise NotImplementedError("a wildcard of StringLike can match colons")
    if len(given) != len(parts):  # no ARN
        return z3.BoolVal(val=False)
    return z3.And(*(_same(operator, part, text) for part, text in zip(parts, given, strict=True)))


def _same(operator: str, part: Any, value: str) -> Any:
    if operator in {"ArnLike", "ArnEquals", "StringLike"}:
        return z3.InRe(part, _glob(value))
    if operator == "StringEquals":
        return part == value
    raise NotImplementedError(operator)


def _glob(pattern: str) -> Any:
    wildcards = {"*": _ANYTHING, "?": _ANY}
    parts = [wildcards[c] if c in wildcards else z3.Re(c) for c in pattern]
    return z3.Concat(z3.Re(""), z3.Re(""), *parts)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def counterexample(claim: Any) -> str | None:
    """A real call for which a claim does not hold; None if there is none, which proves the claim.

    Raises:
        RuntimeError: the solver gave up.
    """
    solver = z3.Solver()
    solver.set("timeout", 20_000)
    solver.add(REAL, z3.Not(claim))
    result = solver.check()
    if result == z3.unknown:
        raise RuntimeError(solver.reason_unknown())
    return None if result == z3.unsat else str(solver.model())
