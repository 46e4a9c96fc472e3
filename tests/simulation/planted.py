"""Plants known bugs in a copy of the tree, one at a time. The simulation must find each."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.catalogue import Mutant, catalogue
from tests.mutants.trial import copy_tree

PLANTED = (
    "no intent is written before the change",
    "no lease: a held branch is held again",
    "no fresh GetBranch before the write",
    "UpdateBranch sends a second field",
    "RELEASE in the place of RETRY",
    "a branch without a tag counts as opted in",
    "a guardrail's no does not stop the plan",
    "caps are counted and not kept to",
    "an app has no cap",
    "the cool-down is ignored",
    "no read-back after the write",
    "tags and stage are not compared by the fresh look",
    "no fresh look after the session was created",
    "a tag names a role that is not paired",
    "a stale event still changes something",
    "a superseded job is rebuilt",
    "a rebuild whose answer was lost is asked for again",
    "undoing looks at nothing that stands there now",
    "a preview gets a role",
    "fields of a newer release are dropped",
    "items that only a newer release may write are written",
)
"""Names in `tests/mutants/mutants.toml`."""
SEEDS = 3
"""With how many seeds a bug is looked for. The rarest are found with one seed in two."""
_BROKEN = re.compile(r"World (?P<world>\S+) breaks after (?P<steps>\d+) steps:\n(?P<why>.*)")


def find_all(seed: int, steps: int) -> int:
    """Print what finds each bug, with this seed or one of the next. Returns 1 if one is not found."""
    by_name = {mutant.name: mutant for mutant in catalogue()}
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = copy_tree(Path(folder) / "tree")
        missed = [
            name
            for name in PLANTED
            if not any(_is_found(by_name[name], tree, each, steps) for each in range(seed, seed + SEEDS))
        ]
    _print(f"{len(PLANTED) - len(missed)} of {len(PLANTED)} planted bugs were found within {steps} steps of a seed.")
    return 1 if missed else 0


def _is_found(mutant: Mutant, tree: Path, seed: int, steps: int) -> bool:
    path = tree / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.spoilt(tree), encoding="utf-8")
    command = [sys.executable, "-B", "-m", "tests.simulation", f"--seed={seed}", f"--steps={steps}", "--unshrunk"]
    begun = time.monotonic()
    try:
        ran = subprocess.run(  # noqa: S603 - our own module
            command,
            cwd=tree,
            env={"PYTHONPATH": "lambdas:cli:.", "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_text(original, encoding="utf-8")
    found = _BROKEN.search(ran.stdout) if ran.returncode == 1 else None
    seconds = time.monotonic() - begun
    if found is None:
        _print(f"missed {mutant.name} with seed {seed} ({seconds:.0f} s) {ran.stderr[-300:]}")
    else:
        _print(
            f"found {mutant.name} after {found['steps']} steps ({seconds:.0f} s), {found['world']}: {found['why'][:90]}"
        )
    return found is not None


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
