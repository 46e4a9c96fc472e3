"""What is known of the call: for each condition key a value, its presence, its absence, or nothing at all.

Key names are compared without case. Which keys a call carries:
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


AMPLIFY = "amplify.amazonaws.com"
ASSUME_ROLE = "sts:AssumeRole"

DEFAULT_MAX_SESSION = 3600
"""Seconds; what a role allows unless its maximum was changed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-settings.html
"""

MAX_VALUES = 64
"""More values than any multivalued key carries; session tags stop at 50."""
MAX_VALUE_CHARACTERS = 2048
"""More than the values of any key hold together; the longest ARN has 2,048 characters."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """The call carries the key with these values; most keys have one."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PresentKey:
    """The call carries the key; its value cannot be known from here."""


@dataclass(frozen=True, slots=True)
class AbsentKey:
    """The call does not carry the key."""


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """Nobody documents whether the call carries the key."""


KeyState: TypeAlias = KnownKey | PresentKey | AbsentKey | UnknownKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumeRoleRequest:
    """One question: may this principal perform this action on the role whose trust policy is evaluated?"""

    now: datetime
    principal: str = AMPLIFY
    """A service principal, account id, ARN of a user, role or session, or an identity provider."""
    action: str = ASSUME_ROLE
    partition: str = "aws"
    region: str | None = None
    account_id: str | None = None
    """The account of the role."""
    app_id: str | None = None
    source_arn: str | None = None
    """The resource on whose behalf a service calls; None if that is not known."""
    role_arn: str | None = None
    role_tags: Mapping[str, str] | None = None
    """The role's own tags; None if they were not read."""
    states: Mapping[str, KeyState] = field(default_factory=dict)
    """What is known of single keys in this case; wins over the defaults."""
    duration: int | None = None
    """DurationSeconds asked for."""
    chained: bool = False
    """The caller itself came by its credentials by assuming a role."""
    max_session: int | None = None
    """The role's MaxSessionDuration in seconds; None if it was not read."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", {key.lower(): state for key, state in self.states.items()})

    @property
    def caller(self) -> Caller:
        """The principal, taken apart."""
        return caller_of(self.principal, self.action)

    def with_states(self, states: Mapping[str, KeyState]) -> AssumeRoleRequest:
        """The same question with more known about single keys."""
        return replace(self, states={**self.states, **{key.lower(): state for key, state in states.items()}})


@dataclass(frozen=True, slots=True)
class Context:
    """The state of every condition key of one call."""

    keys: Mapping[str, KeyState]
    families: Mapping[str, KeyState]
    """Keys that share a prefix, such as `aws:requesttag/`."""
    otherwise: KeyState

    def state(self, key: str) -> KeyState:
        """The state of a key, whatever the case of its name."""
        name = key.lower()
        if name in self.keys:
            return self.keys[name]
        return next((state for prefix, state in self.families.items() if name.startswith(prefix)), self.otherwise)


def known_key(*values: str) -> KeyState:
    """The state of a key with these values; what is too long to compare is only known to be there."""
    if len(values) > MAX_VALUES or sum(len(value) for value in values) > MAX_VALUE_CHARACTERS:
        return PresentKey()
    return KnownKey(values)


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
    """May Amplify Hosting assume this role?

    Args:
        partition: `aws`, `aws-us-gov` or `aws-cn`.
        region: the app's region.
        account_id: the account of app and role.
        source_arn: the branch ARN as GetBranch returns it; None if it is not known what the call carries.
        now: the time of the call, with a time zone.
        role_arn: the role's ARN.
        role_tags: the role's tags as GetRole returns them; None if they were not read.
        app_id: the app's id; by default the one in the source ARN.
    """
    return AssumeRoleRequest(
        partition=partition, region=region, account_id=account_id, source_arn=source_arn, now=now,
        role_arn=role_arn, role_tags=role_tags, app_id=app_id,
    )  # fmt: skip


def context_of(request: AssumeRoleRequest) -> Context:
    """Everything the evaluator may look up about a call."""
    tables = _SERVICE if request.caller.kind is CallerKind.SERVICE else _ACCOUNT
    keys: dict[str, KeyState] = {**tables.keys, **_clock(request), **_of_caller(request), **_of_role(request)}
    keys |= request.states
    tags = UnknownKey() if request.role_tags is None else AbsentKey()
    families = {**tables.families, "aws:resourcetag/": tags, "iam:resourcetag/": tags}
    federated = request.caller.kind is CallerKind.FEDERATED
    return Context(keys, families, otherwise=UnknownKey() if federated else AbsentKey())


def _clock(request: AssumeRoleRequest) -> dict[str, KeyState]:
    now = request.now if request.now.tzinfo else request.now.replace(tzinfo=UTC)
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"aws:currenttime": KnownKey((stamp,)), "aws:epochtime": KnownKey((str(int(now.timestamp())),))}


def _of_caller(request: AssumeRoleRequest) -> dict[str, KeyState]:
    caller = request.caller
    if caller.kind is CallerKind.SERVICE:
        return {"aws:principalservicename": known_key(caller.text), **_of_source(request)}
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


def _of_source(request: AssumeRoleRequest) -> dict[str, KeyState]:
    if request.source_arn is None:
        return {"aws:sourcearn": UnknownKey(), "aws:sourceaccount": UnknownKey()}
    segments = arn_segments(request.source_arn)
    account = segments[4] if segments else ""
    return {
        "aws:sourcearn": known_key(request.source_arn),
        "aws:sourceaccount": known_key(account) if account else UnknownKey(),
    }


def _of_role(request: AssumeRoleRequest) -> dict[str, KeyState]:
    facts: dict[str, KeyState] = {
        f"{service}:resourcetag/{key.lower()}": known_key(value)
        for key, value in (request.role_tags or {}).items()
        for service in ("aws", "iam")
    }
    if request.account_id:
        facts["aws:resourceaccount"] = known_key(request.account_id)
    return facts


@dataclass(frozen=True, slots=True)
class _Tables:
    keys: Mapping[str, KeyState]
    families: Mapping[str, KeyState]


def _tables(*, always: Mapping[str, str], present: str, unknown: str, families: str) -> _Tables:
    keys: dict[str, KeyState] = {key.lower(): KnownKey((value,)) for key, value in always.items()}
    keys |= {key.lower(): PresentKey() for key in present.split()}
    keys |= {key.lower(): UnknownKey() for key in unknown.split()}
    return _Tables(
        MappingProxyType(keys), MappingProxyType({family.lower(): UnknownKey() for family in families.split()})
    )


# A service that calls by itself. Everything else is absent: external id, MFA, principal tags and organization, SAML and
# OIDC keys, and names that do not exist. No AWS page says what Amplify sends of the unknown ones.
_SERVICE = _tables(
    # IAM and STS answer over HTTPS only, and a service principal calls directly.
    always={"aws:PrincipalIsAWSService": "true", "aws:SecureTransport": "true", "aws:ViaAWSService": "false"},
    present="sts:RoleSessionName aws:UserAgent",
    unknown="""sts:SourceIdentity sts:TransitiveTagKeys aws:TagKeys aws:SourceIp aws:RequestedRegion aws:PrincipalArn
        aws:PrincipalAccount aws:PrincipalType aws:userid aws:SourceOrgID aws:SourceOrgPaths aws:ResourceOrgID
        aws:ResourceOrgPaths aws:ResourceAccount aws:PrincipalServiceNamesList""",
    families="aws:RequestTag/",
)

# A principal of an account. What the caller chooses to send (external id, tags, source identity) is not known.
_ACCOUNT = _tables(
    always={"aws:PrincipalIsAWSService": "false", "aws:SecureTransport": "true", "aws:ViaAWSService": "false"},
    present="aws:UserAgent",
    unknown="""sts:RoleSessionName sts:ExternalId sts:SourceIdentity aws:SourceIdentity sts:TransitiveTagKeys
        aws:TagKeys sts:RequestContextProviders sts:TaskPolicyArn aws:SourceIp aws:VpcSourceIp aws:SourceVpc
        aws:SourceVpce aws:SourceVpcArn aws:RequestedRegion aws:PrincipalArn aws:PrincipalAccount aws:PrincipalType
        aws:userid
        aws:username aws:PrincipalOrgID aws:PrincipalOrgPaths aws:MultiFactorAuthPresent aws:MultiFactorAuthAge
        aws:TokenIssueTime aws:Ec2InstanceSourceVpc aws:Ec2InstanceSourcePrivateIPv4 ec2:SourceInstanceARN
        lambda:SourceFunctionArn aws:FederatedProvider aws:AssumedRoot aws:Referer aws:ResourceAccount
        aws:ResourceOrgID aws:ResourceOrgPaths""",
    families="aws:RequestTag/ aws:PrincipalTag/",
)

_VARIABLE = re.compile(r"\$\{(?:(?P<character>[*?$])|(?P<key>[^\s,'{}]+)(?:, ?'(?P<default>[^']*)')?)\}")


class Unresolved(Enum):
    """Why no pattern comes out of a text with variables."""

    NO_VALUE = "a variable has no value"
    """Documented: nothing equals it, and negated operators match."""
    UNKNOWN = "a variable's value cannot be known"


Resolved: TypeAlias = Pattern | Unresolved


def resolve(text: str, context: Context | None, *, wildcards: bool) -> Resolved:
    """Turn a condition value into a pattern.

    Args:
        text: the value as written in the policy.
        context: where variables get their values; None if the policy's version has no variables.
        wildcards: whether `*` and `?` stand for other characters under the operator.
    """
    if context is None or "${" not in text:
        return _pattern(text, wildcards=wildcards)
    if "${" in _VARIABLE.sub("\0", text):  # no variable the documentation describes: one without its closing brace, say
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
    # Without a value nothing can equal it, whatever the other variables are.
    for reason in (Unresolved.NO_VALUE, Unresolved.UNKNOWN):
        if reason in unresolved:
            return reason
    return Pattern(tuple(tokens))


def variables_in(text: str) -> tuple[str, ...]:
    """The keys of the variables in a text."""
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
    # Whether a `*` that comes out of a variable is a wildcard is documented nowhere.
    return Unresolved.UNKNOWN if wildcards and any(each.value in value for each in Wildcard) else value


def _pattern(text: str, *, wildcards: bool) -> Pattern:
    return Pattern.glob(text) if wildcards else Pattern.literal(text)
