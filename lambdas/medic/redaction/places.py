"""Detects secrets by where they occur: HTTP headers, private key blocks, URLs.

Also detects e-mail addresses.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_ordinary, is_random, looks_like_secret_value

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEPARATOR = r"(?:\\*[\"'`]\]?)?[ \t]*+(?:=>|[:=,])[ \t]*+\[?[ \t]*+(?:\\*[\"'`])?"
_AUTHORIZATION = rf"(?i:authorization){_SEPARATOR}(?P<scheme>[A-Za-z][A-Za-z0-9-]*+(?=[ \t]))?[ \t]*+"
_ONE_WORD = r"[^\s\"'`,;<>\\]++"
_UNTIL_QUOTE = r"[^\"'`\r\\]++"
_UNTIL_LINE_END = r"[^\r]++"
_SCHEMES_WITH_QUOTES = ("digest", "oauth", "hawk", "signature")
_BEARER = r"(?i:\bbearer)(?:[ \t:]|%20|\+)++(?P<token>[A-Za-z0-9._~+/=-]{8,}+)"
_BASIC = r"(?i:\bbasic)[ \t]++(?P<token>[A-Za-z0-9+/]{8,}+={0,2})"
_SIGNATURE = r"\bSignature=(?P<token>[0-9a-f]{64})\b"

_COOKIE = rf"(?i:(?P<set>set-)?cookie){_SEPARATOR}"
_PAIR = r"(?P<name>[^\s=;:,\"'`\\]{1,128}+)=(?P<value>[^\s;,\"'`\\]++)"
_ATTRIBUTES = frozenset(("path", "domain", "expires", "max-age", "samesite", "version", "priority"))
_MAX_BASIC = 512


def header_secrets(line: str, lower: str) -> Iterator[Span]:
    """Yield credentials of Authorization headers, bearer and basic credentials, signatures, and values of cookies."""
    if "authorization" in lower:
        yield from _authorization(line)
    if "bearer" in lower:
        for match in compiled(_BEARER).finditer(line):
            if looks_like_secret_value(match["token"]):
                yield Span(*match.span("token"), "token")
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
        extent = _UNTIL_QUOTE if scheme.startswith("aws4-") else _ONE_WORD
        extent = _UNTIL_LINE_END if scheme in _SCHEMES_WITH_QUOTES else extent
        credential = compiled(extent).match(line, header.end())
        done = credential.end() if credential else done
        if credential and looks_like_secret_value(credential[0]) and not is_ordinary(credential[0]):
            yield Span(*credential.span(), "authorization")


def _is_basic(token: str) -> bool:
    """Whether the token is base64 of `user:password`, and not a plain word after `basic`."""
    try:
        return b":" in binascii.a2b_base64(token[:_MAX_BASIC].rstrip("=") + "==")
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


PRIVATE_KEY = "private key"
_BEGIN = (
    r"-{4,5} ?BEGIN(?:[ +]|%20)[A-Z0-9 +%]{0,40}PRIVATE(?:[ +]|%20)KEY(?: BLOCK)? ?-{4,5}|Private-Lines: ?[0-9]{1,4}"
)
_END = r"-{4,5} ?END(?:[ +]|%20)[A-Z0-9 +%]{0,40}PRIVATE(?:[ +]|%20)KEY(?: BLOCK)? ?-{4,5}|Private-MAC: "
_INLINE_BODY = r"(?:\\+[nr]|%0[AaDd]|[ \t]*+[A-Za-z0-9+/=]{16})[^\"'`<>]*+"
_LONG_RUN = r"[A-Za-z0-9+/]{40,}+={0,2}"
_LONE_WORD = (
    r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[\s|>+\"']*+(?:[0-9]{1,5}[ \t|:]++)?"
    r"(?P<word>[A-Za-z0-9+/=]+)(?:\\n)?[\"',;+\s]*+"
)
_MIN_FIRST_WORD = 16
_MAX_LINES_WITHOUT_KEY = 32
"""A block without an end marker counts as closed after this many lines without key material."""


class KeyBlocks:
    """Finds private keys that span several lines; remembers whether a block is open."""

    lines_left = 0
    """Until the open block counts as closed; 0 if none is open."""
    in_body = False

    def spans(self, line: str) -> Iterator[Span]:
        """Yield the parts of the line that belong to the body of a private key."""
        position = 0
        if self.lines_left:
            end = compiled(_END).search(line)
            yield from self._body(line[: end.start()] if end else line)
            if end:
                self.lines_left, self.in_body, position = 0, False, end.end()
        if "BEGIN" in line or "Private-Lines" in line:
            yield from self._openings(line, position)

    def _openings(self, line: str, position: int) -> Iterator[Span]:
        while begin := compiled(_BEGIN).search(line, position):
            end = compiled(_END).search(line, begin.end())
            self.lines_left, self.in_body = (0, False) if end else (_MAX_LINES_WITHOUT_KEY, False)
            limit = end.start() if end else len(line)
            body = compiled(_INLINE_BODY).match(line, begin.end(), limit)
            if body and compiled(r"[A-Za-z0-9+/=]{16}").search(body[0]):
                yield Span(*body.span(), PRIVATE_KEY)
            if not end:
                return
            position = end.end()

    def _body(self, line: str) -> Iterator[Span]:
        self.lines_left -= 1
        found = [Span(*run.span(), PRIVATE_KEY) for run in compiled(_LONG_RUN).finditer(line) if is_random(run[0])]
        lone = compiled(_LONE_WORD).fullmatch(line)
        if lone and (self.in_body or len(lone["word"]) >= _MIN_FIRST_WORD):
            found.append(Span(*lone.span("word"), PRIVATE_KEY))
        self.in_body = bool(found)
        if found:
            self.lines_left = _MAX_LINES_WITHOUT_KEY
        yield from found


_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]{0,30}\Z"
_AUTHORITY = r"[^\s\"'`<>\\/]*+"
_AUTHORITY_AND_PATH = r"(?:[^\s\"'`<>\\/?]|/(?!/))*+"
_PORT = r"[0-9]{1,5}(?:[,/?#]|\Z)"
_MAX_SCHEME = 31
_MIN_TOKEN_AS_USER = 12
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
"""A literal of the URL, and the pattern after it. The path that follows is secret: it is enough to use the webhook."""

_COLON, _SLASH, _AT = "%(?:25)?3a", "%(?:25)?2f", "%(?:25)?40"
_ENCODED_USERINFO = (
    rf"(?i:{_COLON}{_SLASH}{_SLASH}[\w.~-]{{1,64}}{_COLON}"
    rf"(?P<password>(?:[\w.~!*-]|%(?!(?:25)?(?:40|2f)))++){_AT})"
)
"""Credentials in a URL that is percent-encoded as a whole: `https%3A%2F%2Fuser%3Apassword%40host`."""
_BARE_USERINFO = r"(?<![\w/:.@-])[A-Za-z][\w.-]{0,31}:(?P<password>[^\s:@/\"'`<>]{8,128}+)@[\w-]{1,63}+[.:]"
"""Credentials in a URL without a scheme: `user:password@host.name`."""
_PATH_OF_WEBHOOK = r"[^\s\"'`<>\\),;?&]{6,}+"
_WEBHOOK_PATH = r"/(?:web)?hooks?/(?P<rest>[^\s\"'`<>\\),;?&]{16,}+)"


_PART_OF_WEBHOOK = ("hook", "maker.ifttt.com", "api.vercel.com", ".m.pipedream.net")
"""The URL of every webhook has one of these."""


def url_secrets(line: str) -> Iterator[Span]:
    """Yield passwords and tokens before the host of a URL, and the secret paths of webhooks."""
    if "@" in line or "%3" in line:
        yield from _passwords_without_scheme(line)
        yield from _passwords(line)
    if "/" not in line or not any(literal in line for literal in _PART_OF_WEBHOOK):
        return
    for literal, middle in _WEBHOOKS:
        if literal in line:
            pattern = f"{literal.replace('.', '[.]')}{middle}(?P<path>{_PATH_OF_WEBHOOK})"
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
            if is_random(match["password"], min_length=_MIN_TOKEN_AS_USER):
                yield Span(*match.span("password"), "password")


def _passwords(line: str) -> Iterator[Span]:
    start = line.find("://")
    while start >= 0:
        scheme = compiled(_SCHEME).search(line, max(0, start - _MAX_SCHEME), start)
        start += len("://")
        if scheme:
            span = _userinfo(line, start, web=scheme[0].lower().rpartition(".")[2] in _WEB)
            if span:
                yield span
        start = line.find("://", start)


def _userinfo(line: str, start: int, *, web: bool) -> Span | None:
    # The password of a database URL may contain an unescaped slash. The path of a web page may contain an @.
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
        # The user is the token, and the password a fixed word such as x-oauth-basic.
        return Span(start, at, "token")
    if "/" in user or "@" in user or compiled(_PORT).match(line, colon + 1) or is_ordinary(password):
        return None
    return Span(colon + 1, at, "password")


def _is_token(user: str) -> bool:
    """Whether the user part is a token: it is random, or has 12 or more characters with all of a-z, A-Z and 0-9."""
    return "/" not in user and (
        is_random(user, min_length=_MIN_TOKEN_AS_USER) or compiled(_EVERY_CLASS).fullmatch(user) is not None
    )


LITERALS = (
    "begin ",
    "begin+",
    "begin%",
    "private-lines",
    "hook.",
    "hook/",
    "hooks.",
    "hooks/",
    "%40",
    "basic ",
    "api.vercel.com",
    "maker.ifttt",
    "pipedream",
)
"""In lower case: a line with a private key, a basic credential, or a webhook has one of these or a hint at a name."""
USERINFO = r"://[^\s@]{0,400}+@|:[^\s:@/]{8,}+@"
"""A line with a password in a URL has this."""

_EMAIL_ADDRESS = r"(?<![\w.%+-])(?!git@)[\w.%+-]{1,64}+@(?:[A-Za-z0-9-]{1,63}+\.){1,8}+[A-Za-z]{2,24}\b"


def email_addresses(line: str) -> Iterator[Span]:
    """Yield e-mail addresses, except `git@` in the address of a repository."""
    if "@" in line:
        yield from (Span(*match.span(), "e-mail address") for match in compiled(_EMAIL_ADDRESS).finditer(line))
