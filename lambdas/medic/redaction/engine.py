"""The public functions of redaction: they run every detector over a text, line by line.

Some detectors remember a few facts from one line to the next, such as an open private key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.redaction.assignments import Pairs, assigned_secrets
from medic.redaction.classify import Candidate, Syntax, secret_kind
from medic.redaction.places import PRIVATE_KEY, KeyBlocks, email_addresses, header_secrets, placed_secrets, url_secrets
from medic.redaction.spans import MASK, Span, compiled, masked, replace_spans
from medic.redaction.tokens import KeyProximity, known_issuer_tokens, secret_access_keys, unknown_issuer_tokens
from medic.redaction.values import looks_like_secret_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_SEEN_SECRETS = 64
_MIN_SEEN_LENGTH, _MAX_SEEN_LENGTH = 10, 256
"""Characters; a shorter or longer secret is not remembered."""

_MAX_REPEATS = 3
"""A line that held a secret is redacted again, because removing one secret may uncover another."""

_AWS_KINDS = frozenset(("access key id", "session token", PRIVATE_KEY))
_CONNECTION_STRING = r"(?i:(?:accountkey|sharedaccesskey|password|pwd)=)[^;]"


def redact(text: str, *, emails: bool = False) -> str:
    """Replace each secret with `[redacted: <kind>]`; the rest of the text and its line ends do not change.

    The text may be anything: log lines, JSON, environment dumps, source code. Redacting twice changes nothing more.
    """
    return _Redactor(emails=emails).text(text)


def redact_emails(text: str) -> str:
    """Replace the e-mail addresses of a text that `redact` has already cleaned."""
    return "\n".join(replace_spans(line, email_addresses(masked(line))) for line in text.split("\n"))


def redact_stream(lines: Iterable[str]) -> Iterator[str]:
    """Redact lines, with or without line ends, one by one; memory is bounded by the longest line."""
    return map(_Redactor(emails=False).text, lines)


def looks_like(value: str, name: str = "") -> str | None:
    """The kind of secret that the value of an environment variable looks like, by its shape, else by the name.

    Returns:
        `access key id`, `secret access key`, `session token`, `private key`, `provider token`, `connection string`,
        `password`, `token` and so on; None for an ordinary value.
    """
    value = value.strip()
    redactor = _Redactor(emails=False)
    secrets = (span for line in value.split("\n") for span in redactor.spans(line))
    return _by_shape(value) or secret_kind(Candidate(name, value, Syntax.TIGHT)) or _first_kind(secrets)


def _by_shape(value: str) -> str | None:
    if "PRIVATE KEY" in value and "-BEGIN" in value:
        return PRIVATE_KEY
    kind = _first_kind(known_issuer_tokens(value))
    if kind:
        return kind if kind in _AWS_KINDS else "provider token"
    if Span(0, len(value), "secret access key") in secret_access_keys(value):
        return "secret access key"
    if ";" in value and compiled(_CONNECTION_STRING).search(value):
        return "connection string"
    kind = _first_kind(url_secrets(value))
    return "connection string" if kind in {"password", "token"} else kind


def _first_kind(spans: Iterable[Span]) -> str | None:
    return next((span.kind for span in spans), None)


class _Redactor:
    def __init__(self, *, emails: bool) -> None:
        self.emails = emails
        self.blocks = KeyBlocks()
        self.key_proximity = KeyProximity()
        self.pairs = Pairs()
        self.seen: dict[str, str] = {}
        """The last secrets and their kinds, to find them again in later lines.

        A short or plain secret is not kept, because it may also be an ordinary word of the text.
        """

    def text(self, text: str) -> str:
        lines = text.split("\n")
        for number, line in enumerate(lines):
            if line:
                lines[number] = self._line(line)
        return "\n".join(lines)

    def _line(self, line: str) -> str:
        redacted = replace_spans(line, self.spans(line))
        for _ in range(_MAX_REPEATS):
            if redacted == line:
                break
            line, redacted = redacted, replace_spans(redacted, _Redactor(emails=self.emails).spans(redacted))
        return redacted

    def spans(self, line: str) -> list[Span]:
        """Every detector's spans; where they overlap, the first detector's name is kept."""
        line = masked(line)
        found: list[Span] = []
        for spans in (
            self.blocks.spans(line),
            known_issuer_tokens(line),
            unknown_issuer_tokens(line),
            url_secrets(line),
            header_secrets(line),
            self.key_proximity.spans(line),
            self.pairs.spans(line),
            assigned_secrets(line),
            placed_secrets(line),
            email_addresses(line) if self.emails else (),
        ):
            found += spans
        if MASK in line:
            found = [span for span in found if line[span.start] != MASK]
        for span in found:
            secret = line[span.start : span.end]
            fits = span.kind != PRIVATE_KEY and _MIN_SEEN_LENGTH <= len(secret) <= _MAX_SEEN_LENGTH
            if fits and looks_like_secret_value(secret):
                self.seen.setdefault(secret, span.kind)
        while len(self.seen) > _MAX_SEEN_SECRETS:
            del self.seen[next(iter(self.seen))]
        for secret, kind in self.seen.items():
            start = line.find(secret)
            while start >= 0:
                found.append(Span(start, start + len(secret), kind))
                start = line.find(secret, start + len(secret))
        return found
