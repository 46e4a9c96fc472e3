"""Secrets with a place of their own: options of known commands, SQL, query strings, JSON web keys, e-mail addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_ordinary, is_telling


class _Place(NamedTuple):
    literals: tuple[str, ...]
    """One of them must occur, in small letters."""
    pattern: str
    """Its group `secret` is the value."""
    kind: str = "password"
    must_tell: bool = False
    """The value must also look like a secret."""


_ARGUMENT = r"[\"']?(?P<secret>[^\s\"']++)"
_QUERY_PARAMETERS = (
    "code|sig|signature|assertion|ticket|samlresponse|samlrequest|policy|key-pair-id|awsaccesskeyid|googleaccessid"
    "|key|hash|session|sid|state|nonce|x-amz-credential|x-goog-credential|auth|k|t"
)
_PLACES = (
    _Place(("curl", "wget"), rf"(?<!\S)(?:-u|--user)[ =]?[\"']?[^\s:\"']*+:{_ARGUMENT}"),
    _Place(("mysql", "mariadb"), rf"(?<!\S)-p{_ARGUMENT}"),
    _Place(("sshpass", "docker login", "podman login", "mongo", "az login"), rf"(?<!\S)-p[ =]?{_ARGUMENT}"),
    _Place(("sqlcmd", "twine upload"), rf"(?<!\S)-[pP][ =]?{_ARGUMENT}"),
    _Place(("redis-cli",), rf"(?<!\S)-a {_ARGUMENT}"),
    _Place(("pass:",), r"(?<!\w)pass:(?P<secret>[^\s\"']{3,}+)"),
    _Place(("--password-stdin",), r"\becho (?:-n )?[\"']?(?P<secret>[^\s\"'|]{3,}+)"),
    _Place(("identified",), r"(?i:\bidentified (?:with \w{1,40} )?by (?:password )?)[\"'](?P<secret>[^\"']++)"),
    _Place(
        ("password", "passphrase", "secret", "token"),
        r"(?i:\b(?:password|passphrase|secret|token) )[\"'](?P<secret>[^\"']{3,}+)",
        must_tell=True,
    ),
    _Place(("login ",), r"\blogin \S++ password (?P<secret>\S++)"),
    _Place(("password ",), r"^\s*+password (?P<secret>[^\s\"':]++)\s*+\Z", must_tell=True),
    _Place(("set password",), r"(?i:\bset password\b)[^=]{0,80}= *[\"'](?P<secret>[^\"']++)"),
    _Place(("convertto-securestring",), r"(?i:convertto-securestring (?:-string )?)[\"'](?P<secret>[^\"']++)"),
    _Place(
        ("plaintext",),
        r"(?i:plaintext)\\{0,7}[\"'][ \t]*+:[ \t]*+\\{0,7}[\"'](?P<secret>[A-Za-z0-9+/]{16,}+={0,2})",
        "secret",
        must_tell=True,
    ),
    _Place(("openssl",), rf"(?<!\S)-[kK] {_ARGUMENT}", must_tell=True),
    _Place(("zip ", "7z"), rf"(?<!\S)-[pP] ?{_ARGUMENT}", must_tell=True),
    _Place(("sqlplus",), r"\bsqlplus\b[^/]{0,40}/(?P<secret>[^\s@\"']{3,}+)@"),
    _Place(("add_user ", "change_password "), rf"\b(?:add_user|change_password) \S++ {_ARGUMENT}"),
    _Place(("htpasswd",), rf"\bhtpasswd -\w*b\w* \S++ \S++ {_ARGUMENT}"),
    _Place(("chpasswd",), r"[\w.-]{1,32}:(?P<secret>[^\s\"':]{6,}+)[\"']? *\|"),
    _Place(
        ("smbclient", "mount", "net use"),
        rf"(?i:-U ?|user(?:name)?[=:])[\w.\\-]{{1,64}}[% ]{_ARGUMENT}",
        must_tell=True,
    ),
    _Place(("signtool",), rf"(?<!\S)/p {_ARGUMENT}"),
    _Place(("securestring",), rf"(?<!\S)--value[ =]{_ARGUMENT}"),
    _Place(("credentials",), rf"(?i:credentials?): *[\w.@-]{{1,64}} *[/|] *{_ARGUMENT}", must_tell=True),
    _Place(("password for",), rf"(?i:password for [\"'][^\"']{{1,200}}[\"']:? ){_ARGUMENT}", must_tell=True),
    _Place(("http-basic",), rf"http-basic\.\S++ \S++ {_ARGUMENT}"),
    _Place(("login ", "auth "), r"\b(?:login|auth) (?P<secret>[A-Za-z0-9][\w.-]{11,}+)(?!\S)", "token", must_tell=True),
    _Place(("<<<",), rf"(?i:(?:secret|token|passw|login|auth|sudo).{{0,200}}?<<<[ ]?){_ARGUMENT}", must_tell=True),
    _Place((":",), r"^\s*+[\w.*-]++:(?:\d{1,5}|\*):[^:\s]++:[^:\s]++:(?P<secret>[^:\s]{6,}+)\s*+\Z", must_tell=True),
    _Place(("ldap",), rf"(?<!\S)-w {_ARGUMENT}"),
    _Place(("cypress",), rf"(?<!\S)--key[ =]{_ARGUMENT}", "key"),
    _Place(("jdbc:oracle",), r"jdbc:oracle:thin:[\w.-]{0,64}/(?P<secret>[^\s@\"']++)"),
    _Place(
        ("code=", "assertion=", "samlresponse=", "samlrequest="),
        r"(?<![\w.-])(?i:code|assertion|samlresponse|samlrequest)=(?P<secret>[^\s\"'`<>&;,)\\]{20,}+)",
        "signature",
        must_tell=True,
    ),
    _Place(
        ("=",),
        rf"(?i:[?&#;](?:{_QUERY_PARAMETERS})=)(?P<secret>[^\s\"'`<>&;,\\)]{{8,}}+)",
        "signature",
        must_tell=True,
    ),
    _Place(
        ('kty"', "kty'", "kty\\"),
        r"(?<=[\"'])(?:d|p|q|dp|dq|qi|k)\\{0,7}[\"'][ \t]*+:[ \t]*+\\{0,7}[\"'](?P<secret>[\w-]{8,}+)",
        "private key",
    ),
)

_EMAIL_ADDRESS = r"(?<![\w.%+-])(?!git@)[\w.%+-]{1,64}+@(?:[A-Za-z0-9-]{1,63}+\.){1,8}+[A-Za-z]{2,24}\b"


def placed_secrets(line: str) -> Iterator[Span]:
    """Yield the values of places that hold secrets and do not name them so."""
    lower = line.lower()
    for place in _PLACES:
        if any(literal in lower for literal in place.literals):
            for match in compiled(place.pattern).finditer(line):
                secret = match["secret"]
                if not is_ordinary(secret) and (is_telling(secret) or not place.must_tell):
                    yield Span(*match.span("secret"), place.kind)


def email_addresses(line: str) -> Iterator[Span]:
    """Yield e-mail addresses, but for git's user in an address to clone from."""
    if "@" in line:
        yield from (Span(*match.span(), "e-mail address") for match in compiled(_EMAIL_ADDRESS).finditer(line))
