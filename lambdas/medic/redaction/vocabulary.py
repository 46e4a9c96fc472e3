"""The words that names and values are judged by. Small letters; a name's plural counts as its singular."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
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

SECRET_KEYS = _words(
    "access account admin anon auth authorization client cookie crypto deploy encryption function hmac ingest "
    "ingestion integration license licence master mfa routing rsa sdk secret security service servicerole session "
    "shared sharedaccess signing ssh storage subscription totp webhook write"
)
"""A key with one of these words before it is secret."""

PLAIN_KEYS = _words(
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
    _words(
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

PLAIN_COMPOUNDS = _words(
    "nexttoken clienttoken requesttoken continuationtoken paginationtoken pagetoken synctoken idempotencytoken "
    "designtoken unexpectedtoken maxtoken inputtoken outputtoken totaltoken publickey publickeytoken publishablekey "
    "getsecret putsecret createsecret"
)
"""Names with a secret's words that AWS, SDKs and compilers give to harmless things, joined."""

QUALIFIERS = frozenset(
    _words("b64 base64 dev development live local new old plain plaintext prod production raw staging test v value")
)
"""Words at the end of a name that only say which of several it is."""

PLAIN_VALUES = frozenset(
    _words(
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
    _words(
        "the a an is are was be been must should shall can cannot may will not no at least to of in for with or and "
        "your this that has have does did please"
    )
)
"""Words that only join others: what holds one among several words is a sentence."""
