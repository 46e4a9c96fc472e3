"""Parses a trust policy's JSON strictly into typed statements, or into a `Malformed` that names the place and problem.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Generic, NoReturn, TypeAlias, TypeVar, cast
from urllib.parse import unquote

from msgspec import Struct

from medic.trust.operators import ConditionOperator, operator_named
from medic.trust.request import EVERYBODY, Principal, principal_of

MAX_CHARACTERS = 131_072
"""The longest PolicyDocument that UpdateAssumeRolePolicy accepts.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html
"""

T = TypeVar("T")
JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

DEFAULT_VERSION = "2008-10-17"
VERSION_WITH_VARIABLES = "2012-10-17"

_TOP_ELEMENTS = {"Version", "Id", "Statement"}
_STATEMENT_ELEMENTS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
_PRINCIPAL_ELEMENTS = {"Principal", "NotPrincipal"}


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


class Element(Struct, Generic[T], frozen=True):
    """A Principal, Action or Resource element, or its negated form."""

    entries: tuple[T, ...]
    negated: bool


_NOBODY: Element[Principal] = Element((), negated=False)


class Condition(Struct, frozen=True):
    """One key under one operator of a Condition block."""

    operator: ConditionOperator
    key: str
    values: tuple[str, ...]


class Statement(Struct, frozen=True):
    index: int
    """Its position in the document, from 0."""
    sid: str | None
    effect: Effect
    principals: Element[Principal]
    """A bare `*` has the key EVERYBODY. Empty in a policy that gives permissions."""
    actions: Element[str]
    resources: Element[str] | None
    """IAM refuses to save one in a trust policy."""
    conditions: tuple[Condition, ...]


class Document(Struct, frozen=True):
    """A policy that follows the grammar."""

    version: str
    statements: tuple[Statement, ...]
    source: Mapping[str, JsonValue]
    """The JSON object it was parsed from."""

    @property
    def resolves_variables(self) -> bool:
        """Whether `${…}` is a policy variable; before version 2012-10-17 it is plain text."""
        return self.version == VERSION_WITH_VARIABLES


class Malformed(Struct, frozen=True):
    """Why a document is not a valid policy, and where."""

    path: str
    """A JSON path such as `Statement[0].Effect`, or a line and column; empty for the whole document."""
    problem: str


class _GrammarError(Exception):
    """The text is not JSON or breaks the grammar. `parse` turns this into a `Malformed`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.malformed = Malformed(path, problem)


def parse(document: JsonValue) -> Document | Malformed:
    """Parse a trust policy; never raises, whatever the document holds.

    Args:
        document: JSON text, plain or percent-encoded as IAM's API returns it, or the decoded object.
    """
    return _parsed(document, trust=True)


def parse_permissions(document: Mapping[str, object]) -> Document | Malformed:
    """Like `parse`, for a policy that gives permissions: its statements name resources, and no principals."""
    return _parsed(cast("JsonValue", document), trust=False)


def _parsed(document: JsonValue, *, trust: bool) -> Document | Malformed:
    try:
        return _document(_load(document) if isinstance(document, str) else document, trust=trust)
    except _GrammarError as error:
        return error.malformed


def _document(value: JsonValue, *, trust: bool) -> Document:
    source = _object(value, "")
    if "Role" in source and "Statement" not in source:
        raise _GrammarError("", "looks like the answer of GetRole; pass its Role.AssumeRolePolicyDocument alone")
    _refuse_unknown(source, _TOP_ELEMENTS, "")
    version = source.get("Version", DEFAULT_VERSION)
    if not isinstance(version, str) or version not in {DEFAULT_VERSION, VERSION_WITH_VARIABLES}:
        raise _GrammarError("Version", f"must be {VERSION_WITH_VARIABLES} or {DEFAULT_VERSION}")
    if not isinstance(source.get("Id", ""), str):
        raise _GrammarError("Id", "must be a string")
    if "Statement" not in source:
        raise _GrammarError("Statement", "is missing")
    given = source["Statement"]
    statements = [given] if isinstance(given, Mapping) else _array(given, "Statement", "a statement or a list")
    parsed = (_statement(statement, index, trust=trust) for index, statement in enumerate(statements))
    return Document(version, tuple(parsed), source)


