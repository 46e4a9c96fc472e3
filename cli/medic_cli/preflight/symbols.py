"""Texts that are known only in part: values that deploying decides stand in them as symbols.

A symbol is one run of characters between two Unicode noncharacters, so texts can be joined, split and compared as plain
strings. Two equal symbols stand for the same value. Input loses these noncharacters when it is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_SYMBOL = re.compile(f"{_OPEN}([0-9a-f]*){_CLOSE}")
_FORBIDDEN = re.compile(rf"[{_OPEN}{_CLOSE}]|\\u(?:0000)?fdd[01]", re.IGNORECASE)
"""The characters that mark symbols, plain or as an escape of JSON or YAML."""

Json: TypeAlias = "str | bool | Sequence[Json] | Mapping[str, Json] | None"
"""A resolved value. Numbers are texts, as in CloudFormation."""


class Kind(StrEnum):
    ACCOUNT = "account"
    REGION = "region"
    PARTITION = "partition"
    APP = "app"
    """The id of an app that is deployed here."""
    ROLE = "role"
    """The name of a role that is deployed here."""
    BRANCH = "branch"
    """The name of a branch that is not known. It stands in no text."""
    KEY = "key"
    """The secret of an access key that is deployed here."""
    UNKNOWN = "unknown"
    """A value that nothing here tells."""


@dataclass(frozen=True, slots=True)
class Symbol:
    kind: Kind
    name: str = ""
    """What it belongs to; of an unknown value, the reason."""

    def __str__(self) -> str:
        return f"{_OPEN}{f'{self.kind}|{self.name}'.encode().hex()}{_CLOSE}"


ACCOUNT, REGION, PARTITION = Symbol(Kind.ACCOUNT), Symbol(Kind.REGION), Symbol(Kind.PARTITION)


def unknown(reason: str) -> str:
    return str(Symbol(Kind.UNKNOWN, reason))


def cleaned(text: str) -> str:
    """The text of a file without the characters that mark symbols."""
    return _FORBIDDEN.sub("?", text)


def symbols_in(value: Json) -> Iterator[Symbol]:
    """Every symbol in a value, at any depth."""
    for text in texts_in(value):
        for match in _SYMBOL.finditer(text):
            kind, _, name = bytes.fromhex(match[1]).decode().partition("|")
            yield Symbol(Kind(kind), name)


def texts_in(value: Json) -> Iterator[str]:
    """Every text in a value, at any depth, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)


def why_unknown(value: Json) -> str | None:
    """The first reason why the value is not known; None if it is."""
    return next((symbol.name for symbol in symbols_in(value) if symbol.kind is Kind.UNKNOWN), None)


def is_plain(value: Json) -> bool:
    """True if the value holds no symbol at all."""
    return next(symbols_in(value), None) is None


def partition_of(region: str) -> str:
    """The partition of a region; a symbol if the region is one."""
    if not is_plain(region):
        return str(PARTITION)
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def filled(text: str, values: Mapping[Symbol, str]) -> str | None:
    """The text with a value in place of each symbol; None if a symbol has no value."""
    if any(symbol not in values for symbol in symbols_in(text)):
        return None
    return _SYMBOL.sub(lambda match: values[next(symbols_in(match[0]))], text)


def filled_loosely(text: str, values: Mapping[Symbol, str]) -> str:
    """The text with a value in place of each symbol, and … where there is none. For people to read."""
    return _SYMBOL.sub(lambda match: values.get(next(symbols_in(match[0])), "…"), text)


def filled_deep(value: Json, values: Mapping[Symbol, str]) -> Json:
    """A whole value with a value in place of each symbol. Unknown texts stay as they are."""
    if isinstance(value, str):
        text = filled(value, values)
        return value if text is None else text
    if isinstance(value, dict):
        return {str(filled_deep(key, values)): filled_deep(each, values) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [filled_deep(each, values) for each in value]
    return value


def cut(text: str, separator: str) -> list[Json] | None:
    """The text cut at each separator; None if an unknown part may hold separators too."""
    inside_symbols = set(separator) <= set(f"{_OPEN}{_CLOSE}0123456789abcdef")
    return None if inside_symbols or why_unknown(text) is not None else list(text.split(separator))
