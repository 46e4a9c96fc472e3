"""Runs commands, and validates their JSON against the published schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from medic_cli.main import main

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "docs" / "schemas"
EVENT = ROOT / "tests" / "data" / "events" / "failed.json"


def medic(*arguments: str, given: str | bytes | None = None) -> Result:
    """Run `medic` in this process. An exception that no user should see is raised."""
    result = CliRunner().invoke(main, arguments, input=given, prog_name="medic")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def valid(schema: str, text: str) -> Any:
    """Parse a JSON answer and validate it against a schema."""
    answer = json.loads(text)
    document = json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(document)
    Draft202012Validator(document).validate(answer)
    return answer


def completed(words: str, of: str = "bash") -> dict[str, str]:
    """What a shell (`of`) offers for the last word after `medic`, each with its explanation, if it shows one."""
    line = f"medic {words}"
    environment = {
        "_MEDIC_COMPLETE": f"{of}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    result = CliRunner().invoke(main, [], prog_name="medic", env=environment)
    assert result.stderr == ""
    lines = result.stdout.strip().splitlines()
    if of == "bash":
        return {line.partition(",")[2]: "" for line in lines}
    return dict(zip(lines[1::3], lines[2::3], strict=True))