def _statement(value: JsonValue, index: int, *, trust: bool) -> Statement:
    path = f"Statement[{index}]"
    source = _object(value, path)
    _refuse_unknown(source, _STATEMENT_ELEMENTS if trust else _STATEMENT_ELEMENTS - _PRINCIPAL_ELEMENTS, path)
    sid = source.get("Sid")
    if "Sid" in source and not isinstance(sid, str):
        raise _GrammarError(f"{path}.Sid", "must be a string")
    effect = source.get("Effect")
    if not isinstance(effect, str) or effect not in {Effect.ALLOW, Effect.DENY}:
        problem = "must be exactly Allow or Deny" if "Effect" in source else "is missing"
        raise _GrammarError(f"{path}.Effect", problem)
    principals = _principals(source, path) if trust else _NOBODY
    actions, resources = _texts_of("Action", source, path), _texts_of("Resource", source, path)
    if actions is None:
        raise _GrammarError(f"{path}.Action", "is missing")
    if resources is None and not trust:
        raise _GrammarError(f"{path}.Resource", "is missing")
    return Statement(
        index=index,
        sid=sid if isinstance(sid, str) else None,
        effect=Effect(effect),
        principals=principals,
        actions=actions,
        resources=resources,
        conditions=tuple(_conditions(source, path)) if "Condition" in source else (),
    )


def _principals(source: Mapping[str, JsonValue], path: str) -> Element[Principal]:
    name = _one_of("Principal", source, path)
    if name is None:
        raise _GrammarError(f"{path}.Principal", "is missing; a trust policy says who may assume the role")
    path, value = f"{path}.{name}", source[name]
    if value == EVERYBODY:
        return Element((principal_of(EVERYBODY, EVERYBODY),), negated=name == "NotPrincipal")
    if not isinstance(value, Mapping):
        raise _GrammarError(path, 'must be "*" or an object such as {"Service": "amplify.amazonaws.com"}')
    entries = [
        principal_of(each, key)
        for key, names in _object(value, path).items()
        for each in _strings(names, f"{path}.{key}")
    ]
    return Element(tuple(entries), negated=name == "NotPrincipal")


def _texts_of(plain: str, source: Mapping[str, JsonValue], path: str) -> Element[str] | None:
    """An Action or Resource element."""
    name = _one_of(plain, source, path)
    return Element(_strings(source[name], f"{path}.{name}"), negated=name != plain) if name else None


def _conditions(source: Mapping[str, JsonValue], path: str) -> list[Condition]:
    path = f"{path}.Condition"
    conditions = []
    for name, keys in _object(source["Condition"], path).items():
        operator = operator_named(name)
        if operator is None:
            raise _GrammarError(f"{path}.{name}", "is not a condition operator")
        block = _object(keys, f"{path}.{name}")
        if len({key.lower() for key in block}) < len(block):
            raise _GrammarError(f"{path}.{name}", "names one condition key twice; their case does not matter")
        for key, value in block.items():
            values = _texts(
                value, f"{path}.{name}.{key}", "a string, number or boolean, or a list of them", scalar_text
            )
            conditions.append(Condition(operator, key, values))
    return conditions


def _one_of(plain: str, source: Mapping[str, JsonValue], path: str) -> str | None:
    """The name of an element or its negated form, whichever the statement has."""
    negated = f"Not{plain}"
    if plain in source and negated in source:
        raise _GrammarError(path, f"has both {plain} and {negated}; only one of them may stand in a statement")
    return next((name for name in (plain, negated) if name in source), None)


def _object(value: JsonValue, path: str) -> Mapping[str, JsonValue]:
    if not isinstance(value, Mapping):
        raise _GrammarError(path, "must be a JSON object")
    if isinstance(value, JsonObject) and value.repeated is not None:
        raise _GrammarError(_joined(path, value.repeated), "appears twice in one object")
    if not all(isinstance(key, str) for key in value):
        raise _GrammarError(path, "has a key that is not a string")
    return value


