"""Reads the test data of logs, and scans texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from medic.labels import Phase
from medic.logscan.scan import scan

if TYPE_CHECKING:
    from medic.logscan.model import LogReading

DATA = Path(__file__).parents[2] / "data"
LOGS = DATA / "logs"


class Samples(TypedDict):
    positives: list[str]
    """Texts that the signature must match."""
    negatives: list[str]
    """Similar texts that the signature must not match."""


def cases(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (LOGS / name).read_text("utf-8").splitlines()]


def data(name: str) -> Any:
    return json.loads((LOGS / name).read_text("utf-8"))


def samples() -> dict[str, Samples]:
    """Every signature's samples, by its id."""
    files = sorted((DATA / "signatures").glob("*.json"))
    return {id_: sample for file in files for id_, sample in json.loads(file.read_text("utf-8")).items()}


def reading_of(text: str | bytes, phase: Phase = Phase.BUILD) -> LogReading:
    return scan([text.encode() if isinstance(text, str) else text], phase)
