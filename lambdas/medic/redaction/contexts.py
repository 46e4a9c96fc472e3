"""Detects secrets by the words around them: options of known commands, protocols, SQL, sentences.

A place names the words that must occur, so that a line without them costs nothing.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, NamedTuple

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_ordinary, looks_like_password, looks_like_secret_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def _not_ordinary(value: str) -> bool:
    return not is_ordinary(value)


def _likely(value: str) -> bool:
    return not is_ordinary(value) and looks_like_secret_value(value)


class _Place(NamedTuple):
    """A context in which a value is a secret, although no name says so."""

    literals: tuple[str, ...]
    """One of them must occur in the line in lower case."""
    pattern: str
    """Its group `secret` is the value."""
    check: Callable[[str], bool] = _not_ordinary
    """What the value must look like."""
    kind: str = "password"
    after: str = ""
    """A pattern that must occur before it. All that follows is searched."""


_ARGUMENT = r"[\"']?(?P<secret>[^\s\"']++)"
_VALUE = r"[\"']?(?P<secret>[^\s\"'-][^\s\"']*+)"
_SETS_SECRET = r"(?i:\bsecrets?[ :-]+(?:versions )?(?:set|add|put|create|import)\b)"  # noqa: S105 - a pattern
_SETS_VARIABLE = r"(?i:\b(?:env|var(?:iable)?|config)s?[ :-]+(?:set|add|put|create)\b)"

OPTION = (
    r"-(?<!\S-)(?:[uaptPkKwUbv](?![a-z-])|[pP]\S|pw|pass|var|api"
    r"|-(?:user|auth|cred|value|body|data|from-lit|secret|key|var))"
)
"""A line with an option of one of `_OPTIONS` has this."""
_OPTIONS = (
    _Place(("curl",), r"(?<!\S)(?:-b|--cookie)[ =][\"']?[\w.-]++=(?P<secret>[^\s\"';]++)", kind="cookie"),
    _Place(("curl", "wget"), rf"(?<!\S)(?:-u|--user)[ =]?[\"']?[^\s:\"']*+:{_ARGUMENT}"),
    _Place(
        ("-u", "--user", "-a", "--auth", "--cred"),
        rf"(?<!\S)(?:-u|--user|-a|--auth|--creds?)[ =][\"']?[\w.@+-]{{1,64}}[:,%]{_ARGUMENT}",
        looks_like_password,
    ),
    _Place(("ftp", "smbclient"), rf"(?<!\S)(?:-u|--user|-U)[ =]?[\"']?[\w.@+-]{{1,64}}[,%]{_ARGUMENT}"),
    _Place(("mysql", "mariadb"), rf"(?<!\S)-p{_ARGUMENT}"),
    _Place(
        ("sshpass", "docker login", "podman login", "mongo", "az login", "keychain", "altool", "notarytool", "ncftp"),
        rf"(?<!\S)-p[ =]?{_ARGUMENT}",
    ),
    _Place(("sqlcmd", "twine upload"), rf"(?<!\S)-[pP][ =]?{_ARGUMENT}"),
    _Place(("-p", "-pw", "-pass"), rf"(?<!\S)-(?:p|P|pw|pass)[ =]?{_ARGUMENT}", looks_like_password),
    _Place(("redis-cli",), rf"(?<!\S)-a {_ARGUMENT}"),
    _Place(("openssl",), rf"(?<!\S)-[kK] {_ARGUMENT}", _likely),
    _Place(("zip", "7z"), rf"(?<!\S)-[pP] ?{_ARGUMENT}", _likely),
    _Place(("nuget",), rf"(?i:(?<!\S)(?:-k|-apikey) ){_ARGUMENT}", _likely, "key"),
    _Place(("codecov",), rf"(?<!\S)(?:-t|--token)[ =]{_ARGUMENT}", kind="token"),
    _Place(("cypress",), rf"(?<!\S)--key[ =]{_ARGUMENT}", kind="key"),
    _Place(("ldap",), rf"(?<!\S)-w {_ARGUMENT}"),
    _Place(("securestring",), rf"(?<!\S)--value[ =]{_ARGUMENT}", kind="secret"),
    _Place(("-var",), rf"(?<!\S)--?var[= ][\"']?[\w.-]{{1,80}}={_ARGUMENT}", looks_like_password, "secret"),
    _Place(
        ("secret",),
        rf"(?<!\S)(?:--body|--value|--secret-string|--data|-b|-v)[ =]{_ARGUMENT}",
        kind="secret",
        after=_SETS_SECRET,
    ),
    _Place(
        ("--from-literal",),
        rf"--from-literal[= ][\"']?[\w.-]++={_ARGUMENT}",
        kind="secret",
        after=r"\bcreate secret\b",
    ),
)

_QUERY_PARAMETERS = (
    "code|sig|signature|assertion|ticket|samlresponse|samlrequest|policy|key-pair-id|awsaccesskeyid|googleaccessid"
    "|key|hash|session|sid|state|nonce|x-amz-credential|x-goog-credential|auth|k|t"
)
_QUERY = rf"(?i:{_QUERY_PARAMETERS})=(?P<secret>[^\s\"'`<>&;,\\)]{{8,}}+)"
QUERIES = tuple(re.escape(before) + _QUERY for before in "?&#;")
"""A parameter of a URL whose value is a credential, if it looks like one. One pattern for each character before it,
because `re` is much faster with a fixed first character."""

PGPASS = r":(?:[0-9]{1,5}|\*):[^:\s]++:[^:\s]++:[^:\s]{6,}"
"""In a line of PostgreSQL's password file. https://www.postgresql.org/docs/current/libpq-pgpass.html"""
IN_OTHER_SCRIPTS = ("пароль", "密码", "パスワード", "비밀번호")
"""`Password` in languages with letters of their own. `CONTEXTS` does without, because `re` is slower with them."""
_IN_OTHER_LANGUAGES = (
    *("contraseña", "contrasena", "mot de passe", "heslo", "hasło", "lösenord", "adgangskode", "salasana"),
    *IN_OTHER_SCRIPTS,
)
_OTHERS = (
    # commands
    _Place(("pass:",), r"(?<!\w)pass:(?P<secret>[^\s\"']{3,}+)"),
    _Place(("sqlplus",), r"\bsqlplus\b[^/]{0,40}/(?P<secret>[^\s@\"']{3,}+)@"),
    _Place(("add_user ", "change_password "), rf"\b(?:add_user|change_password) \S++ {_ARGUMENT}"),
    _Place(("chpasswd",), r"[\w.-]{1,32}:(?P<secret>[^\s\"':]{6,}+)[\"']? *\|"),
    _Place(("net use", "smbclient"), rf"(?i:-U ?|user(?:name)?[=:])[\w.\\-]{{1,64}}[% ]{_ARGUMENT}", _likely),
    _Place(("htpasswd",), rf"\bhtpasswd -\w*b\w* \S++ \S++ {_ARGUMENT}"),
    _Place(("signtool",), rf"(?<!\S)/p {_ARGUMENT}"),
    _Place(
        ("rclone obscure", "mkpasswd", "openssl passwd", "encrypt_string"),
        rf"\b(?:obscure|mkpasswd|passwd|encrypt_string)(?: -\S++)*+ {_VALUE}",
        _likely,
    ),
    _Place(("http-basic",), rf"http-basic\.\S++ \S++ {_ARGUMENT}"),
    _Place(("unseal",), rf"\bunseal(?: -\S++)*+ {_VALUE}", _likely, "key"),
    _Place(("securestring",), r"\bSecureString[\s|│]++(?P<secret>[^\s|│\"']++)", _likely, "secret"),
    _Place(("secret",), rf"(?:^| )[A-Za-z_][\w./-]*+ {_VALUE}", _likely, "secret", after=_SETS_SECRET),
    _Place(("secret",), rf"(?<![\w-])[A-Za-z_][\w.-]*+={_ARGUMENT}", _likely, "secret", after=_SETS_SECRET),
    _Place(
        ("env", "var", "config"),
        rf"(?:^| )[\"']?(?:--value|[A-Za-z_][\w./-]*+)[ =]{_VALUE}",
        looks_like_password,
        "secret",
        after=_SETS_VARIABLE,
    ),
    _Place(
        ("vault ",),
        rf"(?<!\S)[\w.-]++={_ARGUMENT}",
        _likely,
        "secret",
        after=r"\bvault (?:kv )?(?:put|patch|write)\b",
    ),
    _Place(("--password-stdin",), r"\becho (?:-n )?[\"']?(?P<secret>[^\s\"'|]{3,}+)"),
    _Place(("<<<",), rf"<<<[ ]?{_ARGUMENT}", _likely),
    _Place(
        ("<(echo", "<(printf"),
        r"(?i:passw|secret|token|key)\S{0,20}<\((?:echo|printf) [\"']?(?P<secret>[^\s\"')]{6,}+)",
        _likely,
    ),
    _Place(
        ("github-oauth", "gitlab-token", "bearer."),
        rf"\b(?:github-oauth|gitlab-token|bearer)\.\S++ {_ARGUMENT}",
        _likely,
    ),
    _Place(
        ("echo ", "printf "),
        r"\b(?:echo|printf)(?: -\w++)*+(?: [\"']?%s(?:\\n)?[\"']?)? [\"']?(?P<secret>[^\s\"'|]{6,}+)[\"']? *\|.{0,80}"
        r"(?i:secret|password|passwd|login|env add|token|auth|unseal|gpg|sudo)",
        _likely,
    ),
    _Place(
        ("_key ", "_token ", "_secret ", "_password "),
        r"\b(?!CACHE)[A-Z][A-Z0-9_]{2,40}_(?:KEY|TOKEN|SECRET|PASSWORD) +(?P<secret>[^\s\"']{12,}+)",
        _likely,
        "secret",
    ),
    _Place(("::add-mask::",), r"::add-mask::(?P<secret>\S++)", kind="secret"),
    _Place(("issecret=true]",), r"(?i:issecret=true\])(?P<secret>\S++)", kind="secret"),
    _Place(("value of ", "value for "), r"\b[Vv]alue (?:of|for) [\w.-]++\? (?P<secret>\S++)", _likely, "secret"),
    _Place(("login ",), r"\blogin \S++ password (?P<secret>\S++)"),
    _Place(("password ",), r"^\s*+password (?P<secret>[^\s\"':]++)\s*+\Z", _likely),
    _Place(("identified",), r"(?i:\bidentified (?:with \w{1,40} )?by (?:password )?)[\"'](?P<secret>[^\"']++)"),
    _Place(("set password",), r"(?i:\bset password\b)[^=]{0,80}= *[\"'](?P<secret>[^\"']++)"),
    _Place(("convertto-securestring",), r"(?i:convertto-securestring (?:-string )?)[\"'](?P<secret>[^\"']++)"),
    _Place(
        ("plaintext",),
        r"(?i:plaintext)\\{0,7}[\"'][ \t]*+:[ \t]*+\\{0,7}[\"'](?P<secret>[A-Za-z0-9+/]{16,}+={0,2})",
        _likely,
        "secret",
    ),
    _Place((":",), r"^\s*+[\w.*-]++:(?:\d{1,5}|\*):[^:\s]++:[^:\s]++:(?P<secret>[^:\s]{6,}+)\s*+\Z", _likely),
    _Place(("jdbc:oracle",), r"jdbc:oracle:thin:[\w.-]{0,64}/(?P<secret>[^\s@\"']++)"),
    _Place(
        ("code=", "assertion=", "samlresponse=", "samlrequest="),
        r"(?<![\w.-])(?i:code|assertion|samlresponse|samlrequest)=(?P<secret>[^\s\"'`<>&;,)\\]{20,}+)",
        _likely,
        "signature",
    ),
    _Place(
        ('kty"', "kty'", "kty\\"),
        r"(?<=[\"'])(?:d|p|q|dp|dq|qi|k)\\{0,7}[\"'][ \t]*+:[ \t]*+\\{0,7}[\"'](?P<secret>[\w-]{8,}+)",
        kind="private key",
    ),
    # sentences
    _Place(
        tuple(f"{noun} {quote}" for noun in ("password", "passphrase", "secret", "token") for quote in "\"'"),
        r"(?i:\b(?:password|passphrase|secret|token) )[\"'](?P<secret>[^\"']{3,}+)",
        _likely,
    ),
    _Place(("credentials",), rf"(?i:credentials?): *[\w.@-]{{1,64}} *[/|:] *{_ARGUMENT}", _likely),
    _Place(
        ("login", "log in", "logged in", "sign in", "signed in", "credential"),
        r"(?i:\b(?:log(?:ged)? ?in|sign(?:ed)? in|credentials?)\b)[^/|:]{0,60}(?: ?[/|] ?|:| with )"
        r"(?P<secret>[^\s\"'/]{8,}+)",
        looks_like_password,
    ),
    _Place(
        ("password is", "password for", "password of", "passphrase is"),
        r"(?i:\bpass(?:word|phrase)(?: (?:for|of) \S{1,64})? is:? )[\"'](?P<secret>[^\s\"']{6,}+)[\"']",
        _likely,
    ),
    _Place(("password for",), rf"(?i:password for [\"'][^\"']{{1,200}}[\"']:? ){_ARGUMENT}", _likely),
    _Place(
        _IN_OTHER_LANGUAGES,
        rf"(?i:{'|'.join(_IN_OTHER_LANGUAGES)})[ \t]*+[:：=][ \t]*+(?P<secret>[^\s\"']++)",
        _likely,
    ),
    _Place(
        ("mnemonic", "seed", "recovery", "backup"),
        r"(?i:mnemonic|seed|recovery|backup)[\w ]{0,24}[:=\"' ]{1,4}(?P<secret>(?:[a-z]{3,8} ){11,23}[a-z]{3,8})\b",
        kind="secret",
    ),
)

