"""The bill of materials names every locked package and every file that ships, with hashes."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from infra.bundle import LOCK, PackagingError
from infra.sbom import bill_of_materials

if TYPE_CHECKING:
    from pathlib import Path


def components(lock: str, bundle: Path, kind: str) -> list[Any]:
    bill: Any = bill_of_materials(lock, bundle, "1.0")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    return [each for each in bill["components"] if each["type"] == kind]


def test_every_locked_package_is_named_with_the_hashes_of_the_lock(tmp_path: Path) -> None:
    lock = LOCK.read_text()
    packages = components(lock, tmp_path, "library")

    locked = set(re.findall(r"^\S+==\S+", lock, re.MULTILINE))
    assert {f"{each['name']}=={each['version']}" for each in packages} == locked
    hashes = {each["content"] for package in packages for each in package["externalReferences"][0]["hashes"]}
    assert hashes == set(re.findall("sha256:([0-9a-f]{64})", lock))


def test_every_file_that_ships_is_named_with_its_hash(tmp_path: Path) -> None:
    (tmp_path / "medic").mkdir()
    (tmp_path / "medic" / "a.py").write_bytes(b"1")
    (file,) = components("", tmp_path, "file")

    assert file["name"] == "medic/a.py"
    assert file["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(b"1").hexdigest()}]


def test_a_package_without_a_hash_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="without a hash"):
        bill_of_materials("jmespath==1.1.0\n", tmp_path, "1.0")
