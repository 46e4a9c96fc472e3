"""The text of a policy as strict JSON: bounded, percent-decoded where IAM encoded it, repeated keys remembered."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeAlias
from urllib.parse import unquote

MAX_CHARACTERS = 131_072
"""The longest PolicyDocument that UpdateAssumeRolePolicy takes.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html
"""

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"


class JsonObject(dict[str, JsonValue]):
    """A JSON object that remembers a key it was given twice, which a plain dict would silently drop."""

    __slots__ = ("repeated",)

    def __init__(self, members: Sequence[tuple[str, JsonValue]]) -> None:
        super().__init__(members)
        self.repeated: str | None = None
        if len(self) < len(members):
            self.repeated = Counter(key for key, _ in members).most_common(1)[0][0]


class UnreadableTextError(ValueError):
    """A text that is no JSON."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where = where
        """Line and column; empty for the text as a whole."""
        self.problem = problem


def read_json(text: str) -> JsonValue:
    """Read strict JSON; objects remember repeated keys.

    Raises:
        ValueError: no JSON, a number JSON does not know, or nested too deeply.
    """
    try:
        value: JsonValue = json.loads(text, object_pairs_hook=JsonObject, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def load(text: str) -> JsonValue:
    """Read the text of a policy, plain or percent-encoded.

    Raises:
        UnreadableTextError: it is too long, empty, begins with a byte order mark, or is no JSON.
    """
    # Encoded text is up to three times as long as what it encodes.
    if len(text) > 3 * MAX_CHARACTERS:
        raise UnreadableTextError("", f"longer than the {MAX_CHARACTERS:,} characters IAM accepts")
    decoded = _decoded(text)
    if len(decoded) > MAX_CHARACTERS:
        raise UnreadableTextError("", f"longer than the {MAX_CHARACTERS:,} characters IAM accepts")
    if decoded.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"):
        raise UnreadableTextError("", "begins with a byte order mark, which is not JSON; save the text without it")
    if not decoded.strip():
        raise UnreadableTextError("", "is empty")
    try:
        return read_json(decoded)
    except json.JSONDecodeError as error:
        raise UnreadableTextError(f"line {error.lineno} column {error.colno}", f"is not JSON: {error.msg}") from None
    except ValueError as error:
        raise UnreadableTextError("", f"is not JSON: {error}") from None


def _decoded(text: str) -> str:
    """Undo percent-encoding, which is certain where there are encoded quotation marks and no plain ones."""
    if '"' in text or "%22" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UnreadableTextError("", "is percent-encoded, but not as UTF-8") from None


def scalar_text(value: JsonValue) -> str | None:
    """A JSON string, number or boolean as IAM compares it; None for anything else."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < 10**100 else None
        case float() if math.isfinite(value):
            return repr(value)
        case _:
            return None
