"""Proposes the smallest change that allows the call: append one statement, and leave the rest of the policy as it is.

Amplify documents the statement with conditions and without:
https://docs.aws.amazon.com/amplify/latest/userguide/cross-service-confused-deputy-prevention.html (with conditions),
https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html (without)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from medic.trust.decision import Decision, Outcome
from medic.trust.document import Document, Effect, Malformed, parse
from medic.trust.evaluate import outcome_of
from medic.trust.explain import is_service_linked
from medic.trust.logic import Verdict
from medic.trust.patterns import arn_segments
from medic.trust.request import ACCOUNT_ID, AMPLIFY, AssumeRoleRequest, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.trust.document import JsonValue

TRUST_POLICY_QUOTA = 2048
"""The default, in characters without white space. GetAccountSummary returns the account's AssumeRolePolicySizeQuota.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

_NEAR_QUOTA = 0.9

_APP_ID = re.compile(r"[a-z0-9]{1,20}")
_REGION = re.compile(r"[a-z0-9-]{1,32}")
_PARTITION = re.compile(r"aws[a-z-]{0,16}")
_LITERAL_ARN = re.compile(r"arn:[^*?${}\s]{1,2000}")

_PRINCIPAL_KEYS = {
    PrincipalKind.SERVICE: "Service",
    **dict.fromkeys((PrincipalKind.ACCOUNT, PrincipalKind.USER, PrincipalKind.ROLE, PrincipalKind.SESSION), "AWS"),
}
_RANK = {Outcome.DENIED: 0, Outcome.CONDITIONAL: 1, Outcome.ALLOWED: 2}


class FixForm(StrEnum):
    """Whether the appended statement has conditions against a confused deputy."""

    CONDITIONED = "service"
    """With aws:SourceAccount and aws:SourceArn, as AWS documents it for a service role."""
    PLAIN = "compute"
    """Without conditions, as AWS documents it for a compute role."""


class FixKind(StrEnum):
    """What the fix does to the trust policy."""

    APPEND = "append"
    NONE = "none"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class TrustFix:
    """A proposed change, or the reason why there is none."""

    kind: FixKind
    reason: str
    outcome_after: Outcome
    """The outcome with the statement appended, even if the fix is refused for another reason."""
    statement: Mapping[str, JsonValue] | None = None
    """The statement to append; None unless `kind` is APPEND."""
    document: str | None = None
    """The whole new document as compact JSON; None unless `kind` is APPEND."""
    size: int = 0
    """The new document's characters without white space, as the quota counts them; 0 without a new document."""
    risks: tuple[str, ...] = ()


def propose_fix(decision: Decision, form: FixForm = FixForm.CONDITIONED, quota: int = TRUST_POLICY_QUOTA) -> TrustFix:
    """Propose the smallest change to the trust policy, and evaluate the changed policy for the same request.

    Args:
        decision: The decision for the current policy.
        form: Whether the statement has source conditions.
        quota: The account's limit on a trust policy, in characters without white space.
    """
    if decision.outcome is Outcome.ALLOWED:
        return TrustFix(FixKind.NONE, "The trust policy already allows it; look elsewhere.", Outcome.ALLOWED)
    if not isinstance(decision.document, Document):
        return TrustFix(FixKind.REFUSE, "The document is malformed; mend it by hand first.", Outcome.DENIED)
    statement = _statement(decision.request, form, decision.document)
    if statement is None:
        kind = decision.request.caller.kind.value
        return TrustFix(
            FixKind.REFUSE, f"For a caller of this kind ({kind}) write the statement by hand.", decision.outcome
        )
    text = _appended(decision.document, statement)
    after = parse(text)
    outcome_after = Outcome.DENIED if isinstance(after, Malformed) else outcome_of(after, decision.request)
    objections = [*_objections(decision), *_objections_to_document(after, decision.document, quota)]
    if _RANK[outcome_after] <= _RANK[decision.outcome]:
        objections.append("Another statement would not change the answer.")
    if objections:
        return TrustFix(FixKind.REFUSE, objections[0], outcome_after)
    return TrustFix(
        kind=FixKind.APPEND,
        reason="One statement is appended; every other statement, and so every other principal, stays as it is.",
        outcome_after=outcome_after,
        statement=statement,
        document=text,
        size=_size(text),
        risks=tuple(_risks(decision, statement, _size(text), quota)),
    )


def _objections(decision: Decision) -> Iterator[str]:
    """Reasons to append no statement at all."""
    if is_service_linked(decision.request.role_arn):
        yield "The role is service-linked; IAM lets nobody but its service edit it."
    if decision.denials:
        yield (
            "An explicit Deny stands in the way, and no Allow overrides it. A person must decide; AWS's way to spare"
            ' services is "BoolIfExists": {"aws:PrincipalIsAWSService": "false"} in the Deny.'
        )
    if decision.session_limit is not None:
        yield "The trust policy is not what stands in the way; ask for a shorter session."
    if any(trace.statement.principals.negated for trace in decision.statements):
        yield "Trust policies do not support NotPrincipal, so IAM would not save the document; rewrite it by hand."
    if decision.request.caller.kind is not PrincipalKind.SERVICE and _is_named_under_conditions(decision):
        yield "The policy names the caller under conditions; meet them, since another statement would undo them."


