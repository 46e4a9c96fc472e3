"""Proposes the smallest change that allows the call. All other statements stay as they are.

One statement is appended, or the one statement that was meant for the caller is replaced: because IAM would not store
it, or because its source conditions lack this source. Amplify documents the statement with conditions and without:
https://docs.aws.amazon.com/amplify/latest/userguide/cross-service-confused-deputy-prevention.html (with conditions),
https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html (without)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from medic.text import bare
from medic.trust.decision import Decision, Outcome, StatementTrace
from medic.trust.document import Condition, Document, Effect, JsonValue, Malformed, Statement, parse
from medic.trust.evaluate import outcome_of
from medic.trust.explain import statement_name, unmet
from medic.trust.hints import is_service_linked
from medic.trust.logic import Verdict
from medic.trust.patterns import arn_segments
from medic.trust.request import ACCOUNT_ID, AMPLIFY, AssumeRoleRequest, KeyPresence, PrincipalKind
from medic.trust.storage import obstacles

DEFAULT_QUOTA, LARGEST_QUOTA = 2048, 8192
"""Characters of a trust policy without white space: IAM's default, and the most that an account can ask for.

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
_SOURCE_KEYS = {"aws:sourcearn", "aws:sourceaccount"}
_EXACT = "StringEquals"
"""The operator without wildcards."""
_WIDENED = {_EXACT, "StringLike", "ArnEquals", "ArnLike"}
"""Operators under which one value more lets in one source more."""


class FixForm(StrEnum):
    """Whether the appended statement has conditions against a confused deputy."""

    CONDITIONED = "service"
    """With aws:SourceAccount and aws:SourceArn, as AWS documents it for a service role."""
    PLAIN = "compute"
    """Without conditions, as AWS documents it for a compute role."""


class FixKind(StrEnum):
    """What the fix does to the trust policy."""

    APPEND = "append"
    REPLACE = "replace"
    """It replaces the one statement that was meant for the caller."""
    NONE = "none"
    REFUSE = "refuse"


class TrustFix(Struct, frozen=True):
    """A proposed change, or the reason why there is none."""

    kind: FixKind
    reason: str
    outcome_after: Outcome
    """The outcome with the change; if there is none, with the usual statement appended."""
    statement: Mapping[str, JsonValue] | None = None
    """The new statement; None without a change."""
    replaces: int | None = None
    """The position of the statement that it replaces; None if it is appended."""
    document: str | None = None
    """The whole new document as compact JSON, which is what was evaluated; None without a change."""
    size: int = 0
    """The new document's characters without white space, as the quota counts them; 0 without a new document."""
    risks: tuple[str, ...] = ()


class _Change(Struct, frozen=True):
    kind: FixKind
    statement: dict[str, JsonValue]
    reason: str
    at: int | None = None
    """The position of the statement that it replaces."""


def propose_fix(decision: Decision, form: FixForm = FixForm.CONDITIONED) -> TrustFix:
    """Propose the smallest change to the trust policy, and evaluate the changed policy for the same request.

    Args:
        decision: The decision for the current policy.
        form: Whether an appended statement has source conditions.
    """
    if decision.outcome is Outcome.ALLOWED:
        return TrustFix(FixKind.NONE, "The trust policy already allows it; look elsewhere.", Outcome.ALLOWED)
    document = decision.document
    if not isinstance(document, Document):
        return TrustFix(FixKind.REFUSE, "The document is malformed; mend it by hand first.", Outcome.DENIED)
    canonical = _statement(decision.request, form, document)
    if canonical is None:
        kind = decision.request.caller.kind.value
        return TrustFix(
            FixKind.REFUSE, f"For a caller of this kind ({kind}) write the statement by hand.", decision.outcome
        )
    fixes = [_evaluated(change, decision, document, form) for change in _changes(decision, document, canonical, form)]
    return next((fix for fix in fixes if fix.kind is not FixKind.REFUSE), fixes[-1])


def _changes(
    decision: Decision, document: Document, canonical: dict[str, JsonValue], form: FixForm
) -> Iterator[_Change]:
    """The changes to try; the last appends a statement."""
    blocked = {obstacle.statement: obstacle.problem for obstacle in reversed(obstacles(document))}
    for statement in document.statements:
        if blocked.keys() == {statement.index} and _is_meant_for(statement, decision.request):
            reason = f"{blocked[statement.index]} {statement_name(statement)} is replaced, and every other one stays."
            yield _Change(FixKind.REPLACE, _mended(statement, document, canonical), reason, statement.index)
    named = _named_under_conditions(decision)
    if len(named) == 1 and form is FixForm.CONDITIONED and (wider := _widened(named[0], document, decision.request)):
        name = statement_name(named[0].statement)
        reason = f"{name} is replaced by one that lets in this source too; every other statement stays as it is."
        yield _Change(FixKind.REPLACE, wider, reason, named[0].statement.index)
    reason = "One statement is appended; every other statement, and so every other principal, stays as it is."
    yield _Change(FixKind.APPEND, canonical, reason)


