"""Who calls, taken apart, and whether a Principal element names them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from medic.trust import verdict
from medic.trust.patterns import arn_segments
from medic.trust.verdict import Verdict

if TYPE_CHECKING:
    from medic.trust.document import PrincipalEntry, Principals

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
_SERVICE_NAME = re.compile(r"[A-Za-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
_FEDERATED_ACTIONS = {"sts:assumerolewithwebidentity", "sts:assumerolewithsaml"}
_PRINCIPAL_KEYS = {"AWS", "Service", "Federated", "CanonicalUser"}


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


_KEY_OF_KIND = {
    CallerKind.SERVICE: "Service",
    CallerKind.FEDERATED: "Federated",
    CallerKind.CANONICAL_USER: "CanonicalUser",
}


def names(principals: Principals, caller: Caller, unreadable: Verdict) -> Verdict:
    """Whether a Principal or NotPrincipal element applies to the caller.

    Args:
        principals: the element; an empty Principal names nobody.
        caller: who calls.
        unreadable: what to make of an entry under a key that is none of AWS, Service, Federated, CanonicalUser.
    """
    named = verdict.any_of(_matches(entry, caller, unreadable) for entry in principals.entries)
    if not principals.negated:
        return named
    if not principals.entries:
        return Verdict.UNKNOWN
    # NotPrincipal that spares a user or role without its account may deny the account, and so the user or role.
    if named is Verdict.TRUE and caller.account and not _spares_account(principals, caller):
        return Verdict.UNKNOWN
    return verdict.negate(named)


def _spares_account(principals: Principals, caller: Caller) -> bool:
    return any(entry.name == "*" or account_named(entry, caller) == caller.account for entry in principals.entries)


def _matches(entry: PrincipalEntry, caller: Caller, unreadable: Verdict) -> Verdict:
    if entry.key not in _PRINCIPAL_KEYS:
        return unreadable
    if entry.name == "*":
        # As "*" alone: everybody. Under the other keys a wildcard is not supported.
        return verdict.of(holds=entry.key == "AWS")
    if entry.key != _KEY_OF_KIND.get(caller.kind, "AWS"):
        return Verdict.FALSE
    if entry.key == "AWS":
        return _matches_aws(entry, caller)
    return verdict.of(holds=entry.name == caller.text)


def _matches_aws(entry: PrincipalEntry, caller: Caller) -> Verdict:
    if entry.name == caller.text or (caller.account and account_named(entry, caller) == caller.account):
        return Verdict.TRUE
    named = caller_of(entry.name, "")
    if not named.account or named.account != caller.account or caller.partition not in {"", named.partition}:
        return Verdict.FALSE
    match caller.kind, named.kind:
        case CallerKind.ACCOUNT, CallerKind.USER | CallerKind.ROLE | CallerKind.SESSION:
            return Verdict.UNKNOWN
        case CallerKind.SESSION, CallerKind.ROLE:
            # The ARN of a session lacks the role's path, but a name is unique in its account whatever the path.
            return verdict.of(holds=named.name == caller.name)
        case CallerKind.ROLE, CallerKind.SESSION:
            return Verdict.UNKNOWN if named.name == caller.name else Verdict.FALSE
        case _:
            return Verdict.FALSE


def account_named(entry: PrincipalEntry, caller: Caller) -> str | None:
    """The account that an entry names as a whole, by id or as `:root`, if it is of the caller's partition."""
    if entry.key != "AWS":
        return None
    named = caller_of(entry.name, "")
    if named.kind is not CallerKind.ACCOUNT:
        return None
    same_partition = not named.partition or caller.partition in {"", named.partition}
    return named.account if same_partition else None
