"""The Lambda bundle: our sources, the locked dependencies, and byte code where a Python of Lambda's version is found.

Needs neither Docker nor, at synth, a network: `python -m infra.bundle` (part of `make setup`) resolves the
dependencies for Lambda's platform into a local folder, marked with the lock they came from; `bundle` only copies. A
missing or stale folder is an error that names the remedy, rather than a download in the middle of `cdk synth`.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsii
from aws_cdk import AssetHashType, BundlingOptions, ILocalBundling, Stack
from aws_cdk import aws_lambda as lambda_
from uv import find_uv_bin

if TYPE_CHECKING:
    from collections.abc import Iterator

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


ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "lambdas"
LOCK = ROOT / "requirements" / "lambda.txt"
DEPENDENCIES = ROOT / ".build" / "lambda-dependencies"

_PLATFORM = "aarch64-manylinux2014"
_MARK = ".lock-sha256"
# swagger_ui: a web page of Powertools' that no function shows, a sixth of the zip.
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "swagger_ui")
# Of a distribution's metadata, licences and METADATA stay: the law wants the ones, vulnerability scanners the other.
_KEPT_METADATA = ("METADATA", "LICEN[CS]E*", "NOTICE*", "COPYING*", "licenses")
# Parts of the dependencies that no function imports: compiling them too would put the zip over 3 MB.
_NOT_COMPILED = (
    r"/aws_lambda_powertools/(event_handler|utilities/(?!__init__|typing|jmespath_utils))"
    r"|/slack/|/slack_sdk/(audit_logs|oauth|rtm|rtm_v2|scim|socket_mode)/|/slack_sdk/.*/(async|legacy)_"
)


class PackagingError(Exception):
    """The bundle can't be built; the message says what to do."""


def install_dependencies(target: Path = DEPENDENCIES) -> None:
    """Resolve the locked dependencies for Lambda's platform into `target`, which is replaced.

    Without `--no-deps`: uv then also checks that the lock leaves none out.

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
        raise PackagingError(f"uv could not install {LOCK.relative_to(ROOT)} for {_PLATFORM}; its message is above")
    _trim(target)
    (target / _MARK).write_text(_digest(LOCK))


def require_dependencies(folder: Path = DEPENDENCIES) -> None:
    """Make sure that the dependencies are there, and are those of the lock.

    Raises:
        PackagingError: they are missing or stale.
    """
    mark = folder / _MARK
    if not mark.is_file() or mark.read_text() != _digest(LOCK):
        state = "are not those of requirements/lambda.txt" if mark.is_file() else "are missing"
        raise PackagingError(f"The Lambda's dependencies {state}: run `make setup` (or `python -m infra.bundle`).")


def build_bundle(output: Path, interpreter: Path | None, dependencies: Path = DEPENDENCIES) -> None:
    """Fill `output` with what ships.

    Args:
        output: an existing folder.
        interpreter: a Python of Lambda's version that compiles; None leaves the byte code out.
        dependencies: a folder that `install_dependencies` filled.

    Raises:
        PackagingError: a source does not compile.
    """
    for source in (dependencies, SOURCES):
        shutil.copytree(source, output, ignore=_NOT_COPIED, dirs_exist_ok=True)
    if interpreter is not None:
        _compile(output, interpreter)


def asset_hash(interpreter: Path | None, sources: Path = SOURCES) -> str:
    """Changes when the bundle's content would: with a source, the lock, this recipe, or whether byte code is in it."""
    digest = hashlib.sha256(("byte code for " + VERSION if interpreter else "sources only").encode())
    digest.update(f"{_digest(Path(__file__))} {_digest(LOCK)}\n".encode())
    for path in sorted(_shipped(sources)):
        digest.update(f"{path.relative_to(sources).as_posix()}\0{_digest(path)}\n".encode())
    return digest.hexdigest()


def _shipped(sources: Path) -> Iterator[Path]:
    """The files that `bundle` copies."""
    for folder, folders, files in os.walk(sources):
        left_out = _NOT_COPIED(folder, [*folders, *files])
        folders[:] = [name for name in folders if name not in left_out]
        yield from (Path(folder, name) for name in files if name not in left_out)


def _trim(target: Path) -> None:
    """Remove what only an installer needs: scripts, locks, records."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    (target / ".lock").unlink(missing_ok=True)
    for distribution in target.glob("*.dist-info"):
        for entry in distribution.iterdir():
            if not any(entry.match(kept) for kept in _KEPT_METADATA):
                entry.unlink()


def _compile(folder: Path, interpreter: Path) -> None:
    """Compile in place. `/var/task` is read-only: what is not compiled here is compiled again at every cold start.

    Unchecked hashes, because a zip does not keep the time stamps that Python otherwise goes by; paths as on Lambda, so
    that stack traces read right and the bytes don't depend on where the bundle was built.
    """
    command = [
        *(str(interpreter), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(folder), "-p", "/var/task", "-x", _NOT_COMPILED, str(folder)),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed arguments
    if done.returncode != 0:
        raise PackagingError(f"The bundle does not compile under Python {VERSION}:\n{done.stdout}{done.stderr}")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Fill the folder of dependencies, unless it is up to date."""
    try:
        require_dependencies()
    except PackagingError:
        install_dependencies()
    if find_interpreter() is None:
        print(f"No Python {VERSION} found: bundles will hold no byte code, cold starts take 55 to 90 ms longer.")  # noqa: T201


if __name__ == "__main__":
    try:
        main()
    except PackagingError as error:
        sys.exit(str(error))


@jsii.implements(ILocalBundling)
class _WithoutDocker:
    def __init__(self, interpreter: Path | None) -> None:
        self._interpreter = interpreter

    def try_bundle(self, output_dir: str, *_options: object, **_named: object) -> bool:
        # Typed as keyword arguments, handed over by jsii as one positional argument.
        build_bundle(Path(output_dir), self._interpreter)
        return True


def medic_code(stack: Stack) -> lambda_.Code:
    """The code of every function.

    Raises:
        PackagingError: the bundle is needed, and its dependencies are missing or stale.
    """
    interpreter = _prepare() if stack.bundling_required else None
    return lambda_.Code.from_asset(
        str(SOURCES),
        asset_hash=asset_hash(interpreter),
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=BundlingOptions(
            image=lambda_.Runtime.PYTHON_3_13.bundling_image,  # has to be named, is never pulled
            local=_WithoutDocker(interpreter),
        ),
    )


def _prepare() -> Path | None:
    require_dependencies()
    interpreter = find_interpreter()
    if interpreter is None:
        sys.stderr.write(
            f"No Python {VERSION} found: the bundle holds no byte code, cold starts take 55 to 90 ms longer.\n"
        )
    return interpreter
