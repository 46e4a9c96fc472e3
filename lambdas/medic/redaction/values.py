"""What a value looks like: ordinary (a number, a path, a reference, a mask), or drawn at random."""

from __future__ import annotations

from medic.redaction.names import FUNCTION_WORDS, PLAIN_VALUES
from medic.redaction.spans import MASK, compiled

LONGEST_LOOK = 128
"""A verdict on a value needs no more of it than this; it keeps hostile lines cheap."""

_ORDINARY = (
    r"(?i:"
    r"[*•●x.…_#?-]{3,}.{0,8}"  # masked, perhaps but for its last characters
    r"|\[(?:redacted|secret|hidden|masked|filtered|object).*"
    r"|<.*|\{\{.*|\$\{.*|\$\(.*|%[A-Z_]+%|\[%.*"  # templates
    r"|(?:arn|op|vault|ssm|workspace|file|link|npm|patch|portal|catalog|env|sha(?:1|256|384|512)):.*"
    r"|(?:sha(?:1|256|384|512)-|@).*"
    r"|(?:process\.env|import\.meta|os\.environ|os\.getenv|self|this|props|ctx|config|env|secrets|vars|var|local|data"
    r"|module|context|options|event|outputs|steps)[.\[?(].*"
    r"|!(?:ref|sub|getatt)\b.*"
    r"|[a-z][a-z0-9+.-]{0,30}://.*"  # a URL: its own rules look into it
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
_TURN = r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[+/])(?=[A-Za-z0-9])"
_TURNS_PER_CHARACTER = 0.22
"""Random base64 goes from one class of characters to another at .45 of them, camel case and paths at .18 or less."""
_TURNS_OF_LETTERS = 0.12
_SHORTEST_OF_LETTERS = 10
_CAPITALS_OF_LETTERS = 0.3
"""Random letters are capitals by half and rise to one at every fifth; camel case has one or the other, not both."""


def is_ordinary(value: str) -> bool:
    """Whether a value says by itself that it is no secret: a literal, a number, a path, a template, a mask."""
    look = value[:LONGEST_LOOK].strip()
    if len(look) <= 1 or look.lower() in PLAIN_VALUES or look.startswith(MASK):
        return True
    if compiled(_ORDINARY).fullmatch(look):
        return True
    return bool(compiled(_PATH).fullmatch(look)) and not is_random(look)


def is_code(value: str) -> bool:
    """Whether an unquoted value is code or a relative path: `getToken()`, `config.apiKey`, `src/auth`."""
    return compiled(_CODE).fullmatch(value[:LONGEST_LOOK]) is not None


def is_prose(value: str) -> bool:
    """Whether a value is a sentence about something: plain words, with some among them that only join others."""
    words = value[:LONGEST_LOOK].lower().split()
    return (
        len(words) > 1
        and not FUNCTION_WORDS.isdisjoint(words)
        and not any(looks_like_secret_value(word) for word in words)
    )


def is_environment_name(value: str) -> bool:
    """Whether a value is the name of an environment variable."""
    return compiled(_ENVIRONMENT_NAME).fullmatch(value[:LONGEST_LOOK]) is not None


def looks_like_secret_value(value: str, *, least: int = 6) -> bool:
    """Whether a value can hardly be a word of prose: long enough, letters with digits or symbols, or random."""
    look = value[:LONGEST_LOOK].strip("*_`")
    if len(look) < least or not _has(_LETTER, look):
        return False
    return _has(_DIGIT_OR_SYMBOL, look) or is_random(look, least=_SHORTEST_OF_LETTERS)


def is_random(value: str, *, least: int = 16, turns: float = _TURNS_PER_CHARACTER) -> bool:
    """Whether a value looks drawn at random from base64 or hexadecimal: characters that keep changing class."""
    look = value[:LONGEST_LOOK].rstrip("=")
    if len(look) < least or not _has(_LETTER, look):
        return False
    turns_seen = len(compiled(_TURN).findall(look))
    if _has(_DIGIT, look):
        return turns_seen >= turns * len(look)
    capitals = sum(character.isupper() for character in look)
    return turns_seen >= _TURNS_OF_LETTERS * len(look) and capitals >= _CAPITALS_OF_LETTERS * len(look)


def is_mixed_base64(value: str, *, turns: float = _TURNS_PER_CHARACTER) -> bool:
    """Whether a value is random base64 with capitals and small letters, which no hash or id in hexadecimal has."""
    look = value[:LONGEST_LOOK]
    return is_random(look, turns=turns) and _has("[A-Z]", look) and _has("[a-z]", look)


def _has(pattern: str, text: str) -> bool:
    return compiled(pattern).search(text) is not None
