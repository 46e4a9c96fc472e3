"""Vocabulary for judging whether a name marks its value as a secret: `DB_PASSWORD` does, `SECRET_ARN` does not."""

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
    "kennwort": "password",
    "wachtwoord": "password",
    "senha": "password",
    "parola": "password",
    "tkn": "token",
    "secret": "secret",
    "token": "token",
    "credential": "credential",
    "cred": "credential",
    "apikey": "api key",
    "mnemonic": "secret",
    "jwt": "token",
}
"""A name with a word that ends in one of these (`PGPASSWORD`, `authToken`) marks a secret; the value is its kind."""

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
"""Joined words that together mark a secret anywhere in a name; the value is the kind of secret."""

SECRET_KEY_PREFIXES = _split(
    "access account admin anon auth authorization client cookie crypto deploy encryption function hmac ingest "
    "ingestion integration license licence master mfa recovery root routing rsa sdk secret security service "
    "servicerole session shared sharedaccess signing ssh storage subscription totp unseal webhook write"
)
"""A name of one of these words and `key` marks a secret."""

HARMLESS_KEY_PREFIXES = _split(
    "asset bucket cache dedup file foreign group hash idempotency image index item lookup map object parent "
    "partition primary public publishable query range restore row s3 sort translation"
)
"""A name of one of these words and `key` never marks a secret, whatever its value looks like."""

WEAK_LAST_WORDS = {
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
    "bypass": "token",
    "connectsid": "cookie",
    "sessionid": "cookie",
    "jsessionid": "cookie",
    "phpsessid": "cookie",
    "sessid": "cookie",
    "sessioncookie": "cookie",
    "authcookie": "cookie",
}
"""A last word that marks a secret only if the value looks like one too; the value is the kind of secret."""