_PROTOCOL = r"AUTH|PASS |OPER |IDENTIFY |LOGIN |SSWS |login [A-Za-z0-9][\w.-]{11}|auth [A-Za-z0-9][\w.-]{11}"
"""A line with a secret of one of `_PROTOCOLS` has this."""
_COMMANDS_OF_PROTOCOLS = ("auth", "pass ", "oper ", "identify ", "login ", "ssws ")
_PROTOCOLS = (
    _Place(
        ("auth plain", "auth login", "auth xoauth2", "auth cram", "authenticate "),
        r"\bAUTH(?:ENTICATE)? (?:PLAIN|XOAUTH2|CRAM-MD5|LOGIN)[ =]++(?P<secret>[A-Za-z0-9+/]{8,}+={0,2})",
        kind="credential",
    ),
    _Place(("auth ",), r"\bAUTH (?:[\w.@-]{1,64} )?(?P<secret>[^\s\"']{8,}+)", looks_like_password),
    _Place(("login ", "auth "), r"\b(?:login|auth) (?P<secret>[A-Za-z0-9][\w.-]{11,}+)(?!\S)", _likely, "token"),
    _Place(("login ",), rf"\bLOGIN [\"']?[\w.+-]{{1,64}}@[\w.-]{{1,200}}[\"']? {_ARGUMENT}", looks_like_password),
    _Place(("pass ",), r"(?:-{2,4}>|>>?|C:|→) PASS (?P<secret>[^\s\"']++)"),
    _Place(("pass ",), r"^PASS (?P<secret>[^\s/.]{6,}+)\s*+\Z", _likely),
    _Place(("oper ", "identify "), r"\b(?:OPER|IDENTIFY) (?:\S{1,40} )?(?P<secret>[^\s\"']{6,}+)", _likely),
    _Place(("ssws ",), r"\bSSWS (?P<secret>[\w-]{20,}+)", kind="token"),
)

