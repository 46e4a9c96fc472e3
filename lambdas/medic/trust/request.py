"""An AssumeRole call: the caller, the state of each condition key, and policy variables resolved from those keys.

Condition key names are case-insensitive. Which keys a call carries:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from medic.trust.patterns import Pattern, Token, Wildcard, arn_segments

if TYPE_CHECKING:
    from collections.abc import Mapping

AMPLIFY = "amplify.amazonaws.com"
ASSUME_ROLE = "sts:AssumeRole"

DEFAULT_MAX_SESSION = 3600
"""Seconds; a role's maximum session duration unless somebody changed it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-settings.html
"""

ACCOUNT_ID = re.compile(r"[0-9]{12}")
_CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
_SERVICE_NAME = re.compile(r"[A-Za-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
_FEDERATED_ACTIONS = {"sts:assumerolewithwebidentity", "sts:assumerolewithsaml"}


class CallerKind(Enum):
    SERVICE = "service"
    ACCOUNT = "account"
    """An unspecified user or role of an account."""
    USER = "user"
    ROLE = "role"
    """A role with an unspecified session."""
    SESSION = "session"
    """One session of an assumed role."""
    FEDERATED = "federated"
    CANONICAL_USER = "canonical user"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Caller:
    """The calling principal, split into the parts that a trust policy compares."""

    kind: CallerKind
    text: str
    partition: str = ""
    account: str = ""
    name: str = ""
    """The user's or role's name without its path. Names in ARNs are case-sensitive."""

    @property
    def is_role_session(self) -> bool:
        """Whether it calls with a role's credentials, so that its AssumeRole call is role chaining."""
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
    """Parse a principal. The action tells an identity provider from a service of the same name."""
    if action.lower() in _FEDERATED_ACTIONS:
        return Caller(CallerKind.FEDERATED, principal)
    if ACCOUNT_ID.fullmatch(principal):
        return Caller(CallerKind.ACCOUNT, principal, account=principal)
    if _SERVICE_NAME.fullmatch(principal):
        return Caller(CallerKind.SERVICE, principal)
    if _CANONICAL_ID.fullmatch(principal):
        return Caller(CallerKind.CANONICAL_USER, principal)
    return _caller_of_arn(principal) or Caller(CallerKind.OTHER, principal)


def _caller_of_arn(arn: str) -> Caller | None:
    segments = arn_segments(arn)
    if segments is None or not ACCOUNT_ID.fullmatch(segments[4]):
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


@dataclass(frozen=True, slots=True)
class KnownKey:
    """The call carries the key with these values; most keys have exactly one."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PresentKey:
    """The call carries the key with an unknown value."""


@dataclass(frozen=True, slots=True)
class AbsentKey:
    """The call does not carry the key."""


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """It is unknown whether the call carries the key; often AWS does not document it."""


KeyState: TypeAlias = KnownKey | PresentKey | AbsentKey | UnknownKey

_MAX_VALUES = 64
"""More values than any multivalued key carries; session tags stop at 50."""
_MAX_VALUE_CHARACTERS = 2048
"""More characters than all values of any key hold together; the longest ARN has 2,048."""


def known_key(*values: str) -> KeyState:
    """The state of a key with these values; `PresentKey` if they are too many or too long to compare."""
    if len(values) > _MAX_VALUES or sum(len(value) for value in values) > _MAX_VALUE_CHARACTERS:
        return PresentKey()
    return KnownKey(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumeRoleRequest:
    """The call to evaluate: may this principal perform this action on the role that has the trust policy?"""

    now: datetime
    principal: str = AMPLIFY
    """A service principal, an account id, the ARN of a user, role or session, or an identity provider."""
    action: str = ASSUME_ROLE
    partition: str = "aws"
    region: str | None = None
    account_id: str | None = None
    """The account of the role."""
    app_id: str | None = None
    source_arn: str | None = None
    """The resource on whose behalf a service calls; None if unknown."""
    role_arn: str | None = None
    role_tags: Mapping[str, str] | None = None
    """The role's own tags; None if not read."""
    states: Mapping[str, KeyState] = field(default_factory=dict)
    """The states of single condition keys; they override the defaults."""
    duration: int | None = None
    """The requested DurationSeconds."""
    chained: bool = False
    """Whether the caller's own credentials come from assuming a role (role chaining)."""
    max_session: int | None = None
    """The role's MaxSessionDuration in seconds; None if not read."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", {key.lower(): state for key, state in self.states.items()})

    @property
    def caller(self) -> Caller:
        return caller_of(self.principal, self.action)

    def with_states(self, states: Mapping[str, KeyState]) -> AssumeRoleRequest:
        """The same call with the given states of single keys."""
        return replace(self, states={**self.states, **{key.lower(): state for key, state in states.items()}})


def for_amplify(  # noqa: PLR0913 - each is one fact of the call, and all are named
    *,
    partition: str,
    region: str,
    account_id: str,
    source_arn: str | None,
    now: datetime,
    role_arn: str | None = None,
    role_tags: Mapping[str, str] | None = None,
    app_id: str | None = None,
) -> AssumeRoleRequest:
    """Amplify Hosting's call to assume a role.

    Args:
        partition: `aws`, `aws-us-gov` or `aws-cn`.
        region: The app's region.
        account_id: The account of app and role.
        source_arn: The branch ARN as GetBranch returns it; None if it is unknown what the call carries.
        now: The time of the call, with a time zone.
        role_arn: The role's ARN.
        role_tags: The role's tags as GetRole returns them; None if not read.
        app_id: The app's id; by default the one in the source ARN.
    """
    return AssumeRoleRequest(
        partition=partition, region=region, account_id=account_id, source_arn=source_arn, now=now,
        role_arn=role_arn, role_tags=role_tags, app_id=app_id,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Context:
    """The state of every condition key of one call."""

    keys: Mapping[str, KeyState]
    prefixes: Mapping[str, KeyState]
    """The state of all keys with a prefix such as `aws:requesttag/`."""
    default: KeyState

    def state(self, key: str) -> KeyState:
        """The state of a key; its name is case-insensitive."""
        name = key.lower()
        if name in self.keys:
            return self.keys[name]
        return next((state for prefix, state in self.prefixes.items() if name.startswith(prefix)), self.default)


def context_of(request: AssumeRoleRequest) -> Context:
    """The state of every condition key of this call, as far as the request and AWS's documentation tell."""
    usual = _SERVICE if request.caller.kind is CallerKind.SERVICE else _ACCOUNT
    keys: dict[str, KeyState] = {**usual.keys, **_time_keys(request), **_caller_keys(request), **_role_keys(request)}
    keys |= request.states
    tags = UnknownKey() if request.role_tags is None else AbsentKey()
    prefixes = {**usual.prefixes, "aws:resourcetag/": tags, "iam:resourcetag/": tags}
    # An identity provider may send keys of its own, such as accounts.google.com:aud.
    federated = request.caller.kind is CallerKind.FEDERATED
    return Context(keys, prefixes, default=UnknownKey() if federated else AbsentKey())


