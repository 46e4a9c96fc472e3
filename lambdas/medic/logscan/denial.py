"""Access-denied messages: who was refused what, on which resource, by which kind of policy.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html,
https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.labels import Confidence, Identity, Label, PolicyType
from medic.logscan.model import Denial

if TYPE_CHECKING:
    from collections.abc import Iterator

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


_QUOTES = "\"'`\\<>“”‘’"
_REACH = 600
"""How far, in characters, the parts of one message may lie apart: ARNs are at most some hundred characters long."""

_REFUSAL = (
    r"(?:\bnot |^)authorized to (?:perform:? ?[`'\"]?(?P<action>[A-Za-z][\w-]{1,40};?:[A-Za-z*]\w{0,80}\*?)"
    r"|access this resource)"
)
_USER_BEFORE = r"\bUser:? [\"'`\\]*(?P<principal>[^\s\"'`]{1,300})"
_ASSUMED_ROLE = r"(?:arn:aws[\w-]{0,16}:sts::[^\s:/]{0,32}:)?assumed-role/[^\s\"'`]{1,250}"
_RESOURCE = (
    r"[\"'`\\]{0,2} on (?:(?:the )?resources?:?|(?=[\"'`]?arn:))[ \"'`\\]{0,4}"
    r"(?P<resource>(?:(?:user|role|group|instance profile|policy path) (?!because|with))?[^\s\"'`\\]{1,500})"
)
_POLICY = (
    r"(?P<type>identity[- ]based polic|permissions? boundar|sessions? polic|service control polic"
    r"|resource control polic|resource[- ]based polic|vpc endpoint polic|role trust polic|trust polic)(?:y|ies)\b"
)
_NOTHING_ALLOWS = rf"because no {_POLICY} allows?(?: the (?P<action>[\w-]{{1,40}}:\w{{1,80}}) action)?"
_EXPLICIT_DENY = (
    rf"with an explicit deny(?: in (?:an? |the )?{_POLICY}"
    r"(?:(?: transitively through[\w ]{0,40})?(?:,? with policy ARN)?:? "
    r"(?P<arn>arn:aws[\w-]{0,16}:[^\s\"'`]{1,300}))?)?"
)
_LONE_REASON = rf"(?:{_NOTHING_ALLOWS.replace('because no', 'no')}|{_EXPLICIT_DENY.replace('?P<type>', '?P<type2>')})"
_RESOURCES_OWN = {
    "because the resource does not exist in this Region, no resource-based policies allow access": None,
    "because public policies are blocked by the BlockPublicPolicy": True,
}
"""Reasons in words of the service's own (KMS, S3), and whether they are explicit: the resource's settings refuse."""

_TYPES = {
    "identity": PolicyType.IDENTITY,
    "permission": PolicyType.BOUNDARY,
    "session": PolicyType.SESSION,
    "service": PolicyType.SCP,
    "resource control": PolicyType.RCP,
    "resource": PolicyType.RESOURCE,
    "vpc": PolicyType.VPC_ENDPOINT,
    "role trust": PolicyType.TRUST,
    "trust": PolicyType.TRUST,
}
_LABELS = {
    PolicyType.IDENTITY: Label.ACCESS_DENIED_IDENTITY,
    PolicyType.BOUNDARY: Label.ACCESS_DENIED_BOUNDARY,
    PolicyType.SCP: Label.ACCESS_DENIED_SCP,
}
"""What the policy type shows; every other type is `access_denied_other`."""


@dataclass(frozen=True, slots=True)
class FoundDenial:
    """A denial and where in the text it stands (character offsets, end exclusive)."""

    denial: Denial
    identity: Identity
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Reason:
    policy_type: PolicyType | None
    explicit: bool | None
    policy_arn: str | None
    action: str | None
    start: int
    end: int


def find_denials(text: str, *, limit: int = 50) -> Iterator[FoundDenial]:
    """Finds access-denied messages in a text whose white space is normalised to single spaces.

    Reads every documented form and the ones seen in the wild: without principal, resource or reason; with a policy
    ARN; with stray punctuation or quotes. What the text does not name is None. At most `limit` are given.
    """
    refusals = [match for match, _ in zip(re.finditer(_REFUSAL, text, re.IGNORECASE), range(limit), strict=False)]
    if not refusals:
        yield from _lone_reasons(text, limit)
        return
    elsewhere = re.search(_ASSUMED_ROLE, text)
    fallback = elsewhere[0] if elsewhere else None
    previous_end = 0
    for index, match in enumerate(refusals):
        following = refusals[index + 1].start() if index + 1 < len(refusals) else len(text)
        found = _read_refusal(text, match, (previous_end, following), fallback)
        previous_end = found.end
        yield found


def _read_refusal(
    text: str, match: re.Match[str], bounds: tuple[int, int], fallback_principal: str | None
) -> FoundDenial:
    floor, ceiling = bounds
    start, principal_text = _principal_before(text, max(floor, match.start() - _REACH), match.start())
    end, resource = _resource_after(text, match.end(), ceiling)
    reason = _reason_after(text, match.end(), min(ceiling, end + _REACH))
    return _found(
        principal_text or fallback_principal,
        _clean_action(match["action"]) or (reason.action if reason else None),
        resource,
        reason,
        (start, max(end, reason.end if reason else 0)),
    )


def _found(
    principal_text: str | None, action: str | None, resource: str | None, reason: _Reason | None, span: tuple[int, int]
) -> FoundDenial:
    principal = parse_principal(principal_text) if principal_text else None
    policy_type = reason.policy_type if reason else None
    if policy_type is None and action is not None and action.lower().startswith("sts:assumerolewith"):
        policy_type = PolicyType.TRUST  # such callers have no identity in IAM: the trust policy alone decides
    denial = Denial(
        principal=principal_text,
        account=principal.account if principal else None,
        role_name=principal.role_name if principal else None,
        session_name=principal.session_name if principal else None,
        action=action,
        resource=resource,
        policy_type=policy_type,
        explicit=reason.explicit if reason else None,
        policy_arn=reason.policy_arn if reason else None,
    )
    return FoundDenial(denial, identity_of(principal), *span)


def _principal_before(text: str, floor: int, end: int) -> tuple[int, str | None]:
    """The nearest `User: …` before the refusal, else the word before `is not authorized`; and where it starts."""
    users = list(re.finditer(_USER_BEFORE, text[floor:end]))
    if users:
        return floor + users[-1].start(), _as_principal(users[-1]["principal"])
    word = text[floor:end].removesuffix("is ").rstrip().rpartition(" ")[2]
    principal = _as_principal(word)
    return (text.rindex(word, floor, end) if principal else end), principal


def _as_principal(text: str) -> str | None:
    """An ellipsis or an ordinary word before `is not authorized` names nobody."""
    word = text.strip(_QUOTES + ",;()[]{}:")
    return word if word.startswith("arn:") or "assumed-role/" in word or word.lower() == "anonymous" else None


def _clean_action(action: str | None) -> str | None:
    return action.replace(";", "") if action else None


def _resource_after(text: str, start: int, ceiling: int) -> tuple[int, str | None]:
    match = re.compile(_RESOURCE, re.IGNORECASE).match(text, start, min(ceiling, start + _REACH))
    if match is None:
        return start, None
    resource = match["resource"].rstrip(".,;)" + _QUOTES)
    if resource.lower() in {"", "because", "with"} or not resource.strip("."):
        return match.end(), None
    return match.end(), resource


def _reason_after(text: str, start: int, ceiling: int) -> _Reason | None:
    for pattern, explicit in ((_NOTHING_ALLOWS, False), (_EXPLICIT_DENY, True)):
        match = re.compile(pattern, re.IGNORECASE).search(text, start, ceiling)
        if match:
            return _reason(match, match["type"], explicit=explicit)
    for words, denies in _RESOURCES_OWN.items():
        at = text.find(words, start, ceiling)
        if at >= 0:
            return _Reason(PolicyType.RESOURCE, denies, None, None, at, at + len(words))
    return None


def _reason(match: re.Match[str], policy: str | None, *, explicit: bool) -> _Reason:
    groups = match.groupdict()
    arn = groups.get("arn")
    return _Reason(
        policy_type=_policy_type(policy),
        explicit=explicit,
        policy_arn=arn.rstrip(".,;)") if arn else None,
        action=groups.get("action"),
        start=match.start(),
        end=match.end(),
    )


def _policy_type(policy: str | None) -> PolicyType | None:
    if policy is None:
        return None
    words = policy.lower()
    return next(kind for beginning, kind in _TYPES.items() if words.startswith(beginning))


def _lone_reasons(text: str, limit: int) -> Iterator[FoundDenial]:
    """A reason whose refusal was cut away still names the policy type, and often the action."""
    matches = re.finditer(_LONE_REASON, text, re.IGNORECASE)
    for match, _ in zip(matches, range(limit), strict=False):
        implicit = match["type"]
        policy = implicit or match["type2"]
        if policy is not None:
            reason = _reason(match, policy, explicit=implicit is None)
            yield _found(None, reason.action, None, reason, match.span())


def label_of(denial: Denial, identity: Identity) -> Label:
    """What a denial shows. The principal comes first: Amplify's own role means that the app has no service role."""
    if identity is Identity.AMPLIFY_OWN:
        return Label.CREDENTIALS_MISSING_BUILD
    if denial.action is not None and denial.action.lower() == "iam:passrole":
        return Label.PASS_ROLE_DENIED
    if denial.policy_type is None:
        lacks = _identity_lacks(denial, identity)
        return Label.ACCESS_DENIED_IDENTITY if lacks else Label.ACCESS_DENIED_OTHER
    return _LABELS.get(denial.policy_type, Label.ACCESS_DENIED_OTHER)


