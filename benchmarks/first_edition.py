"""The first edition of the bot, from the git tag `first-edition`: its checkout, its bundle, and its speed on a log."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from benchmarks.lambda_environment import PROBES
from benchmarks.recorded import tree_environment
from infra.bundle import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TAG = "first-edition"
MEMORY_MEBIBYTES = 512
"""`MEMORY_MEBIBYTES` in its infra/medic_function.py."""
_FOLDER = ROOT / ".build" / TAG
_READY = "ready"
_BUILD = """
from pathlib import Path
from infra.interpreter import find_interpreter
from infra.packaging import bundle, main
main()
bundle(Path("bundle"), find_interpreter())
"""


class NoFirstEditionError(Exception):
    """The first edition can't be built here. The message says why."""


def checkout() -> Path:
    """Its checkout.

    Raises:
        NoFirstEditionError: this clone lacks the tag.
    """
    archive = _output("git", "archive", TAG, cwd=ROOT)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(_FOLDER, filter="data")
    return _FOLDER


def first_edition() -> tuple[Path, Path]:
    """Its checkout and its bundle, made once with its own locked packages.

    Raises:
        NoFirstEditionError: this clone lacks the tag, or the bundle can't be built.
    """
    bundle = _FOLDER / "bundle"
    if not (_FOLDER / _READY).exists():
        checkout()
        bundle.mkdir(exist_ok=True)
        _output(sys.executable, "-c", _BUILD, cwd=_FOLDER)
        (_FOLDER / _READY).touch()
    return _FOLDER, bundle


def seconds_for(work: str, log: Path) -> float:
    """The processor seconds in which it does this work, `scan` or `redact`, on a log. `checkout` was called before.

    Raises:
        NoFirstEditionError: it failed.
    """
    return float(_output(sys.executable, "-P", str(PROBES / "first_edition.py"), work, str(log), cwd=_FOLDER))


def _output(*command: str, cwd: Path) -> bytes:
    done = subprocess.run(command, cwd=cwd, env=tree_environment(cwd), check=False, capture_output=True)  # noqa: S603
    if done.returncode:
        raise NoFirstEditionError(f"{' '.join(command[:2])} failed: {done.stderr.decode()[-300:].strip()}")
    return done.stdout
