"""Parses access-denied messages: who was denied which action, on which resource, by which type of policy.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html,
https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
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


def find_denials(text: str, *, limit: int = 50) -> Iterator[tuple[Denial, int, int]]:
    """Finds at most `limit` access-denied messages in a text whose white space is normalised to single spaces.

    Parses every documented form and the forms seen in real logs: without principal, resource or reason; with a policy
    ARN; with stray punctuation or quotes. Gives each with its place in the text: character offsets, end exclusive.
    """
    refusals = list(islice(re.finditer(_REFUSAL, text, re.IGNORECASE), limit))
    if not refusals:  # a lone reason still names the policy type, and often the action
        for match in islice(re.finditer(_LONE_REASON, text, re.IGNORECASE), limit):
            policy = match["type"] or match["type2"]
            if policy is not None:
                yield _reason(match, policy, explicit=match["type"] is None), *match.span()
        return
    any_role = re.search(_ASSUMED_ROLE, text)
    fallback_principal = any_role[0] if any_role else None
    end = 0
    for index, match in enumerate(refusals):
        following = refusals[index + 1].start() if index + 1 < len(refusals) else len(text)
        denial, start, end = _parse_refusal(text, match, (end, following), fallback_principal)
        yield denial, start, end


def _parse_refusal(
    text: str, match: re.Match[str], bounds: tuple[int, int], fallback_principal: str | None
) -> tuple[Denial, int, int]:
    lowest, highest = bounds
    start, principal = _principal_before(text, max(lowest, match.start() - _MAX_DISTANCE), match.start())
    resource_end, resource = _resource_after(text, match.end(), highest)
    reason, reason_end = _reason_after(text, match.end(), min(highest, resource_end + _MAX_DISTANCE))
    action = match["action"].replace(";", "") if match["action"] else reason.action
    policy_type = reason.policy_type
    if policy_type is None and action is not None and action.lower().startswith("sts:assumerolewith"):
        policy_type = PolicyType.TRUST  # web and SAML callers have no IAM identity, so only the trust policy decides
    denial = replace(
        parse_principal(principal or fallback_principal),
        action=action,
        resource=resource,
        policy_type=policy_type,
        explicit=reason.explicit,
        policy_arn=reason.policy_arn,
    )
    return denial, start, max(resource_end, reason_end)


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


def _resource_after(text: str, start: int, highest: int) -> tuple[int, str | None]:
    match = re.compile(_RESOURCE, re.IGNORECASE).match(text, start, min(highest, start + _MAX_DISTANCE))
    if match is None:
        return start, None
    resource = match["resource"].rstrip(".,;)" + _QUOTES)
    if resource.lower() in {"", "because", "with"} or not resource.strip("."):
        return match.end(), None
    return match.end(), resource


def _reason_after(text: str, start: int, highest: int) -> tuple[Denial, int]:
    """A denial that names only the reason, and where the reason ends; an empty one and 0 without a reason."""
    for pattern, explicit in ((_NOTHING_ALLOWS, False), (_EXPLICIT_DENY, True)):
        match = re.compile(pattern, re.IGNORECASE).search(text, start, highest)
        if match:
            return _reason(match, match["type"], explicit=explicit), match.end()
    for wording, is_explicit in _SERVICE_REASONS.items():
        at = text.find(wording, start, highest)
        if at >= 0:
            return Denial(policy_type=PolicyType.RESOURCE, explicit=is_explicit), at + len(wording)
    return Denial(), 0


def _reason(match: re.Match[str], policy: str | None, *, explicit: bool) -> Denial:
    groups = match.groupdict()
    arn = groups.get("arn")
    kinds = (kind for prefix, kind in _POLICY_TYPES.items() if policy and policy.lower().startswith(prefix))
    return Denial(
        action=groups.get("action"),
        policy_type=next(kinds, None),
        explicit=explicit,
        policy_arn=arn.rstrip(".,;)") if arn else None,
    )


def label_of(denial: Denial) -> Label:
    """The label of a denial. The principal decides first: Amplify's own role means that the app has no service role."""
    if denial.identity is Identity.AMPLIFY_OWN:
        return Label.CREDENTIALS_MISSING_BUILD
    if denial.action is not None and denial.action.lower() == "iam:passrole":
        return Label.PASS_ROLE_DENIED
    if denial.policy_type is not None:
        return _LABELS.get(denial.policy_type, Label.ACCESS_DENIED_OTHER)
    # A message in the older form, without a policy type, means that the identity that it names lacks a permission.
    names_anything = denial.principal is not None or denial.action is not None
    lacks_permission = names_anything and not denial.explicit and denial.identity is not Identity.NOBODY
    return Label.ACCESS_DENIED_IDENTITY if lacks_permission else Label.ACCESS_DENIED_OTHER


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
    grantable = denial.policy_type in {None, PolicyType.IDENTITY} and not denial.explicit
    if denial.action is None or not grantable or denial.identity in {Identity.AMPLIFY_OWN, Identity.NOBODY}:
        return None
    resource = denial.resource if denial.resource and _is_arn(denial.resource) else None
    if label_of(denial) is not Label.PASS_ROLE_DENIED:
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


def parse_principal(text: str | None) -> Denial:
    """A denial that names only the principal. Never raises, because terminals and people cut ARNs short.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    if text is None:
        return Denial()
    match = re.match(_PRINCIPAL_ARN, text)
    kind = match["kind"] if match and match["kind"] in _PRINCIPAL_KINDS else None
    account = role = session = ""
    if match and kind:
        account = match["account"] if re.fullmatch(r"\d{12}", match["account"] or "") else ""
        path = match["path"] or ""
        if kind == "assumed-role":
            role, _, session = path.partition("/")
        elif kind == "role":
            role = path.rpartition("/")[2]
    return Denial(text, account or None, role or None, session or None, _identity_of(text, kind, role, session))


def _identity_of(text: str, kind: str | None, role: str, session: str) -> Identity:
    """Whose credentials were used: decided by the role-session name.

    The role's name does not tell, because any role can be set as the service role, even a logging role.
    """
    if text.strip("\"'").lower() == "anonymous":
        return Identity.NOBODY
    if AMPLIFY_BUILD_ROLE in text:
        return Identity.AMPLIFY_OWN
    if kind != "assumed-role":
        return Identity.USER if kind else Identity.UNKNOWN
    return _identity_of_session(role, session)


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
