"""The answer of `medic trust` as JSON; its schema is docs/schemas/trust.schema.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.trust.context import Absent, Known, Present, State, Unknown
from medic.trust.explain import explain, explain_statement

if TYPE_CHECKING:
    from medic.trust.decision import ConditionTrace, Decision, StatementTrace
    from medic.trust.policy_text import JsonValue
    from medic.trust.synthesise import Fix


def answer(id_: str | None, decision: Decision, fix: Fix) -> dict[str, JsonValue]:
    """One answer.

    Args:
        id_: the name of the case, or None.
        decision: what was decided.
        fix: what is proposed.
    """
    reason, *notes = explain(decision)
    return {
        "id": id_,
        "outcome": decision.outcome.value,
        "likely": decision.likely.value if decision.likely else None,
        "reason": reason,
        "notes": notes,
        "depends_on_source_conditions": decision.depends_on_source_conditions,
        "statements": [_statement(trace, decision) for trace in decision.statements],
        "fix": {
            "kind": fix.kind.value,
            "because": fix.because,
            "statement": fix.statement,
            "outcome_after": fix.outcome_after.value,
            "document": fix.document,
            "size": fix.size,
            "risks": list(fix.risks),
        },
    }


def _statement(trace: StatementTrace, decision: Decision) -> dict[str, JsonValue]:
    return {
        "index": trace.statement.index,
        "sid": trace.statement.sid,
        "effect": trace.statement.effect.value,
        "applies": trace.verdict.value,
        "principal": trace.principal.value,
        "action": trace.action.value,
        "conditions": [_condition(each) for each in trace.conditions],
        "explanation": explain_statement(trace, decision),
    }


def _condition(trace: ConditionTrace) -> dict[str, JsonValue]:
    return {
        "operator": trace.condition.operator.written,
        "key": trace.condition.key,
        "expected": list(trace.condition.values),
        "actual": _actual(trace.state),
        "holds": trace.verdict.value,
    }


def _actual(state: State) -> JsonValue:
    match state:
        case Known(values):
            return {"state": "known", "values": list(values)}
        case Present():
            return {"state": "present"}
        case Absent():
            return {"state": "absent"}
        case Unknown():
            return {"state": "unknown"}
