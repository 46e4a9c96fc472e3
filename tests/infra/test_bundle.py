"""The bundle that CDK builds: what it contains, what it leaves out, and that it is reproducible."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from aws_cdk import App

from infra import bundle
from infra.bundle import (
    LOCK,
    SOURCES,
    VERSION,
    PackagingError,
    asset_hash,
    build_bundle,
    find_interpreter,
    install_dependencies,
    require_dependencies,
)
from infra.synthesis import STACK_NAME, compose
from tests.infra.stacks import of_type

ROOT = Path(__file__).parents[2]
MOST_BYTES = 3_000_000
LOADED_WITHOUT_BYTE_CODE = """
import importlib, pkgutil, sys
from pathlib import Path
root = Path(sys.argv[1])
sys.path.insert(0, str(root))
for module in pkgutil.walk_packages([str(root / "medic")], "medic."):
    importlib.import_module(module.name)
import remediator.handler, watcher.handler
import slack_sdk.webhook
loaded = [Path(m.__file__) for m in list(sys.modules.values()) if getattr(m, "__file__", None)]
ours = [path for path in loaded if path.is_relative_to(root)]
assert len(ours) > 100
compiled = lambda path: path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc"
print("\\n".join(str(path.relative_to(root)) for path in ours if not compiled(path).exists()))
"""


@pytest.fixture(scope="module", name="shipped")
def _shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one asset of both functions, as `cdk synth` writes it."""
    out = tmp_path_factory.mktemp("cdk.out")
    app = App(context=json.loads((ROOT / "cdk.json").read_text())["context"], outdir=str(out))
    compose(app, {})
    template = app.synth().get_stack_by_name(STACK_NAME).template
    (archive,) = {f["Properties"]["Code"]["S3Key"] for f in of_type(template, "AWS::Lambda::Function").values()}
    return out / f"asset.{archive.removesuffix('.zip')}"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def zipped(content: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(content.items()):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def test_the_bundle_holds_our_code_and_the_locked_dependencies(shipped: Path) -> None:
    top = {path.name for path in shipped.iterdir()} - {"__pycache__"}
    ours = {path.name for path in SOURCES.iterdir() if path.name != "__pycache__"}

    assert ours <= top
    assert {"aws_lambda_powertools", "jmespath", "slack_sdk", "typing_extensions.py"} <= top
    assert not top & {"boto3", "botocore", "tests", "bin"}


def test_the_bundle_is_pure_python(shipped: Path) -> None:
    compiled = [name for name in files(shipped) if Path(name).suffix in {".so", ".pyd", ".dylib", ".dll"}]

    assert compiled == []


def test_the_bundle_has_no_leftovers(shipped: Path) -> None:
    leftovers = ("RECORD", "INSTALLER", "REQUESTED", "WHEEL", "top_level.txt", ".lock", ".lock-sha256", "json_types.py")

    assert [name for name in files(shipped) if Path(name).name in leftovers] == []


def test_every_distribution_keeps_its_licence_and_its_version(shipped: Path) -> None:
    distributions = list(shipped.glob("*.dist-info"))

    assert len(distributions) == LOCK.read_text().count("==")
    for distribution in distributions:
        assert list(distribution.rglob("LICENSE*"))
        assert "\nVersion: " in (distribution / "METADATA").read_text()


def test_the_zip_stays_within_three_megabytes(shipped: Path) -> None:
    assert len(zipped(files(shipped))) <= MOST_BYTES


def test_byte_code_is_for_lambdas_python_or_absent(shipped: Path) -> None:
    compiled = [name for name in files(shipped) if name.endswith(".pyc")]

    assert all(name.endswith(".cpython-313.pyc") for name in compiled)
    assert bool(compiled) is (find_interpreter() is not None)


@pytest.mark.skipif(find_interpreter() is None, reason=f"no Python {VERSION} here to compile with")
def test_everything_the_functions_load_is_compiled(shipped: Path) -> None:
    command = [sys.executable, "-B", "-c", LOADED_WITHOUT_BYTE_CODE, str(shipped)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments

    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_bundling_again_gives_the_same_bytes(shipped: Path, tmp_path: Path) -> None:
    build_bundle(tmp_path, find_interpreter())

    assert files(tmp_path) == files(shipped)


def test_a_bundle_built_without_an_interpreter_has_no_byte_code(tmp_path: Path) -> None:
    build_bundle(tmp_path, None)

    assert not [name for name in files(tmp_path) if name.endswith(".pyc")]


def test_the_hash_changes_with_a_source_and_with_nothing_else(tmp_path: Path) -> None:
    sources = Path(shutil.copytree(SOURCES, tmp_path / "lambdas"))
    before = asset_hash(None, sources)

    (sources / "medic" / "__pycache__").mkdir(exist_ok=True)
    (sources / "medic" / "__pycache__" / "events.cpython-311.pyc").write_bytes(b"noise")
    (sources / "medic" / "events.py").touch()
    assert asset_hash(None, sources) == before

    (sources / "medic" / "events.py").write_text("changed = True\n")
    assert asset_hash(None, sources) != before


def test_bundles_with_and_without_byte_code_have_different_hashes() -> None:
    assert asset_hash(Path(sys.executable)) != asset_hash(None)


def test_missing_dependencies_are_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="dependencies are missing: run `make setup`"):
        require_dependencies(tmp_path)


def test_dependencies_of_another_lock_are_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / ".lock-sha256").write_text("of another lock")

    with pytest.raises(PackagingError, match=r"do not match requirements/lambda\.txt: run `make setup`"):
        require_dependencies(tmp_path)


def test_a_failed_installation_leaves_nothing_that_looks_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "find_uv_bin", lambda: shutil.which("false") or "false")
    (tmp_path / ".lock-sha256").write_text("of another lock")

    with pytest.raises(PackagingError, match=r"uv could not install requirements/lambda\.txt"):
        install_dependencies(tmp_path)
    with pytest.raises(PackagingError, match="missing"):
        require_dependencies(tmp_path)


def test_an_interpreter_counts_only_if_it_answers_with_lambdas_version(tmp_path: Path) -> None:
    def shim(body: str) -> Path:
        path = tmp_path / f"python-{len(list(tmp_path.iterdir()))}"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    assert bundle._has_the_version(shim(f"echo {VERSION}"))
    assert not bundle._has_the_version(shim("echo 3.12"))
    assert not bundle._has_the_version(shim(f"echo {VERSION}; exit 127"))
    assert not bundle._has_the_version(tmp_path / "absent")


def test_a_source_that_does_not_compile_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (:\n")

    with pytest.raises(PackagingError, match=r"does not compile under Python 3\.13:\n[\s\S]*broken\.py"):
        bundle._compile(tmp_path, Path(sys.executable))
