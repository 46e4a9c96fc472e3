"""What is known of the call: for each condition key a value, its presence, its absence, or nothing at all.

Key names are compared without case. Which keys a call carries:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeAlias

from medic.trust.caller import Caller, CallerKind, caller_of
from medic.trust.patterns import arn_segments

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
class Known:
    """The call carries the key with these values; most keys have one."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """The call carries the key; its value cannot be known from here."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The call does not carry the key."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody documents whether the call carries the key."""


State: TypeAlias = Known | Present | Absent | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
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
    states: Mapping[str, State] = field(default_factory=dict)
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

    def with_states(self, states: Mapping[str, State]) -> Request:
        """The same question with more known about single keys."""
        return replace(self, states={**self.states, **{key.lower(): state for key, state in states.items()}})


@dataclass(frozen=True, slots=True)
class Context:
    """The state of every condition key of one call."""

    keys: Mapping[str, State]
    families: Mapping[str, State]
    """Keys that share a prefix, such as `aws:requesttag/`."""
    otherwise: State

    def state(self, key: str) -> State:
        """The state of a key, whatever the case of its name."""
        name = key.lower()
        if name in self.keys:
            return self.keys[name]
        return next((state for prefix, state in self.families.items() if name.startswith(prefix)), self.otherwise)


def known(*values: str) -> State:
    """The state of a key with these values; what is too long to compare is only known to be there."""
    if len(values) > MAX_VALUES or sum(len(value) for value in values) > MAX_VALUE_CHARACTERS:
        return Present()
    return Known(values)


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
) -> Request:
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
    return Request(
        partition=partition, region=region, account_id=account_id, source_arn=source_arn, now=now,
        role_arn=role_arn, role_tags=role_tags, app_id=app_id,
    )  # fmt: skip


def context_of(request: Request) -> Context:
    """Everything the evaluator may look up about a call."""
    tables = _SERVICE if request.caller.kind is CallerKind.SERVICE else _ACCOUNT
    keys: dict[str, State] = {**tables.keys, **_clock(request), **_of_caller(request), **_of_role(request)}
    keys |= request.states
    tags = Unknown() if request.role_tags is None else Absent()
    families = {**tables.families, "aws:resourcetag/": tags, "iam:resourcetag/": tags}
    federated = request.caller.kind is CallerKind.FEDERATED
    return Context(keys, families, otherwise=Unknown() if federated else Absent())


def _clock(request: Request) -> dict[str, State]:
    now = request.now if request.now.tzinfo else request.now.replace(tzinfo=UTC)
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"aws:currenttime": Known((stamp,)), "aws:epochtime": Known((str(int(now.timestamp())),))}


def _of_caller(request: Request) -> dict[str, State]:
    caller = request.caller
    if caller.kind is CallerKind.SERVICE:
        return {"aws:principalservicename": known(caller.text), **_of_source(request)}
    facts: dict[str, State] = {}
    if caller.account:
        facts["aws:principalaccount"] = known(caller.account)
    if caller.kind in {CallerKind.USER, CallerKind.ROLE}:
        facts["aws:principalarn"] = known(caller.text)
    if caller.kind is CallerKind.USER and caller.name:
        facts["aws:username"] = known(caller.name)
        facts["aws:principaltype"] = known("User")
    if caller.is_role_session:
        facts["aws:username"] = Absent()
        facts["aws:principaltype"] = known("AssumedRole")
        facts["aws:tokenissuetime"] = Present()
    return facts


def _of_source(request: Request) -> dict[str, State]:
    if request.source_arn is None:
        return {"aws:sourcearn": Unknown(), "aws:sourceaccount": Unknown()}
    segments = arn_segments(request.source_arn)
    account = segments[4] if segments else ""
    return {
        "aws:sourcearn": known(request.source_arn),
        "aws:sourceaccount": known(account) if account else Unknown(),
    }


def _of_role(request: Request) -> dict[str, State]:
    facts: dict[str, State] = {
        f"{service}:resourcetag/{key.lower()}": known(value)
        for key, value in (request.role_tags or {}).items()
        for service in ("aws", "iam")
    }
    if request.account_id:
        facts["aws:resourceaccount"] = known(request.account_id)
    return facts


@dataclass(frozen=True, slots=True)
class _Tables:
    keys: Mapping[str, State]
    families: Mapping[str, State]


def _tables(*, always: Mapping[str, str], present: str, unknown: str, families: str) -> _Tables:
    keys: dict[str, State] = {key.lower(): Known((value,)) for key, value in always.items()}
    keys |= {key.lower(): Present() for key in present.split()}
    keys |= {key.lower(): Unknown() for key in unknown.split()}
    return _Tables(MappingProxyType(keys), MappingProxyType({family.lower(): Unknown() for family in families.split()}))


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
