"""Recorded runs: how many calls each kind of run makes, and how long its handler takes without waiting."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measurement import Measured, milliseconds

if TYPE_CHECKING:
    from benchmarks.recorded import Recording

MAX_AWS_CALLS = {"not-iam": 3, "diagnosis": 8, "fix": 15}
"""Calls to Amplify, IAM and STS. Reading the documents of a role's policies is not counted."""
MAX_STATE_AND_DELIVERY_CALLS = {"not-iam": 2, "diagnosis": 7, "fix": 10}
"""Calls to DynamoDB, Secrets Manager, SNS, EventBridge, and posts to Slack."""

_DOCUMENTS = ("iam.GetRolePolicy", "iam.GetPolicy", "iam.GetPolicyVersion")
_ONCE = ("iam.ListAccountAliases",)
"""Made once in the life of an environment, before its first alert."""


@dataclass(frozen=True, slots=True)
class Timed:
    """The processor seconds of one kind of run."""

    name: str
    first: tuple[float, ...]
    """The first run of each fresh process, which also connects and creates some clients."""
    warm: tuple[float, ...]

    def measured(self) -> Measured:
        first = statistics.median(self.first) * 1000
        seen = f"warm {milliseconds(self.warm)}; first {first:.0f} ms"
        return Measured(f"Handler time on a whole processor, {self.name}", "", seen, None)


def calls(kinds: tuple[Recording, ...]) -> list[Measured]:
    """Two lines for each kind of run."""
    return [line for kind in kinds for line in (_aws_calls(kind), _state_and_delivery_calls(kind))]


def _aws_calls(kind: Recording) -> Measured:
    calls = kind.of("amplify", "iam", "sts")
    made = [call for call in calls if call not in (*_DOCUMENTS, *_ONCE)]
    most = MAX_AWS_CALLS[kind.name]
    once = "".join(f"and once an environment {call}" for call in _ONCE if call in calls)
    return Measured(f"Amplify, IAM and STS calls, {kind.name}", f"≤ {most}", str(len(made)), len(made) <= most, once)


def _state_and_delivery_calls(kind: Recording) -> Measured:
    made = [*kind.of("dynamodb", "sns", "secretsmanager", "events"), *["slack"] * kind.posts]
    most = MAX_STATE_AND_DELIVERY_CALLS[kind.name]
    counted = {call: made.count(call) for call in dict.fromkeys(made)}
    note = ", ".join(f"{number} {call}" for call, number in counted.items())
    return Measured(f"State and delivery calls, {kind.name}", f"≤ {most}", str(len(made)), len(made) <= most, note)
