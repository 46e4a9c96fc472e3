"""Secrets without a name: a secret access key beside its id, a random word that is all there is on a line, a token.

The tokens are those of issuers that nobody told us of; they look as all do: a short prefix, then a long random rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_mixed_base64, is_random

_FORTY = r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])"
_FORTY_APART = r"(?:^|[\s=:])[\"']?(?P<key>[A-Za-z0-9+][A-Za-z0-9+/]{39})(?![\w+/=.-])"
_TURNS_OF_AN_UNNAMED_KEY = 0.25
_ACCESS_KEY_ID = r"(?:AKIA|ASIA)[A-Z0-9]{16}"
_LONE_WORD = r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[ \t]*+(?P<word>[A-Za-z0-9+/]{32,}+={0,2})[ \t\r]*+"
_LINES_BESIDE = 5
_PREFIXED = (
    r"(?<![\w/.:@#%+&?$-])(?!sha(?:1|256|384|512)-)[a-z][a-z0-9]{1,15}+[_-](?:[a-z]{1,8}[_-]){0,2}"
    r"(?P<rest>[A-Za-z0-9_-]{28,}+)(?![./:=])"
)
_DOTTED = r"(?<![\w/.:-])[A-Za-z][\w-]{1,31}\.(?:[\w-]{16,}+\.)?(?P<rest>[\w-]{32,}+)(?![\w./(])"
_IN_USE = (
    r"(?<![A-Za-z0-9])(?:(?:[a-z]{2,12}_)?(?:live|prod|sandbox|secret)|[a-z]{2,12}_test)_(?P<rest>[A-Za-z0-9]{14,}+)"
    r"(?![\w.-])"
)
_TURNS_OF_BASE36 = 0.24
_SHORTEST_BASE36 = 28
_PLAIN_WORD = "[A-Z]?[a-z]{2,}"
_WORDS_OF_A_SLUG = 2
_TURNS_OF_A_LONE_WORD = 0.26


@dataclass(slots=True)
class Neighbourhood:
    """Remembers for a few lines that an access key id was printed: its secret is apt to stand near."""

    lines_left: int = 0

    def spans(self, line: str) -> Iterator[Span]:
        """Yield secret access keys near their id or standing by themselves, and random words alone on a line."""
        if ("AKIA" in line or "ASIA" in line) and compiled(_ACCESS_KEY_ID).search(line):
            self.lines_left = _LINES_BESIDE
        elif self.lines_left:
            self.lines_left -= 1
        if self.lines_left:
            yield from secret_access_keys(line)
        for match in compiled(_FORTY_APART).finditer(line):
            if is_mixed_base64(match["key"], turns=_TURNS_OF_AN_UNNAMED_KEY):
                yield Span(*match.span("key"), "secret access key")
        lone = compiled(_LONE_WORD).fullmatch(line)
        if lone and is_mixed_base64(lone["word"], turns=_TURNS_OF_A_LONE_WORD):
            yield Span(*lone.span("word"), "token")


def unissued_tokens(line: str) -> Iterator[Span]:
    """Yield words made of a prefix and a random rest; hashes and ids in hexadecimal are none."""
    for pattern in (_PREFIXED, _DOTTED):
        for match in compiled(pattern).finditer(line):
            rest = match["rest"]
            if (is_mixed_base64(rest) and not _is_slug(rest)) or _is_base36(rest):
                yield Span(*match.span(), "token")
    for match in compiled(_IN_USE).finditer(line):
        if is_random(match["rest"], least=14):
            yield Span(*match.span(), "token")


def _is_slug(text: str) -> bool:
    """Whether at least two of its parts are plain words, as in a stack's name or a cache's key."""
    parts = text.replace("_", "-").split("-")
    return sum(compiled(_PLAIN_WORD).fullmatch(part) is not None for part in parts) >= _WORDS_OF_A_SLUG


def _is_base36(text: str) -> bool:
    """Whether the longest part of it is random small letters and digits, more of them than hexadecimal has."""
    longest = max(text.replace("_", "-").split("-"), key=len)
    return (
        len(longest) >= _SHORTEST_BASE36
        and compiled("[g-z]").search(longest) is not None
        and is_random(longest, turns=_TURNS_OF_BASE36)
    )


def secret_access_keys(line: str) -> Iterator[Span]:
    """Yield every run of exactly forty random base64 characters."""
    for match in compiled(_FORTY).finditer(line):
        if is_mixed_base64(match[0]):
            yield Span(*match.span(), "secret access key")
