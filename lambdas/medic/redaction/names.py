"""Which names say that their value is a secret: `DB_PASSWORD` and `clientSecret` do, `SECRET_ARN` doesn't."""

from __future__ import annotations

from functools import lru_cache

from medic.redaction.spans import compiled


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


STRONG_WORDS = {
    "password": "password",
    "passwd": "password",
    "passphrase": "password",
    "passcode": "password",
    "pword": "password",
    "pwd": "password",
    "pswd": "password",
    "pw": "password",
    "storepass": "password",
    "keypass": "password",
    "psk": "password",
    "passwort": "password",
    "tkn": "token",
    "secret": "secret",
    "token": "token",
    "credential": "credential",
    "cred": "credential",
    "apikey": "api key",
    "mnemonic": "secret",
    "jwt": "token",
}
"""A name with a part that ends so (`PGPASSWORD`, `authToken`) is secret; what kind of secret it is."""

STRONG_COMPOUNDS = {
    "secretaccesskey": "secret access key",
    "sessiontoken": "session token",
    "securitytoken": "session token",
    "privatekey": "private key",
    "apikey": "api key",
    "appkey": "api key",
    "applicationkey": "api key",
    "connectionstring": "connection string",
    "connstring": "connection string",
    "connstr": "connection string",
    "dockerconfigjson": "credential",
    "sharedaccesssignature": "signature",
    "seedphrase": "secret",
    "recoveryphrase": "secret",
    "recoverycode": "secret",
    "backupcode": "secret",
    "verificationcode": "secret",
    "authorizationcode": "secret",
    "xamzsignature": "signature",
    "xgoogsignature": "signature",
    "authident": "credential",
}
"""Several words that make a name secret together, joined."""

SECRET_KEYS = _split(
    "access account admin anon auth authorization client cookie crypto deploy encryption function hmac ingest "
    "ingestion integration license licence master mfa routing rsa sdk secret security service servicerole session "
    "shared sharedaccess signing ssh storage subscription totp webhook write"
)
"""A key with one of these words before it is secret."""

PLAIN_KEYS = _split(
    "asset bucket cache dedup file foreign group hash idempotency image index item lookup map object parent "
    "partition primary public publishable query range row s3 sort translation"
)
"""A key with one of these words before it is not, whatever its value looks like."""

WEAK_HEADS = {
    "auth": "credential",
    "authorization": "credential",
    "pass": "password",
    "pat": "token",
    "dsn": "connection string",
    "sig": "signature",
    "signature": "signature",
    "otp": "secret",
    "totp": "secret",
    "sas": "signature",
    "salt": "secret",
    "pepper": "secret",
    "bearer": "token",
    "connectsid": "cookie",
    "sessionid": "cookie",
    "jsessionid": "cookie",
    "phpsessid": "cookie",
    "sessid": "cookie",
    "sessioncookie": "cookie",
    "authcookie": "cookie",
}
"""Words that make a name secret only as its last one, and only if the value looks like a secret too."""

PLAIN_HEADS = frozenset(
    _split(
        "alg algorithm alias arn arns at age audience bucket button class client cls component config configuration "
        "construct count counts date description dir domain email enabled endpoint endpoints error errors exception "
        "exists expiration expire expired expires expiry factory field file filename files folder form format "
        "function generator handler header helper hint host icon id identifier ids index info input interface "
        "issuer kind label len length limit limits location lifetime manager max message method middleware min mode "
        "module name names option options output package page param parameter parameters params path paths pattern "
        "placeholder plugin policy port prefix present provider providers ref region regex required reset resource "
        "role rotation route rules schema scope scopes service size source spec stack stage stages state status "
        "stdin step store strategy suffix table target template time timeout title ttl type types uri url usage "
        "used user username util utils validation validator vendor version versions"
    )
)
"""A name that ends in one of these speaks about a secret (its name, its age, its place) and does not hold it."""

PLAIN_COMPOUNDS = _split(
    "nexttoken clienttoken requesttoken continuationtoken paginationtoken pagetoken synctoken idempotencytoken "
    "designtoken unexpectedtoken maxtoken inputtoken outputtoken totaltoken publickey publickeytoken publishablekey "
    "getsecret putsecret createsecret"
)
"""Names with a secret's words that AWS, SDKs and compilers give to harmless things, joined."""

QUALIFIERS = frozenset(
    _split("b64 base64 dev development live local new old plain plaintext prod production raw staging test v value")
)
"""Words at the end of a name that only say which of several it is."""

PLAIN_VALUES = frozenset(
    _split(
        "true false null nil none undefined nan yes no on off empty missing unset required optional hidden masked "
        "redacted encrypted sensitive string number boolean object any unknown n/a default latest next beta canary "
        "set ok present found loaded valid invalid expired configured defined created updated deleted failed denied "
        "incorrect wrong changed reset success error required! incorrect! is not was are be has have must can "
        "cannot the a an to for of in and or with from flag option value instead enabled disabled secure available "
        "manual auto todo tbd not-set sensitive-value seconds minutes hours days arn str bytes int bool void never "
        "unchanged provided skipped rotated"
    )
)
"""Values that are literals, states, or the words of a message."""

FUNCTION_WORDS = frozenset(
    _split(
        "the a an is are was be been must should shall can cannot may will not no at least to of in for with or and "
        "your this that has have does did please"
    )
)
"""Words that only join others: what holds one among several words is a sentence."""

_WORDS = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+"
_LONGEST_NAME = 200
_NAMES_REMEMBERED = 1024


@lru_cache(maxsize=_NAMES_REMEMBERED)
def strong_kind(name: str) -> str | None:
    """The kind of secret that this name alone makes of (nearly) any value, or None."""
    return _strong_kind(name)


def _strong_kind(name: str) -> str | None:
    words = _words(name)
    if not words or words[-1] in PLAIN_HEADS:
        return None
    joined = "".join(words).removesuffix("s")
    if joined.endswith(PLAIN_COMPOUNDS):
        return None
    return (
        next((kind for compound, kind in STRONG_COMPOUNDS.items() if compound in joined), None)
        or ("key" if joined.endswith("key") and joined.removesuffix("key").endswith(SECRET_KEYS) else None)
        or next((kind for word in reversed(words) if (kind := _word_kind(word))), None)
    )


@lru_cache(maxsize=_NAMES_REMEMBERED)
def weak_kind(name: str) -> str | None:
    """The kind of secret that this name makes of a value which looks like one by itself, or None."""
    words = _words(name)
    if not words:
        return None
    if words == ["key"]:
        return "key"
    if words[-1] == "key":
        return None if "".join(words[:-1]).endswith(PLAIN_KEYS) else "key"
    return WEAK_HEADS.get(words[-1]) or WEAK_HEADS.get("".join(words[-2:]))


def may_be_secret(name: str) -> bool:
    """Whether a value of this name has to be looked at at all."""
    return strong_kind(name) is not None or weak_kind(name) is not None


def looks_like_secret_name(text: str) -> bool:
    """Whether a value is itself a secret's name, as in `password: dbPassword`: then it is a reference."""
    return _strong_kind(text) is not None or text.lower().startswith("your")


def _words(name: str) -> list[str]:
    words = [word.lower() for word in compiled(_WORDS).findall(name[-_LONGEST_NAME:])]
    while len(words) > 1 and (words[-1] in QUALIFIERS or words[-1].isdigit()):
        words.pop()
    return words


def _word_kind(word: str) -> str | None:
    both = word, word.removesuffix("s")
    return next((kind for ending, kind in STRONG_WORDS.items() if any(w.endswith(ending) for w in both)), None)
