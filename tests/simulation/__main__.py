"""`python -m tests.simulation --seed N --steps M`: simulate worlds, and keep the first failure as a regression.

With `--planted`, known bugs are planted, and each must be found.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from typing import TYPE_CHECKING

from tests.simulation.run import FOLDER, Found, first_violation, shrunk, stories

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Returns 1 if an invariant is broken, or if a planted bug was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides everything (default: 1)")
    parser.add_argument("--steps", type=int, default=5_000, help="how many steps in all (default: 5000)")
    parser.add_argument("--unshrunk", action="store_true", help="only say what is broken first")
    parser.add_argument("--planted", action="store_true", help="plant known bugs, and show what finds each")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    if asked.planted:
        from tests.simulation.planted import find_all  # noqa: PLC0415 - it compiles mutants

        return find_all(asked.seed, asked.steps)
    begun = time.process_time()
    failed: list[int] = []
    found = first_violation(
        stories(asked.seed, asked.steps),
        lambda world: failed.append(sum(job.status == "FAILED" for job in world.ended)),
    )
    seconds = time.process_time() - begun
    _print(f"seed {asked.seed}: {asked.steps} steps, {sum(failed)} failed builds, {seconds:.0f} s of processor time")
    if found is None:
        _print("No invariant was broken.")
        return 0
    _print(f"World {found.story.seed} breaks after {found.steps} steps:\n{found.why}")
    if not asked.unshrunk:
        _print(f"Shrinking its {len(found.story.steps)} steps …")
        _keep(shrunk(found))
    return 1


def _keep(found: Found) -> None:
    path = FOLDER / f"{found.story.seed.replace('/', '-')}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(found.story.text(found.why), encoding="utf-8")
    _print(f"{len(found.story.steps)} steps are left, in {path}:\n{found.why}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
