"""Classifies a value by its form: ordinary (a number, a path, a reference, a mask), prose, code, or random."""

from __future__ import annotations

from medic.redaction.names import FUNCTION_WORDS, ORDINARY_VALUES
from medic.redaction.spans import MASK, compiled

MAX_INSPECTED = 128
"""Characters. Checks look at no more of a value, so that hostile lines cost little time."""

_ORDINARY = (
    r"(?i:"
    r"[*•●x.…_#?-]{3,}.{0,8}"  # masked, perhaps but for its last characters
    r"|\[(?:redacted|secret|hidden|masked|filtered|object).*"
    r"|\((?:sensitive|known after|hidden|none|not |see ).*"
    r"|<.*|\{\{.*|\$\{.*|\$\(.*|%[A-Z_]+%|\[%.*"  # templates
    r"|(?:arn|op|vault|ssm|workspace|file|link|npm|patch|portal|catalog|env|sha(?:1|256|384|512)):.*"
    r"|(?:sha(?:1|256|384|512)-|@).*"
    r"|(?:process\.env|import\.meta|os\.environ|os\.getenv|self|this|props|ctx|config|env|secrets|vars|var|local|data"
    r"|module|context|options|event|outputs|steps)[.\[?(].*"
    r"|!(?:ref|sub|getatt)\b.*"
    r"|[a-z][a-z0-9+.-]{0,30}://.*"  # url_secrets checks URLs
    r"|your.*|example[-_].*|placeholder.*|insert[-_].*|replace[-_].*"
    r"|[+-]?[0-9]+(?:[.,:/_-][0-9]+)*(?:%|px|[kmgt]?i?b|ms|min|s|m|h|d|(?:sec|second|minute|hour|day)s?)?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:t[0-9:.+z-]*)?"
    r"|[~^<>=v]{0,3}[0-9]{1,5}\.[0-9]{1,9}(?:\.[0-9x*]{1,9})?(?:[-+][0-9a-z.-]*)?(?: .*)?"  # a version
    r"|[a-z]:\\.*"
    r")|\$[A-Z_][A-Z0-9_]*|\$[a-z_]+"
)
_PATH = r"(?:~|\.{1,2})?/[^\s:]*"
_CODE = (
    r"(?:await|new|function|async|typeof)"
    r"|[A-Za-z_$][\w$.]*(?:\([A-Za-z_$.=]*(?:\).*)?|\[.*)"  # a call or a subscript, perhaps cut at its first quote
    r"|[A-Za-z_$]+(?:\??\.[A-Za-z_$]+)+"  # a member
    r"|[A-Za-z@][A-Za-z_.-]*(?:/[A-Za-z][A-Za-z_.-]*)+"  # a relative path
)
_ENVIRONMENT_NAME = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"
_LETTER = r"[^\W\d_]"
_DIGIT = r"\d"
_DIGIT_OR_SYMBOL = r"[\d!@#$%^&*+=~?|/\\]"
_CLASS_CHANGE = r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[+/])(?=[A-Za-z0-9])"
_PLAIN_WORD = "(?=[A-Z]?[a-z]{0,4}[aeiouy])(?:[A-Z][a-z]{3,}|[a-z]{4,})"
"""A word has a vowel near its beginning."""
_MIN_PASSWORD = 8
_BASE64_WITH_SLASH = r"(?=[^/]*+/)[A-Za-z0-9+][A-Za-z0-9+/]{19,}+={0,2}"
_MIN_CHANGES_IN_BASE64 = 0.25
_BASE32 = r"(?=(?:[A-Z]*+[2-7]){2})[A-Z2-7]{16,}+"
_STRONG_SYMBOL = "[!#$%^&*~]"
_PHYSICAL_ID = r"[A-Za-z0-9-]*[a-z]{3}[A-Za-z0-9-]*-[A-Z0-9]{12,13}"
_NAME_IN_PROSE = (
    r".*/.*|.*://.*|[\w.+-]*@[\w.-]+"  # a path, a URL, an e-mail address, a package and its version
    r"|.*\.[A-Za-z]{1,10}[0-9]?"  # a file, a host, a method
    r"|[0-9A-Za-z]{8}(?:-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}"  # an id
    r"|[a-z]{2,9}_[A-Za-z0-9]+"  # an id with its type
    r"|(?:[A-Z][a-z]+[A-Za-z0-9]*)[0-9A-F]{8}"  # a logical id of CloudFormation
    rf"|{_PHYSICAL_ID}"
)
_MIN_CHANGES_IN_BASE36 = 0.24
_MIN_BASE36, _MIN_HEX = 12, 16
_MIN_CLASS_CHANGES = 0.22
"""Share of characters that start another class: .45 in random base64, .18 or less in camel case and paths."""
_MIN_CHANGES_IN_LETTERS = 0.12
_MIN_RANDOM_LETTERS = 10
_MIN_CAPITALS_IN_LETTERS = 0.3
"""In random letters, half are capitals, and a small letter before a capital occurs at every fifth letter.

Camel case reaches at most one of the two minimums.
"""