def _time_keys(request: AssumeRoleRequest) -> dict[str, KeyState]:
    now = request.now if request.now.tzinfo else request.now.replace(tzinfo=UTC)
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"aws:currenttime": KnownKey((stamp,)), "aws:epochtime": KnownKey((str(int(now.timestamp())),))}


def _caller_keys(request: AssumeRoleRequest) -> dict[str, KeyState]:
    caller = request.caller
    if caller.kind is CallerKind.SERVICE:
        return {"aws:principalservicename": known_key(caller.text), **_source_keys(request)}
    facts: dict[str, KeyState] = {}
    if caller.account:
        facts["aws:principalaccount"] = known_key(caller.account)
    if caller.kind in {CallerKind.USER, CallerKind.ROLE}:
        facts["aws:principalarn"] = known_key(caller.text)
    if caller.kind is CallerKind.USER and caller.name:
        facts["aws:username"] = known_key(caller.name)
        facts["aws:principaltype"] = known_key("User")
    if caller.is_role_session:
        facts["aws:username"] = AbsentKey()
        facts["aws:principaltype"] = known_key("AssumedRole")
        facts["aws:tokenissuetime"] = PresentKey()
    return facts


def _source_keys(request: AssumeRoleRequest) -> dict[str, KeyState]:
    if request.source_arn is None:
        return {"aws:sourcearn": UnknownKey(), "aws:sourceaccount": UnknownKey()}
    segments = arn_segments(request.source_arn)
    account = segments[4] if segments else ""
    return {
        "aws:sourcearn": known_key(request.source_arn),
        "aws:sourceaccount": known_key(account) if account else UnknownKey(),
    }


def _role_keys(request: AssumeRoleRequest) -> dict[str, KeyState]:
    facts: dict[str, KeyState] = {
        f"{service}:resourcetag/{key.lower()}": known_key(value)
        for key, value in (request.role_tags or {}).items()
        for service in ("aws", "iam")
    }
    if request.account_id:
        facts["aws:resourceaccount"] = known_key(request.account_id)
    return facts


@dataclass(frozen=True, slots=True)
class _UsualKeys:
    """The condition keys that a kind of caller usually sends."""

    keys: Mapping[str, KeyState]
    prefixes: Mapping[str, KeyState]


def _usual_keys(*, always: Mapping[str, str], present: str, unknown: str, unknown_prefixes: str) -> _UsualKeys:
    keys: dict[str, KeyState] = {key.lower(): KnownKey((value,)) for key, value in always.items()}
    keys |= {key.lower(): PresentKey() for key in present.split()}
    keys |= {key.lower(): UnknownKey() for key in unknown.split()}
    prefixes: dict[str, KeyState] = {prefix.lower(): UnknownKey() for prefix in unknown_prefixes.split()}
    return _UsualKeys(MappingProxyType(keys), MappingProxyType(prefixes))


