"""The public functions of redaction: they run every detector over a text, line by line.

Most lines hold nothing that a detector looks for. `_suspects` finds the others with a few cheap searches. Some
detectors remember a few facts from one line to the next, such as an open private key.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from medic.redaction import contexts, issuers
from medic.redaction.assignments import KubernetesSecrets, Pairs, assigned_secrets
from medic.redaction.classify import Candidate, Syntax, secret_kind
from medic.redaction.contexts import placed_secrets, secrets_in_prose
from medic.redaction.issuers import (
    KeyProximity,
    known_issuer_tokens,
    secret_access_keys,
    unknown_issuer_tokens,
    unnamed_secrets,
)
from medic.redaction.names import HINTS
from medic.redaction.places import (
    LITERALS,
    PRIVATE_KEY,
    USERINFO,
    KeyBlocks,
    email_addresses,
    header_secrets,
    url_secrets,
)
from medic.redaction.spans import MASK, Span, any_of, compiled, masked, replace_spans
from medic.redaction.values import looks_like_secret_value

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator

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
    """Redact texts of whole lines, with or without the last line end, one by one. Long ones take less time per line."""
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


@cache
def _hints() -> str:
    return any_of(HINTS)


@cache
def _literals() -> str:
    """Matches, in lower case, what most detectors need."""
    after = {**HINTS, **dict.fromkeys((*LITERALS, *issuers.literals()), "")}
    for literal, pattern in contexts.CONTEXTS.items():
        after[literal] = f"(?:{after[literal]}|{pattern})" if literal in after else pattern
    return any_of(after)


def _suspects(text: str, *, emails: bool) -> set[int]:
    """The numbers of the lines in which any detector could find anything, if none remembers anything from before.

    A few searches in C go over the whole text, because most lines of a log hold nothing that a detector needs.
    """
    data = text.encode("ascii", "replace")  # one byte for each character
    searches: list[Callable[[int], int]] = [
        partial(data.translate(issuers.WORDS).find, issuers.LONG_WORD),
        partial(data.translate(issuers.BASE64).find, issuers.LONG_BASE64),
        partial(_position, compiled(_literals()), _lower(text)),
        partial(_position, compiled(contexts.OPTION), text),
        partial(_position, compiled(contexts.QUERY), text),
        partial(_position, compiled(contexts.PGPASS), text),
        partial(_position, compiled(USERINFO), text),
    ]
    if not text.isascii():
        searches.append(partial(_position, compiled(contexts.OTHER_SCRIPTS), text))
    if emails:
        searches.append(partial(text.find, "@"))
    found: set[int] = set()
    for search in searches:
        number = begin = 0
        while (position := search(begin)) >= 0:
            number += text.count("\n", begin, position)
            found.add(number)
            begin = text.find("\n", position)
            if begin < 0:
                break
    return found


def _position(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.search(text, start)
    return match.start() if match else -1


def _lower(text: str) -> str:
    """The text in lower case; its length is unchanged, although a few letters of other scripts become two."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(letter.lower() if letter.isascii() else letter for letter in text)
    return lower


class _Redactor:
    def __init__(self, *, emails: bool) -> None:
        self.emails = emails
        self.blocks = KeyBlocks()
        self.key_proximity = KeyProximity()
        self.pairs = Pairs()
        self.manifests = KubernetesSecrets()
        self.expects_more = False
        """Whether a line said that the next ones may hold a secret, although nothing in them says so."""
        self.seen: dict[str, str] = {}
        """The last secrets and their kinds, to find them again in later lines.

        A short or plain secret is not kept, because it may also be an ordinary word of the text.
        """

    def text(self, text: str) -> str:
        lines = text.split("\n")
        suspects = _suspects(text, emails=self.emails)
        for number, line in enumerate(lines):
            if line and (number in suspects or self.expects_more or (self.seen and self._saw(line))):
                lines[number] = self._line(line)
        return "\n".join(lines)

    def _saw(self, line: str) -> bool:
        return any(secret in line for secret in self.seen)

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
        lower = _lower(line)
        hints = list(compiled(_hints()).finditer(lower))
        token = issuers.may_hold_token(line, lower)
        found: list[Span] = []
        for spans in (
            self.blocks.spans(line),
            known_issuer_tokens(line) if token else (),
            unknown_issuer_tokens(line) if token else (),
            unnamed_secrets(line) if token and "=" in line else (),
            url_secrets(line),
            header_secrets(line, lower),
            self.key_proximity.spans(line) if token or self.key_proximity.lines_left else (),
            self.pairs.spans(line, lower, hinted=bool(hints)),
            self.manifests.spans(line) if self.manifests.lines_left or "kind:" in line else (),
            assigned_secrets(line, hints),
            placed_secrets(line, lower),
            secrets_in_prose(line, hints),
            email_addresses(line) if self.emails else (),
        ):
            found += spans
        self.expects_more = bool(
            self.blocks.lines_left
            or self.key_proximity.lines_left
            or self.pairs.lines_left
            or self.manifests.lines_left
        )
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
