"""Who called: the principal in a message decides whose credentials were used, whatever the words around it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from medic.diagnosis.model import Identity

_ARN = r"(?:arn:aws[\w-]{0,16}:(?:iam|sts)::(?P<account>[^\s:/]{0,32}):)?(?P<kind>[a-z-]{4,16})(?:/(?P<path>\S*))?$"
_KINDS = frozenset({"assumed-role", "role", "user", "federated-user", "root"})

BUILD_SESSION = "BuildSession"
"""The role-session name Amplify uses when a build assumes the app's service role."""
COMPUTE_SESSION = "AmplifyHostingCompute"
"""The beginning of the role-session name of an SSR compute role: `AmplifyHostingCompute-app=<appId>`."""
AMPLIFY_BUILD_ROLE = "AemiliaControlPlaneLambda-CodeBuildRole"
"""The beginning of the name of Amplify's own build role, in an account that belongs to AWS."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal as printed, taken apart as far as the text allows."""

    text: str
    account: str | None
    kind: str | None
    """`user`, `assumed-role`, `role`, `federated-user`, `root`; None if the text is no ARN."""
    role_name: str | None
    session_name: str | None


def parse_principal(text: str) -> Principal:
    """Takes a principal apart; never fails, since terminals and people cut ARNs short.

    An assumed role's ARN lacks the role's path, so `role_name` is what GetRole takes.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    match = re.match(_ARN, text)
    if match is None or match["kind"] not in _KINDS:
        return Principal(text, None, None, None, None)
    kind, path = match["kind"], match["path"] or ""
    digits = match["account"] if re.fullmatch(r"\d{12}", match["account"] or "") else None
    if kind == "assumed-role":
        role, _, session = path.partition("/")
        return Principal(text, digits, kind, role or None, session or None)
    role = path.rpartition("/")[2] if kind == "role" else ""
    return Principal(text, digits, kind, role or None, None)


def identity_of(principal: Principal | None) -> Identity:
    """Whose credentials the principal stands for.

    The role's *name* tells nothing (a logging role may serve as service role); the role-session name does.
    """
    if principal is None:
        return Identity.UNKNOWN
    if principal.text.strip("\"'").lower() == "anonymous":
        return Identity.NOBODY
    if AMPLIFY_BUILD_ROLE in principal.text:
        return Identity.AMPLIFY_OWN
    if principal.kind != "assumed-role":
        return Identity.UNKNOWN if principal.kind is None else Identity.USER
    return _identity_of_session(principal.role_name or "", principal.session_name or "")


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
