"""Recorded runs: how many calls each kind makes, and how long the handler takes without the network."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.lambda_environment import PROBES, PYTHON, LambdaEnvironment
from benchmarks.measurement import Measured, milliseconds
from benchmarks.runtime_api import Function

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.recorded import Recording, Recordings

COLD_ROUNDS = 5
WARM_RUNS = 25


@dataclass(frozen=True, slots=True)
class Timed:
    """The processor seconds of one kind of a run."""

    name: str
    first: tuple[float, ...]
    """In fresh processes: with the making of the clients."""
    warm: tuple[float, ...]

    def measured(self) -> Measured:
        """For the report."""
        first = statistics.median(self.first) * 1000
        seen = f"warm {milliseconds(self.warm)}; first {first:.0f} ms"
        return Measured(f"Handler time without network, {self.name}", "", seen, None)


def handler_time(environment: LambdaEnvironment, recorded: Recordings, folder: Path) -> list[Timed]:
    """Each kind of a run, first in fresh processes, then warm."""
    timed = []
    variables = {**recorded.environment, "RECORDINGS": str(folder), "PYTHONPATH": str(PROBES)}
    for kind in recorded.kinds:
        kind.keep(folder)
        first: list[float] = []
        warm: list[float] = []
        for number in range(COLD_ROUNDS):
            with Function(PYTHON, environment.bundle, "replay.handler", variables) as function:
                times = 1 if number else WARM_RUNS
                begun, *others = function.invoke({"name": kind.name, "times": times})
            first.append(begun["cpu"])
            warm += [run["cpu"] for run in others]
        timed.append(Timed(kind.name, tuple(first), tuple(warm)))
    return timed


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
