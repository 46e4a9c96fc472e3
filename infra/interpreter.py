"""Finding a Python of Lambda's version on this machine, to compile the bundle with."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from uv import find_uv_bin

VERSION = "3.13"
"""The Python that Lambda runs the functions with."""


@functools.cache
def find_interpreter() -> Path | None:
    """A Python 3.13: this one, one on the PATH, or one that uv or pyenv knows; None if there is none."""
    return next(filter(_has_the_version, _candidates()), None)


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    if on_path := shutil.which(f"python{VERSION}"):
        yield Path(on_path)
    if known_to_uv := _answer([find_uv_bin(), "python", "find", VERSION]):
        yield Path(known_to_uv)
    if known_to_pyenv := _answer(["pyenv", "prefix", VERSION]):
        yield Path(known_to_pyenv) / "bin" / "python"


def _has_the_version(python: Path) -> bool:
    """Ask it: a name says little, and pyenv's shims exist for versions that are not active."""
    return _answer([str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]) == VERSION


def _answer(command: list[str]) -> str:
    """What a command prints; nothing if it fails or can't be run."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)  # noqa: S603 - fixed arguments
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
