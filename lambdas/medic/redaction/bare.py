"""Secrets without a name: a secret access key beside its id, a random word that is all there is on a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_mixed_base64

_FORTY = r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])"
_FORTY_APART = r"(?:^|[\s=:])[\"']?(?P<key>[A-Za-z0-9+][A-Za-z0-9+/]{39})(?![\w+/=.-])"
_TURNS_OF_AN_UNNAMED_KEY = 0.25
_ACCESS_KEY_ID = r"(?:AKIA|ASIA)[A-Z0-9]{16}"
_LONE_WORD = r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[ \t]*+(?P<word>[A-Za-z0-9+/]{32,}+={0,2})[ \t\r]*+"
_LINES_BESIDE = 5


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
        if lone and is_mixed_base64(lone["word"]):
            yield Span(*lone.span("word"), "token")


def secret_access_keys(line: str) -> Iterator[Span]:
    """Yield every run of exactly forty random base64 characters."""
    for match in compiled(_FORTY).finditer(line):
        if is_mixed_base64(match[0]):
            yield Span(*match.span(), "secret access key")
