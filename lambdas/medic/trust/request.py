"""An AssumeRole call: the caller, the state of each condition key, and policy variables resolved from those keys.

Condition key names are case-insensitive. Which keys a call carries:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field
from msgspec.structs import force_setattr

from medic.records import replace
from medic.trust.patterns import Pattern, Token, Wildcard, arn_segments

if TYPE_CHECKING:
    from collections.abc import Mapping

AMPLIFY = "amplify.amazonaws.com"
ASSUME_ROLE = "sts:AssumeRole"
EVERYBODY = "*"
"""The key of a Principal element that is a bare `*`."""

DEFAULT_MAX_SESSION = 3600
"""Seconds; a role's maximum session duration unless somebody changed it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-settings.html
"""

ACCOUNT_ID = re.compile(r"[0-9]{12}")
_CANONICAL_ID = re.compile(r"[0-9a-f]{64}")
_SERVICE_NAME = re.compile(r"[A-Za-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
_FEDERATED_ACTIONS = {"sts:assumerolewithwebidentity", "sts:assumerolewithsaml"}


class PrincipalKind(Enum):
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


class Principal(Struct, frozen=True):
    """A caller, or one name in a Principal element, split into the parts that IAM compares."""

    kind: PrincipalKind
    text: str
    partition: str = ""
    account: str = ""
    name: str = ""
    """The user's or role's name without its path. Names in ARNs are case-sensitive."""
    key: str = ""
    """In a Principal element: AWS, Service, Federated or CanonicalUser, or EVERYBODY; another key matches nobody."""

    @property
    def is_role_session(self) -> bool:
        """Whether it calls with a role's credentials, so that its AssumeRole call is role chaining."""
        return self.kind in {PrincipalKind.ROLE, PrincipalKind.SESSION}


_ARN_KINDS = {
    ("iam", "root"): PrincipalKind.ACCOUNT,
    ("iam", "user"): PrincipalKind.USER,
    ("iam", "role"): PrincipalKind.ROLE,
    ("iam", "saml-provider"): PrincipalKind.FEDERATED,
    ("iam", "oidc-provider"): PrincipalKind.FEDERATED,
    ("sts", "assumed-role"): PrincipalKind.SESSION,
}


def principal_of(text: str, key: str = "") -> Principal:
    if ACCOUNT_ID.fullmatch(text):
        return Principal(PrincipalKind.ACCOUNT, text, account=text, key=key)
    if _SERVICE_NAME.fullmatch(text):
        return Principal(PrincipalKind.SERVICE, text, key=key)
    if _CANONICAL_ID.fullmatch(text):
        return Principal(PrincipalKind.CANONICAL_USER, text, key=key)
    segments = arn_segments(text)
    if segments is None or not ACCOUNT_ID.fullmatch(segments[4]):
        return Principal(PrincipalKind.OTHER, text, key=key)
    _, partition, service, _, account, resource = segments
    family, *path = resource.split("/")
    kind = _ARN_KINDS.get((service, family), PrincipalKind.OTHER)
    name = ""
    if path and kind in {PrincipalKind.USER, PrincipalKind.ROLE, PrincipalKind.SESSION}:
        name = path[0] if kind is PrincipalKind.SESSION else path[-1]
    return Principal(kind, text, partition, account, name, key)


