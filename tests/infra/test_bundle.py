"""The bundle that CDK builds: what it contains, what it leaves out, and that it is reproducible."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App

from infra import bundle
from infra.bundle import (
    DEPENDENCIES,
    LOCK,
    SOURCES,
    VERSION,
    PackagingError,
    build_bundle,
    bundle_hash,
    find_interpreter,
    install_dependencies,
    require_dependencies,
)
from infra.synthesis import STACK_NAME, compose
from tests.infra.stacks import of_type

if TYPE_CHECKING:
    from infra.iam import Template

ROOT = Path(__file__).parents[2]
MOST_BYTES = 3_000_000
LOADED_WITHOUT_BYTE_CODE = """
import importlib, pkgutil, sys
from pathlib import Path
root = Path(sys.argv[1])
import msgspec._core as library  # this machine's, because the bundle's is for Lambda's processor
for name in [name for name in sys.modules if name.partition(".")[0] == "msgspec"]:
    del sys.modules[name]
sys.modules["msgspec._core"] = library
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


@pytest.fixture(scope="module", name="out")
def _out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `cdk synth` writes."""
    out = tmp_path_factory.mktemp("cdk.out")
    app = App(context=json.loads((ROOT / "cdk.json").read_text())["context"], outdir=str(out))
    compose(app, {})
    app.synth()
    return out


@pytest.fixture(scope="module", name="template")
def _template(out: Path) -> Template:
    template: Template = json.loads((out / f"{STACK_NAME}.template.json").read_text())
    return template


@pytest.fixture(scope="module", name="shipped")
def _shipped(out: Path, template: Template) -> Path:
    """The one asset of both functions."""
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
    assert {"aws_lambda_powertools", "jmespath", "msgspec", "slack_sdk", "typing_extensions.py"} <= top
    assert not top & {"boto3", "botocore", "tests", "bin"}


def test_the_only_compiled_library_is_msgspecs_for_the_functions_processor(shipped: Path) -> None:
    compiled = [name for name in files(shipped) if Path(name).suffix in {".so", ".pyd", ".dylib", ".dll"}]

    assert compiled == ["msgspec/_core.cpython-313-aarch64-linux-gnu.so"]


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


def test_everything_the_functions_load_is_compiled(shipped: Path) -> None:
    if find_interpreter() is None:  # asks in processes, so not while tests are collected
        pytest.skip(f"no Python {VERSION} here to compile with")
    command = [sys.executable, "-B", "-c", LOADED_WITHOUT_BYTE_CODE, str(shipped)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments

    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_variables_of_python_do_not_lead_the_byte_code_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(bundle, "SOURCES", SOURCES / "watcher")
    (dependencies := tmp_path / "dependencies").mkdir()
    (output := tmp_path / "bundle").mkdir()
    build_bundle(output, find_interpreter(), dependencies)

    assert bool(list(output.rglob("*.pyc"))) is (find_interpreter() is not None)


def test_a_bundle_built_without_an_interpreter_has_no_byte_code(tmp_path: Path) -> None:
    build_bundle(tmp_path, None)

    assert not [name for name in files(tmp_path) if name.endswith(".pyc")]


def test_a_clone_elsewhere_with_other_times_and_modes_gives_the_same_bundle(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "another" / "clone"
    for name, source in (("SOURCES", SOURCES), ("DEPENDENCIES", DEPENDENCIES)):
        copy = Path(shutil.copytree(source, clone / name))
        monkeypatch.setattr(bundle, name, copy)
        for path in copy.rglob("*.py"):
            path.touch()
            path.chmod(0o600)
    (clone / "SOURCES" / "medic" / "__pycache__").mkdir(exist_ok=True)
    (clone / "SOURCES" / "medic" / "__pycache__" / "events.cpython-313.pyc").write_bytes(b"noise")
    (output := tmp_path / "bundle").mkdir()
    build_bundle(output, find_interpreter(), clone / "DEPENDENCIES")

    assert files(output) == files(shipped)
    assert bundle_hash(output) == bundle_hash(shipped)
    stats = [path.stat() for path in output.rglob("*")]
    assert {stat.st_mode & 0o777 for stat in stats} == {0o644, 0o755}
    assert len({stat.st_mtime for stat in stats}) == 1


def test_no_file_of_the_bundle_names_the_machine_it_was_built_on(shipped: Path) -> None:
    here = {str(ROOT).encode(), tempfile.gettempdir().encode() + b"/"}

    assert [name for name, content in files(shipped).items() if any(each in content for each in here)] == []


def test_the_stack_prints_the_hash_of_what_it_deploys(template: Template, shipped: Path) -> None:
    assert template["Outputs"]["BundleSha256"]["Value"] == bundle_hash(shipped)


def test_the_hash_changes_with_a_file_and_with_its_name(tmp_path: Path) -> None:
    def hash_of(name: str, content: str) -> str:
        (folder := tmp_path / f"{len(list(tmp_path.iterdir()))}").mkdir()
        (folder / name).write_text(content)
        return bundle_hash(folder)

    assert hash_of("a", "x") == hash_of("a", "x")
    assert len({hash_of("a", "x"), hash_of("b", "x"), hash_of("a", "y")}) == 3


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
