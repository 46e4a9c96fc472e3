"""Detects tokens by their form: those with an issuer's prefix, random tokens, and AWS secret access keys.

Most issuers chose their prefixes so that scanners find leaked tokens; see for example
https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/ (GitHub),
https://docs.gitlab.com/security/tokens/ (GitLab), https://docs.slack.dev/authentication/tokens/ (Slack) and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (AWS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_mixed_base64, is_random

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEX = "[0-9a-fA-F]"
_ALNUM = "[A-Za-z0-9]"
_WORD = "[A-Za-z0-9_-]"
_DOTTED = "[A-Za-z0-9_.-]"
_BASE64 = "[A-Za-z0-9+/=_%-]"
_UPPER = "[A-Z0-9]"

_PREFIXES: tuple[tuple[str, str, str, int], ...] = (
    ("Amazon MWS token", _WORD, "amzn.mws.", 20),
    ("AppSync API key", _ALNUM, "da2-", 20),
    ("Bedrock API key", _BASE64, "ABSK", 60),
    ("Bedrock API key", _BASE64, "bedrock-api-key-", 20),
    *(("GitHub token", _ALNUM, f"gh{letter}_", 16) for letter in "pousr"),
    ("GitHub token", _WORD, "github_pat_", 16),
    *(
        ("GitLab token", _DOTTED, f"gl{scope}-", 16)
        for scope in ("pat", "dt", "rt", "ptt", "ft", "oas", "soat", "cbt", "imt", "agent", "ffct", "wt")
    ),
    ("GitLab token", _WORD, "GR1348941", 16),
    ("Atlassian token", _BASE64, "ATATT3", 30),
    ("Atlassian token", _BASE64, "ATCTT3", 30),
    ("Bitbucket token", _BASE64, "ATBB", 28),
    *(("Slack token", _DOTTED, f"xox{letter}-", 8) for letter in "abceoprs"),
    ("Slack token", _DOTTED, "xoxe.xox", 8),
    ("Slack token", _WORD, "xapp-", 12),
    *(("Stripe key", _ALNUM, f"{letter}k_{mode}_", 10) for letter in "sr" for mode in ("live", "test")),
    ("Stripe key", _WORD, "sk_prod_", 20),
    ("Stripe webhook secret", _BASE64, "whsec_", 16),
    ("npm token", _ALNUM, "npm_", 30),
    ("PyPI token", _WORD, "pypi-", 30),
    ("Google API key", _WORD, "AIza", 30),
    ("Google access token", _DOTTED, "ya29.", 16),
    ("Google client secret", _WORD, "GOCSPX-", 16),
    ("Google refresh token", _WORD, "1//0", 30),
    ("Twilio key", _HEX, "SK", 32),
    ("Mailgun key", _HEX, "key-", 32),
    ("Brevo key", _WORD, "xkeysib-", 40),
    ("Brevo key", _WORD, "xsmtpsib-", 40),
    ("Postman key", _WORD, "PMAK-", 24),
    ("AI API key", _ALNUM, "sk-", 20),
    *(("AI API key", _WORD, f"sk-{kind}-", 16) for kind in ("proj", "ant", "svcacct", "admin", "or", "None")),
    ("AI API key", _ALNUM, "gsk_", 30),
    ("AI API key", _WORD, "xai-", 30),
    ("AI API key", _ALNUM, "pplx-", 30),
    ("AI API key", _ALNUM, "r8_", 30),
    ("AI API key", _WORD, "pcsk_", 30),
    ("AI API key", _WORD, "lsv2_", 30),
    ("Hugging Face token", _ALNUM, "hf_", 20),
    *(("DigitalOcean token", _HEX, f"do{letter}_v1_", 32) for letter in "opr"),
    ("Netlify token", _ALNUM, "nfp_", 24),
    *(("Vercel token", _ALNUM, f"vc{letter}_", 24) for letter in "pikar"),
    ("Heroku key", _WORD, "HRKU-", 24),
    ("Supabase key", _WORD, "sbp_", 32),
    ("Supabase key", _WORD, "sb_secret_", 16),
    *(("PlanetScale token", _DOTTED, f"pscale_{kind}_", 24) for kind in ("tkn", "pw", "oauth")),
    ("Databricks token", _HEX, "dapi", 32),
    ("Linear key", _ALNUM, "lin_api_", 24),
    ("Linear key", _ALNUM, "lin_oauth_", 24),
    ("Notion token", _ALNUM, "ntn_", 30),
    ("Notion token", _ALNUM, "secret_", 40),
    ("Figma token", _WORD, "figd_", 24),
    *(("Doppler token", _DOTTED, f"dp.{kind}.", 24) for kind in ("pt", "st", "ct", "sa", "scim", "audit")),
    *(("Vault token", _WORD, f"hv{letter}.", 20) for letter in "sbr"),
    *(("Shopify token", _HEX, f"shp{kind}_", 32) for kind in ("at", "ca", "pa", "ss")),
    ("Square token", _WORD, "sq0atp-", 20),
    ("Square token", _WORD, "sq0csp-", 20),
    ("Square token", _WORD, "EAAAE", 50),
    ("Facebook token", _ALNUM, "EAACEdEose0cBA", 10),
    ("Sentry token", _BASE64, "sntrys_", 30),
    ("Sentry token", _HEX, "sntryu_", 32),
    ("New Relic key", _WORD, "NRAK-", 24),
    ("New Relic key", _WORD, "NRII-", 24),
    ("Grafana token", _BASE64, "glc_", 30),
    ("Grafana token", _WORD, "glsa_", 30),
    ("RubyGems key", _HEX, "rubygems_", 40),
    ("Cargo token", _ALNUM, "cio", 32),
    ("NuGet key", _ALNUM, "oy2", 43),
    ("Docker token", _WORD, "dckr_pat_", 20),
    ("Docker token", _WORD, "dckr_oat_", 20),
    ("Artifactory key", _ALNUM, "AKCp", 50),
    ("age key", _UPPER, "AGE-SECRET-KEY-1", 30),
    ("Contentful token", _WORD, "CFPAT-", 30),
    ("Pulumi token", _HEX, "pul-", 40),
    ("Postman key", _WORD, "PMAT-", 24),
    ("Fly.io token", _BASE64, "fm2_", 30),
    ("Fly.io token", _BASE64, "fo1_", 30),
    ("Tailscale key", _WORD, "tskey-", 16),
    ("CircleCI token", _WORD, "CCIPAT_", 30),
    ("Buildkite token", _ALNUM, "bkua_", 30),
    ("Sourcegraph token", _WORD, "sgp_", 40),
    *(("SonarQube token", _HEX, f"sq{letter}_", 40) for letter in "upa"),
    ("Typeform token", _WORD, "tfp_", 40),
    ("Dropbox token", _WORD, "sl.", 60),
    ("EasyPost key", _ALNUM, "EZAK", 50),
    ("EasyPost key", _ALNUM, "EZTK", 50),
    ("Plaid token", _WORD, "access-production-", 30),
    ("Plaid token", _WORD, "access-sandbox-", 30),
    ("Mapbox token", _DOTTED, "sk.eyJ", 30),
    ("Mapbox token", _DOTTED, "pk.eyJ", 30),
    ("Neon key", _ALNUM, "napi_", 30),
    ("Render key", _ALNUM, "rnd_", 24),
    ("Slack token", _BASE64, "xoxd-", 20),
    ("Square token", _WORD, "EAAA", 56),
    ("Facebook token", _ALNUM, "EAA", 80),
    ("1Password token", _BASE64, "ops_eyJ", 60),
    ("Artifactory token", _ALNUM, "cmVmdGtuOj", 40),
    ("Flutterwave key", _HEX, "FLWSECK-", 32),
    ("Klaviyo key", _HEX, "pk_", 34),
    ("Alibaba key id", _ALNUM, "LTAI", 20),
    ("Tencent key id", _ALNUM, "AKID", 32),
    ("Yandex key", _WORD, "AQVN", 35),
    ("private key", _BASE64, "b3BlbnNzaC1rZXktdjE", 40),  # base64 of openssh-key-v1
    ("private key", _BASE64, "LS0tLS1CRUdJTi", 40),  # base64 of a PEM block's first line
    ("credential", _BASE64, "eyJhdXRocyI6", 16),  # base64 of {"auths":, a Docker configuration
)
"""Kind, alphabet, prefix, and the minimum number of characters of the alphabet after it."""

_PATTERNS = (
    ("SG.", "SendGrid key", r"SG\.[\w-]{16,64}+\.[\w-]{16,}+"),
    ("-us", "Mailchimp key", r"(?<![0-9A-Za-z])[0-9a-f]{32}-us[0-9]{1,2}\b"),
    ("NRAL", "New Relic key", r"(?<![0-9A-Za-z])[0-9a-f]{36}NRAL\b"),
    (":AA", "Telegram token", r"(?:\bbot|(?<![0-9A-Za-z]))[0-9]{8,10}:AA[\w-]{32,}+"),
    ("re_", "Resend key", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}+"),
    ("-", "LaunchDarkly key", r"(?<![\w-])(?:sdk|api|mob)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    (":APA91b", "Firebase token", r"(?<![\w-])[\w-]{10,64}+:APA91b[\w-]{40,}+"),
    (".atlasv1.", "Terraform token", r"(?<![\w-])[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}+"),
    ("pat", "Airtable token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{32,}+"),
    ("Q~", "Azure client secret", r"(?<![\w.~-])[\w.~-]{3}[0-9]Q~[\w.~-]{28,}+"),
    (".", "Discord token", r"(?<![\w-])[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}+"),
    ("-", "Mailgun key", r"(?<![\w-])[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![\w-])"),
    ("pat-", "HubSpot token", r"pat-[a-z]{2}[0-9]-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    ("1/", "Asana token", r"(?<![\w/])[12]/[0-9]{13,20}(?:/[0-9]{13,20})?:[0-9a-f]{32}\b"),
    ("v1.0-", "Cloudflare key", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}+"),
    ("dt0", "Dynatrace token", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("_mmk", "MaxMind key", r"(?<!\w)[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk\b"),
    ("oauth:", "OAuth token", r"\boauth:[a-z0-9]{30}\b"),
    (
        "$",
        "password hash",
        r"\$(?:apr1|1|2[abxy]|5|6|7|y|argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9-]*+)\$[\w./$=,+-]{20,}+",
    ),
    ("FwoG", "session token", r"FwoGZX[\w+/%-]{20,}+=*+"),
    ("FQoG", "session token", r"FQoGZX[\w+/%-]{20,}+=*+"),
    ("IQoJ", "session token", r"IQoJb3[\w+/%-]{20,}+=*+"),
    ("AQoD", "session token", r"AQoDYX[\w+/%-]{20,}+=*+"),
    ("AKIA", "access key id", r"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("ASIA", "access key id", r"ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
)
"""Tokens that a prefix alone does not identify: a literal that must occur in the line, the kind, and the pattern."""

_JWT = r"eyJ[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]*+){0,4}"
_JWT_HEADER = "eyJhbGciOi"
_MIN_JWT = 16

_ESCAPE_BEFORE = r"(?:%[0-9A-Fa-f]{2}|\\[nrt]|\\u[0-9A-Fa-f]{4}|\[[0-9;]{0,8}m)\Z"
_MAX_ESCAPE = 10


def known_issuer_tokens(line: str) -> Iterator[Span]:
    """Yield tokens of known issuers; they are secrets in any context."""
    for literal, kind, pattern in _PATTERNS:
        if literal in line:
            for match in compiled(pattern).finditer(line):
                if _begins_word(line, match.start()):
                    yield Span(*match.span(), kind)
    if "eyJ" in line:
        for match in compiled(_JWT).finditer(line):
            if len(match[0]) >= _MIN_JWT and ("." in match[0] or match[0].startswith(_JWT_HEADER)):
                yield Span(*match.span(), "JSON web token")
    for kind, alphabet, prefix, min_length in _PREFIXES:
        if prefix in line:
            yield from _prefixed_tokens(line, prefix, f"{alphabet}{{{min_length},}}+", kind)


def _prefixed_tokens(line: str, prefix: str, body: str, kind: str) -> Iterator[Span]:
    start = line.find(prefix)
    while start >= 0:
        end = start + len(prefix)
        match = compiled(body).match(line, end) if _begins_word(line, start) else None
        if match:
            end = match.end()
            yield Span(start, end, kind)
        start = line.find(prefix, end)


def _begins_word(line: str, start: int) -> bool:
    if start == 0 or not line[start - 1].isalnum():
        return True
    return compiled(_ESCAPE_BEFORE).search(line, max(0, start - _MAX_ESCAPE), start) is not None


_RANDOM_AFTER_PREFIX = (
    r"(?<![\w/.:@#%+&?$-])(?!sha(?:1|256|384|512)-)[a-z][a-z0-9]{1,15}+[_-](?:[a-z]{1,8}[_-]){0,2}"
    r"(?P<rest>[A-Za-z0-9_-]{28,}+)(?![./:=])"
)
_RANDOM_AFTER_DOT = r"(?<![\w/.:-])[A-Za-z][\w-]{1,31}\.(?:[\w-]{16,}+\.)?(?P<rest>[\w-]{32,}+)(?![\w./(])"
_RANDOM_AFTER_ENVIRONMENT = (
    r"(?<![A-Za-z0-9])(?:(?:[a-z]{2,12}_)?(?:live|prod|sandbox|secret)|[a-z]{2,12}_test)_(?P<rest>[A-Za-z0-9]{14,}+)"
    r"(?![\w.-])"
)
_MIN_CHANGES_IN_BASE36 = 0.24
_MIN_BASE36 = 28
_PLAIN_WORD = "[A-Z]?[a-z]{2,}"
_MIN_SLUG_WORDS = 2


def unknown_issuer_tokens(line: str) -> Iterator[Span]:
    """Yield words with a prefix and a random rest. Hexadecimal hashes and ids do not count."""
    for pattern in (_RANDOM_AFTER_PREFIX, _RANDOM_AFTER_DOT):
        for match in compiled(pattern).finditer(line):
            rest = match["rest"]
            if (is_mixed_base64(rest) and not _is_slug(rest)) or _is_base36(rest):
                yield Span(*match.span(), "token")
    for match in compiled(_RANDOM_AFTER_ENVIRONMENT).finditer(line):
        if is_random(match["rest"], min_length=14):
            yield Span(*match.span(), "token")


def _is_slug(text: str) -> bool:
    """Whether at least two parts of the text are plain words, as in the name of a stack or the key of a cache."""
    parts = text.replace("_", "-").split("-")
    return sum(compiled(_PLAIN_WORD).fullmatch(part) is not None for part in parts) >= _MIN_SLUG_WORDS


def _is_base36(text: str) -> bool:
    """Whether the longest part of the text is random small letters and digits, with letters beyond hexadecimal."""
    longest = max(text.replace("_", "-").split("-"), key=len)
    return (
        len(longest) >= _MIN_BASE36
        and compiled("[g-z]").search(longest) is not None
        and is_random(longest, min_changes=_MIN_CHANGES_IN_BASE36)
    )


_ACCESS_KEY = r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])"
_DELIMITED_ACCESS_KEY = r"(?:^|[\s=:])[\"']?(?P<key>[A-Za-z0-9+][A-Za-z0-9+/]{39})(?![\w+/=.-])"
_MIN_CHANGES_IN_KEY_WITHOUT_ID = 0.25
_ACCESS_KEY_ID = r"(?:AKIA|ASIA)[A-Z0-9]{16}"
_LONE_WORD = r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[ \t]*+(?P<word>[A-Za-z0-9+/]{32,}+={0,2})[ \t\r]*+"
_LINES_AFTER_ID = 5
_MIN_CHANGES_IN_LONE_WORD = 0.26


def secret_access_keys(line: str) -> Iterator[Span]:
    """Yield every run of exactly 40 random base64 characters, the form of an AWS secret access key."""
    for match in compiled(_ACCESS_KEY).finditer(line):
        if is_mixed_base64(match[0]):
            yield Span(*match.span(), "secret access key")


class KeyProximity:
    """Remembers for a few lines that an access key id was printed, because its secret access key is often nearby."""

    def __init__(self) -> None:
        self.lines_left = 0

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
