"""The public functions of redaction: they run every detector over a text, line by line.

Most lines hold nothing that a detector looks for. `_suspects` finds the others with a few cheap searches. Some
detectors remember a few facts from one line to the next, such as an open private key.
"""

from __future__ import annotations

from functools import cache, partial
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from medic.redaction import contexts, issuers
from medic.redaction.assignments import MEMBERS, KubernetesSecrets, Pairs, assigned_secrets
from medic.redaction.classify import Candidate, Syntax, secret_kind
from medic.redaction.contexts import (
    option_secrets,
    placed_secrets,
    protocol_secrets,
    query_secrets,
    secrets_in_prose,
)
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
from medic.redaction.spans import ANCHORS, MASK, Span, any_of, compiled, masked, replace_spans
from medic.redaction.values import looks_like_secret_value

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator

_MAX_SEEN_SECRETS = 64
_MIN_SEEN_LENGTH, _MAX_SEEN_LENGTH = 10, 256
"""Characters; a shorter or longer secret is not remembered."""

_FEW_LINES = 30
"""So few lines, as in an alert, are all examined: to prepare the search for suspects would take longer."""

_LONG_WORD, _OPTION, _QUERY, _PGPASS, _OTHER_SCRIPT, _OTHER = (1 << number for number in range(6))
_ANYTHING = -1
"""What the search for suspects found in a line: a sum of these. Whatever was not found in it needs no detector."""

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
    redactor = _Redactor(emails=False)
    redactor.many_lines = True
    return map(redactor.text, lines)


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
    without_more = dict.fromkeys((*LITERALS, *issuers.literals()), "")
    return any_of(HINTS, without_more, contexts.CONTEXTS, anchors=ANCHORS)


@cache
def _literals_of_few_lines() -> str:
    """Matches, in lower case, what some detectors need and few of the suspected lines have."""
    return any_of(dict.fromkeys(issuers.literals(), ""), contexts.LITERALS, MEMBERS, anchors=ANCHORS)


def _suspects(text: str, *, emails: bool) -> dict[int, int]:
    """Where the lines begin in which any detector could find anything, if none remembers anything, and why.

    A few searches in C go over the whole text, because most lines of a log hold nothing that a detector needs.
    """
    data, lower = text.encode("ascii", "replace"), _lower(text)  # one byte for each character
    searches: list[tuple[int, Callable[[int], int]]] = [
        (_LONG_WORD, partial(data.translate(issuers.WORDS).find, issuers.LONG_WORD)),
        (_OTHER, partial(_base64_position, data, data.translate(issuers.BASE64))),
        (_OTHER, partial(_position, compiled(_literals()), lower)),
        (_OPTION, partial(_position, compiled(contexts.OPTION), text)),
        *((_QUERY, partial(_position, compiled(query), text)) for query in contexts.QUERIES),
        (_PGPASS, partial(_position, compiled(contexts.PGPASS), text)),
        (_OTHER, partial(_position, compiled(USERINFO), text)),
    ]
    if not text.isascii():
        searches += [(_OTHER_SCRIPT, partial(lower.find, word)) for word in contexts.IN_OTHER_SCRIPTS]
    if emails:
        searches.append((_OTHER, partial(text.find, "@")))
    found: dict[int, int] = {}
    for why, search in searches:
        for begin in _lines_found(text, search):
            found[begin] = found.get(begin, 0) | why
    return found


def _lines_found(text: str, search: Callable[[int], int], begin: int = 0) -> Iterator[int]:
    """Where the lines begin, from `begin` on, in which a search finds something."""
    while 0 <= (position := search(begin)) <= len(text):
        yield text.rfind("\n", begin, position) + 1 or begin
        begin = text.find("\n", position) + 1
        if not begin:
            break


def _base64_position(data: bytes, classes: bytes, start: int) -> int:
    """Where a long run of base64 begins. One without a capital is the path of a file."""
    while (begin := classes.find(issuers.LONG_BASE64, start)) >= 0:
        start = classes.find(b" ", begin)
        if not data[begin : None if start < 0 else start].islower():
            return begin
        if start < 0:
            break
    return -1


