"""IAM's wildcard patterns: `*` for any run of characters, `?` for one; matched in linear time, whatever the pattern.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARN_SEGMENTS = 6

_WILDCARDS = re.compile(r"[*?]")


class Wildcard(Enum):
    """A character of a pattern that stands for others."""

    ANY_RUN = "*"
    ANY_ONE = "?"


Token: TypeAlias = str | Wildcard
"""A run of literal characters, or a wildcard."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern whose literal characters and wildcards are already told apart."""

    tokens: tuple[Token, ...]

    @classmethod
    def literal(cls, text: str) -> Pattern:
        """A pattern that stands for exactly this text."""
        return cls((text,))

    @classmethod
    def glob(cls, text: str) -> Pattern:
        """A pattern in which each `*` and `?` of the text is a wildcard."""
        return cls(tuple(_glob_tokens(text)))

    @property
    def matches_everything(self) -> bool:
        """Whether it consists of `*` alone."""
        written = [token for token in self.tokens if token != ""]
        return bool(written) and all(token is Wildcard.ANY_RUN for token in written)

    def matcher(self) -> Callable[[str], bool]:
        """A test whether a whole text matches; its steps grow with the text's length, never by backtracking."""
        return _Automaton.of(self).accepts

    def matches(self, text: str) -> bool:
        """Whether the whole text matches, where the pattern is used once."""
        return self.matcher()(text)

    def segments(self) -> tuple[Pattern, ...] | None:
        """The six colon-separated segments of an ARN pattern, or None if it has fewer; colons stay in the last."""
        segments: list[list[Token]] = [[]]
        for token in self.tokens:
            if isinstance(token, Wildcard):
                segments[-1].append(token)
                continue
            first, *rest = token.split(":", ARN_SEGMENTS - len(segments))
            segments[-1].append(first)
            segments.extend([piece] for piece in rest)
        return tuple(Pattern(tuple(tokens)) for tokens in segments) if len(segments) == ARN_SEGMENTS else None


@dataclass(frozen=True, slots=True)
class _Automaton:
    """The pattern as a bit-parallel automaton: bit *i* of a state says that *i* characters are matched so far.

    One step a character of the text on integers as wide as the pattern, hence no backtracking on `*a*a*a*b`.
    """

    length: int
    """How many characters the pattern needs at the least."""
    stays: int
    """The states at a `*`, which a character may leave as they are."""
    any_one: int
    literals: dict[str, int]

    @classmethod
    def of(cls, pattern: Pattern) -> _Automaton:
        length = stays = any_one = 0
        literals: dict[str, int] = {}
        for token in pattern.tokens:
            if token is Wildcard.ANY_RUN:
                stays |= 1 << length
            elif token is Wildcard.ANY_ONE:
                any_one |= 1 << length
                length += 1
            else:
                for character in token:
                    literals[character] = literals.get(character, 0) | 1 << length
                    length += 1
        return cls(length, stays, any_one, literals)

    def accepts(self, text: str) -> bool:
        if len(text) < self.length:
            return False
        state = 1
        for character in text:
            consumed = state & (self.literals.get(character, 0) | self.any_one)
            state = (consumed << 1) | (state & self.stays)
            if not state:
                return False
        return bool(state >> self.length & 1)


def arn_segments(text: str) -> tuple[str, ...] | None:
    """The six segments of an ARN, colons kept in the last, or None if the text is no ARN."""
    segments = text.split(":", ARN_SEGMENTS - 1)
    return tuple(segments) if len(segments) == ARN_SEGMENTS and segments[0] == "arn" else None


def _glob_tokens(text: str) -> Iterator[Token]:
    done = 0
    for found in _WILDCARDS.finditer(text):
        if found.start() > done:
            yield text[done : found.start()]
        yield Wildcard(found.group())
        done = found.end()
    if done < len(text):
        yield text[done:]
