"""Turns a decision into sentences for people: the reason first, then hints at likely mistakes and further conditions.

Texts from the policy enter a sentence only through `bare` and `shown`, which escape and shorten them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from medic.text import bare, listed, sequence, shown
from medic.trust.decision import ConditionTrace, Decision, Outcome, SessionLimit, StatementTrace
from medic.trust.document import VERSION_WITH_VARIABLES, Document, Effect, Malformed
from medic.trust.evaluate import LONGEST_CHAINED_SESSION, LONGEST_SESSION, SHORTEST_SESSION, account_named, outcome_of
from medic.trust.logic import Verdict
from medic.trust.request import (
    AMPLIFY,
    ASSUME_ROLE,
    DEFAULT_MAX_SESSION,
    KeyPresence,
    KeyState,
    PrincipalKind,
    context_of,
    principal_of,
    variables_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medic.trust.document import Statement
    from medic.trust.request import Principal

_DOCUMENTATION_ACCOUNT = "123456789012"
_UNIQUE_ID = re.compile(r"A(?:ID|RO)A[A-Z0-9]{12,}")
"""IAM shows a deleted user or role by its unique id."""
_APP_ARN = re.compile(r"arn:[^:]*:amplify:[^:]*:[^:]*:apps/[a-z0-9]+")
_APP_PREFIX = re.compile(r"arn:[^:]*:amplify:[^:]*:[^:]*:apps/[a-z0-9]+\*")
_REGIONAL = re.compile(r"amplify\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")
_SERVICE_LINKED = ":role/aws-service-role/"

_CALLER_MUST_SEND = {
    "sts:externalid": "The caller must pass the external id that the trust policy asks for (--external-id).",
    "sts:sourceidentity": "The caller must set a source identity (--source-identity), and the trust must allow"
    " sts:SetSourceIdentity.",
    "aws:sourceip": "The caller must come from such an address; calls through a VPC endpoint carry no aws:SourceIp.",
    "aws:multifactorauthpresent": "The caller must have signed in with MFA, and pass the code with access keys.",
}


def explain(decision: Decision) -> tuple[str, ...]:
    """The decision in sentences; the first is the reason."""
    return (reason(decision), *_hints(decision))


def reason(decision: Decision) -> str:
    """The decision in one sentence."""
    if isinstance(decision.document, Malformed):
        where = f"{bare(decision.document.path)} " if decision.document.path else "it "
        return f"The document is no trust policy that IAM would store: {where}{decision.document.problem}."
    if decision.session_limit is not None:
        return _session_reason(decision, decision.session_limit)
    match decision.outcome:
        case Outcome.ALLOWED:
            grant = decision.grants[0]
            return f"{_caller(decision)} may {_requested(decision)}: {_name(grant.statement)} allows it{_since(grant)}."
        case Outcome.CONDITIONAL:
            return _conditional_reason(decision)
        case _:
            return _denied_reason(decision)


def explain_statement(trace: StatementTrace, decision: Decision) -> str:
    """The evaluation of one statement, in one sentence."""
    name = f"{_name(trace.statement)} ({trace.statement.effect.value})"
    match trace.verdict:
        case Verdict.TRUE:
            return f"{name} applies to the call."
        case Verdict.UNKNOWN:
            return f"{name} may apply: {_open_questions(trace)}."
        case _:
            return f"{name} does not apply: {_why_not_applied(trace, decision)}."


def is_service_linked(role_arn: str | None) -> bool:
    """Whether the role is service-linked, so that only its service may edit it."""
    return role_arn is not None and _SERVICE_LINKED in role_arn


def _caller(decision: Decision) -> str:
    return bare(decision.request.principal)


def _requested(decision: Decision) -> str:
    request = decision.request
    role = f"the role {bare(request.role_arn)}" if request.role_arn else "the role"
    return f"assume {role}" if request.action == ASSUME_ROLE else f"call {bare(request.action)} on {role}"


def _name(statement: Statement) -> str:
    return f"Statement[{statement.index}]" + (f" (Sid {shown(statement.sid)})" if statement.sid else "")


def _since(trace: StatementTrace) -> str:
    met = [_condition(each) for each in trace.conditions if each.condition.values]
    return f", since {sequence(met)}" if met else ""


def _conditional_reason(decision: Decision) -> str:
    lean = f", but it is likely {decision.likely.value}" if decision.likely else ""
    rests_on = sequence(_condition(each) for each in decision.assumptions)
    why = rests_on or "the policy holds something whose effect AWS does not document"
    return f"Whether {_caller(decision)} may {_requested(decision)} cannot be known from here{lean}: {why}."


def _denied_reason(decision: Decision) -> str:
    subject = f"{_caller(decision)} may not {_requested(decision)}"
    if decision.denials:
        denial = decision.denials[0]
        denied = f"{_name(denial.statement)} denies it explicitly{_since(denial)}"
        return f"{subject}: {denied}, and no Allow overrides a Deny."
    if not decision.nearest:
        return f"{subject}: the policy has no Allow statement."
    nearest = decision.nearest[0]
    return f"{subject}: {_name(nearest.statement)} comes nearest, but {_why_not_applied(nearest, decision)}."


def _session_reason(decision: Decision, limit: SessionLimit) -> str:
    asked = f"STS refuses a session of {decision.request.duration} seconds"
    match limit:
        case SessionLimit.OUT_OF_RANGE:
            return f"{asked}: DurationSeconds goes from {SHORTEST_SESSION} to {LONGEST_SESSION}."
        case SessionLimit.ROLE_CHAINING:
            most = f"{LONGEST_CHAINED_SESSION} seconds"
            return f"{asked}: a role that assumes another role (role chaining) gets one hour at most, {most}."
        case _:
            maximum = decision.request.max_session
            limit_text = f"{maximum} seconds" if maximum else f"taken to be the default, {DEFAULT_MAX_SESSION} seconds"
            return f"{asked}: the role's maximum session duration is {limit_text}."


def _why_not_applied(trace: StatementTrace, decision: Decision) -> str:
    statement = trace.statement
    if trace.principal is Verdict.FALSE:
        return f"{_named(statement)}, not {_caller(decision)}"
    if trace.action is Verdict.FALSE:
        actions = listed(bare(each) for each in statement.actions.entries) or "no action at all"
        kind = "every action but" if statement.actions.negated else "only"
        return f"it covers {kind} {actions}, not {bare(decision.request.action)}"
    failed = [_condition(each) for each in trace.conditions if each.verdict is Verdict.FALSE]
    return sequence(failed) or "its Resource element, which no trust policy has, names nothing"


def _named(statement: Statement) -> str:
    principals = statement.principals
    named = listed(f"{bare(each.key)} {bare(each.text)}" for each in principals.entries) or "nobody"
    return f"it names everybody but {named}" if principals.negated else f"it names {named}"


def _open_questions(trace: StatementTrace) -> str:
    questions = [_condition(each) for each in trace.conditions if each.verdict is Verdict.UNKNOWN]
    if trace.principal is Verdict.UNKNOWN:
        questions.append("whether it names the caller cannot be said")
    if Verdict.UNKNOWN in {trace.action, trace.resource}:
        questions.append("AWS does not document the effect of its action or resource")
    return sequence(questions)


def _condition(trace: ConditionTrace) -> str:
    """What a condition requires, and what the call carries."""
    return f"its condition {_requirement(trace)}, and {_call_value(trace.state)}"


def _requirement(trace: ConditionTrace) -> str:
    use, key, values = trace.condition.operator, bare(trace.condition.key), trace.condition.values
    if not values:
        return f"{use.written} {key} names no value"
    if use.comparison is None:
        presence = "missing" if "true" in values else "present"
        return f"{use.written} wants {key} to be {presence}"
    wants = "wants anything but" if use.negated else "wants"
    return f"{use.written} {key} {wants} {listed((shown(each) for each in values), 'or')}"


def _call_value(state: KeyState) -> str:
    match state:
        case KeyPresence.PRESENT:
            return "the call carries a value that cannot be known from here"
        case KeyPresence.ABSENT:
            return "the call does not carry that key"
        case KeyPresence.UNKNOWN:
            return "it is not known what the call carries"
        case ():
            return "the call carries it without a value"
        case values:
            return f"the call carries {listed(shown(each) for each in values)}"


def _hints(decision: Decision) -> tuple[str, ...]:
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
            f'The trust was left at an account where a service is meant: "Principal": {{"AWS": "{entry.text}"}} must'
            f' become "Principal": {{"Service": "{caller.text}"}}.'
        )
    if is_service and entry.text == caller.text and entry.key != "Service":
        yield f'{caller.text} stands under another key than "Service", exactly so written; there it matches nobody.'
    if entry.text != caller.text and entry.text.strip().lower() == caller.text.lower():
        yield "A principal differs from the caller only in case or white space; names are compared exactly."
    same_but_for_case = entry.name != caller.name and entry.name.lower() == caller.name.lower()
    if caller.kind is PrincipalKind.SESSION and same_but_for_case:
        yield "A principal's role name differs from the caller's only in case; role names are case-sensitive."
    if _UNIQUE_ID.fullmatch(entry.text):
        yield (
            f"{entry.text} is the id of a deleted user or role. IAM refuses to save a trust policy that still holds it"
            ' ("Invalid principal in policy"), whatever else is changed.'
        )
    if _REGIONAL.fullmatch(entry.text) and decision.request.principal == AMPLIFY:
        yield f"{entry.text} is not {AMPLIFY}; Amplify documents only the name without a region."


def _is_the_role_itself(decision: Decision) -> bool:
    role = principal_of(decision.request.role_arn or "")
    caller = decision.request.caller
    return bool(role.name) and (role.account, role.name) == (caller.account, caller.name)


def _condition_mistakes(decision: Decision, document: Document) -> Iterator[str]:
    if decision.outcome is Outcome.ALLOWED or not decision.nearest or decision.denials:
        return
    for trace in decision.nearest[0].conditions:
        if trace.verdict is not Verdict.TRUE:
            yield from _condition_mistake(trace, decision)
            yield from _value_mistakes(trace, decision)
            yield from _variable_mistakes(trace, decision, document)


def _condition_mistake(trace: ConditionTrace, decision: Decision) -> Iterator[str]:
    key = trace.condition.key.lower()
    if key in {"aws:currenttime", "aws:epochtime"}:
        yield "The trust policy is limited in time; outside those dates the statement applies to nobody."
    elif decision.request.caller.kind is PrincipalKind.SERVICE:
        if trace.state is KeyPresence.ABSENT and key not in decision.request.states:
            yield f"A service principal never sends {bare(trace.condition.key)}, so this statement is not for services."
    elif key in _CALLER_MUST_SEND:
        yield _CALLER_MUST_SEND[key]
    elif key.startswith("aws:principaltag/"):
        tag = bare(trace.condition.key.partition("/")[2])
        yield f"The calling user or role must bear the tag {tag} with such a value."
    elif key.startswith("aws:requesttag/"):
        yield "The caller must pass this session tag, and so must assume the role anew to get it."


def _value_mistakes(trace: ConditionTrace, decision: Decision) -> Iterator[str]:
    condition = trace.condition
    name, values = condition.operator.name, condition.values
    is_example = decision.request.account_id == _DOCUMENTATION_ACCOUNT
    if not is_example and any(_DOCUMENTATION_ACCOUNT in value for value in values):
        yield f"{_DOCUMENTATION_ACCOUNT} is the account number of AWS's examples; put in your own."
    if name in {"StringEquals", "StringEqualsIgnoreCase"} and any("*" in value for value in values):
        yield f"{name} takes * as a plain character; use StringLike, or ArnLike for an ARN."
    if condition.key.lower() == "aws:sourcearn" and any(_APP_ARN.fullmatch(value) for value in values):
        yield "The ARN of an app does not match the ARNs of its branches; name apps/ID and apps/ID/* both."


def _variable_mistakes(trace: ConditionTrace, decision: Decision, document: Document) -> Iterator[str]:
    context = context_of(decision.request)
    for key in dict.fromkeys(key for value in trace.condition.values for key in variables_in(value)):
        if not document.resolves_variables:
            yield f'Without "Version": "{VERSION_WITH_VARIABLES}" a ${{…}} in the policy is plain text, not a variable.'
        elif context.state(key) is KeyPresence.ABSENT:
            yield f"The variable ${{{bare(key)}}} has no value in this call, so nothing equals it."


def _session_hints(decision: Decision, document: Document) -> Iterator[str]:
    request = decision.request
    if request.duration is not None and request.max_session is None:
        yield f"The role's maximum session duration was not given; {DEFAULT_MAX_SESSION} seconds is IAM's default."
    if request.chained or request.caller.is_role_session:
        yield "The caller uses a role's credentials: role chaining, and a session lasts one hour at most."
    for action, purpose in _further_actions(decision):
        # Without a duration, because a session limit alone would deny the action.
        if outcome_of(document, replace(request, action=action, duration=None)) is not Outcome.ALLOWED:
            yield f"{purpose} also needs {action} in the trust policy, which does not surely allow it here."


def _further_actions(decision: Decision) -> Iterator[tuple[str, str]]:
    """The actions that the trust policy must allow too, each with the words for what needs it."""
    passed = {key.lower() for key, state in decision.request.states.items() if isinstance(state, tuple)}
    if any(key.startswith("aws:requesttag/") for key in passed):
        yield "sts:TagSession", "Passing session tags"
    if "sts:sourceidentity" in passed:
        yield "sts:SetSourceIdentity", "Setting a source identity"


def _save_errors(_decision: Decision, document: Document) -> Iterator[str]:
    sids = [statement.sid for statement in document.statements if statement.sid]
    if len(set(sids)) < len(sids):
        yield "Two statements share a Sid; IAM refuses to save that."
    if any(re.fullmatch(r"[A-Za-z0-9]*", sid) is None for sid in sids):
        yield "A Sid holds other characters than letters and digits; IAM refuses to save that."
    if any(statement.resources for statement in document.statements):
        yield "A trust policy has no Resource element; IAM refuses to save one."
    if any(statement.principals.negated for statement in document.statements):
        yield "Trust policies do not support NotPrincipal."


def _too_broad(decision: Decision, document: Document) -> Iterator[str]:
    for statement in document.statements:
        if statement.effect is not Effect.ALLOW:
            continue
        if not statement.principals.negated and any(
            (each.key, each.text) == ("AWS", "*") for each in statement.principals.entries
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
