"""`python -m tests.proof [STEP…]`: the slow checks of `make proof`.

Every step runs, even if one before it failed. A summary says of each whether it passed, failed or could not look.
Exits with 0 if all passed, 1 if one failed, 2 for an unknown step, 3 if none failed and one could not look.
"""

from __future__ import annotations

import random
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Verdict(IntEnum):
    """The exit code of a step."""

    PASSED = 0
    FAILED = 1
    COULD_NOT_LOOK = 3


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    module: tuple[str, ...]
    """What follows `python -m`."""
    tools: tuple[str, ...] = ()
    """Targets of the Makefile that install what the step compares with."""


def steps() -> list[Step]:
    """All steps, with seeds of their own in each run."""
    seed, order = (str(random.randrange(1 << 15)) for _ in range(2))  # noqa: S311 - no secret
    return [
        Step("mutants", ("tests.mutants",)),
        Step("deployed", ("pytest", "-m", "proof", "tests/e2e"), (".build/awscli/ready", ".build/cdk/ready")),
        Step("model", ("pytest", "-m", "proof", "tests/model", "tests/integration/doctor_live")),
        Step("differential", ("tests.differential",), (".build/peer/ready",)),
        Step("peers", ("tests.peers",), (".build/peers/ready",)),
        Step("simulation", ("tests.simulation", "--seed", seed, "--steps", "100000")),
        Step("planted", ("tests.simulation", "--planted", "--steps", "20000")),
        Step(
            "shuffled",
            ("pytest", "-n", "3", "--shuffle", order, "tests/unit", "tests/integration", "tests/docs"),
        ),
        Step("audit", ("tests.audit",), (".build/audit/ready",)),
    ]


def run(step: Step, call: Callable[[Sequence[str]], int] = subprocess.call) -> Verdict:
    """Run a step. Without its tools it could not look, and neither could a command that exits with 3."""
    command = [sys.executable, "-m", *step.module]
    _print(f"\n== {step.name}: python -m {shlex.join(step.module)}")
    if step.tools and call(["make", "--no-print-directory", *step.tools]):
        return Verdict.COULD_NOT_LOOK
    status = call(command)
    return Verdict(status) if status in {Verdict.PASSED, Verdict.COULD_NOT_LOOK} else Verdict.FAILED


def main(names: Sequence[str], call: Callable[[Sequence[str]], int] = subprocess.call) -> int:
    """Run the steps with these names, or all. Returns the exit code."""
    known = {step.name: step for step in steps()}
    if unknown := set(names) - known.keys():
        _print(f"There is no step {', '.join(sorted(unknown))}. The steps: {', '.join(known)}")
        return 2
    rows: list[tuple[str, Verdict, float]] = []
    for name in names or known:
        start = time.monotonic()
        rows.append((name, run(known[name], call), time.monotonic() - start))
    _print("\n== summary")
    for name, verdict, seconds in rows:
        _print(f"{verdict.name.replace('_', ' ').lower():<14}  {name:<12}  {seconds:5.0f} s")
    verdicts = {verdict for _, verdict, _ in rows}
    return next((each for each in (Verdict.FAILED, Verdict.COULD_NOT_LOOK) if each in verdicts), Verdict.PASSED)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
