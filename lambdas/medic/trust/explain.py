"""A decision in sentences that a developer can act on: the answer first, then what else to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.trust.context import ASSUME_ROLE, DEFAULT_MAX_SESSION, Absent, Known, Present, State, Unknown
from medic.trust.decision import ConditionTrace, Decision, Outcome, SessionLimit, StatementTrace
from medic.trust.document import Malformed
from medic.trust.evaluate import LONGEST_CHAINED_SESSION, LONGEST_SESSION, SHORTEST_SESSION
from medic.trust.hints import hints
from medic.trust.operators import NULL
from medic.trust.verdict import Verdict
from medic.trust.wording import bare, listed, sequence, shown

if TYPE_CHECKING:
    from medic.trust.document import Statement


def explain(decision: Decision) -> tuple[str, ...]:
    """The decision in sentences; the first is the reason by itself."""
    return (reason(decision), *hints(decision))


def reason(decision: Decision) -> str:
    """The decision in one sentence."""
    if isinstance(decision.document, Malformed):
        where = f"{bare(decision.document.path)} " if decision.document.path else "it "
        return f"The document is no trust policy that IAM would store: {where}{decision.document.problem}."
    if decision.session_limit is not None:
        return _session_reason(decision, decision.session_limit)
    match decision.outcome:
        case Outcome.ALLOWED:
            return f"{_caller(decision)} may {_deed(decision)}: {_granted(decision.grants[0])}."
        case Outcome.CONDITIONAL:
            return _conditional_reason(decision)
        case _:
            return _denied_reason(decision)


def explain_statement(trace: StatementTrace, decision: Decision) -> str:
    """How one statement came out, in one sentence."""
    name = f"{_name(trace.statement)} ({trace.statement.effect.value})"
    match trace.verdict:
        case Verdict.TRUE:
            return f"{name} applies to the call."
        case Verdict.UNKNOWN:
            return f"{name} may apply: {_open_questions(trace)}."
        case _:
            return f"{name} does not apply: {_shortfall(trace, decision)}."


def _caller(decision: Decision) -> str:
    return bare(decision.request.principal)


def _deed(decision: Decision) -> str:
    request = decision.request
    role = f"the role {bare(request.role_arn)}" if request.role_arn else "the role"
    return f"assume {role}" if request.action == ASSUME_ROLE else f"call {bare(request.action)} on {role}"


def _name(statement: Statement) -> str:
    return f"Statement[{statement.index}]" + (f" (Sid {shown(statement.sid)})" if statement.sid else "")


def _granted(trace: StatementTrace) -> str:
    met = [_test(each) for each in trace.conditions if each.condition.values]
    return f"{_name(trace.statement)} allows it" + (f", since {sequence(met)}" if met else "")


def _conditional_reason(decision: Decision) -> str:
    lean = f", but it is likely {decision.likely.value}" if decision.likely else ""
    rests_on = sequence(_test(each) for each in decision.assumptions)
    why = rests_on or "the policy holds something whose effect AWS does not document"
    return f"Whether {_caller(decision)} may {_deed(decision)} cannot be known from here{lean}: {why}."


def _denied_reason(decision: Decision) -> str:
    subject = f"{_caller(decision)} may not {_deed(decision)}"
    if decision.denials:
        denial = decision.denials[0]
        met = [_test(each) for each in denial.conditions if each.condition.values]
        since = f", since {sequence(met)}" if met else ""
        return f"{subject}: {_name(denial.statement)} denies it explicitly{since}, and no Allow overrides a Deny."
    if not decision.nearest:
        return f"{subject}: the policy has no Allow statement."
    nearest = decision.nearest[0]
    return f"{subject}: {_name(nearest.statement)} comes nearest, but {_shortfall(nearest, decision)}."


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


def _shortfall(trace: StatementTrace, decision: Decision) -> str:
    statement = trace.statement
    if trace.principal is Verdict.FALSE:
        return f"{_whom(statement)}, not {_caller(decision)}"
    if trace.action is Verdict.FALSE:
        actions = listed(bare(each) for each in statement.actions.patterns) or "no action at all"
        kind = "every action but" if statement.actions.negated else "only"
        return f"it covers {kind} {actions}, not {bare(decision.request.action)}"
    failed = [_test(each) for each in trace.conditions if each.verdict is Verdict.FALSE]
    return sequence(failed) or "its Resource element, which no trust policy has, names nothing"


def _whom(statement: Statement) -> str:
    principals = statement.principals
    named = listed(f"{bare(each.key)} {bare(each.name)}" for each in principals.entries) or "nobody"
    return f"it names everybody but {named}" if principals.negated else f"it names {named}"


def _open_questions(trace: StatementTrace) -> str:
    questions = [_test(each) for each in trace.conditions if each.verdict is Verdict.UNKNOWN]
    if trace.principal is Verdict.UNKNOWN:
        questions.append("whether it names the caller cannot be said")
    if Verdict.UNKNOWN in {trace.action, trace.resource}:
        questions.append("AWS does not document the effect of its action or resource")
    return sequence(questions)


def _test(trace: ConditionTrace) -> str:
    """What a condition asks for, and what the call has."""
    return f"its condition {_requirement(trace)}, and {_carried(trace.state)}"


def _requirement(trace: ConditionTrace) -> str:
    use, key, values = trace.condition.operator, bare(trace.condition.key), trace.condition.values
    if not values:
        return f"{use.written} {key} names no value"
    if use.operator is NULL:
        presence = "missing" if "true" in values else "present"
        return f"{use.written} wants {key} to be {presence}"
    wants = "wants anything but" if use.operator.negated else "wants"
    return f"{use.written} {key} {wants} {listed((shown(each) for each in values), 'or')}"


def _carried(state: State) -> str:
    match state:
        case Known(values) if values:
            return f"the call carries {listed(shown(each) for each in values)}"
        case Known():
            return "the call carries it without a value"
        case Present():
            return "the call carries a value that cannot be known from here"
        case Absent():
            return "the call does not carry that key"
        case Unknown():
            return "it is not known what the call carries"