def is_ordinary(value: str) -> bool:
    """Whether a value is clearly not a secret: a literal, a number, a path, a template, a mask."""
    text = value[:MAX_INSPECTED].strip()
    if len(text) <= 1 or text.lower() in ORDINARY_VALUES or text.startswith(MASK):
        return True
    if compiled(_ORDINARY).fullmatch(text):
        return True
    return bool(compiled(_PATH).fullmatch(text)) and not is_random(text)


def is_code(value: str) -> bool:
    """Whether an unquoted value is code or a relative path, such as `getToken()`, `config.apiKey` or `src/auth`."""
    return compiled(_CODE).fullmatch(value[:MAX_INSPECTED]) is not None


def is_prose(value: str) -> bool:
    """Whether a value is part of a sentence: several plain words, at least one of them a function word."""
    words = value[:MAX_INSPECTED].lower().split()
    return (
        len(words) > 1
        and not FUNCTION_WORDS.isdisjoint(words)
        and not any(looks_like_secret_value(word) for word in words)
    )


def is_environment_name(value: str) -> bool:
    """Whether a value has the form of an environment variable's name, such as `DB_PASSWORD`."""
    return compiled(_ENVIRONMENT_NAME).fullmatch(value[:MAX_INSPECTED]) is not None


def looks_like_secret_value(value: str, *, min_length: int = 6) -> bool:
    """Whether a value is long enough and cannot be a plain word: letters with digits or symbols, or random letters."""
    text = value[:MAX_INSPECTED].strip("*_`")
    if len(text) < min_length or not _has(_LETTER, text):
        return False
    return _has(_DIGIT_OR_SYMBOL, text) or is_random(text, min_length=_MIN_RANDOM_LETTERS)


def is_random(value: str, *, min_length: int = 16, min_changes: float = _MIN_CLASS_CHANGES) -> bool:
    """Whether a value looks like random base64 or hexadecimal.

    Its characters then often change between small letters, capitals and digits.
    """
    text = value[:MAX_INSPECTED].rstrip("=")
    if len(text) < min_length or not _has(_LETTER, text):
        return False
    changes = len(compiled(_CLASS_CHANGE).findall(text))
    if _has(_DIGIT, text):
        return changes >= min_changes * len(text)
    capitals = len(compiled("[A-Z]").findall(text))
    return changes >= _MIN_CHANGES_IN_LETTERS * len(text) and capitals >= _MIN_CAPITALS_IN_LETTERS * len(text)


def is_mixed_base64(value: str, *, min_changes: float = _MIN_CLASS_CHANGES) -> bool:
    """Whether a value is random base64 with capital and small letters, so that it is not a hexadecimal hash or id."""
    text = value[:MAX_INSPECTED]
    return is_random(text, min_changes=min_changes) and _has("[A-Z]", text) and _has("[a-z]", text)


def is_made_of_words(text: str) -> bool:
    """Whether at least half of the text is plain words: the name of a stack, the key of a cache, a camel-case name."""
    text = text[:MAX_INSPECTED]
    return 2 * sum(map(len, compiled(_PLAIN_WORD).findall(text))) >= len(text)


def is_physical_id(value: str) -> bool:
    """Whether CloudFormation made this name: of the stack, the logical id, and twelve or more random characters."""
    return compiled(_PHYSICAL_ID).fullmatch(value[:MAX_INSPECTED]) is not None


def is_encoded_key(value: str) -> bool:
    """Whether a value has the length of a key of 256 or 512 bits in base64."""
    return compiled(r"[A-Za-z0-9+/_-]{43}=|[A-Za-z0-9+/_-]{86}==").fullmatch(value) is not None


def looks_like_password(value: str) -> bool:
    """Whether a word in a sentence can hardly be anything but a generated or well-chosen password, or a token."""
    text = value[:MAX_INSPECTED]
    if len(text) < _MIN_PASSWORD or not (_has(r"[A-Z\d]", text) and _has("[A-Za-z]", text)):
        return False  # most words of a sentence have small letters only
    if compiled(_BASE64_WITH_SLASH).fullmatch(text):
        return is_mixed_base64(text, min_changes=_MIN_CHANGES_IN_BASE64) and not is_made_of_words(text)
    if is_ordinary(text) or is_code(text) or is_environment_name(text) or compiled(_NAME_IN_PROSE).fullmatch(text):
        return False
    if compiled(_BASE32).fullmatch(text) or (_has(_DIGIT, text) and _has(_STRONG_SYMBOL, text)):
        return True
    if _has("[A-Z]", text) and _has("[a-z]", text):
        shortest = _MIN_PASSWORD if _has(_DIGIT, text) else _MIN_RANDOM_LETTERS
        return is_random(text, min_length=shortest) and not is_made_of_words(text)
    shortest = _MIN_BASE36 if _has("[g-z]", text) else _MIN_HEX
    return text.isalnum() and is_random(text, min_length=shortest, min_changes=_MIN_CHANGES_IN_BASE36)


def _has(pattern: str, text: str) -> bool:
    return compiled(pattern).search(text) is not None
