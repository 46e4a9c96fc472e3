"""What ships, in CycloneDX form: each locked package with its hashes, and each file of the bundle with its own.

`make sbom` writes it. The package hashes are the lock's, so they are those that the installer checked.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from pathlib import Path

from infra.bundle import LOCK, ROOT, PackagingError, build_bundle, find_interpreter, require_dependencies
from medic import VERSION

TARGET = ROOT / ".build" / "sbom.json"
_REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+) \\\n(?P<hashes>(?:    --hash=.*\n?)+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")

Json = dict[str, object]


def bill_of_materials(lock: str, bundle: Path, version: str) -> Json:
    """Describe the packages of a hashed lock and the files of a bundle.

    Raises:
        PackagingError: a line of the lock has no hash, so it is not described.
    """
    packages = [_package(match) for match in _REQUIREMENT.finditer(lock)]
    if len(packages) != len(re.findall("==", lock)):
        raise PackagingError(f"{LOCK.relative_to(ROOT)} has a package without a hash: run `make lock`.")
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "amplify-medic", "version": version}},
        "components": [*packages, *(_file(path, bundle) for path in files)],
    }


def _package(match: re.Match[str]) -> Json:
    name, version = match["name"], match["version"]
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": purl,
        "externalReferences": [
            {
                "type": "distribution",
                "url": purl,
                "hashes": [_sha256(each) for each in _HASH.findall(match["hashes"])],
            }
        ],
    }


def _file(path: Path, bundle: Path) -> Json:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"type": "file", "name": path.relative_to(bundle).as_posix(), "hashes": [_sha256(digest)]}


def _sha256(digest: str) -> Json:
    return {"alg": "SHA-256", "content": digest}


def main() -> None:
    """Build the bundle as `cdk synth` does, and write what is in it."""
    require_dependencies()
    with tempfile.TemporaryDirectory() as folder:
        build_bundle(Path(folder), find_interpreter())
        bill = bill_of_materials(LOCK.read_text(), Path(folder), VERSION)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(bill, indent=1))
    sys.stdout.write(f"Wrote {TARGET.relative_to(ROOT)}.\n")


if __name__ == "__main__":
    try:
        main()
    except PackagingError as error:
        sys.exit(str(error))