_NO_WORD_BEFORE = r"(?<![\w.+/-])"
_CODE = (
    rf"{_NO_WORD_BEFORE}"
    r"(?P<secret>[0-9]{4,8}|[0-9]{3}[ -][0-9]{3}|[A-Z0-9]{4}-[A-Z0-9]{4}|(?=[A-Z]*+[0-9])[A-Z0-9]{8,10}"
    r"|(?=[a-z-]*+[0-9])[a-z0-9]{4,6}(?:-[a-z0-9]{4,6}){1,4})(?![\w+/]|[.:-]\w)"
)
_CODE_NAME = (
    r"(?i:\b(?:one[- ]?time|verification|confirmation|security|auth(?:entication|enticator|orization)?|[2m]fa|your"
    r"|two[- ]factor|(?:log|sign)[- ]?in|device|user|pairing|activation|recovery|backup|reset|sms|e-?mail|otp|totp"
    r"|unlock) (?:pass)?(?:code|word|password|pin)s?|\b[2m]fa token|\botp|\bpasscode|\bpin code|\bpin(?= ?[:=#]| is))"
)
_NAMES_OF_CODES = ("code", "otp", "pin", "-time", "one time", "2fa", "mfa")
_CODE_IS_NAMED = rf"{_CODE_NAME}(?: (?:for|to) \S++)?(?: (?:is|was|are))?[ \t:=#\"'(]{{1,6}}{_CODE}"
_CODE_IS_ENTERED = rf"(?i:\b(?:enter|use|type|copy|paste)(?: (?:the|this|your))?(?: [\w-]++)? code:? [\"']?){_CODE}"