def _objections_to_document(after: Document | Malformed, before: Document, quota: int) -> Iterator[str]:
    if isinstance(after, Malformed) or (after.statements[:-1], after.version) != (before.statements, before.version):
        yield "The document cannot be written anew without changing what stands in it; append the statement by hand."
        return
    size = _size(_compact(after.source))
    # A current document over the quota means that the account has a larger quota.
    if _size(_compact(before.source)) <= quota < size:
        yield f"With the statement it has {size} characters of at most {quota}; use a role of its own for this caller."


def _is_named_under_conditions(decision: Decision) -> bool:
    return any(
        Verdict.FALSE not in {trace.principal, trace.action}
        and trace.conditions
        and trace.statement.effect is Effect.ALLOW
        for trace in decision.statements
    )


def _statement(request: AssumeRoleRequest, form: FixForm, document: Document) -> dict[str, JsonValue] | None:
    key = _PRINCIPAL_KEYS.get(request.caller.kind)
    if key is None:
        return None
    statement: dict[str, JsonValue] = {
        "Sid": _unused_sid(request, document),
        "Effect": "Allow",
        "Principal": {key: request.principal},
        "Action": request.action,
    }
    guard = _guard(request) if form is FixForm.CONDITIONED and key == "Service" else None
    return statement | {"Condition": guard} if guard else statement


def _unused_sid(request: AssumeRoleRequest, document: Document) -> str:
    wanted = "AllowAmplifyHosting" if request.principal.startswith("amplify.") else "AllowAssumeRole"
    taken = {statement.sid for statement in document.statements}
    return next(sid for sid in (wanted, *(f"{wanted}{n}" for n in range(2, len(taken) + 3))) if sid not in taken)


def _guard(request: AssumeRoleRequest) -> dict[str, JsonValue] | None:
    """The source conditions, as narrow as is safe; None if the account is unknown."""
    if not ACCOUNT_ID.fullmatch(request.account_id or ""):
        return None
    guard: dict[str, JsonValue] = {"StringEquals": {"aws:SourceAccount": request.account_id}}
    arns = _source_arns(request)
    return guard | {"ArnLike": {"aws:SourceArn": arns}} if arns else guard


def _source_arns(request: AssumeRoleRequest) -> list[str]:
    """The app's ARN and everything below it. AWS does not document which of the two a build sends."""
    if not request.principal.startswith("amplify."):
        known = request.source_arn or ""
        return [known] if _LITERAL_ARN.fullmatch(known) else []
    if not _PARTITION.fullmatch(request.partition):
        return []
    region = request.region if _REGION.fullmatch(request.region or "") else "*"
    apps = f"arn:{request.partition}:amplify:{region}:{request.account_id}:apps"
    app_id = request.app_id or _app_of(request.source_arn)
    return [f"{apps}/{app_id}", f"{apps}/{app_id}/*"] if _APP_ID.fullmatch(app_id or "") else [f"{apps}/*"]


def _app_of(source_arn: str | None) -> str | None:
    segments = arn_segments(source_arn or "")
    if segments is None or segments[2] != "amplify" or not segments[5].startswith("apps/"):
        return None
    return segments[5].split("/")[1]


def _appended(document: Document, statement: Mapping[str, JsonValue]) -> str:
    given = document.source["Statement"]
    if isinstance(given, Mapping):
        return _compact({**document.source, "Statement": [given, statement]})
    # json.dumps writes no other sequence. `_objections_to_document` refuses a document that lost its statements.
    statements = given if isinstance(given, list | tuple) else ()
    return _compact({**document.source, "Statement": [*statements, statement]})


def _compact(source: Mapping[str, JsonValue]) -> str:
    return json.dumps(source, separators=(",", ":"))


def _size(text: str) -> int:
    return len("".join(text.split()))


def _risks(decision: Decision, statement: Mapping[str, JsonValue], size: int, quota: int) -> Iterator[str]:
    request = decision.request
    if request.caller.kind is PrincipalKind.SERVICE and "Condition" not in statement:
        yield "The statement names no source: it relies on Amplify alone to keep others from using the role."
    elif "Condition" in statement and request.principal == AMPLIFY:
        yield "If Amplify refuses the role with these conditions, drop aws:SourceArn and keep aws:SourceAccount."
    if request.principal.startswith("amplify.") and request.principal != AMPLIFY:
        yield f"Amplify documents {AMPLIFY} only; {request.principal} may never call."
    if request.caller.kind is PrincipalKind.ACCOUNT:
        yield "The statement trusts every user and role of that account whose own policy allows it."
    if size > _NEAR_QUOTA * quota:
        yield f"With {size} of {quota} characters the document is near its quota; IAM's own count decides."
    yield "Infrastructure as code that owns the role will show this as drift or undo it; change it there too."
