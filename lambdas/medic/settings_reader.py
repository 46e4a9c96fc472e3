"""Takes named values out of a JSON object and collects everything that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

CONTEXT_KEY = "amplify-medic"


class SettingsError(ValueError):
    """The settings are wrong; the message names every mistake, one a line."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(["The amplify-medic settings have mistakes:", *(f"  - {m}" for m in mistakes)]))


class Reader:
    """Takes named values out of a JSON object and collects what is wrong with them."""

    def __init__(self, raw: object, path: str, mistakes: list[str] | None = None) -> None:
        self.mistakes: list[str] = [] if mistakes is None else mistakes
        self._path = path
        self._taken: set[str] = set()
        self._raw: Mapping[str, object] = {}
        if isinstance(raw, Mapping):
            self._raw = raw
        else:
            self.mistakes.append(f"{path or CONTEXT_KEY} must be an object, not {type(raw).__name__}")

    def wrong(self, key: str, what: str) -> None:
        """Note a mistake."""
        self.mistakes.append(f"{self._path}{key} {what}")

    def take(self, key: str) -> object:
        """The value as it is; its key is known from now on."""
        self._taken.add(key)
        return self._raw.get(key)

    def nested(self, key: str) -> Reader:
        """A reader of the object below a key."""
        value = self.take(key)
        return Reader({} if value is None else value, f"{self._path}{key}.", self.mistakes)

    def below(self, key: str, raw: object) -> Reader:
        """A reader of an object that stands below a key; what is wrong with it is noted here."""
        return Reader(raw, f"{self._path}{key}.", self.mistakes)

    def text(self, key: str, pattern: re.Pattern[str], what: str, *, hidden: bool = False) -> str | None:
        """A text of one form, or None. A mistake repeats what was given, unless that may be a secret (`hidden`)."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.wrong(key, f"must be {what}" if hidden else f"must be {what}, not {value!r}")
        return None

    def texts(self, key: str, pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
        """A list of texts of one form."""
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.wrong(key, f"must be a list of {what}, not {value!r}")
            return ()
        for item in value:
            if not (isinstance(item, str) and pattern.fullmatch(item)):
                self.wrong(key, f"holds {item!r}, which is not {what}")
        return tuple(item for item in value if isinstance(item, str))

    def choice(self, key: str, choices: type[StrEnum], default: StrEnum) -> StrEnum:
        """One of several words."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, str) and value in list(choices):
            return choices(value)
        self.wrong(key, f"must be one of {', '.join(choices)}, not {value!r}")
        return default

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false; the default where nothing is given."""
        value = self.take(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.wrong(key, f"must be true or false, not {value!r}")
        return default

    def mapping(self, key: str) -> Mapping[str, object]:
        """An object with keys of the deployer's own."""
        value = self.take(key)
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return value
        self.wrong(key, f"must be an object, not {value!r}")
        return {}

    def finish(self) -> None:
        """Note every key that nobody asked for."""
        for key in sorted(set(self._raw) - self._taken):
            self.wrong(key, f"is unknown; known here: {', '.join(sorted(self._taken))}")
