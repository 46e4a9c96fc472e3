"""What differs between two branches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic_cli.snapshot.aspects import ASPECTS, Aspect, Unknown, Value

if TYPE_CHECKING:
    from medic_cli.json_types import JsonObject, JsonValue
    from medic_cli.snapshot.state import State

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that differs. Of two sets, each side holds what the other lacks."""

    aspect: Aspect
    first: Value
    second: Value


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two branches, property by property."""

    first: State
    second: State
    differences: tuple[Difference, ...]
    same: tuple[Aspect, ...]
    unknown: tuple[Difference, ...]
    """Where one side, or both, could not be read."""

    def as_json(self) -> JsonObject:
        """For machines; see docs/schemas/compare.schema.json."""
        return {
            "schema": SCHEMA,
            "first": _side(self.first),
            "second": _side(self.second),
            "differences": [_difference(each) for each in self.differences],
            "unknown": [_difference(each) for each in self.unknown],
            "same": [aspect.id for aspect in self.same],
        }


def compare(first: State, second: State, aspects: Iterable[Aspect] = ASPECTS) -> Comparison:
    """Hold two branches against each other."""
    differences, same, unknown = [], [], []
    for aspect in aspects:
        one, other = aspect.of(first), aspect.of(second)
        if isinstance(one, Unknown) or isinstance(other, Unknown):
            unknown.append(Difference(aspect, one, other))
        elif one == other:
            same.append(aspect)
        elif isinstance(one, frozenset) and isinstance(other, frozenset):
            differences.append(Difference(aspect, one - other, other - one))
        else:
            differences.append(Difference(aspect, one, other))
    return Comparison(first, second, tuple(differences), tuple(same), tuple(unknown))


def in_words(value: Value) -> str:
    """A value for people."""
    match value:
        case None:
            return "none"
        case Unknown(because):
            return f"unknown: {because}"
        case frozenset():
            return "\n".join(sorted(value)) or "–"
        case _:
            return value


def _side(state: State) -> JsonObject:
    return {"name": state.name, "taken_at": state.taken_at}


def _difference(difference: Difference) -> JsonObject:
    aspect = difference.aspect
    return {
        "id": aspect.id,
        "title": aspect.title,
        "matters": aspect.matters,
        "first": _json(difference.first),
        "second": _json(difference.second),
    }


def _json(value: Value) -> JsonValue:
    match value:
        case Unknown(because):
            return {"unknown": because}
        case frozenset():
            return sorted(value)
        case _:
            return value
