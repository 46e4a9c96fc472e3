"""Results as SARIF 2.1.0, which code scanning reads.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from medic import VERSION
from medic.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medic_cli.output import JsonObject

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    title: str
    help: str


@dataclass(frozen=True, slots=True)
class Result:
    rule: Rule
    level: str
    """error, warning or note."""
    message: str
    file: str
    line: int
    """From 1; 1 where the file has no lines that say more."""
    resource: str
    """The logical id, Terraform's address, or what a scan looked at."""
    identity: tuple[str, ...]
    """What tells the result from others of its rule and resource, from run to run."""


def sarif_log(results: Iterable[Result]) -> str:
    """The whole file."""
    results = tuple(results)
    rules = tuple(dict.fromkeys(result.rule for result in results))
    driver = {
        "name": "medic",
        "version": VERSION,
        "rules": [
            {"id": rule.id, "shortDescription": {"text": rule.title}, "help": {"text": rule.help}} for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, rules.index(result.rule)) for result in results],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(result: Result, rule: int) -> JsonObject:
    about = "\n".join((result.rule.id, result.file, result.resource, *result.identity))
    return {
        "ruleId": result.rule.id,
        "ruleIndex": rule,
        "level": result.level,
        "message": {"text": visible(result.message)},
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