_CODE_IS_YOURS = (
    rf"(?:\b[A-Z]-)?{_CODE.removeprefix(_NO_WORD_BEFORE)}"
    r"(?i: (?:is|as) your (?:[\w-]{1,20} ){0,4}(?:code|otp|passcode|pin)\b)"
)

_SETS = r"-{0,2}(?:set|add|put|create)\b"
_IN_MANY_LINES = frozenset((":", "env", "var", "config", "secret"))
"""Literals of places for which `CONTEXTS` has a narrower pattern, or `PGPASS`."""
CONTEXTS = {
    **dict.fromkeys(
        (
            # of commands; words with a hint at a name, such as `--password-stdin`, need not be here
            *("add_user ", "signtool", "obscure ", "ansible-vault", "tp-basic", "operator u", "sqlplus", "vault "),
            *("<<<", "<(cho", "<(echo", "<(printf", "b-oauth", "cho ", "printf ", "add-mask", "value of "),
            *("value for ", "securestring", "ssl rand", "smbclient"),
            # of protocols
            *("authenticate ", "oper ", "dentify ", "ssws ", "dentified", "plaintext", "jdbc:oracle", "code="),
            *("assertion=", "samlre", 'kty"', "kty'", "kty\\", "c3dvcmq6"),
            # of sentences
            *("login", "log in", "logged in", "sign in", "signed in", "seed", "recovery", "backup", "contrase"),
            *("mot de passe", "heslo", "hasło", "lösenord", "adgangskode", "salasana"),
        ),
        "",
    ),
    **dict.fromkeys(("v ", "v:", "v-", "vs ", "vs:", "vs-", "config ", "config:", "config-"), _SETS),
    "variable": rf"s?[ :-]{_SETS}",
    "secret": r"s?[ :-]+(?:versions )?(?:set|add|put|create|import)\b",
    "t use ": "[a-z*]: ",
    "code": (
        r"s?(?: (?:is|was|are|(?:for|to) \S++))?[ \t:=#\"'(]++"
        r"(?:[a-z]{0,9}-?[a-z]{0,9}[0-9]|[a-z0-9]{4}-[a-z0-9]{4}(?![a-z0-9-]))"
    ),
    "otp": r"(?: (?:is|was|are|(?:for|to) \S++))?[ \t:=#\"'(]++[0-9]",
    "fa token": "",
    "one": r"[- ]?time (?:pass|pin|code)",
    "our ": r"(?:[\w-]{1,20} ){0,4}(?:code|otp|passcode|pin)\b",
    "pin": r"(?: code| is| ?[:=#])[^0-9]{0,9}[0-9]{4}",
}
"""What a line with a secret of `_OTHERS` or a one-time code has, in lower case: a literal, and the pattern after it.

Parts of words, because `re` is faster the fewer first letters there are, above all of the common ones.
"""


