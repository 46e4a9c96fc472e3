"""`python -m tests.differential`: evaluate the same random trust policies here and there; no answer may differ.

The seed is fixed. Where the other evaluator differs from what AWS documents, nothing is generated: StringNotLike,
several values under a negated or date operator, IfExists for other types than strings and ARNs, wildcards that are
plain characters, policy variables.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medic.trust import AMPLIFY, AssumeRoleRequest, KeyPresence, Outcome, evaluate, known_key

PYTHON = Path(__file__).parents[2] / ".build" / "peer" / "bin" / "python"
PEER = Path(__file__).parent / "peer.py"
SEED, CASES = 1, 20_000

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ACCOUNT = "111122223333"
_APP = f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/d1a2b3c4d5e6f7"
CONTEXT = {
    "aws:SourceArn": f"{_APP}/branches/main",
    "aws:SourceAccount": ACCOUNT,
    "sts:ExternalId": "shop",
    "aws:SecureTransport": "true",
    "aws:MultiFactorAuthAge": "60",
    "aws:CurrentTime": "2026-11-22T12:00:00Z",
    "aws:SourceIp": "203.0.113.5",
    "aws:PrincipalTag/team": "a",
}

_STRINGS = (
    *("StringEquals", "StringLike", "StringEqualsIgnoreCase"),
    *("StringNotEquals", "StringNotEqualsIgnoreCase"),
)
_ARNS = ("ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals")
_NUMBERS = tuple(
    f"Numeric{name}" for name in ("Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
)
_DATES = tuple(f"Date{name}" for name in ("Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"))
_TESTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aws:SourceArn": (
        (*_ARNS, "Null"),
        (
            *(f"{_APP}/branches/main", f"{_APP}*", f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/*"),
            *(f"arn:aws:amplify:eu-west-1:{ACCOUNT}:apps/*", "arn:aws:amplify:us-east-?:*:*"),
        ),
    ),
    "aws:SourceAccount": ((*_STRINGS, "Null"), (ACCOUNT, "444455556666", "111122223334")),
    "sts:ExternalId": ((*_STRINGS, "Null"), ("shop", "other", "")),
    "aws:PrincipalTag/team": ((*_STRINGS, "Null"), ("a", "b")),
    "aws:SecureTransport": (("Bool", "Null"), ("true", "false")),
    "aws:MultiFactorAuthAge": ((*_NUMBERS, "NumericNotEquals", "Null"), ("10", "60", "300")),
    "aws:CurrentTime": (_DATES, ("2026-11-22T12:00:00Z", "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z")),
    "aws:SourceIp": (("IpAddress", "NotIpAddress"), ("203.0.113.5", "203.0.113.0/24", "10.0.0.0/8")),
}
_PRINCIPALS: tuple[dict[str, Any], ...] = (
    *({"Service": AMPLIFY},) * 6,
    {"Service": ["ec2.amazonaws.com", AMPLIFY]},
    {"Service": "lambda.amazonaws.com"},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
)
_ACTIONS: tuple[str | list[str], ...] = (
    *("sts:AssumeRole",) * 5,
    *("sts:*", "sts:Assume*", "*", "sts:TagSession", "STS:assumerole", "sts:AssumeRol?"),
    ["sts:TagSession", "sts:AssumeRole"],
)


def main() -> int:
    """Compare, and print each contradiction. Returns 1 if there is one."""
    rng = random.Random(SEED)  # noqa: S311 - test data
    cases = [_case(rng) for _ in range(CASES)]
    ours = [_outcome(case) for case in cases]
    pairs = list(zip(cases, ours, _peers(cases), strict=True))
    contradictions = [(case, our, peer) for case, our, peer in pairs if our is not _as_outcome(allowed=peer)]
    for case, our, peer in contradictions[:10]:
        sys.stdout.write(f"{our} here, {_as_outcome(allowed=peer)} there: {json.dumps(case)}\n")
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(Counter(ours).items()))
    sys.stdout.write(f"{CASES} trust policies ({counts}): {len(contradictions)} contradictions.\n")
    return 1 if contradictions else 0


def _case(rng: random.Random) -> dict[str, Any]:
    statements = [_statement(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
    return {
        "principal": AMPLIFY,
        "account": ACCOUNT,
        "action": "sts:AssumeRole",
        "policy": {"Version": "2012-10-17", "Statement": statements},
        "context": {key: CONTEXT[key] for key in CONTEXT if key == "aws:CurrentTime" or rng.random() < 0.75},
    }


def _statement(rng: random.Random) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": rng.choice(("Allow", "Allow", "Deny")),
        "Principal": rng.choice(_PRINCIPALS),
        rng.choice(("Action", "Action", "Action", "NotAction")): rng.choice(_ACTIONS),
    }
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        operator, key, values = _condition(rng)
        statement.setdefault("Condition", {}).setdefault(operator, {})[key] = values
    return statement


def _condition(rng: random.Random) -> tuple[str, str, str | list[str]]:
    key = rng.choice(tuple(_TESTS))
    operators, values = _TESTS[key]
    operator = rng.choice(operators)
    if operator == "Null":
        return operator, key, rng.choice(("true", "false"))
    single = "Not" in operator or operator.startswith(("Date", "Bool"))
    chosen = rng.choice(values) if single else rng.sample(values, rng.choice((1, 1, 2)))
    if_exists = operator.startswith(("String", "Arn")) and rng.random() < 0.25
    return operator + "IfExists" * if_exists, key, chosen


def _outcome(case: dict[str, Any]) -> Outcome:
    context = case["context"]
    return evaluate(
        case["policy"],
        AssumeRoleRequest(
            now=NOW,
            region="us-east-1",
            account_id=ACCOUNT,
            source_arn=context.get("aws:SourceArn"),
            states={key: known_key(context[key]) if key in context else KeyPresence.ABSENT for key in CONTEXT},
        ),
    ).outcome


def _peers(cases: list[dict[str, Any]]) -> list[bool]:
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([str(PYTHON), str(PEER)], input=lines, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - fixed arguments
    return [json.loads(line) for line in done.stdout.splitlines()]


def _as_outcome(*, allowed: bool) -> Outcome:
    return Outcome.ALLOWED if allowed else Outcome.DENIED


if __name__ == "__main__":
    sys.exit(main())
