"""Decides whether a named value is a secret, from the name, the value, and the syntax that joins them."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from medic.redaction import names, values


class Syntax(Enum):
    """How certainly a text is an assignment of the value to the name."""

    TIGHT = auto()
    """Quoted, joined without a space, or an option: nearly any value is a secret."""
    LOOSE = auto()
    """`name: value`, `name = value`: the value must not read as prose or code."""
    CALL = auto()
    """`name("value")`: the value must look like a secret."""
    APART = auto()
    """Separated only by a space, a table's bar, a comma or `to`: the value must look like a secret."""


class Candidate(NamedTuple):
    """A value next to a name."""

    name: str
    value: str
    syntax: Syntax
    quoted: bool = True
    alone: bool = False
    """Nothing follows the value on its line."""


_MIN_PIN = 4
_MIN_ALPHANUMERIC_TOKEN = 24


def secret_kind(candidate: Candidate) -> str | None:
    """The kind of secret that the value is; None if it is not one."""
    kind = names.strong_kind(candidate.name)
    if kind:
        return kind if _value_is_secret(candidate, kind) else None
    kind = names.weak_kind(candidate.name)
    return kind if kind and _value_looks_secret(candidate, kind) else None


def _value_is_secret(candidate: Candidate, kind: str) -> bool:
    """Whether the value of a name that marks a secret is one."""
    if values.is_ordinary(candidate.value) or _is_reference(candidate) or values.is_prose(candidate.value):
        is_pin = candidate.value.isdigit() and len(candidate.value) >= _MIN_PIN
        return is_pin and kind == "password" and candidate.syntax is Syntax.TIGHT
    match candidate.syntax:
        case Syntax.TIGHT:
            return True
        case Syntax.LOOSE:
            return (kind == "password" and candidate.alone) or _cannot_be_prose(candidate.value)
        case Syntax.CALL:
            return _cannot_be_prose(candidate.value)
        case Syntax.APART:
            min_length = 12 if _is_camel_case(candidate.name) else 20
            return _cannot_be_prose(candidate.value) and (
                values.is_random(candidate.value, min_length=min_length) or _is_identifier(candidate.name)
            )


def _value_looks_secret(candidate: Candidate, kind: str) -> bool:
    """Whether the value of a name that only hints at a secret is one."""
    if values.is_ordinary(candidate.value) or _is_reference(candidate) or " " in candidate.name + candidate.value:
        return False
    if kind == "password" and _is_identifier(candidate.name):
        return candidate.syntax is Syntax.TIGHT or values.looks_like_secret_value(candidate.value, min_length=8)
    if candidate.name.lower() == "result":
        return values.looks_like_password(candidate.value)
    if candidate.name.lower() == "key":
        loose = candidate.syntax is Syntax.LOOSE and values.is_encoded_key(candidate.value)
        return (candidate.syntax is Syntax.TIGHT or loose) and values.is_mixed_base64(candidate.value)
    if kind == "key" or candidate.syntax is not Syntax.TIGHT:
        joined = candidate.syntax is not Syntax.APART or candidate.quoted
        return joined and values.is_random(candidate.value, min_length=12)
    return values.looks_like_secret_value(candidate.value, min_length=8)


def _is_reference(candidate: Candidate) -> bool:
    """Whether the value only names something: a variable, another secret, or the name itself."""
    name, value = candidate.name.lower().lstrip("-"), candidate.value.lower()
    apart, tight = candidate.syntax is Syntax.APART, candidate.syntax is Syntax.TIGHT
    if (
        value == name
        or ("_" in value and value in name)
        or (apart and value.startswith(name))
        or (not tight and values.is_physical_id(candidate.value))
        or (candidate.name.startswith("-") and candidate.value.isupper() and name.endswith(value))
    ):
        return True
    if values.is_environment_name(candidate.value):
        return names.looks_like_secret_name(candidate.value) or not tight
    if candidate.quoted or candidate.name.isupper():
        return False
    if values.is_code(candidate.value):
        return True
    # A plain word may be a secret's name, also after an option, as in `config set --secret dbPassword …`.
    loose = not tight or candidate.name.startswith("-")
    return loose and candidate.value.isalpha() and names.looks_like_secret_name(candidate.value)


def _cannot_be_prose(value: str) -> bool:
    return values.looks_like_secret_value(value) or (len(value) >= _MIN_ALPHANUMERIC_TOKEN and value.isalnum())


def _is_identifier(name: str) -> bool:
    return "_" in name.strip("_") or name[:1] in ("-", "_")


def _is_camel_case(name: str) -> bool:
    return name.isalnum() and not name.islower() and not name.isupper() and name[0].islower()
