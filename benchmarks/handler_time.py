"""Handler time without network: recorded runs played back under Lambda's runtime client."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.budget import Measured, milliseconds
from benchmarks.lambda_environment import PROBES, PYTHON, LambdaEnvironment
from benchmarks.runtime_api import Function

if TYPE_CHECKING:
    from benchmarks.recorded import Recordings

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
