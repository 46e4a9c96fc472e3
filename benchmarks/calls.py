"""How many calls each kind of a run makes, counted from recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.budget import Measured

if TYPE_CHECKING:
    from benchmarks.recorded import Recording

MOST_ASKED = {"not-iam": 3, "diagnosis": 6, "fix": 15}
"""Amplify and IAM. A fix may make one call more than its 14 to read a policy."""
MOST_KEPT = {"not-iam": 2, "diagnosis": 5, "fix": 10}
"""State and delivery: DynamoDB, Secrets Manager, SNS, EventBridge and the post to Slack."""


def calls(kinds: tuple[Recording, ...]) -> list[Measured]:
    """Two lines a kind of a run."""
    return [line for kind in kinds for line in (_asked(kind), _kept(kind))]


def asked(kind: Recording) -> list[str]:
    """The calls to Amplify and IAM."""
    return kind.of("amplify", "iam")


def kept(kind: Recording) -> list[str]:
    """The calls for state and delivery."""
    return [*kind.of("dynamodb", "sns", "secretsmanager", "events"), *["slack"] * kind.posts]


def _asked(kind: Recording) -> Measured:
    made = asked(kind)
    most = MOST_ASKED[kind.name]
    return Measured(f"Amplify and IAM calls, {kind.name}", f"≤ {most}", str(len(made)), len(made) <= most)


def _kept(kind: Recording) -> Measured:
    made = kept(kind)
    most = MOST_KEPT[kind.name]
    counted = {call: made.count(call) for call in dict.fromkeys(made)}
    note = ", ".join(f"{number} {call}" for call, number in counted.items())
    return Measured(f"State and delivery calls, {kind.name}", f"≤ {most}", str(len(made)), len(made) <= most, note)
