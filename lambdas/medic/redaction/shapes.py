"""What kind of secret an environment variable's value looks like; the answer is kept, the value is not."""

from __future__ import annotations

from collections.abc import Iterable

from medic.redaction.bare import secret_access_keys
from medic.redaction.engine import secrets_in
from medic.redaction.spans import Span, compiled
from medic.redaction.tokens import tokens
from medic.redaction.urls import url_secrets
from medic.redaction.verdict import Candidate, Syntax, secret_kind

_AWS_KINDS = frozenset(("access key id", "session token", "private key"))
_CONNECTION_STRING = r"(?i:(?:accountkey|sharedaccesskey|password|pwd)=)[^;]"


def looks_like(value: str, name: str = "") -> str | None:
    """Say what kind of secret a value looks like, by its shape first and by the variable's name second.

    Args:
        value: The value of an environment variable.
        name: Its name; any name will do, the shape decides where it can.

    Returns:
        `access key id`, `secret access key`, `session token`, `private key`, `provider token`, `connection string`,
        `password`, `token`, … or None for an ordinary value.
    """
    value = value.strip()
    return _by_shape(value) or secret_kind(Candidate(name, value, Syntax.TIGHT)) or _first_kind(secrets_in(value))


def _by_shape(value: str) -> str | None:
    if "PRIVATE KEY" in value and "-BEGIN" in value:
        return "private key"
    issued = _first_kind(tokens(value))
    if issued:
        return issued if issued in _AWS_KINDS else "provider token"
    if Span(0, len(value), "secret access key") in secret_access_keys(value):
        return "secret access key"
    if ";" in value and compiled(_CONNECTION_STRING).search(value):
        return "connection string"
    place = _first_kind(url_secrets(value))
    return "connection string" if place in {"password", "token"} else place


def _first_kind(spans: Iterable[Span]) -> str | None:
    return next((span.kind for span in spans), None)
