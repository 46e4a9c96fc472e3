"""Evaluates IAM role trust policies: may a principal assume the role, why, and which smallest change would allow it.

Pure: standard library only, no clock, no network.
"""

from __future__ import annotations

from medic.trust.decision import ConditionTrace, Decision, Outcome
from medic.trust.document import MAX_CHARACTERS, Document, JsonValue, Malformed, parse, read_json
from medic.trust.evaluate import evaluate
from medic.trust.explain import explain, reason
from medic.trust.fix import FixForm, FixKind, TrustFix, propose_fix
from medic.trust.logic import Verdict
from medic.trust.request import (
    AMPLIFY,
    AssumeRoleRequest,
    KeyPresence,
    KeyState,
    known_key,
)

__all__ = [
    "AMPLIFY",
    "MAX_CHARACTERS",
    "AssumeRoleRequest",
    "ConditionTrace",
    "Decision",
    "Document",
    "FixForm",
    "FixKind",
    "JsonValue",
    "KeyPresence",
    "KeyState",
    "Malformed",
    "Outcome",
    "TrustFix",
    "Verdict",
    "evaluate",
    "explain",
    "known_key",
    "parse",
    "propose_fix",
    "read_json",
    "reason",
]
