"""The Lambda bundle: our sources, the locked dependencies, and byte code if a Python of Lambda's version is installed.

`python -m infra.bundle` (part of `make setup`) downloads the dependencies for Lambda's platform into a local folder.
`cdk synth` then only copies files: it needs no Docker and no network. If that folder is missing or stale, synth fails
with an error that names the remedy; it never downloads.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import AssetHashType, Stack
from aws_cdk import aws_lambda as lambda_
from uv import find_uv_bin

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "3.13"
"""The Python version of the Lambda runtime."""

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "lambdas"
LOCK = ROOT / "requirements" / "lambda.txt"
DEPENDENCIES = ROOT / ".build" / "lambda-dependencies"

_PLATFORM = "aarch64-manylinux2014"
# Holds the hash of the lock that the folder was installed from. It is written last, so it also marks success.
_LOCK_MARK = ".lock-sha256"
# Parts of Powertools that no function imports; they would make the zip larger than 3 MB.
# Stubs, and json_types.py with types that only mypy and tests/schemas.py need.
_NOT_COPIED = shutil.ignore_patterns(
    *("__pycache__", "*.pyc", "*.pyi", ".*", "json_types.py"),
    *("event_handler", "data_classes", "idempotency", "parser"),
)
# Of each dist-info, keep the licences (the law asks for them) and METADATA (vulnerability scanners read it).
_KEPT_METADATA = ("METADATA", "LICEN[CS]E*", "NOTICE*", "COPYING*", "licenses")
# Parts of the dependencies that no function imports. Compiling them too would make the zip larger than 3 MB.
_NOT_COMPILED = (
    r"/aws_lambda_powertools/utilities/(?!__init__|typing|jmespath_utils)"
    r"|/slack/|/slack_sdk/(audit_logs|oauth|rtm|rtm_v2|scim|socket_mode)/|/slack_sdk/.*/(async|legacy)_"
)


_TIME = 315_532_800
"""1980-01-01, the first time that a zip can hold."""


class PackagingError(Exception):
    """The bundle can't be built. The message says what to do."""


