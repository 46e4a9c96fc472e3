"""The JSON Schema of the settings, made from the code that reads them. `python -m tests.schemas` writes it.

The reader of the settings gets a `Recorder` in place of an object: it notes what each key may hold.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from medic import settings
from medic.arns import APP_ID
from medic.settings import Settings
from medic.settings_reader import CONTEXT_KEY, SettingsReader
from tests.docstrings import descriptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    E = TypeVar("E", bound=StrEnum)

Json = dict[str, Any]


class Recorder(SettingsReader):
    """Notes the schema of every key that is read, and returns its default."""

    def __init__(self, type_: type) -> None:
        super().__init__({}, "")
        self._type = type_
        self._described = descriptions(type_)
        self._properties: dict[str, Json | Recorder] = {}

    @property
    def schema(self) -> Json:
        properties = {
            key: noted.schema if isinstance(noted, Recorder) else noted for key, noted in self._properties.items()
        }
        return {"type": "object", "additionalProperties": False, "properties": properties}

    def _note(self, key: str, schema: Json, expected: str = "", default: object = None) -> None:
        about = self._described.get(key) or (f"{expected[0].upper()}{expected[1:].rstrip('.')}." if expected else "")
        self._properties[key] = {
            **({"description": about} if about else {}),
            **schema,
            **({} if default is None else {"default": default}),
        }

    def nested(self, key: str) -> SettingsReader:
        type_ = get_type_hints(self._type)[key]
        recorder = Recorder(type_)
        self._properties[key] = recorder
        return recorder

    def text(self, key: str, pattern: re.Pattern[str], expected: str, *, hidden: bool = False) -> str | None:
        del hidden
        self._note(key, string(pattern), expected)
        return None

    def texts(self, key: str, pattern: re.Pattern[str], expected: str, *, some: bool = False) -> tuple[str, ...]:
        fewest = {"minItems": 1} if some else {}
        self._note(key, {"type": "array", **fewest, "items": string(pattern)}, f"a list, each item {expected}")
        return ()

    def choice(self, key: str, default: E) -> E:
        kind = type(default)
        self._note(key, {"enum": [each.value for each in kind]}, inspect.getdoc(kind) or "", default.value)
        return default

    def flag(self, key: str, *, default: bool = False) -> bool:
        self._note(key, {"type": "boolean"}, default=default)
        return default

    def mapping(self, key: str) -> Mapping[str, object]:
        self._note(key, _MAPPINGS[key]())
        return {}

    def number(self, key: str, default: Any, low: int, high: int) -> Any:
        self._note(key, {"type": "integer", "minimum": low, "maximum": high}, default=default)
        return default


def string(pattern: re.Pattern[str]) -> Json:
    return {"type": "string", "pattern": f"^(?:{pattern.pattern})$"}


def _pairings() -> Json:
    target = re.compile(rf"(?:{APP_ID.pattern})(?:/[^*?]+)?")
    return {
        "type": "object",
        "description": "Role ARN → the apps, or appId/branch, that may get the role.",
        "propertyNames": string(settings._ROLE_ARN),
        "additionalProperties": {"type": "array", "minItems": 1, "items": string(target)},
    }


def _channels() -> Json:
    channel = Recorder(settings.SlackChannel)
    settings._slack_channel(channel)
    return {
        "type": "object",
        "propertyNames": string(settings._CHANNEL_NAME),
        "additionalProperties": {"anyOf": [string(settings._SECRET), channel.schema]},
    }


_MAPPINGS = {"compute_roles": _pairings, "service_roles": _pairings, "channels": _channels}


def settings_schema() -> Json:
    """The schema of the settings object. What depends on other settings, only `cdk synth` checks."""
    recorder = Recorder(Settings)
    settings._read_settings(recorder)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Amplify Medic",
        "description": f"The object {CONTEXT_KEY} in the context of cdk.json. See docs/settings.md.",
    }
    return {**head, **recorder.schema}


def cdk_schema() -> Json:
    """For editors: cdk.json names it, and it refers to the settings."""
    context = {"type": "object", "properties": {CONTEXT_KEY: {"$ref": "settings.schema.json"}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cdk.json of Amplify Medic",
        "type": "object",
        "properties": {"context": context},
    }
