"""`python -m tests.mutants [WORD…]`: apply each mutant to a copy of the tree and report which test fails.

With words, run only the mutants whose names contain one of them.
"""

from __future__ import annotations

import queue
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.mutants.catalogue import catalogue
from tests.mutants.trial import copy_tree, failures_without_mutant, run_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.mutants.trial import Trial

T = TypeVar("T")
R = TypeVar("R")

PARALLEL_TREES = 2


def main(words: Sequence[str]) -> int:
    """Run the trials. Returns 1 if a mutant survives, or if a test fails without any mutant."""
    chosen = [mutant for mutant in catalogue() if not words or any(word in mutant.name for word in words)]
    if not chosen:
        _print(f"No mutant's name contains any of {words}. Usage: python -m tests.mutants [WORD...]")
        return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees = Trees([copy_tree(Path(folder) / str(number)) for number in range(PARALLEL_TREES)])
        trials = [_reported(trial) for trial in trees.each(run_trial, chosen)]
        noticing = sorted({trial.noticed_by for trial in trials if not trial.survived})
        shares = [noticing[number::PARALLEL_TREES] for number in range(min(PARALLEL_TREES, len(noticing)))]
        failures = list(filter(None, trees.each(failures_without_mutant, shares)))
    if failures:
        _print("\n".join(("These tests fail without any mutant, so they prove nothing.", *failures)))
    noticed = sum(not trial.survived for trial in trials)
    _print(f"{noticed} of {len(trials)} mutants were noticed.")
    return 1 if failures or noticed < len(trials) else 0


class Trees:
    """Copies of the tree. Each is used by one run at a time."""

    def __init__(self, trees: Sequence[Path]) -> None:
        self._free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._count = len(trees)
        for tree in trees:
            self._free.put(tree)

    def each(self, act: Callable[[T, Path], R], things: Iterable[T]) -> Iterator[R]:
        """Run `act` on each thing in a free tree. Yields the results in order."""

        def in_some_tree(thing: T) -> R:
            tree = self._free.get()
            try:
                return act(thing, tree)
            finally:
                self._free.put(tree)

        with ThreadPoolExecutor(self._count) as pool:
            yield from pool.map(in_some_tree, things)


def _reported(trial: Trial) -> Trial:
    """Print the result of a trial."""
    _print(f"{'SURVIVED' if trial.survived else 'noticed ':8}  {trial.mutant.name:<52}  {trial.noticed_by}")
    return trial


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
