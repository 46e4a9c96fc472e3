"""Secrets in HTTP headers: Authorization and its schemes, wherever they stand, and cookies."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_ordinary, is_telling

_OPENING = r"(?:\\*[\"'`]\]?)?[ \t]*+(?:=>|[:=,])[ \t]*+\[?[ \t]*+(?:\\*[\"'`])?"
_AUTHORIZATION = rf"(?i:authorization){_OPENING}(?P<scheme>[A-Za-z][A-Za-z0-9-]*+(?=[ \t]))?[ \t]*+"
_ONE_WORD = r"[^\s\"'`,;<>\\]++"
_TO_THE_QUOTE = r"[^\"'`\r\\]++"
_TO_THE_END = r"[^\r]++"
_WITH_QUOTED_PARTS = ("digest", "oauth", "hawk", "signature")
_BEARER = r"(?i:\bbearer)(?:[ \t:]|%20|\+)++(?P<token>[A-Za-z0-9._~+/=-]{8,}+)"
_BASIC = r"(?i:\bbasic)[ \t]++(?P<token>[A-Za-z0-9+/]{8,}+={0,2})"
_SIGNATURE = r"\bSignature=(?P<token>[0-9a-f]{64})\b"

_COOKIE = rf"(?i:(?P<set>set-)?cookie){_OPENING}"
_PAIR = r"(?P<name>[^\s=;:,\"'`\\]{1,128}+)=(?P<value>[^\s;,\"'`\\]++)"
_ATTRIBUTES = frozenset(("path", "domain", "expires", "max-age", "samesite", "version", "priority"))
_LONGEST_BASIC = 512


def header_secrets(line: str) -> Iterator[Span]:
    """Yield credentials of Authorization headers, of bearer and basic schemes anywhere, and cookies' values."""
    lower = line.lower()
    if "authorization" in lower:
        yield from _authorization(line)
    if "bearer" in lower:
        yield from (Span(*m.span("token"), "token") for m in compiled(_BEARER).finditer(line) if is_telling(m["token"]))
    if "basic" in lower:
        yield from (Span(*m.span("token"), "credential") for m in compiled(_BASIC).finditer(line) if _is_basic(m[1]))
    if "Signature=" in line:
        yield from (Span(*m.span("token"), "signature") for m in compiled(_SIGNATURE).finditer(line))
    if "cookie" in lower:
        yield from _cookies(line)


def _authorization(line: str) -> Iterator[Span]:
    done = 0
    for header in compiled(_AUTHORIZATION).finditer(line):
        if header.start() < done:
            continue
        scheme = (header["scheme"] or "").lower()
        credential = compiled(_extent(scheme)).match(line, header.end())
        done = credential.end() if credential else done
        if credential and is_telling(credential[0]) and not is_ordinary(credential[0]):
            yield Span(*credential.span(), "authorization")


def _extent(scheme: str) -> str:
    if scheme in _WITH_QUOTED_PARTS:
        return _TO_THE_END
    return _TO_THE_QUOTE if scheme.startswith("aws4-") else _ONE_WORD


def _is_basic(token: str) -> bool:
    """Whether it is base64 of `user:password`, and not a word after `basic`."""
    try:
        return b":" in binascii.a2b_base64(token[:_LONGEST_BASIC].rstrip("=") + "==")
    except binascii.Error:
        return False


def _cookies(line: str) -> Iterator[Span]:
    position = 0
    for header in compiled(_COOKIE).finditer(line):
        if header.start() < position:
            continue
        position = header.end()
        while pair := compiled(_PAIR).match(line, position):
            if pair["name"].lower() not in _ATTRIBUTES and not is_ordinary(pair["value"]):
                yield Span(*pair.span("value"), "cookie")
            position = pair.end()
            semicolon = compiled(r";[ \t]*+").match(line, position)
            if header["set"] or not semicolon:
                break
            position = semicolon.end()
