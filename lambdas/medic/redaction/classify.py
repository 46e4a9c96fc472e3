"""Whether a named value is a secret: the name, the value and how they are joined decide together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from medic.redaction import names, values


class Syntax(Enum):
    """How surely a text is an assignment."""

    TIGHT = auto()
    """Quoted, joined without a space, or an option: nearly any value counts."""
    LOOSE = auto()
    """`name: value`, `name = value`: the value must not read as prose or code."""
    CALL = auto()
    """`name("value")`: the value must look like a secret."""
    APART = auto()
    """Only space, a table's line or a verb between them: the value must look like a secret."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value beside a name."""

    name: str
    value: str
    syntax: Syntax
    quoted: bool = True
    alone: bool = False
    """Nothing follows the value on its line."""


_SHORTEST_PIN = 4
_SHORTEST_WORDLIKE_TOKEN = 24


def secret_kind(candidate: Candidate) -> str | None:
    """The kind of secret that the candidate is, or None."""
    kind = names.strong_kind(candidate.name)
    if kind:
        return kind if _is_secret(candidate, kind) else None
    kind = names.weak_kind(candidate.name)
    return kind if kind and _looks_secret(candidate, kind) else None


def _is_secret(candidate: Candidate, kind: str) -> bool:
    """Whether the value is a secret, given that its name says so."""
    if values.is_ordinary(candidate.value) or _is_reference(candidate) or values.is_prose(candidate.value):
        return kind == "password" and candidate.syntax is Syntax.TIGHT and _is_pin(candidate.value)
    match candidate.syntax:
        case Syntax.TIGHT:
            return True
        case Syntax.LOOSE:
            return (kind == "password" and candidate.alone) or _cannot_be_prose(candidate.value)
        case Syntax.CALL:
            return _cannot_be_prose(candidate.value)
        case Syntax.APART:
            least = 12 if _is_camel_case(candidate.name) else 20
            return _cannot_be_prose(candidate.value) and (
                values.is_random(candidate.value, least=least) or _is_identifier(candidate.name)
            )


def _looks_secret(candidate: Candidate, kind: str) -> bool:
    """Whether the value is a secret, given that its name only hints at one."""
    if values.is_ordinary(candidate.value) or _is_reference(candidate) or " " in candidate.name + candidate.value:
        return False
    if kind == "password" and _is_identifier(candidate.name):
        return candidate.syntax is Syntax.TIGHT or values.looks_like_secret_value(candidate.value, least=8)
    if candidate.name.lower() == "key":
        return candidate.syntax is Syntax.TIGHT and values.is_mixed_base64(candidate.value)
    if kind == "key" or candidate.syntax is not Syntax.TIGHT:
        joined = candidate.syntax is not Syntax.APART or candidate.quoted
        return joined and values.is_random(candidate.value, least=12)
    return values.looks_like_secret_value(candidate.value, least=8)


def _is_reference(candidate: Candidate) -> bool:
    """Whether the value is a name in its turn: of a variable, of another secret, of itself."""
    name, value = candidate.name.lower().lstrip("-"), candidate.value.lower()
    if value == name or ("_" in value and value in name):
        return True
    if candidate.name.startswith("-") and candidate.value.isupper() and name.endswith(value):
        return True
    if values.is_environment_name(candidate.value):
        return names.looks_like_secret_name(candidate.value) or candidate.syntax is not Syntax.TIGHT
    if candidate.quoted or candidate.name.isupper():
        return False
    return values.is_code(candidate.value) or (candidate.value.isalpha() and _names_a_secret(candidate))


def _names_a_secret(candidate: Candidate) -> bool:
    """Whether a plain word is a secret's name; after an option too: `config set --secret dbPassword …`."""
    loose = candidate.syntax is not Syntax.TIGHT or candidate.name.startswith("-")
    return loose and names.looks_like_secret_name(candidate.value)


def _is_pin(value: str) -> bool:
    return value.isdigit() and len(value) >= _SHORTEST_PIN


def _cannot_be_prose(value: str) -> bool:
    return values.looks_like_secret_value(value) or (len(value) >= _SHORTEST_WORDLIKE_TOKEN and value.isalnum())


def _is_identifier(name: str) -> bool:
    return "_" in name.strip("_") or name[:1] in ("-", "_")


def _is_camel_case(name: str) -> bool:
    return name.isalnum() and not name.islower() and not name.isupper() and name[0].islower()
