"""Role trust policies: may Amplify (or anybody) assume this role, why, and the smallest change that lets it.

Pure: standard library only, no clock, no network.
"""

from __future__ import annotations

from medic.trust.context import (
    AMPLIFY,
    DEFAULT_MAX_SESSION,
    Absent,
    Known,
    Present,
    Request,
    State,
    Unknown,
    for_amplify,
    known,
)
from medic.trust.decision import ConditionTrace, Decision, Outcome, StatementTrace
from medic.trust.document import Document, Malformed, parse
from medic.trust.evaluate import evaluate
from medic.trust.explain import explain, reason
from medic.trust.policy_text import MAX_CHARACTERS, JsonValue, read_json
from medic.trust.question import QuestionError, read_question, read_time
from medic.trust.report import answer
from medic.trust.synthesise import TRUST_POLICY_QUOTA, Fix, FixForm, FixKind, propose_fix
from medic.trust.verdict import Verdict

__all__ = [
    "AMPLIFY",
    "DEFAULT_MAX_SESSION",
    "MAX_CHARACTERS",
    "TRUST_POLICY_QUOTA",
    "Absent",
    "ConditionTrace",
    "Decision",
    "Document",
    "Fix",
    "FixForm",
    "FixKind",
    "JsonValue",
    "Known",
    "Malformed",
    "Outcome",
    "Present",
    "QuestionError",
    "Request",
    "State",
    "StatementTrace",
    "Unknown",
    "Verdict",
    "answer",
    "evaluate",
    "explain",
    "for_amplify",
    "known",
    "parse",
    "propose_fix",
    "read_json",
    "read_question",
    "read_time",
    "reason",
]