def _array(value: JsonValue, path: str, expected: str) -> Sequence[JsonValue]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _GrammarError(path, f"must be {expected}")
    return value


def _strings(value: JsonValue, path: str) -> tuple[str, ...]:
    return _texts(value, path, "a string or a list of strings", lambda each: each if isinstance(each, str) else None)


def _texts(value: JsonValue, path: str, expected: str, text_of: Callable[[JsonValue], str | None]) -> tuple[str, ...]:
    single = text_of(value)
    if single is not None:
        return (single,)
    _refuse_functions(value, path)
    listed = _array(value, path, expected)
    texts = [text_of(each) for each in listed]
    if None in texts:
        at = texts.index(None)
        _refuse_functions(listed[at], f"{path}[{at}]")
        raise _GrammarError(f"{path}[{at}]", f"must be {expected}")
    return tuple(text for text in texts if text is not None)


def _refuse_unknown(source: Mapping[str, JsonValue], known: set[str], path: str) -> None:
    unknown = next((key for key in source if key not in known), None)
    if unknown is not None:
        _refuse_functions({unknown: None}, path)
        raise _GrammarError(_joined(path, unknown), "is not an element of such a policy; names are case-sensitive")


def _refuse_functions(value: JsonValue, path: str) -> None:
    keys = value if isinstance(value, Mapping) else {}
    name = next((key for key in keys if key == "Ref" or key.startswith("Fn::")), None)
    if name is not None:
        problem = f"holds the CloudFormation function {name}; pass the policy as IAM has it after the deployment"
        raise _GrammarError(path, problem)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


class JsonObject(dict[str, JsonValue]):
    """A JSON object that records a repeated key. A plain dict would silently keep only the last value."""

    __slots__ = ("repeated",)

    def __init__(self, members: Sequence[tuple[str, JsonValue]]) -> None:
        super().__init__(members)
        self.repeated: str | None = None
        if len(self) < len(members):
            self.repeated = Counter(key for key, _ in members).most_common(1)[0][0]


def read_json(text: str) -> JsonValue:
    """Read strict JSON; each object is a `JsonObject`.

    Raises:
        ValueError: The text is not JSON, holds NaN or Infinity, or is nested too deeply.
    """
    try:
        value: JsonValue = json.loads(text, object_pairs_hook=JsonObject, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _load(text: str) -> JsonValue:
    # Percent-encoding makes a text up to three times as long.
    if len(text) > 3 * MAX_CHARACTERS:
        raise _GrammarError("", f"longer than the {MAX_CHARACTERS:,} characters IAM accepts")
    decoded = _decoded(text)
    if len(decoded) > MAX_CHARACTERS:
        raise _GrammarError("", f"longer than the {MAX_CHARACTERS:,} characters IAM accepts")
    if decoded.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"):
        raise _GrammarError("", "begins with a byte order mark, which is not JSON; save the text without it")
    if not decoded.strip():
        raise _GrammarError("", "is empty")
    try:
        return read_json(decoded)
    except json.JSONDecodeError as error:
        raise _GrammarError(f"line {error.lineno} column {error.colno}", f"is not JSON: {error.msg}") from None
    except ValueError as error:
        raise _GrammarError("", f"is not JSON: {error}") from None


def _decoded(text: str) -> str:
    """Undo percent-encoding. Only a text with encoded and without plain quotation marks is percent-encoded."""
    if '"' in text or "%22" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _GrammarError("", "is percent-encoded, but not as UTF-8") from None


def scalar_text(value: JsonValue) -> str | None:
    """A JSON string, number or boolean as the text that IAM compares; None for anything else."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():  # numeric operators read at most 100 digits
            return str(value) if abs(value) < 10**100 else None
        case float() if math.isfinite(value):
            return repr(value)
        case _:
            return None
