"""DynamoDB's condition and update expressions, compiled to functions and kept by their text.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

Json = dict[str, Any]
Value = dict[str, Any] | None
"""An attribute value such as `{"S": "text"}`, or None if there is no such attribute."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An item, and the names and values that its expression uses."""

    item: Mapping[str, Any]
    names: Mapping[str, str]
    values: Mapping[str, Any]


Operand = Callable[[Bound], Value]
Condition = Callable[[Bound], bool]

_TOKEN = re.compile(r"\s*([:#]?\w+|<>|<=|>=|[=<>(),])")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "<>": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


@dataclass(slots=True)
class Update:
    """A compiled update expression."""

    sets: list[tuple[str, Operand]] = field(default_factory=list)
    adds: list[tuple[str, Operand]] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)

    def apply(self, bound: Bound) -> Json:
        """The item after the update."""
        changed = dict(bound.item)
        for name, operand in self.sets:
            changed[bound.names.get(name, name)] = operand(bound)
        for name, operand in self.adds:
            attribute = bound.names.get(name, name)
            changed[attribute] = _added(bound.item.get(attribute), operand(bound) or {})
        for name in self.removes:
            changed.pop(bound.names.get(name, name), None)
        return changed


@cache
def condition(text: str) -> Condition:
    """Compile a condition expression."""
    return _Parser(text).whole_condition()


@cache
def update(text: str) -> Update:
    """Compile an update expression."""
    return _Parser(text).whole_update()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def whole_condition(self) -> Condition:
        parsed = self._either()
        if self._at != len(self._tokens):
            raise ValueError(f"{self._text}: {self._tokens[self._at :]} is left")
        return parsed

    def whole_update(self) -> Update:
        parsed, clause = Update(), ""
        while self._at < len(self._tokens):
            if self._peek() in ("SET", "ADD", "REMOVE"):
                clause = self._next()
            name = self._next()
            if clause == "SET":
                self._expect("=")
                parsed.sets.append((name, self._operand()))
            elif clause == "ADD":
                parsed.adds.append((name, self._operand()))
            else:
                parsed.removes.append(name)
            if self._peek() == ",":
                self._next()
        return parsed

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._peek() == "OR":
            self._next()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda bound: any(part(bound) for part in parts)

    def _both(self) -> Condition:
        parts = [self._negated()]
        while self._peek() == "AND":
            self._next()
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else lambda bound: all(part(bound) for part in parts)

    def _negated(self) -> Condition:
        if self._peek() != "NOT":
            return self._primary()
        self._next()
        part = self._negated()
        return lambda bound: not part(bound)

    def _primary(self) -> Condition:
        if self._peek() == "(":
            self._next()
            inner = self._either()
            self._expect(")")
            return inner
        match self._peek():
            case "attribute_exists" | "attribute_not_exists" as name:
                (operand,) = self._arguments()
                exists = name == "attribute_exists"
                return lambda bound: (operand(bound) is not None) is exists
            case "attribute_type":
                operand, kind = self._arguments()
                return lambda bound: next(iter(operand(bound) or {}), None) == _plain(kind(bound))
            case "begins_with":
                operand, start = self._arguments()
                return lambda bound: str(_plain(operand(bound)) or "").startswith(_plain(start(bound)))
            case "contains":
                operand, part = self._arguments()
                return lambda bound: _plain(part(bound)) in (_plain(operand(bound)) or ())
        return self._comparison(self._operand())

    def _comparison(self, one: Operand) -> Condition:
        operator = self._next()
        if operator == "BETWEEN":
            low = self._operand()
            self._expect("AND")
            high = self._operand()
            return lambda bound: _compared(low(bound), "<=", one(bound)) and _compared(one(bound), "<=", high(bound))
        other = self._operand()
        return lambda bound: _compared(one(bound), operator, other(bound))

    def _operand(self) -> Operand:
        token = self._peek()
        if token == "size":
            (operand,) = self._arguments()
            return lambda bound: None if (value := operand(bound)) is None else {"N": str(len(_plain(value)))}
        if token == "if_not_exists":
            name, default = self._arguments()
            return lambda bound: name(bound) or default(bound)
        self._next()
        if token.startswith(":"):
            return lambda bound: bound.values[token]
        return lambda bound: bound.item.get(bound.names.get(token, token))

    def _arguments(self) -> list[Operand]:
        self._next()
        self._expect("(")
        found = [self._operand()]
        while self._peek() == ",":
            self._next()
            found.append(self._operand())
        self._expect(")")
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise ValueError(f"{self._text}: no {token} before {self._tokens[self._at :]}")


def _plain(value: Value) -> Any:
    """The Python value: a number as Decimal, everything else as it stands in the JSON."""
    if value is None:
        return None
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content


def _compared(one: Value, operator: str, other: Value) -> bool:
    """A missing attribute, or one of another type, is only different."""
    if one is None or other is None or one.keys() != other.keys():
        return operator == "<>"
    return _COMPARE[operator](_plain(one), _plain(other))


def _added(before: Value, added: Json) -> Json:
    """ADD to a number or to a set."""
    if "N" in added:
        return {"N": str(Decimal(added["N"]) + (_plain(before) or 0))}
    ((kind, members),) = added.items()
    return {kind: sorted({*(_plain(before) or ()), *members})}