def _evaluated(change: _Change, decision: Decision, document: Document, form: FixForm) -> TrustFix:
    """The change with its outcome, or the first reason against it."""
    text = _changed(document, change)
    after = parse(text)
    outcome_after = Outcome.DENIED if isinstance(after, Malformed) else outcome_of(after, decision.request)
    objections = [*_objections(decision, change), *_objections_to_document(after, document, change)]
    if _RANK[outcome_after] <= _RANK[decision.outcome]:
        objections.append("Another statement would not change the answer.")
    if objections:
        return TrustFix(FixKind.REFUSE, objections[0], outcome_after)
    risks = tuple(_risks(decision, change, form, _size(text)))
    return TrustFix(change.kind, change.reason, outcome_after, change.statement, change.at, text, _size(text), risks)


def _objections(decision: Decision, change: _Change) -> Iterator[str]:
    """Reasons to propose no change at all."""
    if is_service_linked(decision.request.role_arn):
        yield "The role is service-linked; IAM lets nobody but its service edit it."
    if decision.denials:
        yield (
            "An explicit Deny stands in the way, and no Allow overrides it. A person must decide; AWS's way to spare"
            ' services is "BoolIfExists": {"aws:PrincipalIsAWSService": "false"} in the Deny.'
        )
    if decision.session_limit is not None:
        yield "The trust policy is not what stands in the way; ask for a shorter session."
    caller = decision.request.caller
    if caller.kind is not PrincipalKind.SERVICE and (other := _spelt_otherwise(decision)):
        yield f"The trust policy names {bare(other)}, and case counts: see which of the two exists."
    named = _named_under_conditions(decision)
    if change.kind is FixKind.APPEND and named:
        name = statement_name(named[0].statement)
        yield (
            f"{name} names {caller.text} under conditions, and a statement beside it would undo them."
            f" {_advice(named[0])}"
        )


def _spelt_otherwise(decision: Decision) -> str | None:
    """A principal of the policy that differs from the caller only in case."""
    entries = [entry.text for trace in decision.statements for entry in trace.statement.principals.entries]
    caller = decision.request.principal
    return next((text for text in entries if text != caller and text.lower() == caller.lower()), None)


def _advice(trace: StatementTrace) -> str:
    unknown = {each.condition.key for each in trace.conditions if each.state is KeyPresence.UNKNOWN}
    if {key.lower() for key in unknown} & _SOURCE_KEYS:
        return "Give the branch's ARN (--branch-arn): whether they are met depends on it."
    if unknown:
        keys = sorted(unknown)
        return (
            f"Say what the call carries (--context {bare(keys[0])}=VALUE, or --absent {bare(keys[0])}): {unmet(trace)}."
        )
    return f"Meet them, or change them there: {unmet(trace)}."


def _objections_to_document(after: Document | Malformed, before: Document, change: _Change) -> Iterator[str]:
    if isinstance(after, Malformed) or not _keeps_the_rest(after, before, change.at):
        yield "The document cannot be written anew without changing what stands in it; edit it by hand."
        return
    for obstacle in obstacles(after):
        yield f"IAM would not store the document. Statement[{obstacle.statement}]: {obstacle.problem}"
    size = _size(_compact(after.source))
    if size > LARGEST_QUOTA:
        yield f"It would have {size:,} characters of at most {LARGEST_QUOTA:,}; use a role of its own for this caller."


def _keeps_the_rest(after: Document, before: Document, at: int | None) -> bool:
    """Whether all statements but the new one are as before."""
    kept = [each for each in after.statements if each.index != (len(before.statements) if at is None else at)]
    return after.version == before.version and kept == [each for each in before.statements if each.index != at]


def _named_under_conditions(decision: Decision) -> list[StatementTrace]:
    """The Allow statements that name the caller and did not apply because of their conditions."""
    caller = decision.request.caller

    def names(trace: StatementTrace) -> bool:
        # A star is not meant for one service, so a statement beside it undoes nothing.
        by_name = any(entry.text == caller.text for entry in trace.statement.principals.entries)
        return by_name or (caller.kind is not PrincipalKind.SERVICE and trace.principal is not Verdict.FALSE)

    allows = [trace for trace in decision.statements if trace.statement.effect is Effect.ALLOW and trace.conditions]
    return [trace for trace in allows if names(trace) and Verdict.FALSE not in {trace.principal, trace.action}]


