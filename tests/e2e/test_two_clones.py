"""Two clones in different folders install the dependencies anew and build the same bundle, byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from infra.bundle import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def bundle_hash_in(clone: Path) -> str:
    """What the command prints in a new clone, which first downloads the locked dependencies."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)  # noqa: S603, S607 - fixed arguments
    command = [sys.executable, "-m", "infra.bundle", "hash"]
    environment = {**os.environ, "PYTHONPATH": f"{clone / 'lambdas'}{os.pathsep}{clone}"}
    done = subprocess.run(command, cwd=clone, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    return done.stdout.strip()


@pytest.mark.proof
def test_two_clones_build_the_same_bundle(tmp_path: Path) -> None:
    hashes = {bundle_hash_in(tmp_path / folder) for folder in ("one", "elsewhere/another")}

    assert [len(each) for each in hashes] == [64]
