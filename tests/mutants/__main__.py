"""`python -m tests.mutants [WORD…]`: put each mutant into a copy of the tree, and see which test notices.

With words: only the mutants whose names hold one of them.
"""

from __future__ import annotations

import queue
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.catalogue import Mutant, catalogue
from tests.mutants.trial import Trial, copy_tree, sound_tests, try_out

AT_ONCE = 2


def main(words: Sequence[str]) -> int:
    """Try the mutants out; 1 if one survives, or if a test is red without any."""
    chosen = [mutant for mutant in catalogue() if not words or any(word in mutant.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(AT_ONCE):
            trees.put(copy_tree(Path(folder) / str(number)))
        red = sound_tests(chosen, Path(folder) / "0")
        if red:
            _say(f"These tests are red without any mutant, so nothing can be learnt from them:\n{red}")
            return 1
        trials = _in_parallel(chosen, trees)
        survivors = sum(_told(trial) for trial in trials)
    _say(f"{len(chosen) - survivors} of {len(chosen)} mutants were noticed.")
    return 1 if survivors else 0


def _in_parallel(mutants: Sequence[Mutant], trees: queue.SimpleQueue[Path]) -> Iterable[Trial]:
    """The trials in the catalogue's order, each in a tree that no other uses meanwhile."""

    def in_some_tree(mutant: Mutant) -> Trial:
        tree = trees.get()
        try:
            return try_out(mutant, tree)
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(in_some_tree, mutants)


def _told(trial: Trial) -> bool:
    """Say how it went; True if the mutant survived."""
    _say(f"{'SURVIVED' if trial.survived else 'noticed ':8}  {trial.mutant.name:<52}  {trial.noticed_by}")
    return trial.survived


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