LITERALS = {
    **CONTEXTS,
    **{
        literal: ""
        for place in _OTHERS
        for literal in place.literals
        if literal.isascii() and literal not in _IN_MANY_LINES
    },
}
"""As `CONTEXTS`, but also with the literals that have a hint at a name, or are in many lines that have one."""


def option_secrets(line: str, lower: str) -> Iterator[Span]:
    """Yield the passwords that options of commands give, such as `curl -u`."""
    if compiled(OPTION).search(line):
        yield from _found_in(_OPTIONS, line, lower)


def protocol_secrets(line: str, lower: str) -> Iterator[Span]:
    """Yield credentials in the commands of protocols such as SMTP and IMAP."""
    if any(map(lower.__contains__, _COMMANDS_OF_PROTOCOLS)) and compiled(_PROTOCOL).search(line):
        yield from _found_in(_PROTOCOLS, line, lower)


def query_secrets(line: str) -> Iterator[Span]:
    """Yield the values of a URL's parameters that are credentials."""
    for pattern in QUERIES:
        for match in compiled(pattern).finditer(line):
            if _likely(match["secret"]):
                yield Span(*match.span("secret"), "signature")


def placed_secrets(line: str, lower: str) -> Iterator[Span]:
    """Yield values that are secrets because of the words around them, such as one-time codes."""
    yield from _found_in(_OTHERS, line, lower)
    if any(map(lower.__contains__, _NAMES_OF_CODES)) and compiled("[0-9]|[A-Z]-[A-Z]").search(line):
        for pattern in (_CODE_IS_NAMED, _CODE_IS_ENTERED, _CODE_IS_YOURS):
            for match in compiled(pattern).finditer(line):
                yield Span(*match.span("secret"), "one-time code")


