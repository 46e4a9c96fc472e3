"""Which names say that their value is a secret: `DB_PASSWORD` and `clientSecret` do, `SECRET_ARN` doesn't."""

from __future__ import annotations

from functools import lru_cache

from medic.redaction.spans import compiled
from medic.redaction.vocabulary import (
    PLAIN_COMPOUNDS,
    PLAIN_HEADS,
    PLAIN_KEYS,
    QUALIFIERS,
    SECRET_KEYS,
    STRONG_COMPOUNDS,
    STRONG_WORDS,
    WEAK_HEADS,
)

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


def speaks_of_secrets(text: str) -> bool:
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