def _position(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.search(text, start)
    return match.start() if match else -1


def _lower(text: str) -> str:
    """The text in lower case; its length is unchanged, because a letter that would become two stays."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)
    return lower


class _Redactor:
    def __init__(self, *, emails: bool) -> None:
        self.emails = emails
        self.blocks = KeyBlocks()
        self.key_proximity = KeyProximity()
        self.pairs = Pairs()
        self.manifests = KubernetesSecrets()
        self.many_lines = False
        self.expects_more = False
        """Whether a line said that the next ones may hold a secret, although nothing in them says so."""
        self.seen: dict[str, str] = {}
        """The last secrets and their kinds, to find them again in later lines.

        A short or plain secret is not kept, because it may also be an ordinary word of the text.
        """
        self.new: list[str] = []
        """Of `seen`, those that later lines were not searched for yet."""

    def text(self, text: str) -> str:
        self.many_lines = self.many_lines or text.count("\n") >= _FEW_LINES
        if self.many_lines:
            suspects = _suspects(text, emails=self.emails)
        else:
            suspects = dict.fromkeys(_lines_found(text, lambda begin: begin), _ANYTHING)
        begins = [*suspects, *([0] if self.expects_more else [])]
        for secret in self.seen:
            begins += _lines_found(text, partial(text.find, secret))
        heapify(begins)
        kept: list[str] = []
        done = 0
        while begins:
            begin = heappop(begins)
            if begin < done:
                continue
            end = text.find("\n", begin)
            end = end if end >= 0 else len(text)
            if begin < end:
                kept += text[done:begin], self._line(text[begin:end], suspects.get(begin, 0))
                done = end
                for secret in self.new:
                    for later in _lines_found(text, partial(text.find, secret), end):
                        heappush(begins, later)
                self.new.clear()
            if self.expects_more and end < len(text):
                heappush(begins, end + 1)
        return "".join((*kept, text[done:]))

    def _line(self, line: str, why: int) -> str:
        found = self.spans(line, why)
        if not found:
            return line
        redacted = replace_spans(line, found)
        for _ in range(_MAX_REPEATS):
            if redacted == line:
                break
            line, redacted = redacted, replace_spans(redacted, _Redactor(emails=self.emails).spans(redacted))
        return redacted

    def spans(self, line: str, why: int = _ANYTHING) -> list[Span]:
        """Every detector's spans; where they overlap, the first detector's name is kept.

        Args:
            line: the line.
            why: what the search for suspects found in it.
        """
        unmasked, line = line, masked(line)
        found = self._found(line, why if line is unmasked else _ANYTHING)
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
            if fits and secret not in self.seen and looks_like_secret_value(secret):
                self.new.append(secret)
                self.seen[secret] = span.kind
        while len(self.seen) > _MAX_SEEN_SECRETS:
            del self.seen[next(iter(self.seen))]
        for secret, kind in self.seen.items():
            start = line.find(secret)
            while start >= 0:
                found.append(Span(start, start + len(secret), kind))
                start = line.find(secret, start + len(secret))
        return found

    def _found(self, line: str, why: int) -> list[Span]:
        """What the detectors find. Those that cannot find anything are not asked, to save time."""
        lower, data = _lower(line), line.encode("ascii", "replace")
        is_rich = why == _ANYTHING or compiled(_literals_of_few_lines()).search(lower) is not None
        hints = list(compiled(_hints()).finditer(lower))
        found: list[Span] = [*self.blocks.spans(line)]
        holds_token = is_rich or why & _LONG_WORD or issuers.LONG_BASE64 in data.translate(issuers.BASE64)
        if holds_token:
            found += known_issuer_tokens(line)
            found += unknown_issuer_tokens(line)
            found += unnamed_secrets(line)
        if holds_token or self.key_proximity.lines_left:
            found += self.key_proximity.spans(line)
        found += url_secrets(line)
        if hints or "basic" in lower:
            found += header_secrets(line, lower)
        found += self.pairs.spans(line, hinted=bool(hints), has_members=is_rich)
        found += self.manifests.spans(line)
        if hints:
            found += assigned_secrets(line, hints)
        if why & _OPTION:
            found += option_secrets(line, lower)
        found += protocol_secrets(line, lower)
        if why & _QUERY:
            found += query_secrets(line)
        if is_rich or why & (_PGPASS | _OTHER_SCRIPT):
            found += placed_secrets(line, lower)
        if hints:
            found += secrets_in_prose(line, hints)
        if self.emails:
            found += email_addresses(line)
        return found
