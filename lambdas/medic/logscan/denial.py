"""Parses access-denied messages: who was denied which action, on which resource, by which type of policy.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html,
https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from medic.labels import Confidence, Identity, Label, PolicyType
from medic.logscan.model import Denial
from medic.logscan.principal import as_principal, parse_principal, rejoined
from medic.records import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTES = "\"'`\\<>“”‘’"
_MAX_DISTANCE = 600
"""Characters between the parts of one message. An ARN has at most a few hundred characters."""
_MAX_REASON = 200

_STARS = r"\*{0,2}"
"""Markdown's emphasis."""
_ACTION = r"[A-Za-z][\w-]{1,40};?:[A-Za-z*]\w{0,80}(?:\*(?!\*))?"
_REFUSED_CALL = (
    rf"authorized{_STARS} to (?:perform{_STARS}:?{_STARS} ?[`'\"*]{{0,3}}(?:(?P<action>{_ACTION})|null\b)"
    rf"|perform the required AWS Marketplace actions \((?P<first>{_ACTION})[^)]{{0,200}}\)"
    r"|access this resource)"
)
_LACKED_CALL = (
    r"(?:(?:\bnot|n['’]t) have permissions? to (?:call|perform)(?::| the)?|\bpolicy to add permission:)"
    rf" '?(?P<lacked>{_ACTION})"
)
"""`User doesn't have permission to call …`, and how CloudFront asks for a permission on a Lambda@Edge function."""
_REFUSAL = rf"(?:\bnot {_STARS}|^){_REFUSED_CALL}|{_LACKED_CALL}"
_USER_BEFORE = rf"\bUser{_STARS}:?{_STARS} [\"'`\\*]*(?=[^\s\"'`*])"
_ASSUMED_ROLE = r"(?:arn:aws[\w-]{0,16}:sts::[^\s:/]{0,32}:)?assumed-role/[^\s\"'`*]{1,250}"
_ON_RESOURCE = (
    rf"[\"'`\\*]{{0,3}} on (?:(?:the )?{_STARS}resources?{_STARS}:?{_STARS}|(?=[\"'`*]{{0,2}}arn:))"
    r"(?: |\*\*(?!\*)){0,3}"
)
_RESOURCE = (
    rf"{_ON_RESOURCE}(?:\\?\"(?P<quoted>[^\"\\]{{1,500}})\\?\"|`(?P<ticked>[^\"'`\\]{{1,500}})['`]"
    r"|[\"'`\\]{0,3}(?:policy (?=arn:))?"
    r"(?P<resource>(?:(?:user|role|group|instance profile|policy path) (?!because|with))?"
    r"[^\s\"'`\\]{1,500}(?: [\w+=,.@*-]{0,80}[/:-][\w+=,.@/:*-]{0,200}(?=.{0,200}(?: because | with an | \())){0,3}))"
)
_CUT = re.compile(r"['`]\w")
"""Follows a resource whose name has a quotation mark in it: its end is not known."""
_POLICY = (
    r"(?P<type>identity[- ]based polic|permissions? boundar|sessions? polic|service control polic"
    r"|resource control polic|resource[- ]based polic|vpc endpoint polic|role trust polic|trust polic)(?:y|ies)\b"
)
_NOTHING_ALLOWS = rf"because no {_POLICY} allows?(?: the (?P<action>[\w-]{{1,40}}:\w{{1,80}}) action)?"
_EXPLICIT_DENY = (
    rf"(?:with an )?explicit deny(?: in (?:an? |the )?{_POLICY}"
    r"(?:(?: transitively through[\w ]{0,40})?(?:,? with policy ARN)?:? "
    r"(?P<arn>arn:aws[\w-]{0,16}:[^\s\"'`]{1,300}))?)?"
)
_LONE_REASON = rf"(?:{_NOTHING_ALLOWS.replace('because no', 'no')}|{_EXPLICIT_DENY.replace('?P<type>', '?P<type2>')})"
FORMS_OF_DENIALS = {
    _REFUSED_CALL: ("authorized", "perform the required", "access this resource"),
    _LACKED_CALL: ("have permission", "add permission:"),
    _LONE_REASON: ("allow", "explicit deny"),
}
"""`find_denials` finds nothing in a text without any of these. What each matches contains one of its texts. Case does
not count."""
_OTHER_REASON = (
    r"\bbecause (?P<reason>(?!no [\w -]{3,30}(?:polic|boundar))"
    rf"(?:[^\"()]|\([\w -]{{1,30}}\)){{3,{_MAX_REASON}}})"
)
_MASKED = re.compile(r"\*{2,}")
"""Somebody's stars in place of the resource. One star is AWS's own: any resource."""
_PLAIN_NAME = re.compile(r"(?: [\w+=,@*-]{1,80}){1,8}(?= because | with an explicit)")
"""The rest of a name with spaces that stands without quotes before the reason."""
_KEY_POLICY = re.compile(r".{0,100}resource-based policies allow access")
"""The reason in the wording of KMS. It means a resource-based policy."""
_CALLED = re.compile(r"\bwhen calling the (?P<called>\w{1,60}) operation\b")
_SERVICE = re.compile(r"\(Service: (?P<called>[\w ]{1,60})[;,]")

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
    ARN; with stray punctuation, quotes or Markdown; with ARNs that a terminal wrapped. Gives each with its place in the
    text: character offsets, end exclusive.
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
        if _is_aws(denial):
            yield denial, start, end