class KeyPresence(Enum):
    """What is known of a condition key whose values are not."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """It is unknown whether the call carries the key; often AWS does not document it."""


KeyState: TypeAlias = tuple[str, ...] | KeyPresence
"""The values of a condition key that the call carries, most often exactly one, or what else is known of the key."""

_MAX_VALUES = 64
"""More values than any multivalued key carries; session tags stop at 50."""
_MAX_VALUE_CHARACTERS = 2048
"""More characters than all values of any key hold together; the longest ARN has 2,048."""


def known_key(*values: str) -> KeyState:
    """The state of a key with these values; `PRESENT` if they are too many or too long to compare."""
    if len(values) > _MAX_VALUES or sum(len(value) for value in values) > _MAX_VALUE_CHARACTERS:
        return KeyPresence.PRESENT
    return values


class AssumeRoleRequest(Struct, frozen=True, kw_only=True):
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
        force_setattr(self, "states", {key.lower(): state for key, state in self.states.items()})

    @property
    def caller(self) -> Principal:
        """The parsed `principal`. The action tells an identity provider from a service of the same name."""
        federated = self.action.lower() in _FEDERATED_ACTIONS
        return Principal(PrincipalKind.FEDERATED, self.principal) if federated else principal_of(self.principal)


class Context(Struct, frozen=True):
    """The state of every condition key of one call, or of the calls of one kind of caller."""

    keys: Mapping[str, KeyState]
    prefixes: Mapping[str, KeyState]
    """The state of all keys with a prefix such as `aws:requesttag/`."""
    default: KeyState = KeyPresence.ABSENT

    def state(self, key: str) -> KeyState:
        """The state of a key; its name is case-insensitive."""
        name = key.lower()
        if name in self.keys:
            return self.keys[name]
        return next((state for prefix, state in self.prefixes.items() if name.startswith(prefix)), self.default)

    def with_states(self, states: Mapping[str, KeyState]) -> Context:
        """The same call with other states of single keys, whose names are in lower case."""
        return replace(self, keys={**self.keys, **states})


def context_of(request: AssumeRoleRequest) -> Context:
    """The state of every condition key of this call, as far as the request and AWS's documentation tell."""
    caller = request.caller
    usual = _SERVICE if caller.kind is PrincipalKind.SERVICE else _ACCOUNT
    now = (request.now if request.now.tzinfo else request.now.replace(tzinfo=UTC)).astimezone(UTC)
    keys: dict[str, KeyState] = {
        **usual.keys,
        "aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(now.timestamp())),),
        **(_service_keys(request) if caller.kind is PrincipalKind.SERVICE else _caller_keys(caller)),
    }
    for key, value in (request.role_tags or {}).items():
        keys[f"aws:resourcetag/{key.lower()}"] = keys[f"iam:resourcetag/{key.lower()}"] = known_key(value)
    if request.account_id:
        keys["aws:resourceaccount"] = known_key(request.account_id)
    tags = KeyPresence.UNKNOWN if request.role_tags is None else KeyPresence.ABSENT
    prefixes = {**usual.prefixes, "aws:resourcetag/": tags, "iam:resourcetag/": tags}
    # An identity provider may send keys of its own, such as accounts.google.com:aud.
    federated = caller.kind is PrincipalKind.FEDERATED
    default = KeyPresence.UNKNOWN if federated else KeyPresence.ABSENT
    return Context({**keys, **request.states}, prefixes, default)


def _service_keys(request: AssumeRoleRequest) -> dict[str, KeyState]:
    segments = arn_segments(request.source_arn or "")
    account = segments[4] if segments else ""
    return {
        "aws:principalservicename": known_key(request.caller.text),
        "aws:sourcearn": KeyPresence.UNKNOWN if request.source_arn is None else known_key(request.source_arn),
        "aws:sourceaccount": known_key(account) if account else KeyPresence.UNKNOWN,
    }


def _caller_keys(caller: Principal) -> dict[str, KeyState]:
    keys: dict[str, KeyState] = {}
    if caller.account:
        keys["aws:principalaccount"] = known_key(caller.account)
    if caller.kind in {PrincipalKind.USER, PrincipalKind.ROLE}:
        keys["aws:principalarn"] = known_key(caller.text)
    if caller.kind is PrincipalKind.USER and caller.name:
        keys["aws:username"] = known_key(caller.name)
        keys["aws:principaltype"] = ("User",)
    if caller.is_role_session:
        keys["aws:username"] = KeyPresence.ABSENT
        keys["aws:principaltype"] = ("AssumedRole",)
        keys["aws:tokenissuetime"] = KeyPresence.PRESENT
    return keys


def _usual_keys(*, always: Mapping[str, str], present: str, unknown: str, unknown_prefixes: str) -> Context:
    return Context(
        {
            **{key.lower(): (value,) for key, value in always.items()},
            **dict.fromkeys(present.lower().split(), KeyPresence.PRESENT),
            **dict.fromkeys(unknown.lower().split(), KeyPresence.UNKNOWN),
        },
        dict.fromkeys(unknown_prefixes.lower().split(), KeyPresence.UNKNOWN),
    )


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
    reason = next((each for each in Unresolved if each in unresolved), None)
    return reason or Pattern(tuple(tokens))


def variables_in(text: str) -> tuple[str, ...]:
    """The condition keys of the policy variables in a text."""
    return tuple(variable["key"] for variable in _VARIABLE.finditer(text) if variable["key"])


def _value(variable: re.Match[str], context: Context, *, wildcards: bool) -> str | Unresolved:
    match context.state(variable["key"]):
        case (value,):
            pass
        case KeyPresence.ABSENT | ():
            if variable["default"] is None:
                return Unresolved.NO_VALUE
            value = variable["default"]
        case _:
            return Unresolved.UNKNOWN
    # AWS does not document whether a `*` in a variable's value is a wildcard.
    return Unresolved.UNKNOWN if wildcards and any(each.value in value for each in Wildcard) else value


def _pattern(text: str, *, wildcards: bool) -> Pattern:
    return Pattern.glob(text) if wildcards else Pattern.literal(text)
