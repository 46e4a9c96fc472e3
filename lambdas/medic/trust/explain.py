"""Turns a decision into sentences for people: the reason first, then hints at likely mistakes and further conditions.

Texts from the policy enter a sentence only through `bare` and `shown`, which escape and shorten them.
"""

from __future__ import annotations

from medic.text import bare, listed, sequence, shown, spelt
from medic.trust.decision import ConditionTrace, Decision, Outcome, SessionLimit, StatementTrace
from medic.trust.document import Malformed, Statement
from medic.trust.evaluate import LONGEST_CHAINED_SESSION, LONGEST_SESSION, SHORTEST_SESSION
from medic.trust.hints import FURTHER_ACTIONS, hints_of
from medic.trust.logic import Verdict
from medic.trust.request import ASSUME_ROLE, DEFAULT_MAX_SESSION, EVERYBODY, KeyPresence, KeyState, Principal


def explain(decision: Decision) -> tuple[str, ...]:
    """The decision in sentences; the first is the reason."""
    return (reason(decision), *hints_of(decision))


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
            allows = f"{statement_name(grant.statement)} allows it{_since(grant)}"
            return f"{_caller(decision)} may {_requested(decision)}: {allows}."
        case Outcome.CONDITIONAL:
            return _conditional_reason(decision)
        case _:
            return _denied_reason(decision)


def explain_statement(trace: StatementTrace, decision: Decision) -> str:
    """The evaluation of one statement, in one sentence."""
    name = f"{statement_name(trace.statement)} ({trace.statement.effect.value})"
    match trace.verdict:
        case Verdict.TRUE:
            return f"{name} applies to the call."
        case Verdict.UNKNOWN:
            return f"{name} may apply: {_open_questions(trace)}."
        case _:
            return f"{name} does not apply: {_why_not_applied(trace, decision)}."


def _caller(decision: Decision) -> str:
    return bare(decision.request.principal)


def _requested(decision: Decision) -> str:
    request = decision.request
    role = f"the role {bare(request.role_arn)}" if request.role_arn else "the role"
    return f"assume {role}" if request.action == ASSUME_ROLE else f"call {bare(request.action)} on {role}"


def statement_name(statement: Statement) -> str:
    """The statement's position in the document, with its Sid."""
    return f"Statement[{statement.index}]" + (f" (Sid {shown(statement.sid)})" if statement.sid else "")


def unmet(trace: StatementTrace) -> str:
    """The conditions that are not surely met, each with what the call carries."""
    return sequence(_condition(each) for each in trace.conditions if each.verdict is not Verdict.TRUE)


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
    if Outcome.DENIED in decision.lacking.values() and decision.granted:
        action = next(action for action, outcome in decision.lacking.items() if outcome is Outcome.DENIED)
        return f"{subject} like this: {FURTHER_ACTIONS[action].lower()} needs {action}, which is not allowed."
    if decision.denials:
        denial = decision.denials[0]
        denied = f"{statement_name(denial.statement)} denies it explicitly{_since(denial)}"
        return f"{subject}: {denied}, and no Allow overrides a Deny."
    if not decision.nearest:
        return f"{subject}: the policy has no Allow statement."
    nearest = decision.nearest[0]
    return f"{subject}: {statement_name(nearest.statement)} comes nearest, but {_why_not_applied(nearest, decision)}."


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
    named = listed(map(_principal, principals.entries)) or "nobody"
    return f"it names everybody but {named}" if principals.negated else f"it names {named}"


def _principal(entry: Principal) -> str:
    return "everybody (*)" if entry.key == EVERYBODY else f"{bare(entry.key)} {spelt(entry.text)}"


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
        presence = "missing" if "true" in {value.lower() for value in values} else "present"
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
