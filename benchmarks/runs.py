"""Recorded runs: how many calls each kind of run makes, and how long the handler takes without the network."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.lambda_environment import PROBES, PYTHON, LambdaEnvironment
from benchmarks.measurement import Measured, milliseconds
from benchmarks.runtime_api import Function

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.recorded import Recording

COLD_ROUNDS = 5
WARM_RUNS = 25

MAX_AWS_CALLS = {"not-iam": 3, "diagnosis": 6, "fix": 15}
"""Calls to Amplify and IAM. A fix usually makes 14; one more may be needed to read a policy."""
MAX_STATE_AND_DELIVERY_CALLS = {"not-iam": 2, "diagnosis": 5, "fix": 10}
"""Calls to DynamoDB, Secrets Manager, SNS, EventBridge, and posts to Slack."""


@dataclass(frozen=True, slots=True)
class Timed:
    """The processor seconds of one kind of run."""

    name: str
    first: tuple[float, ...]
    """The first run of each fresh process, which also creates the clients."""
    warm: tuple[float, ...]

    def measured(self) -> Measured:
        first = statistics.median(self.first) * 1000
        seen = f"warm {milliseconds(self.warm)}; first {first:.0f} ms"
        return Measured(f"Handler time without network, {self.name}", "", seen, None)


def handler_time(
    environment: LambdaEnvironment, kinds: tuple[Recording, ...], replay: Mapping[str, str], folder: Path
) -> list[Timed]:
    """Time each kind of run. Only the first process of a kind also does warm runs."""
    timed = []
    variables = {**replay, "RECORDINGS": str(folder), "PYTHONPATH": str(PROBES)}
    for kind in kinds:
        kind.save(folder)
        first: list[float] = []
        warm: list[float] = []
        for number in range(COLD_ROUNDS):
            with Function(PYTHON, environment.bundle, "replay.handler", variables) as function:
                times = 1 if number else WARM_RUNS
                cold, *others = function.invoke({"name": kind.name, "times": times})
            first.append(cold["cpu"])
            warm += [run["cpu"] for run in others]
        timed.append(Timed(kind.name, tuple(first), tuple(warm)))
    return timed


def calls(kinds: tuple[Recording, ...]) -> list[Measured]:
    """Two lines for each kind of run."""
    return [line for kind in kinds for line in (_aws_calls(kind), _state_and_delivery_calls(kind))]


def _aws_calls(kind: Recording) -> Measured:
    made = kind.of("amplify", "iam")
    most = MAX_AWS_CALLS[kind.name]
    return Measured(f"Amplify and IAM calls, {kind.name}", f"≤ {most}", str(len(made)), len(made) <= most)


def _state_and_delivery_calls(kind: Recording) -> Measured:
    made = [*kind.of("dynamodb", "sns", "secretsmanager", "events"), *["slack"] * kind.posts]
    most = MAX_STATE_AND_DELIVERY_CALLS[kind.name]
    counted = {call: made.count(call) for call in dict.fromkeys(made)}
    note = ", ".join(f"{number} {call}" for call, number in counted.items())
    return Measured(f"State and delivery calls, {kind.name}", f"≤ {most}", str(len(made)), len(made) <= most, note)
