"""IAM's wildcard patterns (`*` any run of characters, `?` one character), matched without backtracking; ARN segments.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_ARN_SEGMENTS = 6

_WILDCARDS = re.compile(r"([*?])")


class Wildcard(Enum):
    ANY_RUN = "*"
    ANY_ONE = "?"


Token: TypeAlias = str | Wildcard
"""A run of literal characters, or a wildcard."""


class _Automaton(Struct, frozen=True):
    """A pattern as a bit-parallel automaton: bit *i* of its state means that *i* characters of the pattern matched.

    Each character costs one step on integers as wide as the pattern, so `*a*a*a*b` never backtracks.
    """

    length: int
    """The fewest characters that match. Bit `length` of the state means that all of the pattern matched."""
    loops: int
    """The positions of each `*`."""
    any_one: int
    """The positions of each `?`."""
    literals: Mapping[str, int]
    """The positions of each literal character."""

    def accepts(self, tokens: Iterable[Token], wildcard: Callable[[_Automaton, int, Wildcard], int]) -> bool:
        """Whether a text matches. `wildcard` gives the state after a wildcard, if the text is itself a pattern."""
        state = 1
        for token in tokens:
            if isinstance(token, Wildcard):
                state = wildcard(self, state, token)
                continue
            for character in token:
                consumed = state & (self.literals.get(character, 0) | self.any_one)
                state = (consumed << 1) | (state & self.loops)
                if not state:
                    return False
        return bool(state >> self.length & 1)


def _if_some_text_does(automaton: _Automaton, state: int, wildcard: Wildcard) -> int:
    """After a wildcard that may stand for whichever characters help."""
    if wildcard is Wildcard.ANY_ONE:
        unfinished = state & ((1 << automaton.length) - 1)
        return (unfinished << 1) | (state & automaton.loops)
    lowest = state & -state
    return (2 << automaton.length) - (lowest or 2 << automaton.length)


def _if_every_text_does(automaton: _Automaton, state: int, wildcard: Wildcard) -> int:
    """After a wildcard for any characters: only the other pattern's wildcards can take them."""
    passed = (state & automaton.any_one) << 1 if wildcard is Wildcard.ANY_ONE else 0
    return passed | (state & automaton.loops)


class Pattern(Struct, frozen=True):
    """A pattern split into literal runs and wildcards, so that a literal `*` is not mistaken for a wildcard."""

    tokens: tuple[Token, ...]

    @classmethod
    def literal(cls, text: str) -> Pattern:
        """A pattern that matches exactly this text."""
        return cls((text,))

    @classmethod
    def glob(cls, text: str) -> Pattern:
        """A pattern in which each `*` and `?` of the text is a wildcard."""
        pieces = _WILDCARDS.split(text)
        return cls(tuple(Wildcard(piece) if piece in {"*", "?"} else piece for piece in pieces if piece))

    @property
    def matches_everything(self) -> bool:
        """Whether it consists of `*` alone."""
        written = [token for token in self.tokens if token != ""]
        return bool(written) and all(token is Wildcard.ANY_RUN for token in written)

    @property
    def has_wildcards(self) -> bool:
        """Whether it may match more than one text."""
        return any(isinstance(token, Wildcard) for token in self.tokens)

    def matcher(self) -> Callable[[str], bool]:
        """A function that says whether a whole text matches."""
        automaton = self._automaton()

        def matches(text: str) -> bool:
            return len(text) >= automaton.length and automaton.accepts((text,), _if_every_text_does)

        return matches

    def matches(self, text: str) -> bool:
        """Whether the whole text matches. To match one pattern with many texts, use `matcher`."""
        return self.matcher()(text)

    def intersects(self, other: Pattern) -> bool:
        """Whether some text matches both patterns."""
        return self._automaton().accepts(other.tokens, _if_some_text_does)

    def covers(self, other: Pattern) -> bool:
        """Whether every text that matches `other` surely matches this pattern. False may also mean: not known."""
        return self._automaton().accepts(other.tokens, _if_every_text_does)

    def _automaton(self) -> _Automaton:
        length = loops = any_one = 0
        literals: dict[str, int] = {}
        for token in self.tokens:
            if token is Wildcard.ANY_RUN:
                loops |= 1 << length
            elif token is Wildcard.ANY_ONE:
                any_one |= 1 << length
                length += 1
            else:
                for character in token:
                    literals[character] = literals.get(character, 0) | 1 << length
                    length += 1
        return _Automaton(length, loops, any_one, literals)

    def segments(self) -> tuple[Pattern, ...] | None:
        """The six colon-separated segments of an ARN pattern; further colons belong to the last. None if fewer."""
        segments: list[list[Token]] = [[]]
        for token in self.tokens:
            if isinstance(token, Wildcard):
                segments[-1].append(token)
                continue
            first, *rest = token.split(":", _ARN_SEGMENTS - len(segments))
            segments[-1].append(first)
            segments.extend([piece] for piece in rest)
        return tuple(Pattern(tuple(tokens)) for tokens in segments) if len(segments) == _ARN_SEGMENTS else None


def arn_segments(text: str) -> tuple[str, ...] | None:
    """The six segments of an ARN; further colons belong to the last. None if the text is not an ARN."""
    segments = text.split(":", _ARN_SEGMENTS - 1)
    return tuple(segments) if len(segments) == _ARN_SEGMENTS and segments[0] == "arn" else None
