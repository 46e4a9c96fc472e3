"""Detects tokens by their form: those of the table, random tokens behind a prefix, and AWS secret access keys."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from medic.redaction.names import ID_PREFIXES, describes
from medic.redaction.spans import Span, compiled
from medic.redaction.tokens import FORMATS, RANDOM
from medic.redaction.values import is_made_of_words, is_mixed_base64, is_physical_id, is_random

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATTERNS = (
    ("SG.", "SendGrid key", r"SG\.[\w-]{16,64}+\.[\w-]{16,}+"),
    (":AA", "Telegram token", r"(?:\bbot|(?<![0-9A-Za-z]))[0-9]{8,10}:AA[\w-]{32,}+"),
    ("re_", "Resend key", r"re_[A-Za-z0-9]{6,12}+_[A-Za-z0-9]{20,}+"),
    (":APA91b", "Firebase token", r"(?<![\w-])[\w-]{10,64}+:APA91b[\w-]{40,}+"),
    (".atlasv1.", "Terraform token", r"(?<![\w-])[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}+"),
    ("pat", "Airtable token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{32,}+"),
    ("Q~", "Azure client secret", r"(?<![\w.~-])[\w.~-]{3}[0-9]Q~[\w.~-]{28,}+"),
    ("AZDO", "Azure DevOps token", r"(?<!\w)[A-Za-z0-9]{70,}?AZDO[A-Za-z0-9]{4}(?!\w)"),
    ("AzFu", "Azure Functions key", r"(?<![\w-])[\w-]{40,48}AzFu[\w-]{4,8}={0,2}"),
    ("+ACR", "Azure registry key", r"(?<![\w+/])[A-Za-z0-9+/]{42}\+ACR[A-Za-z0-9]{6}(?!\w)"),
    ("JQQJ99", "Azure key", r"(?<![\w+/])[A-Za-z0-9+/]{40,60}JQQJ99[A-Za-z0-9+/]{20,}+={0,2}"),
    ("1/", "Asana token", r"(?<![\w/])1/[0-9]{13,20}:[0-9a-f]{32}\b"),
    ("2/", "Asana token", r"(?<![\w/])2/[0-9]{13,20}/[0-9]{13,20}:[0-9a-f]{32}\b"),
    (":", "Ably key", r"(?<![\w.-])[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{6}:[\w-]{40,}+"),
    ("|", "Convex key", r"(?<![\w-])(?:prod|dev|preview|project):[\w:-]{3,80}\|[A-Za-z0-9+/=_-]{20,}+"),
    ("v1.0-", "Cloudflare key", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}+"),
    ("dt0", "Dynatrace token", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("oauth:", "OAuth token", r"\boauth:[a-z0-9]{30}\b"),
    (
        "$",
        "password hash",
        r"\$(?:apr1|1|2[abxy]|5|6|7|y|argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9-]*+)\$[\w./$=,+-]{20,}+",
    ),
    ("AKIA", "access key id", r"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("ASIA", "access key id", r"ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
)
"""Tokens that a prefix alone does not identify: a literal that must occur in the line, the kind, and the pattern."""

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_RUNS = (
    ("Mailchimp key", r"[0-9a-f]{32}-us[0-9]{1,2}"),
    ("New Relic key", r"[0-9a-f]{36}NRAL"),
    ("LaunchDarkly key", rf"(?:sdk|api|mob)-{_UUID}"),
    ("Mailgun key", r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}"),
    ("HubSpot token", rf"pat-[a-z]{{2}}[0-9]-{_UUID}"),
    ("MaxMind key", r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"),
    ("Discord token", r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}+"),
)
"""Tokens that begin with a run of `SHORTEST_RUN`: the kind and the pattern."""

_LITERALS = frozenset(
    ("akia", "asia", "$apr1", "$argon2", "$scrypt", "$pbkdf2", "$1$", "$2", "$5$", "$6$", "$7$", "$y$")
)
"""Of `_PATTERNS`, in lower case."""

SHORTEST_RUN = 22
"""Every token has a run of so many letters, digits, `_` and `-`, or one of `literals`."""

_RUN = rf"[A-Za-z0-9_-]{{{SHORTEST_RUN},}}+"

_ENCODED_JSON = r"eyJ[A-Za-z0-9+/_-]*+={0,2}(?:\.[A-Za-z0-9_-]*+){0,4}"
"""A JSON web token, or any JSON object in base64: `eyJ` is `{"`."""
_JWT_HEADER = "eyJhbGciOi"
_SOURCE_MAP = "eyJ2ZXJzaW9uIjo"  # {"version":
_MIN_JWT, _MIN_ENCODED_JSON = 16, 40
_MAX_ESCAPE = 6

_WORD = r"[A-Za-z0-9*][A-Za-z0-9]*+"
_ESCAPE = r"(?<=%)(?:25)?[0-9A-Fa-f]{2}|(?<=\\)(?:[nrt]|u[0-9A-Fa-f]{4})|(?<=[\[;])[0-9]*+m"
"""What belongs to an escape sequence although it is made of letters and digits: `%3D`, `\\n`, a colour."""


@cache
def literals() -> frozenset[str]:
    """Literals, in lower case, of tokens that need not have a run of `SHORTEST_RUN`."""
    prefixes = {
        prefix.lower()
        for _, alphabet, min_length, prefixes in FORMATS
        for prefix in prefixes.split()
        if len(re.split("[^A-Za-z0-9_-]", prefix)[-1]) + min_length < (32 if "/" in alphabet else SHORTEST_RUN)
    }
    return _LITERALS | prefixes


WORDS, BASE64 = (
    bytes(ord("x") if chr(code).isalnum() or chr(code) in more else ord(" ") for code in range(128)) + b" " * 128
    for more in ("_-", "+/=")
)
"""For `bytes.translate`: which bytes are characters of a word, and of base64."""
LONG_WORD, LONG_BASE64 = b"x" * SHORTEST_RUN, b"x" * 32


def known_issuer_tokens(line: str) -> Iterator[Span]:
    """Yield tokens of known issuers; they are secrets in any context."""
    for literal, kind, pattern in _PATTERNS:
        if literal in line:
            for match in compiled(pattern).finditer(line):
                if _word_start(line, match.start()) == match.start():
                    yield Span(*match.span(), kind)
    for run in compiled(_RUN).finditer(line):
        for kind, pattern in _RUNS:
            token = compiled(pattern).match(line, run.start())
            if token and not line[token.end() : token.end() + 1].isalnum():
                yield Span(*token.span(), kind)
    if "eyJ" in line:
        yield from _encoded_json(line)
    yield from _prefixed_tokens(line)


def _encoded_json(line: str) -> Iterator[Span]:
    for match in compiled(_ENCODED_JSON).finditer(line):
        is_jwt = "." in match[0]
        shortest = _MIN_JWT if is_jwt or match[0].startswith(_JWT_HEADER) else _MIN_ENCODED_JSON
        if len(match[0]) >= shortest and not match[0].startswith(_SOURCE_MAP):
            yield Span(*match.span(), "JSON web token" if is_jwt else "credential")


def _prefixed_tokens(line: str) -> Iterator[Span]:
    formats, end = _formats(), 0
    for word in compiled(_WORD).finditer(line):
        start = _word_start(line, word.start())
        if start < end:
            continue
        for prefix, kind, body, must_look_random in formats.get(line[start : start + 2], ()):
            match = compiled(body).match(line, start + len(prefix)) if line.startswith(prefix, start) else None
            if match and (not must_look_random or is_mixed_base64(match[0])):
                end = match.end()
                yield Span(start, end, kind)
                break


def _word_start(line: str, position: int) -> int:
    """Where a word really begins: after an escape sequence, if one ends inside. -1 if it is the middle of a word."""
    before = line[position - 1 : position] if position else ""
    if before in {"%", "\\", "[", ";"} and (escape := compiled(_ESCAPE).match(line, position)):
        return escape.end()
    if before.isalnum():
        start = position
        while start and position - start < _MAX_ESCAPE and line[start - 1].isalnum():
            start -= 1
        escape = compiled(_ESCAPE).match(line, start)
        return position if escape and escape.end() == position else -1
    return position


@cache
def _formats() -> dict[str, list[tuple[str, str, str, bool]]]:
    """Prefix, kind, pattern of the rest, whether that must look random; by two first characters, longest first."""
    by_start: dict[str, list[tuple[str, str, str, bool]]] = {}
    for kind, alphabet, min_length, prefixes in FORMATS:
        for prefix in prefixes.split():
            body = f"{alphabet}{{{min_length},}}+"
            by_start.setdefault(prefix[:2], []).append((prefix, kind, body, alphabet == RANDOM))
    for several in by_start.values():
        several.sort(key=lambda each: -len(each[0]))
    return by_start


_PART_OF_NAME = frozenset("/.:@#%+&?$\\")
"""After one of these, a run belongs to a path, a URL, or a version."""
_FIRST_PREFIX = (
    r"(?!sha(?:1|256|384|512)-)(?P<prefix>[a-z][a-z0-9]{1,15}+|[A-Z][A-Z0-9]{1,15}+)[_-](?:[a-z]{1,8}[_-]){0,2}"
    r"(?P<rest>[A-Za-z0-9_-]{20,}+)"
)
_PREFIXES_OF_HEX = (
    r"(?P<prefix>[A-Za-z][A-Za-z0-9]{0,11}(?:[_-][a-z][a-z0-9]{1,7}){0,2})(?P<joint>[_-])"
    r"(?:[0-9a-f]{32,}+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
_ENVIRONMENT = (
    r"(?:(?:(?!cs_)[a-z]{2,12}_)?(?:live|prod|sandbox|secret)|(?!cs_)[a-z]{2,12}_test)_(?P<rest>[A-Za-z0-9]{14,}+)"
)
_NAME_BEFORE_DOT = r"(?<![\w/.:-])[A-Za-z][\w-]{1,31}\.(?:[\w-]{16,}+\.)?\Z"
_MAX_BEFORE_DOT = 120
_VARIABLE = (
    r"(?<![\w./$-])(?P<name>[A-Z][A-Z0-9]*+(?:_[A-Z0-9]++)*+)=(?P<quote>[\"']?)(?P<value>[A-Za-z0-9+/_-]{24,128}+={0,2})"
    r"(?P=quote)(?![^\s\"',;})])"
)
_BARE, _MIN_CHANGES_IN_BARE = 40, 0.3
_INTRODUCES_ID = (
    r"(?:[:=|]|(?i:\b(?:id|hash|e-?tag|digest|checksum|sum|sha[0-9]*|version|ref|nonce|cursor)))[\s\"'`(]*\Z"
    r"|^[\s\"'`(]*\Z"
)
"""Before a random word: a sign or a noun, after which ids and hashes are printed; or nothing, on its line."""
_MAX_INTRODUCTION = 24
_HEX_KEY = "[0-9a-f]{32}"
_SHORT_VALUE = 24
_AFTER_DOT = 32
_LONG = 28
_MIN_CHANGES_IN_SHORT = 0.25
_MIN_CHANGES_IN_BASE36 = 0.24
_SAYS_TOKEN = r"(?i)(?:^|[_.-])(?:sk|pat|tok|token|secret|sec|cred|pass|auth|bearer|\w*key)(?:$|[_.-])"  # noqa: S105
_PLAIN_WORD = "[A-Z]?[a-z]{2,}"
_MIN_SLUG_WORDS = 2


def unknown_issuer_tokens(line: str) -> Iterator[Span]:
    """Yield words with a prefix and a random rest. Hexadecimal hashes and ids do not count."""
    for run in compiled(_RUN).finditer(line):
        start, end = run.span()
        before, after = line[start - 1 : start] if start else "", line[end : end + 1]
        if before == "." and end - start >= _AFTER_DOT and after not in {".", "/", "("}:
            name = compiled(_NAME_BEFORE_DOT).search(line, max(0, start - _MAX_BEFORE_DOT), start)
            if name and is_mixed_base64(run[0]) and not is_made_of_words(run[0]):
                yield Span(name.start(), end, "token")
        if before in _PART_OF_NAME or before.isalnum() or after in {".", "/", ":", "="}:
            continue
        if end - start >= _BARE and after != "+" and _is_bare_token(line, start, run[0]):
            yield Span(start, end, "token")
            continue
        random = compiled(_FIRST_PREFIX).fullmatch(run[0])
        encoded = compiled(_PREFIXES_OF_HEX).fullmatch(run[0])
        live = compiled(_ENVIRONMENT).fullmatch(run[0])
        if (
            (random and _is_random_rest(random["rest"], random["prefix"].lower()))
            or (live and is_random(live["rest"], min_length=14))
            or (encoded and _marks_token(encoded["prefix"], plain=encoded["joint"] == "_" and "-" not in run[0]))
        ):
            yield Span(start, end, "token")


def unnamed_secrets(line: str) -> Iterator[Span]:
    """Yield random values of environment variables, unless the name says that it is an id, a hash or the like."""
    for match in compiled(_VARIABLE).finditer(line):
        value = match["value"]
        random = compiled(_HEX_KEY).fullmatch(value) or (len(value) >= _SHORT_VALUE and is_mixed_base64(value))
        if random and not is_made_of_words(value) and not describes(match["name"]):
            yield Span(*match.span("value"), "secret")


def _is_bare_token(line: str, start: int, text: str) -> bool:
    """Whether a long random word is a token, because nothing says that it is an id or a hash."""
    if compiled(_INTRODUCES_ID).search(line, max(0, start - _MAX_INTRODUCTION), start):
        return False
    if text.replace("-", "_").partition("_")[0].lower() in ID_PREFIXES or is_made_of_words(text):
        return False
    return is_mixed_base64(text, min_changes=_MIN_CHANGES_IN_BARE)


def _marks_token(prefix: str, *, plain: bool) -> bool:
    """Whether hexadecimal digits or a UUID after this prefix are a token, and not an id or a hash."""
    return compiled(_SAYS_TOKEN).search(prefix) is not None or (plain and prefix.lower() not in ID_PREFIXES)


def _is_random_rest(rest: str, prefix: str) -> bool:
    if prefix in ID_PREFIXES or is_physical_id(rest) or is_made_of_words(rest) or _is_slug(rest):
        return False
    if len(rest) < _LONG:
        return rest.isalnum() and is_mixed_base64(rest, min_changes=_MIN_CHANGES_IN_SHORT)
    return is_mixed_base64(rest) or _is_base36(rest)


def _is_slug(text: str) -> bool:
    """Whether at least two parts of the text are plain words, as in the name of a stack or the key of a cache."""
    parts = text.replace("_", "-").split("-")
    return sum(compiled(_PLAIN_WORD).fullmatch(part) is not None for part in parts) >= _MIN_SLUG_WORDS


def _is_base36(text: str) -> bool:
    """Whether the longest part of the text is random small letters and digits, with letters beyond hexadecimal."""
    longest = max(text.replace("_", "-").split("-"), key=len)
    return (
        len(longest) >= _LONG
        and compiled("[g-z]").search(longest) is not None
        and is_random(longest, min_changes=_MIN_CHANGES_IN_BASE36)
    )


_ACCESS_KEY = r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])"
_DELIMITED_ACCESS_KEY = r"(?:^|[\s=:])[\"']?(?P<key>[A-Za-z0-9+][A-Za-z0-9+/]{39})(?![\w+/=.-])"
_MIN_CHANGES_IN_KEY_WITHOUT_ID = 0.25
_ACCESS_KEY_ID = r"(?:AKIA|ASIA)[A-Z0-9]{16}"
_LONE_WORD = (
    r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[ \t]*+(?!MII[BC]IjAN|MII[A-Za-z0-9+/]{2,3}CCA|MFkwEwYH)"  # public keys
    r"(?P<word>[A-Za-z0-9+/]{32,}+={0,2})[ \t\r]*+"
)
_LINES_AFTER_ID = 5
_MIN_CHANGES_IN_LONE_WORD = 0.26


def secret_access_keys(line: str) -> Iterator[Span]:
    """Yield every run of exactly 40 random base64 characters, the form of an AWS secret access key."""
    for match in compiled(_ACCESS_KEY).finditer(line):
        if is_mixed_base64(match[0]):
            yield Span(*match.span(), "secret access key")


class KeyProximity:
    """Remembers for a few lines that an access key id was printed, because its secret access key is often nearby."""

    lines_left = 0

    def spans(self, line: str) -> Iterator[Span]:
        """Yield secret access keys near an access key id or clearly delimited, and a random word alone on a line."""
        if ("AKIA" in line or "ASIA" in line) and compiled(_ACCESS_KEY_ID).search(line):
            self.lines_left = _LINES_AFTER_ID
        elif self.lines_left:
            self.lines_left -= 1
        if self.lines_left:
            yield from secret_access_keys(line)
        for match in compiled(_DELIMITED_ACCESS_KEY).finditer(line):
            if is_mixed_base64(match["key"], min_changes=_MIN_CHANGES_IN_KEY_WITHOUT_ID):
                yield Span(*match.span("key"), "secret access key")
        lone = compiled(_LONE_WORD).fullmatch(line)
        if lone and is_mixed_base64(lone["word"], min_changes=_MIN_CHANGES_IN_LONE_WORD):
            yield Span(*lone.span("word"), "token")
