r"""CloudWatch Logs filter patterns for unstructured text.

Terms are case-sensitive and match anywhere in the message. `one two` needs both, `?one ?two` needs either, `-one`
excludes a term, `"one two"` is one term, `%one\d%` is a regular expression. If there are other terms, AWS ignores those
with `?`. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TERM = re.compile(r'(?P<sign>[-?]?)(?:"(?P<quoted>(?:\\.|[^"\\])*)"|%(?P<regex>[^%]+)%|(?P<bare>\S+))')


class UnsupportedPatternError(ValueError):
    """A JSON or space-delimited pattern, which this matcher does not support."""


@dataclass(frozen=True, slots=True)
class _Term:
    sign: str
    found_in: Callable[[str], bool]


def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that returns whether a message matches.

    Raises:
        UnsupportedPatternError: The pattern is for structured events.
    """
    text = pattern.strip()
    if text.startswith(("{", "[")):
        msg = f"Only patterns for unstructured text are supported here, not {text!r}"
        raise UnsupportedPatternError(msg)
    terms = [_term(match) for match in _TERM.finditer(text)]
    required = [term for term in terms if term.sign == ""]
    excluded = [term for term in terms if term.sign == "-"]
    optional = [term for term in terms if term.sign == "?"]
    if required or excluded or not optional:
        return lambda message: (
            all(term.found_in(message) for term in required) and not any(term.found_in(message) for term in excluded)
        )
    return lambda message: any(term.found_in(message) for term in optional)


def _term(match: re.Match[str]) -> _Term:
    if match["regex"] is not None:
        expression = re.compile(match["regex"])
        return _Term(match["sign"], lambda message: expression.search(message) is not None)
    quoted = match["quoted"]
    text = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return _Term(match["sign"], lambda message: text in message)
