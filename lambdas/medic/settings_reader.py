"""Reads a settings object strictly: one error names every mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import re

CONTEXT_KEY = "amplify-medic"
"""The settings' key in the CDK context."""

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
N = TypeVar("N", int, int | None)


class SettingsError(ValueError):
    """The settings or the environment are wrong. The message names every mistake, one on each line."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(["The amplify-medic settings have mistakes:", *(f"  - {m}" for m in mistakes)]))


class SettingsReader:
    """Reads values from a JSON object and collects the mistakes in them.

    Each method returns a default where the value is missing or wrong. So one pass finds every mistake.
    """

    def __init__(self, raw: object, path: str, mistakes: list[str] | None = None) -> None:
        self.mistakes: list[str] = [] if mistakes is None else mistakes
        self._path = path
        self._known_keys: set[str] = set()
        self._raw: Mapping[str, object] = {}
        if isinstance(raw, Mapping):
            self._raw = raw
        else:
            self.mistakes.append(f"{path.removesuffix('.') or CONTEXT_KEY} must be an object, not {type(raw).__name__}")

    def add_mistake(self, key: str, what: str) -> None:
        self.mistakes.append(f"{self._path}{key} {what}")

    def nested(self, key: str) -> SettingsReader:
        """A reader of the object under a key."""
        self._known_keys.add(key)
        value = self._raw.get(key)
        return self.below(key, {} if value is None else value)

    def below(self, key: str, raw: object) -> SettingsReader:
        """A reader of another object, whose mistakes are reported under a key of this one."""
        return SettingsReader(raw, f"{self._path}{key}.", self.mistakes)

    def value(
        self, key: str, default: T, accept: Callable[[object], T | None], expected: str, *, hidden: bool = False
    ) -> T:
        """What `accept` makes of the value; None from it is a mistake, which does not quote a `hidden` value."""
        self._known_keys.add(key)
        given = self._raw.get(key)
        if given is None:
            return default
        accepted = accept(given)
        if accepted is not None:
            return accepted
        self.add_mistake(key, f"must be {expected}" if hidden else f"must be {expected}, not {given!r}")
        return default

    def text(self, key: str, pattern: re.Pattern[str], expected: str, *, hidden: bool = False) -> str | None:
        """A string that matches a pattern. Set `hidden` if the value may be a secret."""

        def matching(given: object) -> str | None:
            return given if isinstance(given, str) and pattern.fullmatch(given) else None

        return self.value(key, None, matching, expected, hidden=hidden)

    def texts(self, key: str, pattern: re.Pattern[str], expected: str, *, some: bool = False) -> tuple[str, ...]:
        """A list of strings that match a pattern. Set `some` if an empty list would mean no restriction."""
        a_list = f"{'a list that is not empty' if some else 'a list'}, each item {expected}"

        def accepted(given: object) -> list[object] | None:
            return given if isinstance(given, list) and (given or not some) else None

        items: list[object] = self.value(key, [], accepted, a_list)
        for item in items:
            if not (isinstance(item, str) and pattern.fullmatch(item)):
                self.add_mistake(key, f"contains {item!r}; each item must be {expected}")
        return tuple(item for item in items if isinstance(item, str))

    def choice(self, key: str, default: E) -> E:
        """A value of the default's enumeration."""
        choices = {each.value: each for each in type(default)}
        return self.value(key, default, lambda given: choices.get(str(given)), f"one of {', '.join(choices)}")

    def flag(self, key: str, *, default: bool = False) -> bool:
        return self.value(key, default, lambda given: given if isinstance(given, bool) else None, "true or false")

    def mapping(self, key: str) -> Mapping[str, object]:
        """An object whose keys the deployer chooses."""
        return self.value(key, {}, lambda given: given if isinstance(given, Mapping) else None, "an object")

    def number(self, key: str, default: N, low: int, high: int) -> N | int:
        def in_range(given: object) -> int | None:
            return given if isinstance(given, int) and not isinstance(given, bool) and low <= given <= high else None

        return self.value(key, default, in_range, f"a whole number from {low} to {high}")

    def finish(self) -> None:
        """Report every key that was not read, because it is unknown."""
        for key in sorted(set(self._raw) - self._known_keys):
            self.add_mistake(key, f"is unknown; the known keys here are {', '.join(sorted(self._known_keys))}")