def _parse_refusal(
    text: str, match: re.Match[str], bounds: tuple[int, int], fallback_principal: str | None
) -> tuple[Denial, int, int]:
    lowest, highest = bounds
    start, principal = _principal_before(text, max(lowest, match.start() - _MAX_DISTANCE), match.start())
    resource_end, resource = _resource_after(text, match.end(), highest)
    reason, reason_end = _reason_after(text, match.end(), min(highest, resource_end + _MAX_DISTANCE))
    end = max(resource_end, reason_end)
    named = match["action"] or match["first"] or match["lacked"]
    action = named.replace(";", "") if named else reason.action
    caller = parse_principal(principal or fallback_principal)
    called = _SERVICE.search(text, end, min(highest, end + _MAX_DISTANCE)) or _CALLED.search(
        text, lowest, match.start()
    )
    denial = replace(
        caller,
        action=action,
        resource=resource,
        policy_type=reason.policy_type or _policy_type_by_caller(caller, action),
        explicit=reason.explicit,
        policy_arn=reason.policy_arn,
        reason=reason.reason,
        called=called["called"] if called else None,
    )
    return denial, start, end


def _is_aws(denial: Denial) -> bool:
    """False for an application's refusal, which names no ARN: of an action such as `update:user`, or without reason.

    AWS prints its own calls with a capital letter.
    """
    if denial.principal is not None:
        return True
    if denial.action is None:
        return denial.explicit or denial.policy_type is not None or denial.reason is not None
    return not denial.action.partition(":")[2][:1].islower()


def _policy_type_by_caller(caller: Denial, action: str | None) -> PolicyType | None:
    """Web and SAML callers and services have no policies of their own, so only the other side's policy decides."""
    call = (action or "").lower()
    if call.startswith("sts:assumerolewith"):
        return PolicyType.TRUST
    if caller.identity is Identity.AWS_SERVICE:
        return PolicyType.TRUST if call.startswith("sts:assumerole") else PolicyType.RESOURCE
    return None


def _principal_before(text: str, lowest: int, end: int) -> tuple[int, str | None]:
    """The nearest `User: …` before the refusal, else the word before `is not authorized`; and where it starts."""
    users = list(re.finditer(_USER_BEFORE, text[lowest:end]))
    if users:
        named = text[lowest + users[-1].end() : end].rstrip(" *").removesuffix("is").rstrip(" *")
        return lowest + users[-1].start(), as_principal(rejoined(named))
    word = text[lowest:end].rstrip(" *").removesuffix("is").rstrip().rpartition(" ")[2]
    principal = as_principal(word)
    return (text.rindex(word, lowest, end) if principal else end), principal


def _resource_after(text: str, start: int, highest: int) -> tuple[int, str | None]:
    match = re.compile(_RESOURCE, re.IGNORECASE).match(text, start, min(highest, start + _MAX_DISTANCE))
    if match is None:
        return start, None
    quoted = match["quoted"] or match["ticked"]
    if quoted:
        return match.end(), quoted.strip()
    if _CUT.match(text, match.end()):
        return match.end(), None
    resource = match["resource"]
    resource = resource.replace(" ", "") if resource.startswith("arn:") else resource
    if _MASKED.fullmatch(resource):
        return match.end(), None
    resource = resource.removesuffix("**").rstrip(".,;)" + _QUOTES)
    if resource.lower() in {"", "because", "with", "associated"} or not resource.strip(".") or "<" in match["resource"]:
        return match.end(), None
    more = None if ":" in resource else _PLAIN_NAME.match(text, match.end(), highest)
    return (more.end(), resource + more[0]) if more else (match.end(), resource)


def _reason_after(text: str, start: int, highest: int) -> tuple[Denial, int]:
    """A denial that names only the reason, and where the reason ends; an empty one and 0 without a reason."""
    for pattern, explicit in ((_NOTHING_ALLOWS, False), (_EXPLICIT_DENY, True)):
        match = re.compile(pattern, re.IGNORECASE).search(text, start, highest)
        if match:
            return _reason(match, match["type"], explicit=explicit), match.end()
    match = re.compile(_OTHER_REASON, re.IGNORECASE).search(text, start, highest)
    if match is None:
        return Denial(), 0
    of_key = _KEY_POLICY.match(match["reason"])
    if of_key:
        return Denial(policy_type=PolicyType.RESOURCE), match.start("reason") + of_key.end()
    return Denial(reason=match["reason"].rstrip(" .,;" + _QUOTES)), match.end()


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
    # Who may not assume a role, if nobody is named, is as a rule a service, which the role does not trust.
    assumes = (denial.action or "").lower() == "sts:assumerole"
    names_anything = denial.principal is not None or (denial.action is not None and not assumes)
    refused_otherwise = denial.explicit or denial.reason is not None or denial.identity is Identity.NOBODY
    return Label.ACCESS_DENIED_IDENTITY if names_anything and not refused_otherwise else Label.ACCESS_DENIED_OTHER


def confidence_of(denial: Denial) -> Confidence:
    """HIGH if the text names the principal or the policy type; MEDIUM if it names only the action; else LOW."""
    if denial.principal is not None or denial.policy_type is not None:
        return Confidence.HIGH
    return Confidence.MEDIUM if denial.action is not None else Confidence.LOW
