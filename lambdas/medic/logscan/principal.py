"""Reads the principal of an access-denied message: whose credentials were used.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

import re

from medic.labels import Identity
from medic.logscan.model import Denial

BUILD_SESSION = "BuildSession"
"""The role-session name that Amplify uses when a build assumes the app's service role."""
COMPUTE_SESSION = "AmplifyHostingCompute"
"""The beginning of the role-session name of an SSR compute role: `AmplifyHostingCompute-app=<appId>`."""
AMPLIFY_BUILD_ROLE = "AemiliaControlPlaneLambda-CodeBuildRole"
"""The beginning of the name of Amplify's own build role, in an account that belongs to AWS."""

_PRINCIPAL = re.compile(
    r"(?:arn:aws[\w-]{0,16}:(?:iam|sts)::(?P<account>[^\s:/]{0,32}):|[.…]{1,3}:?|(?P<first>\d{12}):)?"
    r"(?P<kind>[a-z-]{4,16})(?:/(?P<path>\S*))?$"
)
_KINDS = frozenset({"assumed-role", "role", "user", "federated-user", "root"})
_SERVICE = re.compile(r"[a-z0-9.-]{2,60}\.amazonaws\.com(?:\.cn)?")
_PIECE = re.compile(r"[\w+=,.@:/…-]{1,250}")
_MAX_PIECES = 4
_AROUND = "\"'`\\<>“”‘’,;()[]{}:*"


def rejoined(text: str) -> str:
    """An ARN that a terminal wrapped, in one piece; else the text's first word."""
    pieces = text.split(" ")
    wrapped = 1 < len(pieces) <= _MAX_PIECES and all(map(_PIECE.fullmatch, pieces)) and pieces[0].startswith("arn:")
    return "".join(pieces) if wrapped else pieces[0]


def as_principal(text: str) -> str | None:
    """The text if it names a principal; None for an ellipsis or an ordinary word before `is not authorized`."""
    word = text.strip(_AROUND)
    named = word.startswith("arn:") or "assumed-role/" in word or word.lower() == "anonymous"
    return (
        word if named or word.endswith(f"/{BUILD_SESSION}") or _SERVICE.fullmatch(word) or _by_account(word) else None
    )


def _by_account(word: str) -> bool:
    match = _PRINCIPAL.match(word)
    return match is not None and match["first"] is not None and match["kind"] in _KINDS


def parse_principal(text: str | None) -> Denial:
    """A denial that names only the principal. Never raises, because terminals and people cut ARNs short."""
    if text is None:
        return Denial()
    match = _PRINCIPAL.match(text)
    kind = match["kind"] if match and match["kind"] in _KINDS else None
    account = role = session = user = ""
    if match and kind:
        account = match["first"] or match["account"] or ""
        path = match["path"] or ""
        if kind == "assumed-role":
            role, _, session = path.partition("/")
        elif kind == "role":
            role = path.rpartition("/")[2]
        elif kind == "user":
            user = path.rpartition("/")[2]
    return Denial(
        text,
        account if re.fullmatch(r"\d{12}", account) else None,
        role or None,
        session or None,
        user or None,
        _identity_of(text, kind, role, session),
    )


def _identity_of(text: str, kind: str | None, role: str, session: str) -> Identity:
    """Whose credentials were used: decided by the role-session name.

    The role's name does not tell, because any role can be set as the service role, even a logging role.
    """
    if text.strip("\"'").lower() == "anonymous":
        return Identity.NOBODY
    if AMPLIFY_BUILD_ROLE in text:
        return Identity.AMPLIFY_OWN
    if _SERVICE.fullmatch(text):
        return Identity.AWS_SERVICE
    if kind == "assumed-role":
        return _identity_of_session(role, session)
    if kind is None and text.endswith(f"/{BUILD_SESSION}"):
        return Identity.SERVICE_ROLE
    return Identity.USER if kind else Identity.UNKNOWN


def _identity_of_session(role: str, session: str) -> Identity:
    if session.startswith(BUILD_SESSION):
        return Identity.SERVICE_ROLE
    if session.startswith(COMPUTE_SESSION):
        return Identity.COMPUTE_ROLE
    if session == "amplifyadmin" or role.endswith("_Full-access"):
        return Identity.STUDIO
    if session == "CognitoIdentityCredentials":
        return Identity.COGNITO_USER
    return Identity.USER