def _identity_lacks(denial: Denial, identity: Identity) -> bool:
    """No policy type is named: the classic form. An explicit deny of unknown origin lacks nothing."""
    if denial.explicit or identity is Identity.NOBODY:
        return False
    return denial.principal is not None or denial.action is not None


def confidence_of(denial: Denial) -> Confidence:
    """High where the text names the principal or the policy type; medium where only the action stands."""
    if denial.principal is not None or denial.policy_type is not None:
        return Confidence.HIGH
    return Confidence.MEDIUM if denial.action is not None else Confidence.LOW


def least_statement(denial: Denial) -> dict[str, object] | None:
    """The least IAM statement that the identity lacks, to be shown and never applied.

    None where no identity-based permission can help: an explicit deny, a boundary, SCP, RCP, session, endpoint,
    trust or resource-based policy; Amplify's own build role; or where nothing names the action. The resource is `*`
    where the text names no ARN (some actions take no other; narrow it by hand), save for iam:PassRole, which must
    never be granted on `*`.
    """
    identity = identity_of(parse_principal(denial.principal)) if denial.principal else Identity.UNKNOWN
    grantable = denial.policy_type in {None, PolicyType.IDENTITY} and not denial.explicit
    if denial.action is None or not grantable or identity in {Identity.AMPLIFY_OWN, Identity.NOBODY}:
        return None
    resource = denial.resource if denial.resource and _is_arn(denial.resource) else None
    if label_of(denial, identity) is not Label.PASS_ROLE_DENIED:
        return {"Effect": "Allow", "Action": denial.action, "Resource": resource or "*"}
    if resource is None:
        return None
    return {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": resource,
        "Condition": {"StringEquals": {"iam:PassedToService": "amplify.amazonaws.com"}},
    }


def _is_arn(text: str) -> bool:
    return re.fullmatch(r"arn:aws[\w-]{0,16}:[\w-]{1,60}:[\w-]{0,30}:(?:\d{12}|aws)?:[^\s\"]{1,500}", text) is not None
