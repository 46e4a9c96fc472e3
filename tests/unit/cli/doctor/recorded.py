"""AWS as it answered `medic doctor` for a healthy stack. A test changes some answers, or lets some calls fail.

`python -m tests.unit.cli.doctor.record` records the answers anew.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from medic_cli.doctor.checks import check_up
from medic_cli.doctor.reader import Reader
from medic_cli.scan.model import Gap, RegionSummary, Scan, ScanFinding

if TYPE_CHECKING:
    from medic_cli.doctor.model import Check, CheckUp

FILE = Path(__file__).parents[3] / "data" / "doctor" / "healthy.json"
NOW = datetime(2026, 11, 29, 18, tzinfo=UTC)
_TIMES = frozenset({"CreateDate", "LastCheckTimestamp"})
_CHANGING = frozenset({"startTime", "PaginationConfig"})

Answer = dict[str, Any]
Calls = dict[str, Answer]


def key(service: str, method: str, arguments: Answer) -> str:
    """What a call is known by: all but its times and pages."""
    kept = {name: value for name, value in arguments.items() if name not in _CHANGING}
    return f"{service}.{method} {json.dumps(kept, sort_keys=True)}"


def _times(found: Answer) -> Answer:
    return {name: datetime.fromisoformat(value) if name in _TIMES else value for name, value in found.items()}


HEALTHY: Calls = json.loads(FILE.read_text(), object_hook=_times) if FILE.exists() else {}


@dataclass
class RecordedAws:
    """A session. `fails` maps `service.method` to the error code that such calls get."""

    calls: Calls = field(default_factory=lambda: copy.deepcopy(HEALTHY))
    fails: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Answer] = field(default_factory=dict)
    """The arguments of one call of each `service.method`."""
    findings: tuple[ScanFinding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    region_name: str = "eu-central-1"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, **_: Any) -> RecordedClient:
        return RecordedClient(self, service)

    def change(self, call: str, change: Callable[[Answer], Any], containing: str = "") -> None:
        """Change every answer of a call, `service.method`, whose arguments contain a text."""
        found = [answer for name, answer in self.calls.items() if name.startswith(f"{call} ") and containing in name]
        assert found, f"no call {call} with {containing}"
        for answer in found:
            change(answer)

    def check_up(self) -> CheckUp:
        return check_up(self.reader().facts(), seconds=1.0)

    def reader(self) -> Reader:
        return Reader(self, "AmplifyMedic", NOW, self._scan)  # type: ignore[arg-type]

    def checks(self) -> dict[str, Check]:
        return {check.id: check for check in self.check_up().checks}

    def _scan(self, *_: Any, **__: Any) -> Scan:
        region = RegionSummary("eu-central-1", listed=True, apps_found=1, apps=1, branches=1)
        return Scan("aws", "000000000000", NOW, 1.0, (region,), self.findings, self.gaps, False, {}, 0, "the stack")  # noqa: FBT003

    def answer(self, service: str, method: str, arguments: Answer) -> Answer:
        operation = "".join(part.title() for part in method.split("_"))
        with self._lock:
            self.asked[f"{service}.{method}"] = arguments
        if code := self.fails.get(f"{service}.{method}"):
            raise ClientError({"Error": {"Code": code, "Message": "not today"}}, operation)
        answer = self.calls.get(key(service, method, arguments))
        if answer is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no such thing"}}, operation)
        if error := answer.get("Error"):
            raise ClientError({"Error": error}, operation)
        return answer


@dataclass
class RecordedClient:
    aws: RecordedAws
    service: str

    def can_paginate(self, _method: str) -> bool:
        return False

    def get_paginator(self, method: str) -> RecordedPages:
        return RecordedPages(self, method)

    def __getattr__(self, method: str) -> Callable[..., Answer]:
        return lambda **arguments: self.aws.answer(self.service, method, arguments)


@dataclass
class RecordedPages:
    client: RecordedClient
    method: str

    def paginate(self, **arguments: Any) -> list[Answer]:
        return [self.client.aws.answer(self.client.service, self.method, arguments)]
