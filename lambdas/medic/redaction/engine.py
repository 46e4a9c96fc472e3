"""Runs every detector over a text, line by line; what one line says about the next is all that is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from medic.redaction.assignments import assigned_secrets
from medic.redaction.bare import Neighbourhood, unissued_tokens
from medic.redaction.commands import email_addresses, placed_secrets
from medic.redaction.headers import header_secrets
from medic.redaction.keyblocks import KeyBlocks
from medic.redaction.known import Known
from medic.redaction.pairs import Pairs
from medic.redaction.spans import MASK, Span, masked, without
from medic.redaction.tokens import tokens
from medic.redaction.urls import url_secrets

_MOST_FURTHER_LOOKS = 3
"""A line that held a secret is looked at again: cutting one out may uncover another."""


def redact(text: str, *, emails: bool = False) -> str:
    """Replace secrets by `[redacted: <kind>]`; the rest of the text, and its line ends, stay as they are.

    Args:
        text: Any text; log lines, JSON, environment dumps, source.
        emails: Whether e-mail addresses are to go too.

    Returns:
        The text without secrets. Redacting it again changes nothing.
    """
    return _Redactor(emails=emails).text(text)


def redact_stream(lines: Iterable[str]) -> Iterator[str]:
    """Redact one line after the other, in memory that the longest line bounds.

    Args:
        lines: Lines, with or without their line ends. A private key may extend over several.

    Yields:
        One text for each line.
    """
    redactor = _Redactor(emails=False)
    return map(redactor.text, lines)


def secrets_in(text: str) -> Iterator[Span]:
    """Yield the secrets of each line, the most specific kinds first; the spans count from the line's start."""
    redactor = _Redactor(emails=False)
    for line in text.split("\n"):
        yield from redactor.spans(line)


@dataclass(slots=True)
class _Redactor:
    emails: bool
    blocks: KeyBlocks = field(default_factory=KeyBlocks)
    neighbourhood: Neighbourhood = field(default_factory=Neighbourhood)
    pairs: Pairs = field(default_factory=Pairs)
    known: Known = field(default_factory=Known)

    def text(self, text: str) -> str:
        return "\n".join(line and self._line(line) for line in text.split("\n"))

    def _line(self, line: str) -> str:
        redacted = without(line, self.spans(line))
        for _ in range(_MOST_FURTHER_LOOKS):
            if redacted == line:
                break
            line, redacted = redacted, without(redacted, _Redactor(emails=self.emails).spans(redacted))
        return redacted

    def spans(self, line: str) -> Iterator[Span]:
        """Every detector's spans; where they overlap, the first detector's name is kept."""
        line = masked(line)
        found = [span for span in self._found(line) if line[span.start] != MASK]
        self.known.remember(line, found)
        yield from found
        yield from self.known.spans(line)

    def _found(self, line: str) -> Iterator[Span]:
        yield from self.blocks.spans(line)
        yield from tokens(line)
        yield from unissued_tokens(line)
        yield from url_secrets(line)
        yield from header_secrets(line)
        yield from self.neighbourhood.spans(line)
        yield from self.pairs.spans(line)
        yield from assigned_secrets(line)
        yield from placed_secrets(line)
        if self.emails:
            yield from email_addresses(line)
