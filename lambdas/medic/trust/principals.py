"""Whether a Principal element names whoever calls.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.trust import verdict
from medic.trust.caller import Caller, CallerKind, caller_of
from medic.trust.verdict import Verdict

if TYPE_CHECKING:
    from medic.trust.document import PrincipalEntry, Principals

_PRINCIPAL_KEYS = {"AWS", "Service", "Federated", "CanonicalUser"}
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