def _is_meant_for(statement: Statement, request: AssumeRoleRequest) -> bool:
    """Whether an Allow was surely meant for the caller alone, under whichever key and however misspelt."""
    entries = [entry.text.strip().lower() for entry in statement.principals.entries]
    service = request.caller.kind is PrincipalKind.SERVICE
    name = re.escape(request.principal.partition(".")[0])
    spelt = re.compile(rf"{name}(?:[.*?][a-z0-9.*?-]*)?" if service else re.escape(request.principal.lower()))
    meant = statement.effect is Effect.ALLOW and not statement.principals.negated and bool(entries)
    return meant and all(spelt.fullmatch(entry) for entry in entries)


def _mended(statement: Statement, document: Document, canonical: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The statement as IAM stores it: with its own conditions if it has some, else with the usual ones."""
    given = _given(document)[statement.index]
    return canonical | {name: value for name, value in given.items() if name == "Condition"}


def _widened(trace: StatementTrace, document: Document, request: AssumeRoleRequest) -> dict[str, JsonValue] | None:
    """The statement with this source added to its source conditions; None if that is not all that it lacks."""
    entries = trace.statement.principals.entries
    unmet_conditions = [each.condition for each in trace.conditions if each.verdict is not Verdict.TRUE]
    if request.source_arn is None or any(entry.text != request.principal for entry in entries):
        return None
    if not all(each.key.lower() in _SOURCE_KEYS and each.operator.written in _WIDENED for each in unmet_conditions):
        return None
    given = _given(document)[trace.statement.index]
    blocks = given["Condition"]
    if not isinstance(blocks, Mapping):
        return None
    wider = {operator: dict(keys) for operator, keys in blocks.items() if isinstance(keys, Mapping)}
    for condition in unmet_conditions:
        values = [*condition.values, *_sources_for(condition, request)]
        wider[condition.operator.written][condition.key] = list(dict.fromkeys(values))
    return {**given, "Condition": wider}


def _sources_for(condition: Condition, request: AssumeRoleRequest) -> list[str]:
    if condition.key.lower() == "aws:sourceaccount":
        return [request.account_id] if ACCOUNT_ID.fullmatch(request.account_id or "") and request.account_id else []
    exact = condition.operator.name == _EXACT or not _source_arns(request)
    return [request.source_arn or ""] if exact else _source_arns(request)


def _given(document: Document) -> list[Mapping[str, JsonValue]]:
    """The statements as the document writes them."""
    statements = document.source["Statement"]
    listed = [statements] if isinstance(statements, Mapping) else statements
    # `_objections_to_document` refuses a document that would lose statements. json.dumps writes no other sequence.
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list | tuple) else []


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


def _changed(document: Document, change: _Change) -> str:
    statements: list[Mapping[str, JsonValue]] = [*_given(document)]
    if change.at is None:
        statements.append(change.statement)
    else:
        statements[change.at : change.at + 1] = [change.statement]
    return _compact({**document.source, "Statement": statements})


def _compact(source: Mapping[str, JsonValue]) -> str:
    return json.dumps(source, separators=(",", ":"))


def _size(text: str) -> int:
    return len("".join(text.split()))


def _risks(decision: Decision, change: _Change, form: FixForm, size: int) -> Iterator[str]:
    request = decision.request
    if request.caller.kind is PrincipalKind.SERVICE and "Condition" not in change.statement:
        yield "The statement names no source: it relies on Amplify alone to keep others from using the role."
        if form is FixForm.CONDITIONED:
            yield "Give the branch's ARN (--branch-arn), or the account (--account), for one with source conditions."
    elif "Condition" in change.statement and request.principal == AMPLIFY:
        yield "If Amplify refuses the role with these conditions, drop aws:SourceArn and keep aws:SourceAccount."
    if request.principal.startswith("amplify.") and request.principal != AMPLIFY:
        yield f"Amplify documents {AMPLIFY} only; {request.principal} may never call."
    if request.caller.kind is PrincipalKind.ACCOUNT:
        yield "The statement trusts every user and role of that account whose own policy allows it."
    if size > DEFAULT_QUOTA:
        yield (
            f"With {size:,} characters the document is over IAM's default quota of {DEFAULT_QUOTA:,}: the account needs"
            f" a higher one (quota L-C07B4B0D, at most {LARGEST_QUOTA:,})."
        )
    elif size > _NEAR_QUOTA * DEFAULT_QUOTA:
        yield f"With {size:,} of {DEFAULT_QUOTA:,} characters the document is near its quota; IAM's own count decides."
    yield "Infrastructure as code that owns the role will show this as drift or undo it; change it there too."
