"""`pipx install .`: the wheel of this repository works without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.support import EVENT, ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that an installer builds, unpacked outside the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def medic(installed: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the installed command as its entry point does."""
    start = f"import medic, medic_cli.main; assert medic.__file__.startswith({str(installed)!r}); medic_cli.main.main()"
    return run(installed, start, *arguments, given=given)


def run(installed: Path, code: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python where the wheel is unpacked. The checkout is not on its path."""
    return subprocess.run(  # noqa: S603 - fixed arguments
        [sys.executable, "-c", code, *arguments],
        cwd=installed,
        env={"PATH": os.defpath, "PYTHONPATH": str(installed)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_entry_point_is_the_command_group(installed: Path) -> None:
    (points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "medic = medic_cli.main:main" in points.read_text()


def test_it_contains_only_the_core_and_the_command_line(installed: Path) -> None:
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"medic", "medic_cli"}


def test_it_knows_its_version(installed: Path) -> None:
    assert medic(installed, "--version").stdout.startswith("medic 0.")


def test_it_classifies_and_diagnoses(installed: Path) -> None:
    log = "[ERROR]: !!! Unable to assume specified IAM Role. Please ensure the selected IAM Role has …\n"
    assert medic(installed, "classify", given=log).stdout.startswith("service_role_unassumable")
    diagnosed = medic(installed, "diagnose", "--event", str(EVENT), "--log", "-", given=log)
    assert diagnosed.returncode == 1, diagnosed.stderr
    assert "Role: the service role" in diagnosed.stdout


def test_offline_commands_do_not_import_the_aws_sdk(installed: Path) -> None:
    """Importing it takes longer than these commands take to answer."""
    after = (
        "import sys, medic_cli.main as m\n"
        "try: m.main(standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "print({'boto3', 'botocore'} & set(sys.modules))"
    )
    for arguments in (["classify"], ["explain"], ["diagnose", "--event", str(EVENT), "--log", "-"]):
        done = run(installed, after, *arguments, given="npm error code E401\n")
        assert done.stdout.splitlines()[-1:] == ["set()"], done.stdout + done.stderr
