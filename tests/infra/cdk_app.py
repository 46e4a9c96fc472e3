"""Runs app.py as the CDK CLI does, in an isolated environment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
UNPACKED_CDK = {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache" / "aws" / "jsii" / "package-cache")}
"""Where jsii looks first. In an empty home directory it would unpack the whole CDK again, for eight seconds."""
_CLOSED_PORT = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Done:
    returncode: int
    stderr: str
    template: str | None


def run_app(context: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Done:
    """Run app.py without bundling, credentials, a home directory or a network.

    Args:
        context: overrides values of cdk.json, as `cdk -c` does.
        environ: what the CDK CLI adds to the environment.
    """
    documented = json.loads((ROOT / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            "PATH": str(Path(shutil.which("node") or "node").parent),
            "HOME": folder,
            **UNPACKED_CDK,
            "PYTHONPATH": str(ROOT / "lambdas"),
            "HTTP_PROXY": _CLOSED_PORT,
            "HTTPS_PROXY": _CLOSED_PORT,
            "CDK_OUTDIR": folder,
            "CDK_CONTEXT_JSON": json.dumps({**documented, **context, "aws:cdk:bundling-stacks": []}),
            **(environ or {}),
        }
        command = [sys.executable, str(ROOT / "app.py")]
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, env=environ, cwd=folder, capture_output=True, text=True, check=False, timeout=100
        )
        written = Path(folder, "AmplifyMedic.template.json")
        return Done(done.returncode, done.stderr, written.read_text() if written.exists() else None)