def _found_in(places: tuple[_Place, ...], line: str, lower: str) -> Iterator[Span]:
    for place in places:
        for literal in place.literals:
            if literal in lower:
                break
        else:
            continue
        start = 0
        if place.after:
            before = compiled(place.after).search(line)
            if before is None:
                continue
            start = before.end()
        for match in compiled(place.pattern).finditer(line, start):
            if place.check(match["secret"]):
                yield Span(*match.span("secret"), place.kind)


_NOUN = r"(?i:pass(?:w(?:or)?d|phrase|code)|pwd?|secret|token|cred(?:ential)?|key)s?(?![\w-])"
_KEY = r"(?i:(?:api|access|secret|private|license|signing|encryption|auth|service|admin|account|deploy|root)[ _-]\Z)"
_JOINS = frozenset("-:/.@") | frozenset(string.ascii_letters + string.digits)
"""Before one of these, the word is a part of a name."""
_MAX_WORD_BEFORE = 12
_USED_AS = r"(?P<secret>[^\s\"'`]{8,128})[\"'`]? (?:as|is) (?:the |your |our |a |an )?(?:\w{1,16} )?\Z"
_MAX_BEFORE = 160
_CLAUSE_END = r"[.!?;](?: |\Z)|[|\n]"
_WORD = r"[^\s\"'`()<>\[\]{},;|]++"
_MAX_CLAUSE, _MAX_WORDS = 120, 8


def secrets_in_prose(line: str, hints: Iterable[re.Match[str]]) -> Iterator[Span]:
    """Yield a word of a sentence that looks like a password and follows a noun such as `password` or `API key`.

    Args:
        line: the line.
        hints: where such a noun may begin, in order.
    """
    done = 0
    for hint in hints:
        start = hint.start()
        part_of_name = start < done or line[start - 1 : start] in _JOINS
        noun = None if part_of_name else compiled(_NOUN).match(line, start)
        if noun is None:
            continue
        if line[noun.end() : noun.end() + 1] in {":", "="}:
            continue
        is_key = noun[0][:3].lower() == "key"
        if is_key and compiled(_KEY).search(line, max(0, start - _MAX_WORD_BEFORE), start) is None:
            continue
        used = compiled(_USED_AS).search(line, max(0, start - _MAX_BEFORE), start)
        if used and looks_like_password(used["secret"]):
            yield Span(*used.span("secret"), "secret")
        limit = min(len(line), noun.end() + _MAX_CLAUSE)
        end = compiled(_CLAUSE_END).search(line, noun.end(), limit)
        limit = end.start() if end else limit
        if compiled("[0-9]|[a-z][A-Z]").search(line, noun.end(), limit) is None:
            continue
        for number, word in enumerate(compiled(_WORD).finditer(line, noun.end(), limit)):
            text = word[0].strip(".:!?*_")
            if number == _MAX_WORDS:
                break
            if "=" not in text and looks_like_password(text):
                done = word.end()
                begin = line.find(text, word.start())
                yield Span(begin, begin + len(text), "secret")
                break
