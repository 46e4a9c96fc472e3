"""The Lambda environment: the bundle with its byte code, and a Python with only boto3 and the runtime client."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import botocore
from uv import find_uv_bin

from infra.bundle import ROOT, build_bundle, find_interpreter, require_dependencies

LOCK = ROOT / "requirements" / "bench.txt"
PYTHON = ROOT / ".build" / "bench-environment" / "bin" / "python"
PROBES = Path(__file__).parent / "probes"
CERTIFICATES = Path(botocore.__file__).parent / "cacert.pem"
"""The authorities that AWS's SDK trusts, about as many as Lambda's system trusts."""
_VERSIONS = """
import importlib.metadata as m, json, platform
names = ("boto3", "botocore", "awslambdaric")
print(json.dumps({"Python": platform.python_version(), **{name: m.version(name) for name in names}}))
"""


@dataclass(frozen=True, slots=True)
class LambdaEnvironment:
    bundle: Path
    """The unpacked bundle, with msgspec's library for this machine beside that for Lambda's processor."""
    compiled: bool
    """Whether it contains byte code."""
    zip_bytes: int
    """The size of what ships."""

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the interpreter and its packages."""
        done = subprocess.run([str(PYTHON), "-c", _VERSIONS], check=True, capture_output=True, text=True)  # noqa: S603
        versions: dict[str, str] = json.loads(done.stdout)
        return versions


def lambda_environment(folder: Path) -> LambdaEnvironment:
    """Build the real bundle in an empty folder.

    Raises:
        PackagingError: the dependencies are missing or stale.
    """
    require_dependencies()
    interpreter = find_interpreter()
    build_bundle(folder, interpreter)
    zip_bytes = _zipped(folder)
    for library in PYTHON.parent.parent.glob("lib/*/site-packages/msgspec/_core.*"):
        shutil.copy(library, folder / "msgspec")
    return LambdaEnvironment(folder, interpreter is not None, zip_bytes)


def _zipped(folder: Path) -> int:
    """The size of a zip of this folder."""
    with tempfile.TemporaryFile() as archive:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in sorted(folder.rglob("*")):
                packed.write(path, path.relative_to(folder))
        return archive.tell()


def main() -> None:
    """Create the virtual environment, with Lambda's Python version if it is installed."""
    folder = str(PYTHON.parent.parent)
    interpreter = find_interpreter() or Path(sys.executable)
    install = ("--quiet", "--compile-bytecode", "--require-hashes", "-r", str(LOCK))
    for command in (
        ("venv", "--quiet", "--clear", "--python", str(interpreter), folder),
        ("pip", "install", "--python", str(PYTHON), *install),
    ):
        subprocess.run([find_uv_bin(), *command], check=True)  # noqa: S603 - fixed arguments


if __name__ == "__main__":
    main()
