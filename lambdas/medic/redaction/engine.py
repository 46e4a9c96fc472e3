"""Runs every detector over a text, line by line; what one line says about the next is all that is remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medic.redaction.assignments import Pairs, assigned_secrets
from medic.redaction.classify import Candidate, Syntax, secret_kind
from medic.redaction.places import KeyBlocks, email_addresses, header_secrets, placed_secrets, url_secrets
from medic.redaction.spans import MASK, Span, compiled, masked, without
from medic.redaction.tokens import KeyProximity, secret_access_keys, tokens, unissued_tokens
from medic.redaction.values import looks_like_secret_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST = 64
_SHORTEST, _LONGEST = 10, 256
_OF_MANY_LINES = "private key"


@dataclass(slots=True)
class SeenSecrets:
    """The last few secrets of a text; those short or plain enough to be a word of it are not kept."""

    kinds: dict[str, str] = field(default_factory=dict)

    def remember(self, line: str, spans: Iterable[Span]) -> None:
        """Keep what these spans of a line hold."""
        for span in spans:
            secret = line[span.start : span.end]
            if span.kind != _OF_MANY_LINES and _SHORTEST <= len(secret) <= _LONGEST and looks_like_secret_value(secret):
                self.kinds.setdefault(secret, span.kind)
        while len(self.kinds) > _MOST:
            del self.kinds[next(iter(self.kinds))]

    def spans(self, line: str) -> Iterator[Span]:
        """Yield every place of a line that holds one of them."""
        for secret, kind in self.kinds.items():
            start = line.find(secret)
            while start >= 0:
                yield Span(start, start + len(secret), kind)
                start = line.find(secret, start + len(secret))


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
    key_proximity: KeyProximity = field(default_factory=KeyProximity)
    pairs: Pairs = field(default_factory=Pairs)
    known: SeenSecrets = field(default_factory=SeenSecrets)

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
        yield from self.key_proximity.spans(line)
        yield from self.pairs.spans(line)
        yield from assigned_secrets(line)
        yield from placed_secrets(line)
        if self.emails:
            yield from email_addresses(line)


_AWS_KINDS = frozenset(("access key id", "session token", "private key"))
_CONNECTION_STRING = r"(?i:(?:accountkey|sharedaccesskey|password|pwd)=)[^;]"


def looks_like(value: str, name: str = "") -> str | None:
    """Say what kind of secret a value looks like, by its shape first and by the variable's name second.

    Args:
        value: The value of an environment variable.
        name: Its name; any name will do, the shape decides where it can.

    Returns:
        `access key id`, `secret access key`, `session token`, `private key`, `provider token`, `connection string`,
        `password`, `token`, … or None for an ordinary value.
    """
    value = value.strip()
    return _by_shape(value) or secret_kind(Candidate(name, value, Syntax.TIGHT)) or _first_kind(secrets_in(value))


def _by_shape(value: str) -> str | None:
    if "PRIVATE KEY" in value and "-BEGIN" in value:
        return "private key"
    issued = _first_kind(tokens(value))
    if issued:
        return issued if issued in _AWS_KINDS else "provider token"
    if Span(0, len(value), "secret access key") in secret_access_keys(value):
        return "secret access key"
    if ";" in value and compiled(_CONNECTION_STRING).search(value):
        return "connection string"
    place = _first_kind(url_secrets(value))
    return "connection string" if place in {"password", "token"} else place


def _first_kind(spans: Iterable[Span]) -> str | None:
    return next((span.kind for span in spans), None)
