"""Hints beside a decision: likely mistakes in the policy, what IAM would not store, and further conditions.

Texts from the policy enter a sentence only through `bare` and `shown`, which escape and shorten them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from medic.text import bare, listed, shown
from medic.trust.decision import ConditionTrace, Decision, Outcome
from medic.trust.document import VERSION_WITH_VARIABLES, Document, Effect, Malformed
from medic.trust.evaluate import account_named
from medic.trust.keys import holds_several, meant, type_mismatch
from medic.trust.logic import Verdict
from medic.trust.patterns import arn_segments
from medic.trust.request import (
    AMPLIFY,
    DEFAULT_MAX_SESSION,
    EVERYBODY,
    KeyPresence,
    Principal,
    PrincipalKind,
    context_of,
    principal_of,
    variables_in,
)
from medic.trust.storage import obstacles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


_DOCUMENTATION_ACCOUNT = "123456789012"
_APP_ARN = re.compile(r"arn:[^:]*:amplify:[^:]*:[^:]*:apps/[a-z0-9]+")
_APP_PREFIX = re.compile(r"arn:[^:]*:amplify:[^:]*:[^:]*:apps/[a-z0-9]+\*")
_REGIONAL = re.compile(r"amplify\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")
_SERVICE_LINKED = ":role/aws-service-role/"
_PLACEHOLDER = re.compile(
    r"<[^<>]+>|\$\{AWS::\w+\}|\{\{?[A-Za-z_][\w .-]*\}?\}|\b(?:YOUR|Your|your)[-_]?\w+"
    r"|\b(?:REGION|ACCOUNT|APP)(?:[-_]?ID)?\b|\b(?:account|app)-id\b|[xX]{6,}"
)
"""A part of an example or a template that nobody filled in. A policy variable has a colon, so it is not one."""

FURTHER_ACTIONS = {
    "sts:TagSession": "Passing session tags",
    "sts:SetSourceIdentity": "Setting a source identity",
}
"""What needs each of these actions besides sts:AssumeRole.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"""

_CALLER_MUST_SEND = {
    "sts:externalid": "The caller must pass the external id that the trust policy asks for (--external-id).",
    "sts:sourceidentity": "The caller must set a source identity (--source-identity), and the trust must allow"
    " sts:SetSourceIdentity.",
    "aws:sourceip": "The caller must come from such an address; calls through a VPC endpoint carry no aws:SourceIp.",
    "aws:multifactorauthpresent": "The caller must have signed in with MFA, and pass the code with access keys.",
}


def is_service_linked(role_arn: str | None) -> bool:
    """Whether the role is service-linked, so that only its service may edit it."""
    return role_arn is not None and _SERVICE_LINKED in role_arn


def hints_of(decision: Decision) -> tuple[str, ...]:
    """The hints that apply, without repetitions; the likeliest mistakes come first."""
    if isinstance(decision.document, Malformed):
        return tuple(_service_linked_hint(decision))
    rules: tuple[Callable[[Decision, Document], Iterator[str]], ...] = (
        _principal_mistakes, _condition_mistakes, _session_hints, _save_errors, _too_broad, _other_policies,
    )  # fmt: skip
    hints = [hint for rule in rules for hint in rule(decision, decision.document)]
    return tuple(dict.fromkeys([*hints, *_service_linked_hint(decision)]))


def _principal_mistakes(decision: Decision, document: Document) -> Iterator[str]:
    if decision.outcome is not Outcome.DENIED or decision.denials:
        return
    caller = decision.request.caller
    if not decision.nearest or decision.nearest[0].principal is not Verdict.FALSE:
        return
    allows = (each for each in document.statements if each.effect is Effect.ALLOW and not each.principals.negated)
    entries = [entry for statement in allows for entry in statement.principals.entries]
    for entry in entries:
        yield from _entry_mistakes(entry, decision)
    yield from _unfilled(entry.text for entry in entries)
    if caller.account and not any(entry.text == "*" or entry.account == caller.account for entry in entries):
        yield f"No Principal element names the caller's account {caller.account}; no identity policy makes up for that."
    if caller.is_role_session and _is_the_role_itself(decision):
        yield (
            "The role assumes itself: its own trust policy must name the role's ARN or its account. On EC2, ECS, EKS"
            " and Lambda that is needed only to pass session tags or a session policy."
        )


def _entry_mistakes(entry: Principal, decision: Decision) -> Iterator[str]:
    caller = decision.request.caller
    is_service = caller.kind is PrincipalKind.SERVICE
    if is_service and account_named(entry, caller):
        yield (
            f'The trust was left at an account where a service is meant: name "Principal": {{"Service":'
            f' "{caller.text}"}}, and remove {{"AWS": "{entry.text}"}} unless people of that account need the role.'
        )
    if entry.text != caller.text and entry.text.strip().lower() == caller.text.lower():
        yield "A principal differs from the caller only in case or white space; names are compared exactly."
    same_but_for_case = entry.name != caller.name and entry.name.lower() == caller.name.lower()
    if caller.kind is PrincipalKind.SESSION and same_but_for_case:
        yield "A principal's role name differs from the caller's only in case; role names are case-sensitive."
    if _REGIONAL.fullmatch(entry.text) and decision.request.principal == AMPLIFY:
        yield f"{entry.text} is not {AMPLIFY}; Amplify documents only the name without a region."


def _is_the_role_itself(decision: Decision) -> bool:
    role = principal_of(decision.request.role_arn or "")
    caller = decision.request.caller
    return bool(role.name) and (role.account, role.name) == (caller.account, caller.name)


def _condition_mistakes(decision: Decision, document: Document) -> Iterator[str]:
    if decision.outcome is Outcome.ALLOWED or not decision.nearest or decision.denials:
        return
    if decision.nearest[0].principal is Verdict.UNKNOWN:
        yield 'No page of AWS says whether {"AWS": "*"} covers a service; name the service.'
    for trace in decision.nearest[0].conditions:
        if trace.verdict is not Verdict.TRUE:
            yield from _condition_mistake(trace, decision)
            yield from _key_mistakes(trace)
            yield from _value_mistakes(trace, decision)
            yield from _source_mistakes(trace, decision)
            yield from _variable_mistakes(trace, decision, document)


def _condition_mistake(trace: ConditionTrace, decision: Decision) -> Iterator[str]:
    key = trace.condition.key.lower()
    if key in {"aws:currenttime", "aws:epochtime"}:
        yield "The trust policy is limited in time; outside those dates the statement applies to nobody."
    elif decision.request.caller.kind is PrincipalKind.SERVICE:
        misspelt = meant(trace.condition.key) is not None
        if trace.state is KeyPresence.ABSENT and key not in decision.request.states and not misspelt:
            yield f"A service principal never sends {bare(trace.condition.key)}, so this statement is not for services."
    elif key in _CALLER_MUST_SEND:
        yield _CALLER_MUST_SEND[key]
    elif key.startswith("aws:principaltag/"):
        tag = bare(trace.condition.key.partition("/")[2])
        yield f"The calling user or role must have the tag {tag} with such a value."
    elif key.startswith("aws:requesttag/"):
        yield "The caller must pass this session tag, and so must assume the role anew to get it."


def _key_mistakes(trace: ConditionTrace) -> Iterator[str]:
    key, operator = trace.condition.key, trace.condition.operator
    if name := meant(key):
        yield f"{bare(key)} is no condition key, so no call carries it; {name} seems to be meant."
    if operator.comparison and operator.qualifier is None and holds_several(key):
        yield f"{bare(key)} holds several values; without ForAllValues: or ForAnyValue: AWS does not say which counts."
    if wanted := type_mismatch(key, operator.name):
        yield f"{operator.name} is not for {bare(key)}, which is of type {wanted}; AWS does not say what it then does."


def _value_mistakes(trace: ConditionTrace, decision: Decision) -> Iterator[str]:
    condition = trace.condition
    name, values = condition.operator.name, condition.values
    is_example = decision.request.account_id == _DOCUMENTATION_ACCOUNT
    if not is_example and any(_DOCUMENTATION_ACCOUNT in value for value in values):
        yield f"{_DOCUMENTATION_ACCOUNT} is the account number of AWS's examples; put in your own."
    yield from _unfilled(values)
    if name in {"StringEquals", "StringEqualsIgnoreCase"} and any("*" in value for value in values):
        yield f"{name} takes * as a plain character; use StringLike, or ArnLike for an ARN."
    if condition.key.lower() == "aws:sourcearn" and any(_APP_ARN.fullmatch(value) for value in values):
        yield "The ARN of an app does not match the ARNs of its branches; name apps/ID and apps/ID/* both."


def _unfilled(texts: Iterable[str]) -> Iterator[str]:
    found = [placeholder[0] for text in texts if (placeholder := _PLACEHOLDER.search(text))]
    if found:
        yield f"A placeholder was left unfilled: {listed(shown(each) for each in found)}."


def _source_mistakes(trace: ConditionTrace, decision: Decision) -> Iterator[str]:
    """Hints at values of aws:SourceArn that are almost right."""
    actual = arn_segments(decision.request.source_arn or "")
    if actual is None or trace.condition.key.lower() != "aws:sourcearn":
        return
    branch = actual[5].partition("/branches/")[2]
    for wanted in filter(None, map(arn_segments, trace.condition.values)):
        if not set("*?$") & set(wanted[3]) and wanted[3] != actual[3]:
            yield f"The condition names region {bare(wanted[3])}, and the call is for {bare(actual[3])}."
        named = wanted[5].partition("/branches/")[2]
        if branch and named != branch and unquote(named) == unquote(branch):
            yield (
                f"The branch stands as {shown(named)} in the policy and as {shown(branch)} in the call: one is"
                " percent-encoded. Name both forms, or branches/*."
            )


def _variable_mistakes(trace: ConditionTrace, decision: Decision, document: Document) -> Iterator[str]:
    context = context_of(decision.request)
    for key in dict.fromkeys(key for value in trace.condition.values for key in variables_in(value)):
        if not document.resolves_variables:
            yield f'Without "Version": "{VERSION_WITH_VARIABLES}" a ${{…}} in the policy is plain text, not a variable.'
        elif context.state(key) is KeyPresence.ABSENT:
            yield f"The variable ${{{bare(key)}}} has no value in this call, so nothing equals it."


def _session_hints(decision: Decision, _document: Document) -> Iterator[str]:
    request = decision.request
    if request.duration is not None and request.max_session is None:
        yield f"The role's maximum session duration was not given; {DEFAULT_MAX_SESSION} seconds is IAM's default."
    if request.chained or request.caller.is_role_session:
        yield "The caller uses a role's credentials: role chaining, and a session lasts one hour at most."
    for action in decision.lacking:
        yield f"{FURTHER_ACTIONS[action]} also needs {action} in the trust policy, which does not surely allow it here."


def _save_errors(_decision: Decision, document: Document) -> Iterator[str]:
    for obstacle in obstacles(document):
        yield obstacle.problem


def _too_broad(decision: Decision, document: Document) -> Iterator[str]:
    for statement in document.statements:
        if statement.effect is not Effect.ALLOW:
            continue
        if not statement.principals.negated and any(
            each.text == "*" and each.key in {"AWS", EVERYBODY} for each in statement.principals.entries
        ):
            yield "The trust policy names everybody (*): unless a condition narrows it, anyone may assume this role."
        if any(_APP_PREFIX.fullmatch(value) for each in statement.conditions for value in each.values):
            yield "apps/ID* also matches other apps whose id begins alike; name apps/ID and apps/ID/* instead."
    undocumented = decision.request.principal == AMPLIFY and decision.depends_on_source_conditions
    if undocumented and decision.outcome is not Outcome.DENIED:
        yield "The answer rests on aws:SourceArn or aws:SourceAccount; AWS does not say what Amplify sends when."


def _other_policies(decision: Decision, document: Document) -> Iterator[str]:
    if decision.outcome is Outcome.DENIED:
        return
    caller = decision.request.caller
    if caller.kind is PrincipalKind.SERVICE:
        yield "A resource control policy of the organization can still refuse; a service control policy cannot."
    elif caller.account and not _named_in_same_account(decision, document):
        yield "The caller's own identity policy must allow sts:AssumeRole on this role too; trust alone is not enough."


def _named_in_same_account(decision: Decision, document: Document) -> bool:
    """Whether the policy names the caller's own ARN in the role's account, so that no identity policy is needed."""
    caller = decision.request.caller
    role = principal_of(decision.request.role_arn or "")
    named = [entry.text for statement in document.statements for entry in statement.principals.entries]
    return caller.account in {role.account, decision.request.account_id} and caller.text in named


def _service_linked_hint(decision: Decision) -> Iterator[str]:
    if is_service_linked(decision.request.role_arn):
        yield "The role is service-linked: only its service may change or delete it, its trust policy included."
