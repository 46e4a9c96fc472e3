"""Policy variables: `${key}`, `${key, 'default'}` and the literal characters `${*}`, `${?}` and `${$}`.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from medic.trust.context import Absent, Known
from medic.trust.patterns import Pattern, Token, Wildcard

if TYPE_CHECKING:
    from medic.trust.context import Context

_VARIABLE = re.compile(r"\$\{(?:(?P<character>[*?$])|(?P<key>[^\s,'{}]+)(?:, ?'(?P<default>[^']*)')?)\}")


class Unresolved(Enum):
    """Why no pattern comes out of a text with variables."""

    NO_VALUE = "a variable has no value"
    """Documented: nothing equals it, and negated operators match."""
    UNKNOWN = "a variable's value cannot be known"


Resolved: TypeAlias = Pattern | Unresolved


def resolve(text: str, context: Context | None, *, wildcards: bool) -> Resolved:
    """Turn a condition value into a pattern.

    Args:
        text: the value as written in the policy.
        context: where variables get their values; None if the policy's version has no variables.
        wildcards: whether `*` and `?` stand for other characters under the operator.
    """
    if context is None or "${" not in text:
        return _pattern(text, wildcards=wildcards)
    if "${" in _VARIABLE.sub("\0", text):  # no variable the documentation describes: one without its closing brace, say
        return Unresolved.UNKNOWN
    tokens: list[Token] = []
    unresolved: set[Unresolved] = set()
    done = 0
    for variable in _VARIABLE.finditer(text):
        tokens += _pattern(text[done : variable.start()], wildcards=wildcards).tokens
        value = variable["character"] or _value(variable, context, wildcards=wildcards)
        if isinstance(value, Unresolved):
            unresolved.add(value)
        else:
            tokens.append(value)
        done = variable.end()
    tokens += _pattern(text[done:], wildcards=wildcards).tokens
    # Without a value nothing can equal it, whatever the other variables are.
    for reason in (Unresolved.NO_VALUE, Unresolved.UNKNOWN):
        if reason in unresolved:
            return reason
    return Pattern(tuple(tokens))


def variables_in(text: str) -> tuple[str, ...]:
    """The keys of the variables in a text."""
    return tuple(variable["key"] for variable in _VARIABLE.finditer(text) if variable["key"])


def _value(variable: re.Match[str], context: Context, *, wildcards: bool) -> str | Unresolved:
    match context.state(variable["key"]):
        case Known((value,)):
            pass
        case Absent() | Known(()):
            if variable["default"] is None:
                return Unresolved.NO_VALUE
            value = variable["default"]
        case _:
            return Unresolved.UNKNOWN
    # Whether a `*` that comes out of a variable is a wildcard is documented nowhere.
    return Unresolved.UNKNOWN if wildcards and any(each.value in value for each in Wildcard) else value


def _pattern(text: str, *, wildcards: bool) -> Pattern:
    return Pattern.glob(text) if wildcards else Pattern.literal(text)
