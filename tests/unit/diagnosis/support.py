"""Reads the test data of logs, and scans texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medic.labels import Phase
from medic.logscan.scan import scan

if TYPE_CHECKING:
    from medic.logscan.model import LogReading

LOGS = Path(__file__).parents[2] / "data" / "logs"


def cases(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (LOGS / name).read_text("utf-8").splitlines()]


def data(name: str) -> Any:
    return json.loads((LOGS / name).read_text("utf-8"))


def reading_of(text: str | bytes, phase: Phase = Phase.BUILD) -> LogReading:
    return scan([text.encode() if isinstance(text, str) else text], phase)