HARMLESS_LAST_WORDS = frozenset(
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
"""A name with one of these as its last word describes a secret (its name, age or location) and does not hold it."""

IDENTIFYING_LAST_WORDS = frozenset(
    _split(
        "build cache checksum client cluster commit container deployment digest distribution etag fingerprint guid "
        "hash head image instance job key md5 node pool release rev revision run sha sha1 sha256 span tag task trace "
        "uuid version workspace zone"
    )
)
"""A name with one of these as its last word identifies something, or is a hash of it."""

ID_PREFIXES = frozenset(
    _split(
        "user usr cus cust org acct account team member prj prod product price plan sub si ch pi pm py seti cs in ii "
        "il inv evt event we req request run thread asst msg message chatcmpl resp toolu file batch gen dpl "
        "deployment build job task trace span session sess page card src txn po re tx txr link plink prv promo coupon "
        "cache chunk css img image tmp temp hash commit sha sha1 sha256 sha512 md5 layer vendor vendors asset assets "
        "module bundle index main app pool id uid uuid gid ref rev etag digest checksum cid artifact snapshot stack "
        "node"
    )
)
"""What comes before ids and hashes: objects of Stripe and others, files of bundlers, entries of caches."""

HARMLESS_COMPOUNDS = _split(
    "nexttoken clienttoken requesttoken continuationtoken paginationtoken pagetoken synctoken idempotencytoken "
    "designtoken unexpectedtoken maxtoken inputtoken outputtoken totaltoken publickey publickeytoken publishablekey "
    "getsecret putsecret createsecret"
)
"""Joined words that contain a secret's word, but that AWS, SDKs and compilers use for other things."""

QUALIFIERS = frozenset(
    _split("b64 base64 dev development live local new old plain plaintext prod production raw staging test v value")
)
"""Trailing words that only tell variants of a name apart, such as `_PROD`; they are ignored."""

ORDINARY_VALUES = frozenset(
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
"""Values in lower case that are literals, states, or words of a message."""

FUNCTION_WORDS = frozenset(
    _split(
        "the a an is are was be been must should shall can cannot may will not no at least to of in for with or and "
        "your this that has have does did please"
    )
)
"""Articles, auxiliary verbs, prepositions and the like; several words with one of these are a sentence."""

_END = rf"(?:(?![a-z])|(?=(?:{'|'.join(sorted(QUALIFIERS))})(?![a-z])))"
HINTS = {
    **dict.fromkeys(
        _split(
            "passw passphrase passcode pword pswd storepass keypass secret token tkn cred mnemonic jwt signature "
            "bearer cookie jsessionid dockerconfigjson sharedaccess authident kennwort wachtwoord senha "
            "parola"
        ),
        "",
    ),
    **dict.fromkeys(_split("pw pwd psk pass pat dsn sig otp totp sas salt pepper auth bypass"), _END),
    "key": f"s?{_END}",
    "authorization": r"(?:[\W_]?code)?",
    "sess": r"(?:ion)?[\W_]?id",
    "connect": r"(?:[\W_]?sid|ion[\W_]?str)",
    "conn": r"[\W_]?str",
    "seed": r"[\W_]?phrase",
    "recovery": r"[\W_]?(?:phrase|code)",
    **dict.fromkeys(_split("backup verification"), r"[\W_]?code"),
    "result": r"(?=[ \t]++=[ \t]++\\*+\")",
}
"""What every name that may mark a secret contains, in lower case: a literal, and the pattern after it."""

_STRONG_COMPOUND = "|".join(STRONG_COMPOUNDS)
_STRONG_WORD = rf"(?P<word>{'|'.join(STRONG_WORDS)})s?\Z"
_WORDS = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+"
_MAX_NAME = 200
_CACHED_NAMES = 1024


@lru_cache(maxsize=_CACHED_NAMES)
def strong_kind(name: str) -> str | None:
    """The kind of secret that this name marks, whatever the value (with few exceptions); else None."""
    words = _words(name)
    if not words or words[-1] in HARMLESS_LAST_WORDS:
        return None
    joined = "".join(words).removesuffix("s")
    if joined.endswith(HARMLESS_COMPOUNDS):
        return None
    if compound := compiled(_STRONG_COMPOUND).search(joined):
        return STRONG_COMPOUNDS[compound[0]]
    if joined.endswith("key") and joined.removesuffix("key").endswith(SECRET_KEY_PREFIXES):
        return "key"
    for word in reversed(words):
        if strong := compiled(_STRONG_WORD).search(word):
            return STRONG_WORDS[strong["word"]]
    return None


@lru_cache(maxsize=_CACHED_NAMES)
def weak_kind(name: str) -> str | None:
    """The kind of secret that this name marks if its value also looks like a secret; else None."""
    words = _words(name)
    if not words:
        return None
    if words == ["key"]:
        return "key"
    if words == ["result"]:  # of Terraform's random_password
        return "password"
    if words[-1] == "key":
        return None if "".join(words[:-1]).endswith(HARMLESS_KEY_PREFIXES) else "key"
    return WEAK_LAST_WORDS.get(words[-1]) or WEAK_LAST_WORDS.get("".join(words[-2:]))


def may_be_secret(name: str) -> bool:
    """Whether a value of this name needs a check."""
    return strong_kind(name) is not None or weak_kind(name) is not None


def describes(name: str) -> bool:
    """Whether a name says that its value only describes or identifies something: `BUILD_ID`, `GIT_SHA`, `CACHE_KEY`."""
    words = _words(name)
    return words[-1] in HARMLESS_LAST_WORDS or words[-1] in IDENTIFYING_LAST_WORDS


def looks_like_secret_name(text: str) -> bool:
    """Whether a value is a secret's name, as in `password: dbPassword`, and so a reference instead of the secret."""
    # Bypasses the cache of `strong_kind`, because values would evict the names from it.
    return strong_kind.__wrapped__(text) is not None or text.lower().startswith("your")


def _words(name: str) -> list[str]:
    words = " ".join(compiled(_WORDS).findall(name[-_MAX_NAME:])).lower().split()
    while len(words) > 1 and (words[-1] in QUALIFIERS or words[-1].isdigit()):
        words.pop()
    return words