def medic_code(stack: Stack) -> tuple[lambda_.Code, str | None]:
    """The code asset that all functions share, and its hash; no hash if the stack needs no bundle.

    The asset is named after what it contains. So a deployment without a change uploads nothing.

    Raises:
        PackagingError: the stack needs the bundle, and its dependencies are missing or stale.
    """
    if not stack.bundling_required:
        return _asset(SOURCES, "not bundled"), None
    require_dependencies()
    folder = Path(tempfile.mkdtemp(prefix="amplify-medic-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # CDK copies it when the first function is made
    build_bundle(folder, _interpreter_or_warning())
    digest = bundle_hash(folder)
    return _asset(folder, digest), digest


def _asset(folder: Path, digest: str) -> lambda_.Code:
    return lambda_.Code.from_asset(str(folder), asset_hash=digest, asset_hash_type=AssetHashType.CUSTOM)


def bundle_hash(folder: Path) -> str:
    """The SHA-256 of all files with their paths. `build_bundle` makes modes and times the same everywhere."""
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*")):
        if path.is_file():
            digest.update(f"{name}\0{_digest(path)}\n".encode())
    return digest.hexdigest()


def build_bundle(output: Path, interpreter: Path | None, dependencies: Path = DEPENDENCIES) -> None:
    """Fill `output` with what ships: the same bytes, modes and times, wherever and by whomever it is built.

    The same lock and the same version of Python give the same byte code.

    Args:
        output: an existing folder.
        interpreter: a Python of Lambda's version, which compiles the sources; None leaves the byte code out.
        dependencies: a folder that `install_dependencies` filled.

    Raises:
        PackagingError: a source does not compile.
    """
    for source in (dependencies, SOURCES):
        shutil.copytree(source, output, ignore=_NOT_COPIED, dirs_exist_ok=True)
    if interpreter is not None:
        _compile(output, interpreter)
    for path in [output, *output.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (_TIME, _TIME))


def _compile(folder: Path, interpreter: Path) -> None:
    """Compile in place. `/var/task` is read-only, so Lambda would compile the rest again at every cold start.

    The hashes are unchecked, because a zip does not keep the time stamps that Python otherwise compares. The paths are
    those on Lambda, so stack traces are correct and the bytes don't depend on where the bundle was built. `-I` ignores
    PYTHONPYCACHEPREFIX, which would put the byte code in another folder.
    """
    command = [
        *(str(interpreter), "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(folder), "-p", "/var/task", "-x", _NOT_COMPILED, str(folder)),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed arguments
    if done.returncode != 0:
        raise PackagingError(f"The bundle does not compile under Python {VERSION}:\n{done.stdout}{done.stderr}")


def require_dependencies(folder: Path = DEPENDENCIES) -> None:
    """Check that the dependencies are installed and match the lock.

    Raises:
        PackagingError: they are missing or stale.
    """
    mark = folder / _LOCK_MARK
    if not mark.is_file() or mark.read_text() != _digest(LOCK):
        state = "do not match requirements/lambda.txt" if mark.is_file() else "are missing"
        raise PackagingError(f"The Lambda's dependencies {state}: run `make setup` (or `python -m infra.bundle`).")


def install_dependencies(target: Path = DEPENDENCIES) -> None:
    """Install the locked dependencies for Lambda's platform into `target`, whose old content is deleted.

    Without `--no-deps`, because then uv also checks that the lock is complete.

    Raises:
        PackagingError: uv could not install them.
    """
    shutil.rmtree(target, ignore_errors=True)
    command = [
        *(find_uv_bin(), "pip", "install", "--quiet", "--target", str(target), "--link-mode", "copy"),
        *("--python-platform", _PLATFORM, "--python-version", VERSION, "--only-binary", ":all:"),
        *("--require-hashes", "-r", str(LOCK)),
    ]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - fixed arguments
        raise PackagingError(f"uv could not install {LOCK.relative_to(ROOT)} for {_PLATFORM}; see its message above.")
    _trim(target)
    (target / _LOCK_MARK).write_text(_digest(LOCK))


def _trim(target: Path) -> None:
    """Remove what only an installer needs: scripts, locks, records."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    (target / ".lock").unlink(missing_ok=True)
    for distribution in target.glob("*.dist-info"):
        for entry in distribution.iterdir():
            if not any(entry.match(kept) for kept in _KEPT_METADATA):
                entry.unlink()


@functools.cache
def find_interpreter() -> Path | None:
    """A Python of Lambda's version: this one, one in PATH, or one that uv or pyenv knows; else None."""
    return next(filter(_has_the_version, _candidates()), None)


def _interpreter_or_warning() -> Path | None:
    interpreter = find_interpreter()
    if interpreter is None:
        sys.stderr.write(
            f"No Python {VERSION} found, so the bundle contains no byte code and cold starts take 55 to 90 ms longer."
            f" To install it, run `.venv/bin/uv python install {VERSION}`.\n"
        )
    return interpreter


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    if in_path := shutil.which(f"python{VERSION}"):
        yield Path(in_path)
    if known_to_uv := _output([find_uv_bin(), "python", "find", VERSION]):
        yield Path(known_to_uv)
    if known_to_pyenv := _output(["pyenv", "prefix", VERSION]):
        yield Path(known_to_pyenv) / "bin" / "python"


def _has_the_version(python: Path) -> bool:
    """Run it to find out: pyenv has shims named after versions that are not active."""
    return _output([str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]) == VERSION


def _output(command: list[str]) -> str:
    """What a command prints; empty if it fails or can't be run."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)  # noqa: S603 - fixed arguments
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Install the dependencies unless they are up to date. With the argument `hash`, print the bundle's hash."""
    try:
        require_dependencies()
    except PackagingError:
        install_dependencies()
    interpreter = _interpreter_or_warning()
    if sys.argv[1:] == ["hash"]:
        with tempfile.TemporaryDirectory() as folder:
            build_bundle(Path(folder), interpreter)
            sys.stdout.write(f"{bundle_hash(Path(folder))}\n")


if __name__ == "__main__":
    try:
        main()
    except PackagingError as error:
        sys.exit(str(error))