# A service that calls directly. Every key not listed is absent: external id, MFA, principal tags and organization, SAML
# and OIDC keys, and names that do not exist. No AWS page says which of the unknown keys Amplify sends.
_SERVICE = _usual_keys(
    # IAM and STS accept HTTPS only. A service principal calls directly, so aws:ViaAWSService is false.
    always={"aws:PrincipalIsAWSService": "true", "aws:SecureTransport": "true", "aws:ViaAWSService": "false"},
    present="sts:RoleSessionName aws:UserAgent",
    unknown="""sts:SourceIdentity sts:TransitiveTagKeys aws:TagKeys aws:SourceIp aws:RequestedRegion aws:PrincipalArn
        aws:PrincipalAccount aws:PrincipalType aws:userid aws:SourceOrgID aws:SourceOrgPaths aws:ResourceOrgID
        aws:ResourceOrgPaths aws:ResourceAccount aws:PrincipalServiceNamesList""",
    unknown_prefixes="aws:RequestTag/",
)

# A principal of an account. What the caller chooses to send (external id, tags, source identity) is unknown.
_ACCOUNT = _usual_keys(
    always={"aws:PrincipalIsAWSService": "false", "aws:SecureTransport": "true", "aws:ViaAWSService": "false"},
    present="aws:UserAgent",
    unknown="""sts:RoleSessionName sts:ExternalId sts:SourceIdentity aws:SourceIdentity sts:TransitiveTagKeys
        aws:TagKeys sts:RequestContextProviders sts:TaskPolicyArn aws:SourceIp aws:VpcSourceIp aws:SourceVpc
        aws:SourceVpce aws:SourceVpcArn aws:RequestedRegion aws:PrincipalArn aws:PrincipalAccount
        aws:PrincipalType aws:userid aws:username aws:PrincipalOrgID aws:PrincipalOrgPaths
        aws:MultiFactorAuthPresent aws:MultiFactorAuthAge aws:TokenIssueTime aws:Ec2InstanceSourceVpc
        aws:Ec2InstanceSourcePrivateIPv4 ec2:SourceInstanceARN lambda:SourceFunctionArn aws:FederatedProvider
        aws:AssumedRoot aws:Referer aws:ResourceAccount aws:ResourceOrgID aws:ResourceOrgPaths""",
    unknown_prefixes="aws:RequestTag/ aws:PrincipalTag/",
)

_VARIABLE = re.compile(r"\$\{(?:(?P<character>[*?$])|(?P<key>[^\s,'{}]+)(?:, ?'(?P<default>[^']*)')?)\}")


class Unresolved(Enum):
    """Why a text with policy variables cannot be resolved."""

    NO_VALUE = "a variable has no value"
    """AWS documents that nothing equals such a text, so negated operators match."""
    UNKNOWN = "a variable's value cannot be known"


def resolve(text: str, context: Context | None, *, wildcards: bool) -> Pattern | Unresolved:
    """Replace the policy variables of a condition value, and turn it into a pattern.

    Args:
        text: The value as written in the policy.
        context: The values of variables; None if the policy's version has no variables.
        wildcards: Whether `*` and `?` are wildcards under the operator.
    """
    if context is None or "${" not in text:
        return _pattern(text, wildcards=wildcards)
    if "${" in _VARIABLE.sub("\0", text):  # not a documented variable, for example without its closing brace
        return Unresolved.UNKNOWN
    tokens: list[Token] = []
    unresolved: set[Unresolved] = set()
    done = 0
    for variable in _VARIABLE.finditer(text):
        tokens += _pattern(text[done : variable.start()], wildcards=wildcards).tokens
        value = variable["character"] or _value(variable, context, wildcards=wildcards)
        if isinstance(value, Unresolved):
            unresolved.add(value)
        else:
            tokens.append(value)
        done = variable.end()
    tokens += _pattern(text[done:], wildcards=wildcards).tokens
    # If one variable has no value, nothing equals the text, whatever the others are.
    for reason in (Unresolved.NO_VALUE, Unresolved.UNKNOWN):
        if reason in unresolved:
            return reason
    return Pattern(tuple(tokens))


def variables_in(text: str) -> tuple[str, ...]:
    """The condition keys of the policy variables in a text."""
    return tuple(variable["key"] for variable in _VARIABLE.finditer(text) if variable["key"])


def _value(variable: re.Match[str], context: Context, *, wildcards: bool) -> str | Unresolved:
    match context.state(variable["key"]):
        case KnownKey((value,)):
            pass
        case AbsentKey() | KnownKey(()):
            if variable["default"] is None:
                return Unresolved.NO_VALUE
            value = variable["default"]
        case _:
            return Unresolved.UNKNOWN
    # AWS does not document whether a `*` in a variable's value is a wildcard.
    return Unresolved.UNKNOWN if wildcards and any(each.value in value for each in Wildcard) else value


def _pattern(text: str, *, wildcards: bool) -> Pattern:
    return Pattern.glob(text) if wildcards else Pattern.literal(text)
