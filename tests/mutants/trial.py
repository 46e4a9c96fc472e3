"""Runs a mutant's tests in a copy of the tree that contains the fault."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.mutants.catalogue import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.mutants.catalogue import Mutant

_NOT_SOURCES = (
    ".git",
    ".venv",
    ".emulator",
    ".build",
    "node_modules",
    "cdk.out",
    ".hypothesis",
    ".*cache",
)
_ALL_PASSED, _SOME_FAILED = 0, 1
"""https://docs.pytest.org/en/stable/reference/exit-codes.html"""
_FAILED = re.compile(r"^FAILED (\S+(?:\[.*?\])?)(?: - |$)", re.MULTILINE)
_TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of one mutant.

    Attributes:
        mutant: the fault.
        noticed_by: the id of the test that failed; if none failed, what happened instead.
        survived: True if no test failed.
    """

    mutant: Mutant
    noticed_by: str
    survived: bool


def copy_tree(into: Path) -> Path:
    """Copy the repository's sources, and their bytecode, because it saves time.

    Mutants are applied to the copy, never to the working tree.
    """
    shutil.copytree(REPOSITORY, into, ignore=shutil.ignore_patterns(*_NOT_SOURCES))
    return into


def failures_without_mutant(tests: Sequence[str], tree: Path) -> str:
    """Run tests on the sources as they are. Returns the end of pytest's output, or an empty string if all passed.

    A test that fails anyway proves nothing about the mutant that it seems to notice.
    """
    status, output = _pytest(tests, tree)
    return "" if status == _ALL_PASSED else output[-2000:]


def run_trial(mutant: Mutant, tree: Path) -> Trial:
    """Apply the fault, run its tests up to the first failure, and restore the file.

    Raises:
        DriftError: the source changed, so that the mutant does not apply.
    """
    path = tree / mutant.file
    original = path.read_text()
    path.write_text(mutant.spoilt(tree))
    try:
        status, output = _pytest(("-x", *mutant.tests), tree)
    finally:
        path.write_text(original)
    failed = _FAILED.search(output)
    if status == _SOME_FAILED and failed:
        return Trial(mutant, failed[1], survived=False)
    if status == _ALL_PASSED:
        return Trial(mutant, "no test failed", survived=True)
    return Trial(mutant, f"pytest ended with {status}: {output[-300:]}", survived=True)


def _pytest(arguments: Sequence[str], tree: Path) -> tuple[int, str]:
    """Run pytest. Returns its exit status and output.

    It writes no bytecode, because Python would not notice a fault that keeps the size of a file.
    """
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-n", "0", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    command.append("--hypothesis-profile=unshrunk")
    ran = subprocess.run(  # noqa: S603 - our own tests
        [*command, *arguments], cwd=tree, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr
