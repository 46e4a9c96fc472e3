"""Parses access-denied messages: who was denied which action, on which resource, by which type of policy.

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

BUILD_SESSION = "BuildSession"
"""The role-session name that Amplify uses when a build assumes the app's service role."""
COMPUTE_SESSION = "AmplifyHostingCompute"
"""The beginning of the role-session name of an SSR compute role: `AmplifyHostingCompute-app=<appId>`."""
AMPLIFY_BUILD_ROLE = "AemiliaControlPlaneLambda-CodeBuildRole"
"""The beginning of the name of Amplify's own build role, in an account that belongs to AWS."""

_PRINCIPAL_ARN = (
    r"(?:arn:aws[\w-]{0,16}:(?:iam|sts)::(?P<account>[^\s:/]{0,32}):)?(?P<kind>[a-z-]{4,16})(?:/(?P<path>\S*))?$"
)
_PRINCIPAL_KINDS = frozenset({"assumed-role", "role", "user", "federated-user", "root"})
_QUOTES = "\"'`\\<>“”‘’"
_MAX_DISTANCE = 600
"""Characters between the parts of one message. An ARN has at most a few hundred characters."""

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
_SERVICE_REASONS = {
    "because the resource does not exist in this Region, no resource-based policies allow access": None,
    "because public policies are blocked by the BlockPublicPolicy": True,
}
"""Reasons in the wording of one service (KMS, S3), and whether the deny is explicit. All mean a resource policy."""

