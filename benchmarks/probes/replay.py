"""A function that runs the pipeline on recorded events. botocore gets recorded answers instead of HTTP responses."""

import json
import os
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from botocore.awsrequest import AWSResponse


class _Body:
    """The part of an HTTP response that botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._content


class _Answers:
    """The recorded answers that botocore has not received yet."""

    def __init__(self) -> None:
        self._remaining: dict[str, deque[dict[str, Any]]] = defaultdict(deque)

    def refill(self, answers: list[dict[str, Any]]) -> None:
        """Start again with all answers."""
        self._remaining.clear()
        for answer in answers:
            self._remaining[answer["key"]].append(answer)

    def give(self, request: Any, event_name: str, **_: object) -> Any:  # noqa: ANN401 - botocore's
        """A handler of botocore's event `before-send`. botocore then uses the returned response and sends nothing."""
        answer = self._remaining[key_of(event_name, request.body)].popleft()
        return AWSResponse(request.url, answer["status"], answer["headers"], _Body(answer["body"].encode()))


@cache
def _answers() -> _Answers:
    """Registered once, before any client exists, because a client copies its session's handlers when created."""
    from remediator.handler import services  # noqa: PLC0415 - only this file's `key_of` is used outside the bundle

    answers = _Answers()
    services().session.events.register("before-send", answers.give)
    return answers


def handler(event: dict[str, Any], _context: object) -> list[dict[str, float]]:
    """Run one recorded event `times` times; returns the seconds of each run."""
    from medic import pipeline  # noqa: PLC0415 - as above
    from medic.events import parse_deployment_event  # noqa: PLC0415
    from medic.services import Services  # noqa: PLC0415
    from remediator.handler import services  # noqa: PLC0415

    recording = json.loads(Path(os.environ["RECORDINGS"], f"{event['name']}.json").read_text())
    now, answers = datetime.fromisoformat(recording["now"]), _answers()
    warm = services()
    wired = Services(warm.runtime, warm.session, warm.telemetry, lambda: now, lambda _seconds: None)
    runs = []
    for _ in range(event["times"]):
        answers.refill(recording["answers"])
        wall, cpu = time.perf_counter(), time.process_time()
        here = warm.runtime
        pipeline.run(
            parse_deployment_event(
                recording["event"], account=here.account, region=here.region, partition=here.partition
            ),
            wired,
        )
        runs.append({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu})
    return runs


def key_of(event_name: str, body: object) -> str:
    """The operation and, for IAM, the role's name: these distinguish calls that a run makes concurrently."""
    operation = ".".join(event_name.split(".")[1:])
    text = body.decode() if isinstance(body, bytes) else body if isinstance(body, str) else ""
    role = parse_qs(text).get("RoleName", [""])[0] if operation.startswith("iam.") else ""
    return f"{operation}:{role}"
