"""One mutant's trial: its tests run in a copy of the tree that has the fault in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.mutants.catalogue import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mutants.catalogue import Mutant

_NOT_SOURCES = (
    ".git",
    ".venv",
    ".emulator",
    ".build",
    "node_modules",
    "cdk.out",
    "__pycache__",
    ".hypothesis",
    ".*cache",
)
_ALL_PASSED, _SOME_FAILED = 0, 1
"""https://docs.pytest.org/en/stable/reference/exit-codes.html"""
_FAILED = re.compile(r"^FAILED (\S+(?:\[.*?\])?)(?: - |$)", re.MULTILINE)
_MOST_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went.

    Attributes:
        mutant: the fault.
        noticed_by: the test that turned red; if none did, what happened instead.
        survived: True if no test turned red.
    """

    mutant: Mutant
    noticed_by: str
    survived: bool


def copy_tree(into: Path) -> Path:
    """A copy of the repository's sources, and no more. The mutants live and die there, never in the tree itself."""
    shutil.copytree(REPOSITORY, into, ignore=shutil.ignore_patterns(*_NOT_SOURCES))
    return into


def complaint_of(tests: tuple[str, ...], tree: Path) -> str:
    """Run tests without any mutant; what is wrong with them, or nothing."""
    status, said = _pytest(tests, tree)
    return "" if status == _ALL_PASSED else f"pytest {' '.join(tests)}\n{said[-2000:]}"


def try_out(mutant: Mutant, tree: Path) -> Trial:
    """Put the fault in, run its tests up to the first red one, and take it out again.

    Raises:
        DriftError: the source is not what the mutant was written for.
    """
    path = tree / mutant.file
    sound = path.read_text()
    path.write_text(mutant.spoilt(tree))
    try:
        status, said = _pytest(mutant.tests, tree)
    finally:
        path.write_text(sound)
    failed = _FAILED.search(said)
    if status == _SOME_FAILED and failed:
        return Trial(mutant, failed[1], survived=False)
    if status == _ALL_PASSED:
        return Trial(mutant, "no test turned red", survived=True)
    return Trial(mutant, f"pytest ended with {status}: {said[-300:]}", survived=True)


def _pytest(tests: tuple[str, ...], tree: Path) -> tuple[int, str]:
    """Pytest's exit status, and all it said. Compiled files are not kept: a fault of the same size would go unseen."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-n", "0", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    ran = subprocess.run(  # noqa: S603 - our own tests
        [*command, *tests], cwd=tree, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr
