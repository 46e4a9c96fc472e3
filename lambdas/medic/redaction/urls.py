"""Secrets in URLs: a password before the host, a webhook's path. Scheme, user and host stay."""

from __future__ import annotations

from collections.abc import Iterator

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_ordinary, is_random

_SCHEME_LETTERS = r"[A-Za-z][A-Za-z0-9+.-]{0,30}\Z"
_AUTHORITY = r"[^\s\"'`<>\\/]*+"
_AUTHORITY_AND_PATH = r"(?:[^\s\"'`<>\\/?]|/(?!/))*+"
_PORT = r"[0-9]{1,5}(?:[,/?#]|\Z)"
_LONGEST_SCHEME = 31
_SHORTEST_USER = 12
_EVERY_CLASS = r"(?=.{0,64}[a-z])(?=.{0,64}[A-Z])(?=.{0,64}[0-9])[\w-]{12,128}"
_WEB = frozenset({"http", "https", "ws", "wss", "git+https"})

_WEBHOOKS = (
    ("hooks.slack.com/", r"(?:services|workflows|triggers|commands|actions)/"),
    ("discord", r"(?:app)?\.com/api/webhooks/"),
    (".webhook.office.com/", r""),
    ("outlook.office.com/", r"webhook/"),
    ("hooks.zapier.com/", r"hooks/"),
    ("hooks.chime.aws/", r"incomingwebhooks/"),
    ("maker.ifttt.com/", r"trigger/"),
    ("api.vercel.com/", r"v1/integrations/deploy/"),
    ("api.netlify.com/", r"build_hooks/"),
    ("hooks.airtable.com/", r""),
    ("webhook.site/", r""),
    (".m.pipedream.net/", r""),
    ("hook.", r"(?:[a-z0-9-]+\.)?make\.com/"),
)
"""A literal of the URL, what follows it, and then a path that lets anybody in who knows it."""

_COLON, _SLASH, _AT = "%(?:25)?3a", "%(?:25)?2f", "%(?:25)?40"
_ENCODED_USERINFO = (
    rf"(?i:{_COLON}{_SLASH}{_SLASH}[\w.~-]{{1,64}}{_COLON}"
    rf"(?P<password>(?:[\w.~!*-]|%(?!(?:25)?(?:40|2f)))++){_AT})"
)
"""The same, percent-encoded as a whole: `https%3A%2F%2Fuser%3Apassword%40host`."""
_BARE_USERINFO = r"(?<![\w/:.@-])[A-Za-z][\w.-]{0,31}:(?P<password>[^\s:@/\"'`<>]{8,128}+)@[\w-]{1,63}+[.:]"
"""The same without a scheme: `user:password@host.name`."""
_GUARDED_PATH = r"[^\s\"'`<>\\),;?&]{6,}+"
_WEBHOOK_PATH = r"/(?:web)?hooks?/(?P<rest>[^\s\"'`<>\\),;?&]{16,}+)"


def url_secrets(line: str) -> Iterator[Span]:
    """Yield the passwords and tokens before a URL's host, and the secret paths of webhooks."""
    yield from _passwords_without_scheme(line)
    if "://" in line:
        yield from _passwords(line)
    if "/" not in line:
        return
    for literal, middle in _WEBHOOKS:
        if literal in line:
            pattern = f"{literal.replace('.', '[.]')}{middle}(?P<path>{_GUARDED_PATH})"
            yield from (Span(*match.span("path"), "webhook") for match in compiled(pattern).finditer(line))
    for match in compiled(_WEBHOOK_PATH).finditer(line):
        if is_random(match["rest"].rpartition("/")[2]):
            yield Span(*match.span("rest"), "webhook")


def _passwords_without_scheme(line: str) -> Iterator[Span]:
    if "%3" in line:
        for match in compiled(_ENCODED_USERINFO).finditer(line):
            yield Span(*match.span("password"), "password")
    if "@" in line:
        for match in compiled(_BARE_USERINFO).finditer(line):
            if is_random(match["password"], least=_SHORTEST_USER):
                yield Span(*match.span("password"), "password")


def _passwords(line: str) -> Iterator[Span]:
    start = line.find("://")
    while start >= 0:
        scheme = compiled(_SCHEME_LETTERS).search(line, max(0, start - _LONGEST_SCHEME), start)
        start += len("://")
        if scheme:
            span = _userinfo(line, start, web=scheme[0].lower().rpartition(".")[2] in _WEB)
            if span:
                yield span
        start = line.find("://", start)


def _userinfo(line: str, start: int, *, web: bool) -> Span | None:
    # A database's password may hold an unescaped slash; the path of a page may hold an @.
    extent = compiled(_AUTHORITY if web else _AUTHORITY_AND_PATH).match(line, start)
    at = line.rfind("@", start, extent.end()) if extent else -1
    if at < 0:
        return None
    colon = line.find(":", start, at)
    if colon < 0:
        token = line[start:at]
        return Span(start, at, "token") if _is_token(token) else None
    user, password = line[start:colon], line[colon + 1 : at]
    if web and _is_token(user):
        return Span(
            start, at, "token"
        )  # a token in the user's place, and a word such as x-oauth-basic in the password's
    if "/" in user or "@" in user or compiled(_PORT).match(line, colon + 1) or is_ordinary(password):
        return None
    return Span(colon + 1, at, "password")


def _is_token(user: str) -> bool:
    """Whether the word in a user's place is no name: nobody is called by twelve characters of every class."""
    return "/" not in user and (
        is_random(user, least=_SHORTEST_USER) or compiled(_EVERY_CLASS).fullmatch(user) is not None
    )
