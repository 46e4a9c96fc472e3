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
