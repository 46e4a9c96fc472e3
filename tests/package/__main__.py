"""Install the wheel and the sdist into empty environments, and run the commands that need no AWS.

The wheel gets the newest dependencies that its ranges allow, as `pipx install` would; the sdist gets the oldest. The
GitHub action installs from this folder, with locked dependencies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml  # type: ignore[import-untyped]
from uv import find_uv_bin

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
BUILT = ROOT / ".build" / "dist"
LOG = "2026-11-29T10:00:00 [ERROR]: !!! Unable to assume specified IAM Role\n"
SECRET = "AKIAIOSFODNN7EXAMPLE"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class PackageError(Exception):
    """An installed command did not do what it must."""


@dataclass(frozen=True, slots=True)
class Check:
    arguments: tuple[str, ...]
    prints: str
    given: str = ""
    """Its standard input."""
    code: int = 0


CHECKS = (
    Check(("--version",), "medic "),
    Check(("explain",), "service_role_unassumable"),
    Check(("classify", "build.log", "--phase", "build", "--json"), '"service_role_unassumable"', code=1),
    Check(("trust", "trust.json", "--expect", "allowed"), "ALLOWED"),
    Check(("redact",), "[", given=f"export AWS_ACCESS_KEY_ID={SECRET}\n"),
)


def install(built: Path, resolution: str, folder: Path) -> Path:
    """Make an empty environment and install one file into it. Returns its `medic`."""
    environment = folder / "environment"
    uv = find_uv_bin()
    run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)], folder)
    python = environment / "bin" / "python"
    run([uv, "pip", "install", "--quiet", "--python", str(python), "--resolution", resolution, str(built)], folder)
    return environment / "bin" / "medic"


def install_as_action(folder: Path) -> Path:
    """Run the step of action.yml that installs. Returns its `medic`."""
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("id") == "install"]
    environ = {
        "PYTHON": sys.executable,
        "RUNNER_TEMP": str(folder),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_OUTPUT": str(folder / "outputs"),
    }
    run(["bash", "-c", script], folder, environ=os.environ | environ)
    return Path((folder / "outputs").read_text().strip().removeprefix("python=")).with_name("medic")


def run(
    command: list[str], folder: Path, given: str = "", code: int = 0, environ: Mapping[str, str] | None = None
) -> str:
    """What the command prints.

    Raises:
        PackageError: its exit code is another one.
    """
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, env=environ, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode != code:
        raise PackageError(f"{command} exited with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")
    return done.stdout


def check(medic: Path, folder: Path) -> None:
    (folder / "build.log").write_text(LOG)
    (folder / "trust.json").write_text(TRUST)
    for each in CHECKS:
        printed = run([str(medic), *each.arguments], folder, each.given, each.code)
        if each.prints not in printed or SECRET in printed:
            raise PackageError(f"medic {' '.join(each.arguments)} printed:\n{printed}")


def main() -> None:
    for pattern, resolution in (("*.whl", "highest"), ("*.tar.gz", "lowest-direct")):
        (built,) = BUILT.glob(pattern)
        with tempfile.TemporaryDirectory() as name:
            check(install(built, resolution, Path(name)), Path(name))
        sys.stdout.write(f"{built.name} installs with the {resolution} dependencies, and its commands work.\n")
    with tempfile.TemporaryDirectory() as name:
        check(install_as_action(Path(name)), Path(name))
    sys.stdout.write("The GitHub action installs, and its commands work.\n")


if __name__ == "__main__":
    main()
