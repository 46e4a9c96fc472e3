"""Findings as SARIF 2.1.0, which code scanning reads.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from medic_cli.output import visible
from medic_cli.scan.model import FINDING_TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medic_cli.output import JsonObject
    from medic_cli.preflight.findings import PlacedFinding
    from medic_cli.scan.model import FindingKind, ScanFinding

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Result:
    finding: ScanFinding
    file: str
    line: int
    """From 1; 1 where the file has no lines that say more."""
    resource: str
    """The logical id, Terraform's address, or what a scan looked at."""


def placed_result(placed: PlacedFinding) -> Result:
    place = placed.place
    return Result(placed.finding, place.file, place.line or 1, place.address)


def scan_result(finding: ScanFinding) -> Result:
    """A scan reads no files, and code scanning wants one: a path that names the app takes its place."""
    where = "/".join(filter(None, ("amplify", finding.region or "iam", finding.app_id)))
    resource = "/".join(filter(None, (finding.app_name or finding.role, *finding.branches[:1])))
    return Result(finding, where, 1, resource or "account")


def sarif_log(results: Iterable[Result]) -> str:
    """The whole file."""
    results = tuple(results)
    kinds = tuple(dict.fromkeys(result.finding.kind for result in results))
    driver = {
        "name": "medic",
        "version": metadata.version("amplify-medic"),
        "rules": [_rule(kind) for kind in kinds],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, kinds.index(result.finding.kind)) for result in results],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(kind: FindingKind) -> JsonObject:
    text = FINDING_TEXTS[kind]
    return {
        "id": kind.value,
        "shortDescription": {"text": text.title},
        "help": {"text": f"{text.advice} See `medic explain {text.entry}`."},
    }


def _result(result: Result, rule: int) -> JsonObject:
    finding = result.finding
    text = FINDING_TEXTS[finding.kind]
    branches = f" Branches: {', '.join(finding.branches)}." if finding.branches else ""
    about = "\n".join((finding.kind, result.file, result.resource, *finding.branches, finding.role or ""))
    return {
        "ruleId": finding.kind.value,
        "ruleIndex": rule,
        "level": finding.severity.value,
        "message": {"text": visible(f"{text.title}. {finding.detail}{branches} {text.advice}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(result.file)},
                    "region": {"startLine": result.line},
                },
                "logicalLocations": [{"fullyQualifiedName": visible(result.resource), "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"medic/v1": hashlib.sha256(about.encode()).hexdigest()},
    }


def _uri(file: str) -> str:
    """Relative to the working folder, which in CI is the repository."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return quote("stdin" if file == "-" else path.as_posix())
