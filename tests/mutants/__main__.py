"""`python -m tests.mutants [WORD…]`: put each mutant into a copy of the tree, and see which test notices.

With words: only the mutants whose names hold one of them.
"""

from __future__ import annotations

import queue
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.mutants.catalogue import catalogue
from tests.mutants.trial import complaint_of, copy_tree, try_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.mutants.trial import Trial

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 2


def main(words: Sequence[str]) -> int:
    """Try the mutants out; 1 if one survives, or if a test is red without any."""
    chosen = [mutant for mutant in catalogue() if not words or any(word in mutant.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees = Trees([copy_tree(Path(folder) / str(number)) for number in range(AT_ONCE)])
        complaints = list(filter(None, trees.each(complaint_of, dict.fromkeys(mutant.tests for mutant in chosen))))
        if complaints:
            _say("\n".join(("These tests are red without any mutant: nothing can be learnt from them.", *complaints)))
            return 1
        survivors = sum(_told(trial) for trial in trees.each(try_out, chosen))
    _say(f"{len(chosen) - survivors} of {len(chosen)} mutants were noticed.")
    return 1 if survivors else 0


class Trees:
    """Copies of the tree, each for one run at a time."""

    def __init__(self, trees: Sequence[Path]) -> None:
        self._free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._many = len(trees)
        for tree in trees:
            self._free.put(tree)

    def each(self, act: Callable[[T, Path], R], things: Iterable[T]) -> Iterator[R]:
        """What `act` makes of each thing in some tree, in the things' order."""

        def in_some_tree(thing: T) -> R:
            tree = self._free.get()
            try:
                return act(thing, tree)
            finally:
                self._free.put(tree)

        with ThreadPoolExecutor(self._many) as pool:
            yield from pool.map(in_some_tree, things)


def _told(trial: Trial) -> bool:
    """Say how it went; True if the mutant survived."""
    _say(f"{'SURVIVED' if trial.survived else 'noticed ':8}  {trial.mutant.name:<52}  {trial.noticed_by}")
    return trial.survived


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