_POLICY_TYPES = {
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
"""By the beginning of the name. The first that fits counts, so `resource control` must precede `resource`."""
_LABELS = {
    PolicyType.IDENTITY: Label.ACCESS_DENIED_IDENTITY,
    PolicyType.BOUNDARY: Label.ACCESS_DENIED_BOUNDARY,
    PolicyType.SCP: Label.ACCESS_DENIED_SCP,
}
"""The label of a policy type. Every other type is `access_denied_other`."""


@dataclass(frozen=True, slots=True)
class FoundDenial:
    """A denial and its place in the text (character offsets, end exclusive)."""

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
    """Finds at most `limit` access-denied messages in a text whose white space is normalised to single spaces.

    Parses every documented form and the forms seen in real logs: without principal, resource or reason; with a policy
    ARN; with stray punctuation or quotes.
    """
    refusals = [match for match, _ in zip(re.finditer(_REFUSAL, text, re.IGNORECASE), range(limit), strict=False)]
    if not refusals:
        yield from _lone_reasons(text, limit)
        return
    any_role = re.search(_ASSUMED_ROLE, text)
    fallback = any_role[0] if any_role else None
    previous_end = 0
    for index, match in enumerate(refusals):
        following = refusals[index + 1].start() if index + 1 < len(refusals) else len(text)
        found = _parse_refusal(text, match, (previous_end, following), fallback)
        previous_end = found.end
        yield found


def _parse_refusal(
    text: str, match: re.Match[str], bounds: tuple[int, int], fallback_principal: str | None
) -> FoundDenial:
    lowest, highest = bounds
    start, principal_text = _principal_before(text, max(lowest, match.start() - _MAX_DISTANCE), match.start())
    end, resource = _resource_after(text, match.end(), highest)
    reason = _reason_after(text, match.end(), min(highest, end + _MAX_DISTANCE))
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
        policy_type = PolicyType.TRUST  # web and SAML callers have no IAM identity, so only the trust policy decides
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


def _principal_before(text: str, lowest: int, end: int) -> tuple[int, str | None]:
    """The nearest `User: …` before the refusal, else the word before `is not authorized`; and where it starts."""
    users = list(re.finditer(_USER_BEFORE, text[lowest:end]))
    if users:
        return lowest + users[-1].start(), _as_principal(users[-1]["principal"])
    word = text[lowest:end].removesuffix("is ").rstrip().rpartition(" ")[2]
    principal = _as_principal(word)
    return (text.rindex(word, lowest, end) if principal else end), principal


def _as_principal(text: str) -> str | None:
    """The text if it names a principal; None for an ellipsis or an ordinary word before `is not authorized`."""
    word = text.strip(_QUOTES + ",;()[]{}:")
    return word if word.startswith("arn:") or "assumed-role/" in word or word.lower() == "anonymous" else None


def _clean_action(action: str | None) -> str | None:
    return action.replace(";", "") if action else None


def _resource_after(text: str, start: int, highest: int) -> tuple[int, str | None]:
    match = re.compile(_RESOURCE, re.IGNORECASE).match(text, start, min(highest, start + _MAX_DISTANCE))
    if match is None:
        return start, None
    resource = match["resource"].rstrip(".,;)" + _QUOTES)
    if resource.lower() in {"", "because", "with"} or not resource.strip("."):
        return match.end(), None
    return match.end(), resource


def _reason_after(text: str, start: int, highest: int) -> _Reason | None:
    for pattern, explicit in ((_NOTHING_ALLOWS, False), (_EXPLICIT_DENY, True)):
        match = re.compile(pattern, re.IGNORECASE).search(text, start, highest)
        if match:
            return _reason(match, match["type"], explicit=explicit)
    for wording, is_explicit in _SERVICE_REASONS.items():
        at = text.find(wording, start, highest)
        if at >= 0:
            return _Reason(PolicyType.RESOURCE, is_explicit, None, None, at, at + len(wording))
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
    return next(kind for prefix, kind in _POLICY_TYPES.items() if policy.lower().startswith(prefix))


def _lone_reasons(text: str, limit: int) -> Iterator[FoundDenial]:
    """Reasons in a text that lacks the refusal. They still name the policy type, and often the action."""
    matches = re.finditer(_LONE_REASON, text, re.IGNORECASE)
    for match, _ in zip(matches, range(limit), strict=False):
        not_allowed_by = match["type"]
        policy = not_allowed_by or match["type2"]
        if policy is not None:
            reason = _reason(match, policy, explicit=not_allowed_by is None)
            yield _found(None, reason.action, None, reason, match.span())


def label_of(denial: Denial, identity: Identity) -> Label:
    """The label of a denial. The principal decides first: Amplify's own role means that the app has no service role."""
    if identity is Identity.AMPLIFY_OWN:
        return Label.CREDENTIALS_MISSING_BUILD
    if denial.action is not None and denial.action.lower() == "iam:passrole":
        return Label.PASS_ROLE_DENIED
    if denial.policy_type is None:
        lacks = _lacks_permission(denial, identity)
        return Label.ACCESS_DENIED_IDENTITY if lacks else Label.ACCESS_DENIED_OTHER
    return _LABELS.get(denial.policy_type, Label.ACCESS_DENIED_OTHER)


def _lacks_permission(denial: Denial, identity: Identity) -> bool:
    """Whether a message in the older form, without a policy type, means that the identity lacks a permission."""
    if denial.explicit or identity is Identity.NOBODY:
        return False
    return denial.principal is not None or denial.action is not None


def confidence_of(denial: Denial) -> Confidence:
    """HIGH if the text names the principal or the policy type; MEDIUM if it names only the action; else LOW."""
    if denial.principal is not None or denial.policy_type is not None:
        return Confidence.HIGH
    return Confidence.MEDIUM if denial.action is not None else Confidence.LOW


def least_statement(denial: Denial) -> dict[str, object] | None:
    """The smallest IAM statement that the identity lacks. It is for people to read and is never applied.

    None if no identity-based permission can help: an explicit deny; a boundary, SCP, RCP, session, endpoint, trust or
    resource-based policy; Amplify's own build role; or a text without the action. The resource is `*` if the text names
    no ARN; some actions accept nothing else. For iam:PassRole that gives None, because it must never be granted on `*`.
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


# --- principals


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal as printed, parsed as far as the text allows."""

    text: str
    account: str | None
    kind: str | None
    """`user`, `assumed-role`, `role`, `federated-user` or `root`; None if the text is not an ARN."""
    role_name: str | None
    session_name: str | None


def parse_principal(text: str) -> Principal:
    """Parses a principal. Never raises, because terminals and people cut ARNs short.

    `role_name` has no path, as GetRole takes it; an assumed role's ARN never has the path.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    match = re.match(_PRINCIPAL_ARN, text)
    if match is None or match["kind"] not in _PRINCIPAL_KINDS:
        return Principal(text, None, None, None, None)
    kind, path = match["kind"], match["path"] or ""
    digits = match["account"] if re.fullmatch(r"\d{12}", match["account"] or "") else None
    if kind == "assumed-role":
        role, _, session = path.partition("/")
        return Principal(text, digits, kind, role or None, session or None)
    role = path.rpartition("/")[2] if kind == "role" else ""
    return Principal(text, digits, kind, role or None, None)


def identity_of(principal: Principal | None) -> Identity:
    """Whose credentials were used: decided by the role-session name.

    The role's name does not tell, because any role can be set as the service role, even a logging role.
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
