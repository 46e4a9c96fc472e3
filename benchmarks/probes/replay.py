"""A function that runs the pipeline on recorded events; botocore gets recorded answers in place of HTTP."""

import json
import os
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from botocore.awsrequest import AWSResponse


class _Body:
    """As much of an HTTP response as botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it."""
        yield self._content


class _Answers:
    """The recorded answers that are still to be given."""

    def __init__(self) -> None:
        self._left: dict[str, deque[dict[str, Any]]] = defaultdict(deque)

    def refill(self, answers: list[dict[str, Any]]) -> None:
        """Begin anew."""
        self._left.clear()
        for answer in answers:
            self._left[answer["key"]].append(answer)

    def give(self, request: Any, event_name: str, **_: object) -> Any:  # noqa: ANN401 - botocore's
        """Botocore's `before-send`: what is returned here is not asked of a network."""
        answer = self._left[key_of(event_name, request.body)].popleft()
        return AWSResponse(request.url, answer["status"], answer["headers"], _Body(answer["body"].encode()))


@cache
def _answers() -> _Answers:
    """Registered once, before there is any client: clients copy their session's handlers."""
    from remediator.handler import services  # noqa: PLC0415 - only this file's `key_of` is used outside the bundle

    answers = _Answers()
    services().session.events.register("before-send", answers.give)
    return answers


def handler(event: dict[str, Any], _context: object) -> list[dict[str, float]]:
    """Runs one recorded event so many times; gives the seconds of each run."""
    from medic import pipeline  # noqa: PLC0415 - as above
    from remediator.handler import services  # noqa: PLC0415

    recording = json.loads(Path(os.environ["RECORDINGS"], f"{event['name']}.json").read_text())
    now, answers = datetime.fromisoformat(recording["now"]), _answers()
    wired = replace(services(), clock=lambda: now, pause=lambda _seconds: None)
    taken = []
    for _ in range(event["times"]):
        answers.refill(recording["answers"])
        wall, cpu = time.perf_counter(), time.process_time()
        pipeline.run(recording["event"], wired)
        taken.append({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu})
    return taken


def key_of(event_name: str, body: object) -> str:
    """What tells calls of a run apart that are made at the same time: the operation, and a role's name."""
    operation = ".".join(event_name.split(".")[1:])
    text = body.decode() if isinstance(body, bytes) else body if isinstance(body, str) else ""
    role = parse_qs(text).get("RoleName", [""])[0] if operation.startswith("iam.") else ""
    return f"{operation}:{role}"
