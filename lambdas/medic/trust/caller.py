"""Who calls, taken apart.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from medic.trust.patterns import arn_segments

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
_SERVICE_NAME = re.compile(r"[A-Za-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
_FEDERATED_ACTIONS = {"sts:assumerolewithwebidentity", "sts:assumerolewithsaml"}


class CallerKind(Enum):
    """What kind of principal calls."""

    SERVICE = "service"
    ACCOUNT = "account"
    """Some user or role of an account, it is not said which."""
    USER = "user"
    ROLE = "role"
    """A role whose session name is not said."""
    SESSION = "session"
    """One session of an assumed role."""
    FEDERATED = "federated"
    CANONICAL_USER = "canonical user"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal as a trust policy sees it."""

    kind: CallerKind
    text: str
    partition: str = ""
    account: str = ""
    name: str = ""
    """The user's or role's name without its path, case kept: names in ARNs are case-sensitive."""

    @property
    def is_role_session(self) -> bool:
        """Whether it calls with a role's credentials, which makes another AssumeRole role chaining."""
        return self.kind in {CallerKind.ROLE, CallerKind.SESSION}


_ARN_KINDS = {
    ("iam", "root"): CallerKind.ACCOUNT,
    ("iam", "user"): CallerKind.USER,
    ("iam", "role"): CallerKind.ROLE,
    ("iam", "saml-provider"): CallerKind.FEDERATED,
    ("iam", "oidc-provider"): CallerKind.FEDERATED,
    ("sts", "assumed-role"): CallerKind.SESSION,
}


def caller_of(principal: str, action: str) -> Caller:
    """Take a principal apart; the action tells an identity provider from a service of the same name."""
    if action.lower() in _FEDERATED_ACTIONS:
        return Caller(CallerKind.FEDERATED, principal)
    if _ACCOUNT_ID.fullmatch(principal):
        return Caller(CallerKind.ACCOUNT, principal, account=principal)
    if _SERVICE_NAME.fullmatch(principal):
        return Caller(CallerKind.SERVICE, principal)
    if _CANONICAL_ID.fullmatch(principal):
        return Caller(CallerKind.CANONICAL_USER, principal)
    return _caller_of_arn(principal) or Caller(CallerKind.OTHER, principal)


def _caller_of_arn(arn: str) -> Caller | None:
    segments = arn_segments(arn)
    if segments is None or not _ACCOUNT_ID.fullmatch(segments[4]):
        return None
    _, partition, service, _, account, resource = segments
    family, *path = resource.split("/")
    kind = _ARN_KINDS.get((service, family), CallerKind.OTHER)
    match kind:
        case CallerKind.USER | CallerKind.ROLE if path:
            name = path[-1]
        case CallerKind.SESSION if path:
            name = path[0]
        case _:
            name = ""
    return Caller(kind, arn, partition, account, name)
