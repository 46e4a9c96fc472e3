"""The most that a trust policy with unknown parts may allow. What even that denies is denied for sure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from medic.trust import AMPLIFY
from medic_cli.preflight.symbols import Json, why_unknown

_TAG_KEYS = ("aws:resourcetag/", "iam:resourcetag/")
_ALLOW_AMPLIFY: Mapping[str, Json] = {"Effect": "Allow", "Principal": {"Service": AMPLIFY}, "Action": "sts:AssumeRole"}


@dataclass(frozen=True, slots=True)
class Reading:
    document: Json
    complete: bool
    """False if something in it was unknown and so taken as allowing."""


def most_permissive(trust: Json) -> Reading | None:
    """The policy with each unknown part as wide as it may be; None if nothing is known of it."""
    if isinstance(trust, str):
        try:
            trust = json.loads(trust)
        except (ValueError, RecursionError):
            return None
    if not isinstance(trust, Mapping) or isinstance(trust.get("Statement"), str | None):
        return None
    given = trust["Statement"]
    statements = given if isinstance(given, list) else [given]
    read = [_statement(each) for each in statements]
    kept = [statement for statement, _ in read if statement is not None]
    rest = {name: value for name, value in trust.items() if name != "Statement"}
    complete = all(whole for _, whole in read) and why_unknown(rest) is None
    return Reading({**rest, "Statement": kept}, complete)


def _statement(given: Json) -> tuple[Json, bool]:
    """The statement, None if it is left out, and whether all of it was known."""
    if not isinstance(given, Mapping):
        return (_ALLOW_AMPLIFY, False) if why_unknown(given) else (given, True)
    effect, unsure = given.get("Effect"), _unknown_conditions(given) or why_unknown(given) is not None
    if not unsure:
        return given, True
    if effect == "Deny":
        return None, False
    if effect != "Allow":
        return _ALLOW_AMPLIFY, False
    statement: dict[str, Json] = {
        name: value for name, value in given.items() if why_unknown(value) is None and name != "Condition"
    }
    if not {"Principal", "NotPrincipal"} & set(statement):
        statement["Principal"] = _ALLOW_AMPLIFY["Principal"]
    if not {"Action", "NotAction"} & set(statement):
        statement["Action"] = _ALLOW_AMPLIFY["Action"]
    conditions = _known_conditions(given.get("Condition"))
    return {**statement, **({"Condition": conditions} if conditions else {})}, False


def _unknown_conditions(statement: Mapping[str, Json]) -> bool:
    """True if a condition looks at the role's own tags, which are not read here."""
    condition = statement.get("Condition")
    blocks = condition.values() if isinstance(condition, Mapping) else ()
    return any(isinstance(block, Mapping) and any(map(_on_tags, block)) for block in blocks)


def _known_conditions(condition: Json) -> dict[str, Json]:
    known: dict[str, Json] = {}
    for operator, block in condition.items() if isinstance(condition, Mapping) else ():
        if isinstance(block, Mapping) and why_unknown(operator) is None:
            keys = {key: value for key, value in block.items() if why_unknown([key, value]) is None}
            kept = {key: value for key, value in keys.items() if not _on_tags(key)}
            known |= {operator: kept} if kept else {}
    return known


def _on_tags(key: str) -> bool:
    return key.lower().startswith(_TAG_KEYS)
